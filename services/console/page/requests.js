// The requests of an owner, with search by text and state.

import {list} from './api.js';
import {el, empty, failed, loading, table} from './dom.js';
import {isOpen} from './offer.js';
import {bare, instant, isFinished, last, plain, quantity, refusalInWords, shortId, stateOf, thing} from './words.js';

const kStates = ['HOLDER_ROUND', 'FALLBACK', 'MATCH_ROUND', 'CONFIRMING', 'BLOCKED', 'FULFILLED', 'PARTIALLY_FULFILLED',
  'UNFILLED', 'CANCELLED', 'EXPIRED'];
const kMost = 500;

// The text that a search covers.
const textOf = (request) => [request.name, request.terms?.resourceType, request.terms?.region,
  ...(request.segments ?? []).flatMap((s) => [s.workloadClass, s.purpose]), ...Object.entries(request.labels ?? {}).flat(),
  ...(request.offers ?? []).map((o) => last(o.provider))].join(' ').toLowerCase();

export function requestsPage(main, session) {
  const {feed, owner} = session;
  const found = el('div', {}, loading('requests'));
  const search = el('input', {id: 'search', type: 'search', autocomplete: 'off', spellcheck: 'false'});
  const state = el('select', {id: 'state'}, el('option', {value: ''}, 'any'), el('option', {value: 'unfinished'}, 'unfinished'),
    kStates.map((name) => el('option', {value: name}, plain(name))));
  main.replaceChildren(el('h1', {}, 'Requests'),
    el('form', {class: 'filter', role: 'search', onsubmit: (event) => event.preventDefault()},
      el('p', {class: 'field'}, el('label', {for: 'search'}, 'Search'), search),
      el('p', {class: 'field'}, el('label', {for: 'state'}, 'State'), state)),
    found);

  const known = new Map();
  let isAll = true;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...known.values()]
      .sort((a, b) => (a.createTime < b.createTime ? 1 : -1))
      .filter((r) => state.value === '' || (state.value === 'unfinished' ? !isFinished(r.state) : bare(r.state, 'STATE') === state.value))
      .filter((r) => words.every((word) => textOf(r).includes(word)));
    if (known.size === 0) return found.replaceChildren(empty(`${owner} has no requests yet.`));
    if (rows.length === 0) return found.replaceChildren(empty('No request matches.'));
    const open = (r) => (r.offers ?? []).filter(isOpen).map((o) => last(o.provider)).join(', ');
    found.replaceChildren(
      table('Requests', ['request', 'state', 'requested', {name: 'placed', figure: true}, 'waits for', 'since'], rows.map((r) => [
        el('a', {href: `#/request/${r.name}`}, shortId(r.name)),
        el('span', {class: `chip ${bare(r.state, 'STATE').toLowerCase()}`}, stateOf(r.state)),
        thing(r.terms), quantity(r.placedQuantity), open(r) || '–', instant(r.createTime).slice(0, 16)])),
      isAll ? '' : el('p', {class: 'hint'}, `This shows the latest ${kMost}; the command line lists all.`));
  };
  search.addEventListener('input', show);
  state.addEventListener('change', show);

  const gone = new AbortController();
  const load = async () => {
    try {
      const all = await list('CapacityRequestService/ListCapacityRequests', {parent: `owners/${owner}`}, 'capacityRequests',
        kMost, gone.signal);
      isAll = all.isAll;
      all.items.forEach((request) => known.set(request.name, request));
      show();
    } catch (refusal) {
      if (!gone.signal.aborted) found.replaceChildren(failed(refusalInWords(refusal), load));
    }
  };
  const onChange = (event) => {
    event.detail.items.forEach((request) => known.set(request.name, request));
    show();
  };
  feed.addEventListener('change', onChange);
  load();
  return () => {
    gone.abort();
    feed.removeEventListener('change', onChange);
  };
}

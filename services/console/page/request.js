// One request: what is needed, its state, and every step with its reason.

import {call, list} from './api.js';
import {el, empty, facts, failed, loading} from './dom.js';
import {stamp} from './feed.js';
import {isOpen, offerCard, titleOf} from './offer.js';
import {timeline} from './trail.js';
import {bare, clauseName, delivery, last, money, plain, price, quantity, refusalInWords, shortId, stateOf, thing, time} from './words.js';

const kRoutes = {EXCLUSIVE: 'only one provider may supply', FIRST_REFUSAL: 'the holder of a first refusal is asked first',
  WAIVED: 'a waiver lifts the right', OPEN: 'no right applies'};

const passedOver = (reasons) => el('ul', {}, reasons.map((p) => el('li', {},
  `${p.clause ? clauseName(p.clause) : last(p.provider)}: ${plain(p.reason)}${p.text ? ` (${p.text})` : ''}`)));

function head(request) {
  const policy = request.fallbackPolicy ?? {};
  return [
    el('p', {class: 'lead'}, el('span', {class: `chip ${bare(request.state, 'STATE').toLowerCase()}`}, stateOf(request.state)),
      ` ${thing(request.terms)}`),
    el('p', {class: 'meter'},
      el('progress', {max: request.terms.quantity, value: Number(request.placedQuantity ?? 0), 'aria-label': 'placed'}),
      ` ${quantity(request.placedQuantity)} of ${quantity(request.terms.quantity)} placed, ${quantity(request.confirmedQuantity)} confirmed`),
    facts([
      ['for', (request.segments ?? []).map((s) => `${s.workloadClass}${s.purpose ? `/${s.purpose}` : ''} ${quantity(s.quantity)}`).join(', ')],
      ['price', `${price(request.terms)}${request.priceCap ? `, at most ${money(request.priceCap)}` : ''}`],
      ['delivery', delivery(request.terms)],
      ['fallback', `${plain(bare(policy.kind, 'KIND'))}${policy.providers ? `: ${policy.providers.map(last).join(', ')}` : ''}`],
      ['needed by', time(request.neededByTime)],
      ['created', time(request.createTime)],
      ['name', el('code', {}, request.name)],
    ]),
    (request.lineages ?? []).map((lineage) => el('p', {class: 'route'}, el('b', {}, `Route ${lineage.number}: `),
      `${quantity(lineage.quantity)}, ${kRoutes[bare(lineage.route, 'ROUTE')] ?? ''}`,
      lineage.clauses ? ` (${lineage.clauses.map(clauseName).join(', ')})` : '',
      lineage.passedOver ? el('details', {}, el('summary', {}, `passed over: ${lineage.passedOver.length}`), passedOver(lineage.passedOver)) : '')),
    request.unfilledReasons ? el('section', {}, el('h2', {}, 'Why it is unfilled'), passedOver(request.unfilledReasons)) : '',
  ].flat();
}

export function requestPage(main, session, name) {
  const about = el('div', {}, loading('the request'));
  const offers = el('div', {class: 'cards'});
  const trail = el('div', {}, loading('its trail'));
  main.replaceChildren(el('p', {}, el('a', {href: '#/requests'}, 'All requests')), el('h1', {}, `Request ${shortId(name)}`), about,
    el('section', {'aria-labelledby': 'asked'}, el('h2', {id: 'asked'}, 'Offers'), offers),
    el('section', {'aria-labelledby': 'trail'}, el('h2', {id: 'trail'}, 'Trail'), trail));

  const show = (request) => {
    // Details that the reader has opened stay open.
    const opened = [...about.querySelectorAll('details')].map((d) => d.open);
    about.replaceChildren(...head(request));
    about.querySelectorAll('details').forEach((d, i) => { d.open = opened[i] ?? false; });
    const made = (request.offers ?? []).toSorted((a, b) => Number(last(b.name)) - Number(last(a.name)));
    offers.replaceChildren(...(made.length
      ? made.map((offer) => offerCard(isOpen(offer) ? offer : {...offer}, titleOf(offer, session.role))) : [empty('No offer yet.')]));
  };

  const gone = new AbortController();
  let reading = null;
  const readTrail = async () => {
    reading?.abort();
    reading = new AbortController();
    try {
      const {items, isAll} = await list('DecisionService/ListDecisions', {parent: name}, 'acts', 1000, reading.signal);
      trail.replaceChildren(timeline(items), isAll ? '' : el('p', {class: 'hint'}, 'The first 1,000 acts; the export contains all.'));
    } catch (refusal) {
      if (refusal.name !== 'AbortError') trail.replaceChildren(failed(refusalInWords(refusal), readTrail));
    }
  };
  const load = async () => {
    try {
      const request = await call('CapacityRequestService/GetCapacityRequest', {name}, gone.signal);
      (request.offers ?? []).forEach(stamp);
      show(request);
    } catch (refusal) {
      if (!gone.signal.aborted) about.replaceChildren(failed(refusalInWords(refusal), load));
    }
  };
  const onChange = (event) => {
    const request = event.detail.items.find((item) => item.name === name);
    if (!request) return;
    show(request);
    readTrail();
  };
  session.feed.addEventListener('change', onChange);
  load();
  readTrail();
  return () => {
    gone.abort();
    reading?.abort();
    session.feed.removeEventListener('change', onChange);
  };
}

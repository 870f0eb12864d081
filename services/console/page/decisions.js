// The trail of an owner: search, export, verification.

import {call, list, messages} from './api.js';
import {el, empty, facts, failed, loading} from './dom.js';
import {timeline} from './trail.js';
import {verifyChain} from './verify.js';
import {hex, quantity, refusalInWords} from './words.js';

const kMost = 200;

async function evidence(parent, signal) {
  const pieces = [];
  for await (const {chunk = ''} of messages('DecisionService/ExportEvidence', {parent}, signal)) {
    pieces.push(Uint8Array.from(atob(chunk), (c) => c.charCodeAt(0)));
  }
  return new Blob(pieces, {type: 'application/jsonl'});
}

export function decisionsPage(main, session) {
  const parent = `owners/${session.owner}`;
  const found = el('div', {}, loading('decisions'));
  const result = el('div', {role: 'status'});
  const search = el('input', {id: 'search', type: 'search', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'search-hint'});
  const gone = new AbortController();

  const busy = (button, deed) => async () => {
    button.disabled = true;
    try {
      await deed();
    } catch (refusal) {
      if (!gone.signal.aborted) result.replaceChildren(failed(refusalInWords(refusal)));
    }
    button.disabled = false;
  };
  const verify = el('button', {type: 'button', class: 'first'}, 'Verify');
  verify.addEventListener('click', busy(verify, async () => {
    if (!crypto.subtle) {
      return result.replaceChildren(failed('This browser computes hashes only in a secure context: open the console on this machine or over https.'));
    }
    result.replaceChildren(loading('the evidence'));
    const file = await evidence(parent, gone.signal);
    const checkpoint = await call('DecisionService/GetCheckpoint', {owner: parent}, gone.signal);
    const {acts, head, findings} = await verifyChain(await file.text(), session.owner);
    // If the trail has grown since the file was read, the checkpoint is of a later act.
    const later = Number(checkpoint.sequence ?? 0) - acts;
    if (findings.length === 0 && later === 0 && hex(checkpoint.hash) !== head) findings.push('the broker\'s checkpoint has another hash');
    if (later < 0) findings.push(`the broker's checkpoint is of act ${checkpoint.sequence}, before the last`);
    result.replaceChildren(el('section', {class: `card verdict ${findings.length ? 'bad' : 'good'}`},
      el('h2', {}, findings.length ? 'NOT verified' : 'Verified'),
      el('p', {}, findings.length ? 'The hash chain is broken:'
        : `${quantity(acts)} acts, each link of the hash chain recomputed in this browser.`),
      findings.length ? el('ul', {}, findings.map((f) => el('li', {}, f))) : '',
      facts([['head hash', el('code', {}, head)],
        ['checkpoint', later > 0 ? `${later} more acts were recorded meanwhile` : 'the broker\'s checkpoint is the same act'],
        ['note', 'Keep the head hash elsewhere: it proves later that nothing before it was changed.']])));
  }));
  const save = el('button', {type: 'button'}, 'Export evidence');
  save.addEventListener('click', busy(save, async () => {
    const url = URL.createObjectURL(await evidence(parent, gone.signal));
    el('a', {href: url, download: `${session.owner}.jsonl`}).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }));

  main.replaceChildren(el('h1', {}, 'Decisions'),
    el('form', {class: 'filter', role: 'search', onsubmit: (event) => event.preventDefault()},
      el('p', {class: 'field'}, el('label', {for: 'search'}, 'Search'), search),
      el('p', {class: 'buttons'}, verify, save)),
    result, el('p', {class: 'hint', id: 'search-hint'}, `The latest ${kMost} acts of ${session.owner}, newest first. The export contains all.`), found);

  let acts = [];
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = acts.filter((act) => {
      const text = [act.actor, act.capacityRequest, act.time, ...act.decisions.flatMap((d) => [d.kind, d.kind.replaceAll('_', ' '), d.text])]
        .join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
    found.replaceChildren(matches.length ? timeline(matches) : empty(acts.length ? 'No decision matches.' : 'There are no decisions yet.'));
  };
  search.addEventListener('input', show);
  const load = async () => {
    try {
      acts = (await list('DecisionService/ListDecisions', {parent, order: 'DECISION_ORDER_NEWEST_FIRST'}, 'acts', kMost, gone.signal)).items;
      show();
    } catch (refusal) {
      if (!gone.signal.aborted) found.replaceChildren(failed(refusalInWords(refusal), load));
    }
  };
  session.feed.addEventListener('change', load);
  load();
  return () => {
    gone.abort();
    session.feed.removeEventListener('change', load);
  };
}

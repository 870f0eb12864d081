// The trail as a timeline: each act with its decisions in words, and their basis.

import {el} from './dom.js';
import {ruleOf} from './rules.js';
import {plain, time} from './words.js';

// The body of a decision; only its kind if it is withheld.
export function bodyOf(decision) {
  try {
    return JSON.parse(decision.body);
  } catch {
    return {kind: decision.kind};
  }
}

const refOf = (clause) => clause ? (typeof clause === 'string' ? clause : [clause.agreement, clause.version, clause.clause].join('/')) : '';

function decisionItem(decision) {
  const body = bodyOf(decision);
  const rule = ruleOf(body);
  const clauses = [body.clause, ...(body.clauses ?? [])].map(refOf).filter(Boolean);
  return el('li', {class: `decision ${decision.kind.split('_')[0].toLowerCase()}`},
    el('span', {class: 'kind'}, plain(decision.kind)),
    el('span', {class: 'words'}, decision.text || 'withheld until the round is over'),
    el('span', {class: 'basis'},
      rule ? el('span', {title: rule.words}, `rule ${rule.number}, ${rule.words}`) : '',
      clauses.length ? el('span', {}, `clause ${[...new Set(clauses)].join(', ')}`) : '',
      body.reason ? el('span', {}, `reason: ${plain(body.reason)}`) : ''));
}

// Shows acts in the given order.
export function timeline(acts) {
  return el('ol', {class: 'timeline'}, acts.map((act) => el('li', {class: 'act', 'data-sequence': act.sequence},
    el('p', {class: 'head'}, time(act.time), el('b', {}, act.actor === 'broker' ? 'the broker' : act.actor),
      el('span', {class: 'hint'}, `act ${act.sequence}`)),
    el('ul', {}, act.decisions.map(decisionItem)))));
}

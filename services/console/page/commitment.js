// Balance of a commitment, as a bar and over time.

import {call, list} from './api.js';
import {el, facts, svg, table} from './dom.js';
import {amountOf, clauseName, instant, money, plain, shortId} from './words.js';

const kMostEntries = 1000;
const kWidth = 640, kHeight = 150, kBottom = 126, kTop = 12;

// The sign with which an entry changes the sum of reserved and drawn.
const kEffect = {COMMITMENT_RESERVED: 1, COMMITMENT_RELEASED: -1, COMMITMENT_RESTORED: -1};

function bar(statement) {
  const of = amountOf(statement.committed) || 1;
  const parts = [['drawn', statement.drawn], ['reserved', statement.reserved]];
  let x = 0;
  const boxes = parts.map(([name, amount]) => {
    const width = Math.min(100 - x, 100 * amountOf(amount) / of);
    const box = svg('rect', {class: name, x: `${x}%`, y: 0, width: `${width}%`, height: 22});
    x += width;
    return box;
  });
  const words = `Of ${money(statement.committed)}: ${money(statement.drawn)} drawn, ${money(statement.reserved)} reserved, ${money(statement.left)} left.`;
  return svg('svg', {class: 'bar', role: 'img', 'aria-label': words, width: '100%', height: 22},
    svg('rect', {class: 'left', x: 0, y: 0, width: '100%', height: 22}), boxes);
}

// A chart of the sum of reserved and drawn after each movement.
function steps(entries, statement) {
  const points = [];
  let sum = 0;
  for (const entry of entries) {
    if (!kEffect[entry.kind]) continue;
    sum += kEffect[entry.kind] * amountOf(entry.amount);
    points.push([Date.parse(entry.time), sum]);
  }
  if (points.length === 0) return '';
  const from = points[0][0], to = Math.max(Date.parse(statement.statementTime), from + 1);
  const most = Math.max(...points.map(([, y]) => y), 1e-9);
  const x = (t) => (kWidth * (t - from) / (to - from)).toFixed(1);
  const y = (v) => (kBottom - (kBottom - kTop) * v / most).toFixed(1);
  const line = points.map(([t, v]) => `H${x(t)}V${y(v)}`).join('') + `H${kWidth}`;
  const currency = statement.committed.currencyCode;
  return el('figure', {},
    svg('svg', {class: 'steps', role: 'img', viewBox: `0 0 ${kWidth} ${kHeight}`,
      'aria-label': `Reserved and drawn over time, up to ${most.toLocaleString('en-US')} ${currency}. The table below has each movement.`},
    svg('path', {class: 'area', d: `M0 ${kBottom}${line}V${kBottom}Z`}),
    svg('path', {class: 'line', d: `M0 ${kBottom}${line}`}),
    svg('path', {class: 'axis', d: `M0 ${kBottom}H${kWidth}`}),
    svg('text', {x: 0, y: kHeight - 6}, new Date(from).toISOString().slice(0, 16).replace('T', ' ')),
    svg('text', {x: kWidth, y: kHeight - 6, 'text-anchor': 'end'}, new Date(to).toISOString().slice(0, 16).replace('T', ' '))),
    el('figcaption', {class: 'hint'}, `Reserved and drawn over time; the maximum is ${most.toLocaleString('en-US')} ${currency}.`));
}

export async function commitmentPicture(name, signal) {
  const [statement, {items: entries}] = await Promise.all([
    call('AgreementService/GetCommitmentStatement', {name}, signal),
    list('AgreementService/ListCommitmentEntries', {parent: name}, 'entries', kMostEntries, signal)]);
  const key = (cls, term) => el('span', {class: 'key'}, el('i', {class: cls}), term);
  return el('section', {class: 'commitment'},
    el('h3', {}, `Commitment ${clauseName(statement.clause)}`),
    bar(statement),
    facts([
      ['committed', money(statement.committed)],
      [key('drawn', 'drawn'), money(statement.drawn) || '0'],
      [key('reserved', 'reserved'), money(statement.reserved) || '0'],
      [key('left', 'left'), money(statement.left)],
      ['projected shortfall', statement.shortfall ? `${money(statement.shortfall)} at the end of the term, at this rate` : ''],
    ]),
    steps(entries, statement),
    el('details', {}, el('summary', {}, `Movements: ${entries.length}`),
      table('Movements of the commitment', ['when', 'what', {name: 'amount', figure: true}, 'request'], entries.map((entry) => [
        instant(entry.time), plain(entry.kind.replace('COMMITMENT_', '')), money(entry.amount),
        entry.capacityRequest ? el('a', {href: `#/request/${entry.capacityRequest}`}, shortId(entry.capacityRequest)) : '–']))));
}

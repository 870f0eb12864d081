// Cards for the clauses of an agreement version.

import {el, facts} from './dom.js';
import {instant, money, plain, quantity, share, span} from './words.js';

const kContents = ['exclusivity', 'firstRefusal', 'waiver', 'commitment', 'term', 'noted', 'trigger'];
const kAbout = {exclusivity: 'only the holder may supply', firstRefusal: 'the holder is asked first', waiver: 'the holder waives clauses',
  commitment: 'an amount that the owner will spend', term: 'the agreement ends', noted: 'recorded, not executed', trigger: 'clauses end after an event'};

const spaced = (name) => name.replace(/([A-Z])/g, (c) => ` ${c.toLowerCase()}`).replace(/ ppm$/, '');

// A field's value as text, by its name and form.
function shown(name, value) {
  if (value === true) return 'yes';
  if (Array.isArray(value)) return value.join(', ');
  if (value?.currencyCode) return money(value);
  if (typeof value === 'object') return Object.entries(value).map(([k, v]) => `${spaced(k)} ${shown(k, v)}`).join(', ') || 'yes';
  if (name.endsWith('Ppm')) return share(value);
  if (/^-?\d+(\.\d+)?s$/.test(value)) return span(value);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return instant(value);
  if (/^\d+$/.test(value)) return quantity(value);
  return /^[A-Z_]+$/.test(value) ? plain(value.replace(/^(MODE|COVERED)_/, '')) : String(value);
}

const rows = (object) => Object.entries(object).map(([name, value]) => [spaced(name), shown(name, value)]);

export const contentOf = (clause) => kContents.find((name) => clause[name]) ?? '';

export function clauseCard(clause) {
  const content = contentOf(clause);
  return el('article', {class: 'clause'},
    el('h4', {}, el('code', {}, clause.id), ` ${spaced(content)}`, el('span', {class: 'hint'}, ` – ${kAbout[content] ?? ''}`)),
    clause.text ? el('p', {}, clause.text) : '',
    facts([...rows(clause[content] ?? {}),
      ['over', content === 'term' || content === 'noted' ? '' : clause.scope && Object.keys(clause.scope).length
        ? rows(clause.scope).map(([name, what]) => `${name}: ${what}`).join('; ') : 'everything']]));
}

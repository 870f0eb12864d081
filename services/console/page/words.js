// Texts for values of the API.

import {el} from './dom.js';

const whole = new Intl.NumberFormat('en-US');

export const quantity = (n) => whole.format(BigInt(n ?? 0));

export function money(amount) {
  if (!amount) return '';
  const nanos = Number(amount.nanos ?? 0), units = BigInt(amount.units ?? 0);
  const negative = nanos < 0 || units < 0n;
  const fraction = String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '');
  const size = whole.format(units < 0n ? -units : units);
  return `${negative ? '−' : ''}${size}${fraction ? `.${fraction}` : ''} ${amount.currencyCode ?? ''}`;
}

export const amountOf = (amount) => Number(amount?.units ?? 0) + Number(amount?.nanos ?? 0) / 1e9;

// "FIRST_OFFER" of "KIND_FIRST_OFFER"; "first offer".
export const bare = (value, prefix) => (value ?? '').replace(new RegExp(`^${prefix}_`), '');
export const plain = (value) => (value ?? '').toLowerCase().replaceAll('_', ' ');
export const stateOf = (state) => plain(bare(state, 'STATE'));
export const isFinished = (state) => ['FULFILLED', 'PARTIALLY_FULFILLED', 'UNFILLED', 'CANCELLED', 'EXPIRED']
  .includes(bare(state, 'STATE'));

// The last part of a resource name: "azure" of "providers/azure".
export const last = (name) => (name ?? '').split('/').at(-1);
export const ownerOf = (name) => (name ?? '').split('/')[1];
export const requestOf = (name) => (name ?? '').split('/').slice(0, 4).join('/');
// Request ids begin with their time; neighbouring ones differ at the end.
export const shortId = (name) => `…${last(requestOf(name)).slice(-8)}`;

// "azure/2/C2", as the trail writes it.
export const clauseName = (ref) => ref ? `${last(ref.agreement)}/${ref.version}/${ref.clauseId}` : '';

export function instant(timestamp) {
  return timestamp ? timestamp.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC') : '';
}
export function time(timestamp) {
  return timestamp ? el('time', {datetime: timestamp}, instant(timestamp)) : '';
}

// The time of delivery, to the minute.
export function delivery(terms) {
  const part = (timestamp) => el('time', {datetime: timestamp}, instant(timestamp).slice(0, 16));
  return el('span', {}, part(terms.startTime), ' to ', part(terms.endTime), ' UTC');
}

// Seconds, or "7200s": "2 h", "1 d 12 h", "250 ms".
export function span(duration) {
  const seconds = typeof duration === 'number' ? duration : parseFloat(duration ?? '0');
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const parts = [];
  let left = Math.round(seconds);
  for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']]) {
    if (left >= size) parts.push(`${Math.floor(left / size)} ${unit}`);
    left %= size;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

export const share = (ppm) => `${+(Number(ppm ?? 0) / 10_000).toFixed(4)} %`;

export function hex(base64) {
  return Array.from(atob(base64 ?? ''), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

// What is requested: "8,000 gpu of h100 in us-east". And its price: "2.5 USD per gpu-hour".
export const thing = (terms, n = terms.quantity) =>
  `${quantity(n)} ${terms.unit ?? ''} of ${terms.resourceType ?? ''} in ${terms.region ?? ''}`;

export const price = (terms) => `${money(terms.unitPrice)} per ${terms.unit ?? ''}-hour`;

const kRights = {
  KIND_EXCLUSIVE_ASK: 'exclusivity: nobody else may supply',
  KIND_FIRST_OFFER: 'first refusal: asked before others',
  KIND_MATCH: 'first refusal: may match a bid',
  KIND_ALTERNATIVE: 'no right: asked as an alternative',
  KIND_REOFFER: 'first refusal: asked again',
};
export const rightOf = (offer) => kRights[offer.kind] ?? plain(bare(offer.kind, 'KIND'));

// An error, in words that say what to do.
export function refusalInWords(refusal) {
  const facts = refusal.facts ?? {};
  const state = plain(facts.offer_state ?? facts.state ?? '');
  switch (refusal.reason) {
    case 'NO_IDENTITY':
      return 'The broker does not know this token. Sign in with another one.';
    case 'NOT_PERMITTED':
      return `Your role does not permit this: ${refusal.message}.`;
    case 'RESOURCE_NOT_FOUND':
      return 'It does not exist, or you may not see it.';
    case 'LATE_ANSWER':
      return `Too late. The deadline was ${instant(facts.deadline)}, and the answer arrived at ${instant(facts.server_time)}.`;
    case 'OFFER_CLOSED':
      return `The offer has ended${state ? `: it is ${state}` : ''}. Nothing was recorded.`;
    case 'OFFER_SUPERSEDED':
      return 'The request was amended, and another offer replaces this one. Answer that one.';
    case 'OFFER_RESCINDED':
      return 'The owner cancelled the request, or it expired, before the answer arrived.';
    case 'TERMS_MISMATCH':
      return 'The terms have changed since they were shown. Read them again before you answer.';
    case 'ALREADY_PLACED':
      return 'Another acceptance was recorded first. Yours is kept on standby.';
    case 'OVERLOADED':
      return 'The broker is overloaded. Nothing was recorded; try again.';
    default:
      break;
  }
  if (refusal.isOpen) {
    return `The outcome is unknown: ${refusal.message}. Send it again; it is recorded only once.`;
  }
  if (refusal.fields?.length) return refusal.fields.map((f) => `${f.field}: ${f.description}`).join('; ');
  return refusal.message;
}

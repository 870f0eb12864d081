// One offer, as a card.

import {countdown} from './clock.js';
import {el, facts} from './dom.js';
import {clauseName, delivery, instant, last, money, ownerOf, plain, quantity, rightOf, shortId, span, stateOf, thing, time} from './words.js';

export const isOpen = (offer) => offer.state === 'STATE_OPEN';

// What may be taken of it, in words.
export function partsOf(offer) {
  if (!Number(offer.minQuantity ?? 0)) return 'all or nothing';
  const step = Number(offer.quantityStep ?? 0);
  return `all, or ${quantity(offer.minQuantity)} and more${step > 1 ? ` in steps of ${quantity(step)}` : ''}`;
}

// How it ended, in words.
export function endingOf(offer) {
  const n = offer.acceptedQuantity ? `: ${quantity(offer.acceptedQuantity)}` : '';
  if (offer.state === 'STATE_DECLINED') {
    return `declined: ${plain((offer.decline?.reason ?? '').replace('DECLINE_REASON_', ''))}`
      + (offer.decline?.text ? ` – “${offer.decline.text}”` : '');
  }
  return stateOf(offer.state) + n;
}

// `head` is what the card is called by: who is asked, or who asks. `buttons` stand at its end. `withRequest`: nothing
// around it says which request it is about.
export function offerCard(offer, head, buttons = [], withRequest = false) {
  const open = isOpen(offer);
  return el('article', {class: open ? 'card offer' : 'card offer ended', 'data-name': offer.name},
    el('header', {},
      el('h3', {}, head),
      open ? countdown(offer) : el('span', {class: 'chip'}, endingOf(offer))),
    el('p', {class: 'what'}, thing(offer.terms, offer.quantity)),
    facts([
      ['request', withRequest && el('code', {title: offer.name}, shortId(offer.name))],
      ['right', rightOf(offer) + (offer.clause ? ` (${clauseName(offer.clause)})` : '')],
      ['price', `${money(offer.terms.unitPrice)} a ${offer.terms.unit} and hour`],
      ['delivery', delivery(offer.terms)],
      ['may be taken', open ? partsOf(offer) : ''],
      ['deadline', el('span', {}, time(offer.deadline), open && offer.openTime
        ? ` (${span((Date.parse(offer.deadline) - Date.parse(offer.openTime)) / 1000)} from its opening)` : '')],
      ['answered', offer.answerTime ? instant(offer.answerTime) : ''],
    ]),
    buttons.length ? el('p', {class: 'buttons'}, buttons) : '');
}

// "azure is asked, offer 1".
export const titleOf = (offer, role) => role === 'provider'
  ? `${ownerOf(offer.name)} asks, offer ${last(offer.name)}`
  : `${last(offer.provider)} is asked, offer ${last(offer.name)}`;

// One offer, as a card.

import {countdown} from './clock.js';
import {el, facts} from './dom.js';
import {clauseName, delivery, instant, last, ownerOf, plain, price, quantity, rightOf, shortId, span, stateOf, thing, time} from './words.js';

export const isOpen = (offer) => offer.state === 'STATE_OPEN';

// The parts of it that may be accepted, as text.
export function partsOf(offer) {
  if (!Number(offer.minQuantity ?? 0)) return 'all or nothing';
  const step = Number(offer.quantityStep ?? 0);
  return `all, or ${quantity(offer.minQuantity)} and more${step > 1 ? ` in steps of ${quantity(step)}` : ''}`;
}

// Its ending, as text.
export function endingOf(offer) {
  const n = offer.acceptedQuantity ? `: ${quantity(offer.acceptedQuantity)}` : '';
  if (offer.state === 'STATE_DECLINED') {
    return `declined: ${plain((offer.decline?.reason ?? '').replace('DECLINE_REASON_', ''))}`
      + (offer.decline?.text ? ` – “${offer.decline.text}”` : '');
  }
  return stateOf(offer.state) + n;
}

// `head` is the card's title; `buttons` are at its end. `withRequest`: the card names the request, because nothing around
// it does.
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
      ['price', price(offer.terms)],
      ['delivery', delivery(offer.terms)],
      ['acceptable parts', open ? partsOf(offer) : ''],
      ['deadline', el('span', {}, time(offer.deadline), open && offer.openTime
        ? ` (${span((Date.parse(offer.deadline) - Date.parse(offer.openTime)) / 1000)} after its opening)` : '')],
      ['answered', offer.answerTime ? instant(offer.answerTime) : ''],
    ]),
    buttons.length ? el('p', {class: 'buttons'}, buttons) : '');
}

// "azure is asked, offer 1".
export const titleOf = (offer, role) => role === 'provider'
  ? `${ownerOf(offer.name)} asks, offer ${last(offer.name)}`
  : `${last(offer.provider)} is asked, offer ${last(offer.name)}`;

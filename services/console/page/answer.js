// Dialog for a provider's answer: the terms once more, and a button that names the action.

import {call} from './api.js';
import {countdown} from './clock.js';
import {el, facts, say} from './dom.js';
import {endingOf, isOpen, partsOf} from './offer.js';
import {clauseName, delivery, hex, ownerOf, plain, price, quantity, refusalInWords, rightOf, share, thing, time} from './words.js';

const kReasons = ['NO_CAPACITY', 'PRICE', 'TIMING', 'TERMS', 'POLICY', 'OTHER'];

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')}`;
}

function termsOf(offer) {
  const terms = offer.terms;
  return facts([
    ['requested', thing(terms, offer.quantity)],
    ['by', ownerOf(offer.name)],
    ['right', rightOf(offer) + (offer.clause ? ` (${clauseName(offer.clause)})` : '')],
    ['price', price(terms)],
    ['delivery', delivery(terms)],
    ['availability', terms.availabilityPpm ? share(terms.availabilityPpm) : ''],
    ['conditions', (terms.conditions ?? []).join(', ')],
    ['acceptable parts', partsOf(offer)],
    ['deadline', el('span', {}, time(offer.deadline), ', in ', countdown(offer))],
    ['terms hash', el('code', {}, hex(offer.termsHash))],
  ]);
}

// `deed` is "accept" or "decline".
export function answerOffer(offer, feed, deed) {
  const dialog = document.getElementById('answer');
  const unit = offer.terms.unit;
  const said = el('p', {class: 'complaint', role: 'alert'});
  const button = el('button', {type: 'submit', class: 'first'});
  const amount = el('input', {id: 'amount', type: 'number', inputmode: 'numeric', required: true, value: offer.quantity,
    min: Number(offer.minQuantity ?? 0) || offer.quantity, max: offer.quantity, 'aria-describedby': 'amount-hint',
    readonly: !Number(offer.minQuantity ?? 0)});
  const reason = el('select', {id: 'reason', required: true}, el('option', {value: ''}, 'choose …'),
    kReasons.map((code) => el('option', {value: code}, plain(code))));
  const text = el('input', {id: 'text', maxlength: 1000, autocomplete: 'off'});
  const name = () => {
    const n = amount.value || '0';
    button.textContent = deed === 'decline' ? 'Decline'
      : n === offer.quantity ? `Accept all ${quantity(n)} ${unit}` : `Accept ${quantity(n)} ${unit}`;
  };
  amount.addEventListener('input', name);
  name();

  // The same answer sent again has the same idempotency key; a different answer gets another key.
  let sent = {payload: '', key: ''};
  const submit = async (event) => {
    event.preventDefault();
    const body = {name: offer.name};
    if (deed === 'accept') {
      const n = amount.value === offer.quantity ? '0' : amount.value;
      Object.assign(body, {termsHash: offer.termsHash, quantity: n});
    } else {
      body.decline = {reason: `DECLINE_REASON_${reason.value}`, text: text.value};
    }
    const payload = JSON.stringify(body);
    if (sent.payload !== payload) sent = {payload, key: newKey()};
    button.disabled = true;
    said.textContent = '';
    try {
      const ended = await call(`OfferService/${deed === 'accept' ? 'AcceptOffer' : 'DeclineOffer'}`,
        {...body, requestId: sent.key});
      say(`Recorded: ${endingOf(ended)}`);
      dialog.close();
    } catch (refusal) {
      said.textContent = refusalInWords(refusal);
      button.disabled = false;
    }
  };

  const watch = () => {
    const now = feed.items.get(offer.name);
    if (!now || isOpen(now) || button.disabled) return;
    said.textContent = `The offer has ended meanwhile: ${endingOf(now)}.`;
    button.disabled = true;
  };
  feed.addEventListener('change', watch);
  const opener = document.activeElement;
  dialog.addEventListener('close', () => {
    feed.removeEventListener('change', watch);
    dialog.replaceChildren();
    (opener?.isConnected ? opener : document.getElementById('main')).focus();
  }, {once: true});

  const field = (label, input, hint) => el('p', {class: 'field'}, el('label', {for: input.id}, label), input,
    hint ? el('span', {class: 'hint', id: `${input.id}-hint`}, hint) : '');
  dialog.replaceChildren(el('form', {onsubmit: submit},
    el('h2', {id: 'answer-title'}, deed === 'accept' ? 'Accept this offer?' : 'Decline this offer?'),
    termsOf(offer),
    offer.sealed && deed === 'accept'
      ? el('p', {class: 'complaint'}, 'This offer needs a sealed bid, which the console does not support; use capbroker offer bid.')
      : deed === 'accept' ? field(`Quantity (${unit})`, amount, partsOf(offer)) : [field('Reason', reason), field('Text', text)],
    said,
    el('p', {class: 'buttons'},
      offer.sealed && deed === 'accept' ? '' : button,
      el('button', {type: 'button', onclick: () => dialog.close()}, 'Back'))));
  dialog.showModal();
}

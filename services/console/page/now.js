// Open offers and the time they have left.

import {list} from './api.js';
import {answerOffer} from './answer.js';
import {el, empty, failed, loading, say} from './dom.js';
import {endingOf, isOpen, offerCard, titleOf} from './offer.js';
import {refusalInWords, requestOf, shortId, thing} from './words.js';

const kEndedShown = 6;

export function nowPage(main, session) {
  const {feed, role} = session;
  const open = el('div', {class: 'cards', id: 'open'});
  const ended = el('div', {class: 'cards'});
  const endedPart = el('section', {hidden: true, 'aria-labelledby': 'ended'}, el('h2', {id: 'ended'}, 'Recently ended'), ended);
  const state = el('div', {}, loading('offers'));
  main.replaceChildren(el('h1', {}, 'Now'), state, open, endedPart);

  const past = new Map();   // Ended offers, latest first.
  const shown = new Map();  // Name -> [key of the card's content, card].

  const offers = () => [...feed.items.values()].flatMap((item) => item.offers ?? (item.terms && item.provider ? [item] : []));

  const buttonsOf = (offer) => {
    if (role === 'provider') {
      return [el('button', {type: 'button', class: 'first', onclick: () => answerOffer(offer, feed, 'accept')}, 'Accept …'),
        el('button', {type: 'button', onclick: () => answerOffer(offer, feed, 'decline')}, 'Decline …')];
    }
    const request = requestOf(offer.name);
    return [el('a', {href: `#/request/${request}`}, `Request ${shortId(request)}`)];
  };

  const show = () => {
    const all = offers().filter(isOpen).sort((a, b) => a.endsAt - b.endsAt);
    if (feed.state !== 'connecting') state.replaceChildren(all.length ? '' : empty('No offer is open.'));
    if (feed.state === 'refused') state.replaceChildren(failed(refusalInWords(feed.refusal)));
    const names = new Set(all.map((offer) => offer.name));
    for (const [name, [, card]] of shown) {
      if (names.has(name)) continue;
      card.remove();
      shown.delete(name);
    }
    // A card whose offer has not changed stays in the page, and so does the focus in it.
    all.forEach((offer, i) => {
      const made = JSON.stringify({...offer, remaining: '', endsAt: 0}) + offer.deadline;
      let card = shown.get(offer.name);
      if (!card || card[0] !== made) {
        const fresh = offerCard(offer, titleOf(offer, role), buttonsOf(offer), role === 'provider');
        card?.[1].replaceWith(fresh);
        card = [made, fresh];
        shown.set(offer.name, card);
      }
      if (open.children[i] !== card[1]) open.insertBefore(card[1], open.children[i] ?? null);
    });
    const latest = [...past.values()].slice(0, kEndedShown);
    endedPart.hidden = latest.length === 0;
    ended.replaceChildren(...latest.map((offer) => offerCard(offer, titleOf(offer, role),
      role === 'provider' ? [] : buttonsOf(offer), role === 'provider')));
  };

  const remember = (offer) => {
    const before = [...past];
    past.clear();
    past.set(offer.name, offer);
    before.slice(0, 4 * kEndedShown).forEach(([name, known]) => { if (name !== offer.name) past.set(name, known); });
  };

  const onChange = (event) => {
    for (const item of event.detail.items) {
      for (const offer of item.offers ?? [item]) {
        if (!offer.provider) continue;
        const wasOpen = shown.has(offer.name);
        if (isOpen(offer) && !wasOpen && feed.state === 'live') {
          say(`An offer opened: ${titleOf(offer, role)}, ${thing(offer.terms, offer.quantity)}`);
        } else if (!isOpen(offer) && (wasOpen || past.has(offer.name))) {
          if (wasOpen) say(`An offer ended: ${titleOf(offer, role)}, ${endingOf(offer)}`);
          remember(offer);
        }
      }
    }
    show();
  };
  feed.addEventListener('change', onChange);
  feed.addEventListener('state', show);

  const gone = new AbortController();
  if (role === 'provider') {
    list('OfferService/ListOffers', {parent: `providers/${session.name}`}, 'offers', 20, gone.signal).then(({items}) => {
      items.filter((offer) => !isOpen(offer) && !past.has(offer.name)).forEach((offer) => past.set(offer.name, offer));
      show();
    }).catch(() => {});  // The stream reports errors.
  }
  show();
  return () => {
    gone.abort();
    feed.removeEventListener('change', onChange);
    feed.removeEventListener('state', show);
  };
}

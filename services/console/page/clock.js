// Countdowns: each element shows the time left, updated once per second.

import {el} from './dom.js';

const ends = new WeakMap();  // Element -> {at, from}: by performance.now(), in ms.

function left(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [d, h, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60,
    seconds % 60];
  if (d > 0) return `${d} d ${two(h)}:${two(m)}:${two(s)}`;
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function show(element) {
  const ms = ends.get(element) - performance.now();
  element.textContent = ms > 0 ? left(ms) : 'deadline passed';
  element.classList.toggle('soon', ms < 60_000);
}

// The time that an offer has left (feed.js stamps it). Screen readers get the deadline beside it instead.
export function countdown(offer) {
  const element = el('span', {class: 'countdown', role: 'timer', 'aria-live': 'off'});
  ends.set(element, offer.endsAt);
  show(element);
  return element;
}

setInterval(() => document.querySelectorAll('.countdown').forEach(show), 1000);

// Live state: open offers of a provider or unfinished requests of an owner, kept current by one stream for the whole
// page.

import {Refusal, messages} from './api.js';
import {isFinished} from './words.js';

const kPauses = [500, 1000, 2000, 5000];  // ms of backoff between attempts.

// The broker says how much time an offer has left; the page counts down from the arrival of the message, so that the
// browser's clock does not matter.
export function stamp(offer) {
  if (offer.remaining) offer.endsAt = performance.now() + parseFloat(offer.remaining) * 1000;
  return offer;
}

export class Feed extends EventTarget {
  // Events: "change" with {items} that are new, "state" when `state` changes: connecting, live, stale, refused.
  constructor(method, body, field) {
    super();
    this.items = new Map();  // By name.
    this.state = 'connecting';
    this.since = null;    // stale: since when.
    this.refusal = null;  // stale, refused: why.
    this.ended = new AbortController();
    this.follow(method, body, field);
  }

  close() { this.ended.abort(); }

  set(state, refusal = null) {
    if (this.ended.signal.aborted) return;
    if (state === 'stale' && this.state !== 'stale') this.since = new Date();
    const isNew = this.state !== state;
    this.state = state;
    this.refusal = refusal;
    if (isNew) this.dispatchEvent(new Event('state'));
  }

  async follow(method, body, field) {
    for (let failures = 0; !this.ended.signal.aborted; ++failures) {
      try {
        await this.read(method, body, field, () => { failures = 0; });
      } catch (error) {
        if (this.ended.signal.aborted) return;
        const refusal = error instanceof Refusal ? error : new Refusal(0, {message: String(error)});
        if ([400, 401, 403, 404].includes(refusal.http)) return this.set('refused', refusal);
        this.set('stale', refusal);
      }
      await new Promise((go) => setTimeout(go, kPauses[Math.min(failures, kPauses.length - 1)]));
    }
  }

  async read(method, body, field, isLive) {
    let present = new Map();  // Until it is complete, the page shows the former state.
    for await (const message of messages(method, body, this.ended.signal)) {
      const items = message[field] ?? [];
      for (const item of items) {
        stamp(item);
        (item.offers ?? []).forEach(stamp);
        (present ?? this.items).set(item.name, item);
      }
      if (!message.synced) {
        if (present === null) this.changed(items);
        continue;
      }
      this.items = present ?? this.items;
      present = null;
      isLive();
      this.changed(items);
      this.set('live');
    }
  }

  changed(items) {
    this.dispatchEvent(new CustomEvent('change', {detail: {items}}));
    // Ended items were reported; a page that is open for weeks must not keep them.
    for (const item of items) {
      if (item.provider ? item.state !== 'STATE_OPEN' : isFinished(item.state)) this.items.delete(item.name);
    }
  }
}

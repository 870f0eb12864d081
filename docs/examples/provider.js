#!/usr/bin/env node
// A provider's desk: watches the offers made to it and answers each, once.
//
//   provider.js --provider azure --token-file azure.token --accept all      takes what it is offered
//   provider.js --provider azure --token-file azure.token --accept 5000     at most so much, where a part may be taken
//   provider.js --provider azure --token-file azure.token --decline NO_CAPACITY
'use strict';
const crypto = require('crypto');
const {Broker, flagsOf, lineOf, main, status} = require('./broker.js');

const flags = flagsOf({
  provider: {type: 'string'},
  accept: {type: 'string'},
  decline: {type: 'string'},
  answers: {type: 'string', default: '0'},  // End after so many; 0: go on.
});

// The idempotency key of the one answer to this offer: the same after a restart, so nothing is answered twice.
const keyOf = (offer) => 'answer-' + crypto.createHash('sha256').update(offer.name).digest('hex');

// How much to take of it: all, or the largest part within its bounds; 0n where no part fits.
function partOf(offer) {
  const quantity = BigInt(offer.quantity), least = BigInt(offer.min_quantity);
  const most = flags.accept === undefined || flags.accept === 'all' ? quantity : BigInt(flags.accept);
  if (most >= quantity) return quantity;
  const part = most - (most % (BigInt(offer.quantity_step) || 1n));
  return least > 0n && part >= least ? part : 0n;
}

function answer(broker, offer) {
  const part = flags.decline ? 0n : partOf(offer);
  const message = {name: offer.name, request_id: keyOf(offer)};
  if (part > 0n) {
    // terms_hash says which terms are taken: other terms would be TERMS_MISMATCH, never a surprise.
    const quantity = part === BigInt(offer.quantity) ? '0' : String(part);
    return broker.call('AcceptOffer', {...message, terms_hash: offer.terms_hash, quantity});
  }
  const reason = `DECLINE_REASON_${flags.decline ?? 'NO_CAPACITY'}`;
  return broker.call('DeclineOffer', {...message, decline: {reason, text: 'answered by provider.js'}});
}

main('provider.js', async () => {
  const broker = new Broker('OfferService', flags);
  let answers = 0;
  for await (const message of broker.watch('WatchOffers', {parent: `providers/${flags.provider}`})) {
    for (const offer of message.offers) {
      // A sealed offer wants a bid (SubmitBid).
      if (offer.state !== 'STATE_OPEN' || (offer.sealed && !flags.decline)) continue;
      console.log(`asked ${offer.name} ${offer.quantity} ${offer.terms.unit} of ${offer.terms.resource_type}`);
      try {
        const done = await answer(broker, offer);
        const taken = done.accepted_quantity === '0' ? '' : ` ${done.accepted_quantity}`;
        console.log(`answered ${done.name} ${done.state.slice('STATE_'.length)}${taken}`);
        if (++answers === Number(flags.answers)) return;
      } catch (error) {
        if ([undefined, status.UNAUTHENTICATED, status.PERMISSION_DENIED].includes(error.code)) throw error;
        console.log(`refused ${offer.name} ${lineOf(error)}`);  // This one is over; the next may not be.
      }
    }
    if (message.synced) console.log('watching');
  }
});

#!/usr/bin/env node
// An owner: asks for capacity, follows the request, and says who has it.
//
//   owner.js --owner openai --token-file openai.token --quantity 8000
'use strict';
const crypto = require('crypto');
const {Broker, flagsOf, main} = require('./broker.js');

const flags = flagsOf({
  owner: {type: 'string'},
  quantity: {type: 'string', default: '8000'},
  workload: {type: 'string', default: 'PRODUCT_INFERENCE'},
  purpose: {type: 'string', default: ''},
  fallback: {type: 'string', multiple: true, default: []},  // Whom to ask after the holder; repeat.
  'request-id': {type: 'string', default: crypto.randomUUID()},  // Repeat a creation that got no answer.
});

const WAITS = ['RECEIVED', 'HOLDER_ROUND', 'FALLBACK', 'MATCH_ROUND', 'CONFIRMING'].map((name) => `STATE_${name}`);
const last = (name) => name.split('/').pop();
const state = (name) => name.slice('STATE_'.length);

// 8,000 GPUs for 30 days, from 60 days on, at 2.5 USD for a GPU and hour.
function need() {
  const day = 86400, today = Math.floor(Date.now() / 1000 / day) * day;
  return {
    segments: [{workload_class: flags.workload, purpose: flags.purpose, quantity: flags.quantity}],
    terms: {
      resource_type: 'h100', region: 'us-east', unit: 'gpu',
      // Of whole days: what is sent again with the same key has to be the same.
      start_time: {seconds: String(today + 60 * day)}, end_time: {seconds: String(today + 90 * day)},
      unit_price: {currency_code: 'USD', units: '2', nanos: 500_000_000},
    },
    splittable: true,
    // One after the other; where none is named, all that are registered.
    fallback_policy: {providers: flags.fallback.map((name) => `providers/${name}`)},
  };
}

main('owner.js', async () => {
  const broker = new Broker('CapacityRequestService', flags);
  const parent = `owners/${flags.owner}`;
  // The key is there before the first try: after a crash, the same message with the same key finds this request.
  const made = await broker.call('CreateCapacityRequest',
    {parent, capacity_request: need(), request_id: flags['request-id']});
  console.log(`created ${made.name}`);
  const told = {};
  for await (const message of broker.watch('WatchCapacityRequests', {parent, name: made.name})) {
    for (const request of message.capacity_requests) {
      for (const offer of request.offers) {  // After a break they come again: only what is new is said.
        if (told[offer.name] === offer.state) continue;
        told[offer.name] = offer.state;
        console.log(`offer ${last(offer.name)} to ${last(offer.provider)} ${state(offer.state)}`);
      }
      if (WAITS.includes(request.state)) continue;
      for (const one of request.allocations) console.log(`awarded ${last(one.provider)} ${one.quantity}`);
      for (const one of request.unfilled_reasons) console.log(`not ${last(one.provider)}: ${one.reason}`);
      console.log(`${state(request.state)}, ${request.confirmed_quantity} of ${request.terms.quantity}`);
      return request.state === 'STATE_FULFILLED' ? 0 : 1;
    }
  }
});

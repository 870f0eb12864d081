// How providers answer, computed from the offers that the caller may read.

import {list} from './api.js';
import {el, empty, failed, loading, table} from './dom.js';
import {bare, last, refusalInWords, span, stateOf} from './words.js';

const kMost = 200;

const kAnswers = {ACCEPTED: 'accepted', PARTIALLY_ACCEPTED: 'accepted', DECLINED: 'declined', LAPSED: 'lapsed', COUNTERED: 'countered'};

// From opening to answer, in seconds, in ascending order.
const answerTimes = (offers) => offers.filter((o) => o.answerTime)
  .map((o) => (Date.parse(o.answerTime) - Date.parse(o.openTime)) / 1000).sort((a, b) => a - b);
const quantile = (sorted, q) => sorted.length ? span(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]) : '–';

function rowOf(provider, offers) {
  const count = (how) => offers.filter((o) => kAnswers[bare(o.state, 'STATE')] === how).length;
  const answered = ['accepted', 'declined', 'lapsed', 'countered'].map(count);
  const asked = answered.reduce((a, b) => a + b, 0);
  const rate = (n) => asked ? `${Math.round(100 * n / asked)} % (${n})` : '–';
  const times = answerTimes(offers);
  return [el('b', {}, provider.displayName || last(provider.name)),
    el('span', {class: `chip ${stateOf(provider.state)}`}, provider.unhealthy ? 'unhealthy' : stateOf(provider.state)),
    String(offers.length), rate(answered[0]), rate(answered[1]), rate(answered[2]), rate(answered[3]),
    quantile(times, 0.5), quantile(times, 0.9)];
}

// {offers by provider's name, text on which offers these are}.
async function offersOf(session, providers, signal) {
  const by = new Map(providers.map((p) => [p.name, []]));
  if (session.role === 'owner') {
    const {items} = await list('CapacityRequestService/ListCapacityRequests', {parent: `owners/${session.owner}`}, 'capacityRequests', kMost, signal);
    items.flatMap((request) => request.offers ?? []).forEach((offer) => by.get(offer.provider)?.push(offer));
    return {by, words: `Based on the offers of your last ${items.length} requests.`};
  }
  await Promise.all(providers.map(async (p) => {
    by.set(p.name, (await list('OfferService/ListOffers', {parent: p.name}, 'offers', kMost, signal)).items);
  }));
  return {by, words: `Based on the last ${kMost} offers to each provider.`};
}

export function providersPage(main, session) {
  const found = el('div', {}, loading('providers'));
  main.replaceChildren(el('h1', {}, 'Providers'), found);
  const gone = new AbortController();
  const load = async () => {
    try {
      const {items} = await list('ProviderService/ListProviders', {}, 'providers', 1000, gone.signal);
      if (items.length === 0) return found.replaceChildren(empty('No provider is registered.'));
      const {by, words} = await offersOf(session, items, gone.signal);
      const figure = (name) => ({name, figure: true});
      found.replaceChildren(
        el('p', {class: 'hint'}, `${words} Rates count offers that were answered or lapsed; answer times run from opening to answer.`),
        table('Providers', ['provider', 'state', figure('offers'), figure('accepted'), figure('declined'), figure('lapsed'),
          figure('countered'), figure('median answer time'), figure('90th percentile')], items.map((p) => rowOf(p, by.get(p.name)))));
    } catch (refusal) {
      if (!gone.signal.aborted) found.replaceChildren(failed(refusalInWords(refusal), load));
    }
  };
  load();
  return () => gone.abort();
}

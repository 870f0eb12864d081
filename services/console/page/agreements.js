// Agreements: versions and their clauses, the changes between two versions, balances of commitments.

import {call, list} from './api.js';
import {clauseCard, contentOf} from './clauses.js';
import {commitmentPicture} from './commitment.js';
import {el, empty, failed, loading} from './dom.js';
import {instant, last, ownerOf, refusalInWords, stateOf} from './words.js';

function versionPart(version, isOpen) {
  const until = version.effectiveTo ? ` to ${instant(version.effectiveTo)}` : '';
  return el('details', {open: isOpen, class: 'version'},
    el('summary', {}, el('b', {}, `Version ${version.version}`), el('span', {class: `chip ${stateOf(version.state)}`}, stateOf(version.state)),
      ` from ${instant(version.effectiveFrom)}${until}`),
    version.text ? el('p', {}, version.text) : '',
    el('div', {class: 'clauses'}, (version.clauses ?? []).map(clauseCard)));
}

function comparePart(name, versions, signal) {
  if (versions.length < 2) return '';
  const pick = (id, chosen) => el('select', {id}, versions.map((v) => el('option', {value: v.version, selected: v.version === chosen},
    `version ${v.version}`)));
  const id = last(name);
  const from = pick(`from-${id}`, versions[1].version), to = pick(`to-${id}`, versions[0].version);
  const out = el('div', {'aria-live': 'polite'});
  const show = async () => {
    try {
      const {differences = []} = await call('AgreementService/CompareAgreementVersions',
        {name, baseVersion: Number(from.value), version: Number(to.value)}, signal);
      out.replaceChildren(differences.length ? el('ul', {class: 'differences'}, differences.map((d) => el('li', {}, d)))
        : empty('The versions do not differ.'));
    } catch (refusal) {
      if (!signal.aborted) out.replaceChildren(failed(refusalInWords(refusal), show));
    }
  };
  from.addEventListener('change', show);
  to.addEventListener('change', show);
  show();
  return el('section', {class: 'compare'}, el('h3', {}, 'What changed'),
    el('p', {class: 'filter'}, el('span', {class: 'field'}, el('label', {for: from.id}, 'from'), from),
      el('span', {class: 'field'}, el('label', {for: to.id}, 'to'), to)), out);
}

async function agreementPart(agreement, signal) {
  const {items: versions} = await list('AgreementService/ListAgreementVersions', {parent: agreement.name}, 'agreementVersions', 200, signal);
  const now = versions.find((v) => v.state === 'STATE_ACTIVE') ?? versions[0];
  // A commitment has the same clause id in all versions.
  const commitments = new Set(versions.flatMap((v) => v.clauses ?? []).filter((c) => contentOf(c) === 'commitment').map((c) => c.id));
  const pictures = await Promise.all([...commitments].map((id) =>
    commitmentPicture(`${agreement.name}/commitments/${id}`, signal).catch((refusal) => failed(refusalInWords(refusal)))));
  return el('section', {class: 'card'},
    el('h2', {}, `${ownerOf(agreement.name)} and ${last(agreement.holder)} `, el('code', {}, last(agreement.name))),
    pictures, comparePart(agreement.name, versions, signal),
    el('h3', {}, 'Versions'), versions.map((v) => versionPart(v, v === now)));
}

// A provider may have agreements with owners that sent it offers.
async function ownersOf(session, signal) {
  if (session.role !== 'provider') return [session.owner];
  const {items} = await list('OfferService/ListOffers', {parent: `providers/${session.name}`}, 'offers', 200, signal);
  return [...new Set(items.map((offer) => ownerOf(offer.name)))];
}

export function agreementsPage(main, session) {
  const found = el('div', {}, loading('agreements'));
  main.replaceChildren(el('h1', {}, 'Agreements'), found);
  const gone = new AbortController();
  const load = async () => {
    try {
      const owners = await ownersOf(session, gone.signal);
      const agreements = (await Promise.all(owners.map((owner) =>
        list('AgreementService/ListAgreements', {parent: `owners/${owner}`}, 'agreements', 200, gone.signal)))).flatMap((all) => all.items);
      const parts = await Promise.all(agreements.map((agreement) => agreementPart(agreement, gone.signal)));
      found.replaceChildren(...(parts.length ? parts : [empty(session.role === 'provider'
        ? 'No owner that sent you offers recently has an agreement with you.' : 'There is no agreement yet.')]));
    } catch (refusal) {
      if (!gone.signal.aborted) found.replaceChildren(failed(refusalInWords(refusal), load));
    }
  };
  load();
  return () => gone.abort();
}

// Frame of the console: sign-in, navigation, and whether the page is current.

import {token} from './api.js';
import {agreementsPage} from './agreements.js';
import {decisionsPage} from './decisions.js';
import {el, empty, failed} from './dom.js';
import {Feed} from './feed.js';
import {nowPage} from './now.js';
import {providersPage} from './providers.js';
import {requestPage} from './request.js';
import {requestsPage} from './requests.js';
import {signInPage, whoAmI} from './sign_in.js';
import {refusalInWords} from './words.js';

// A page is a function of (main, session, rest of the path). It may return a function that ends it.
const kPages = {
  now: {title: 'Now', show: nowPage, roles: ['owner', 'provider', 'operator', 'auditor']},
  requests: {title: 'Requests', show: requestsPage, roles: ['owner', 'operator', 'auditor']},
  request: {title: 'Request', show: requestPage, roles: ['owner', 'operator', 'auditor'], under: 'requests'},
  agreements: {title: 'Agreements', show: agreementsPage, roles: ['owner', 'provider', 'operator', 'auditor']},
  providers: {title: 'Providers', show: providersPage, roles: ['owner', 'provider', 'operator', 'auditor']},
  decisions: {title: 'Decisions', show: decisionsPage, roles: ['owner', 'operator', 'auditor']},
};

const at = (id) => document.getElementById(id);
let session = null;  // {role, name, owner, feed}; `owner` is the one shown, "" for a provider.
let leave = null;

function showLive() {
  const live = at('live');
  const feed = session?.feed;
  live.hidden = !feed;
  if (!feed) return;
  const clock = (date) => date.toTimeString().slice(0, 5);
  live.className = `liveness ${feed.state}`;
  live.textContent = {
    connecting: 'Connecting …',
    live: 'Live',
    stale: `Not live since ${clock(feed.since ?? new Date())}, retrying`,
    refused: `Not live: ${feed.refusal ? refusalInWords(feed.refusal) : ''}`,
  }[feed.state];
}

function openFeed() {
  session.feed?.close();
  session.feed = null;
  if (session.role === 'provider') {
    session.feed = new Feed('OfferService/WatchOffers', {parent: `providers/${session.name}`}, 'offers');
  } else if (session.owner) {
    session.feed = new Feed('CapacityRequestService/WatchCapacityRequests', {parent: `owners/${session.owner}`},
      'capacityRequests');
  }
  session.feed?.addEventListener('state', () => {
    showLive();
    // The token was revoked while the page was open.
    if (session?.feed?.refusal?.http === 401) signOut(refusalInWords(session.feed.refusal));
  });
  showLive();
}

function showSession() {
  const owner = el('input', {name: 'owner', value: session.owner, size: 12, 'aria-label': 'Owner', required: true,
    placeholder: 'owner', autocapitalize: 'off', spellcheck: 'false'});
  const choose = (event) => {
    event.preventDefault();
    session.owner = owner.value.trim();
    sessionStorage.setItem('owner', session.owner);
    openFeed();
    route();
  };
  const looksAtAll = session.role === 'operator' || session.role === 'auditor';
  at('session').replaceChildren(
    looksAtAll ? el('form', {class: 'owner', onsubmit: choose}, owner, el('button', {type: 'submit'}, 'Show')) : '',
    el('span', {class: 'who'}, el('b', {}, session.name), ` ${session.role}`),
    el('button', {type: 'button', onclick: () => signOut()}, 'Sign out'));
  at('session').hidden = false;
}

function showNav(current) {
  at('nav').hidden = false;
  at('nav').replaceChildren(el('ul', {}, Object.entries(kPages)
    .filter(([, page]) => !page.under && page.roles.includes(session.role))
    .map(([name, page]) => el('li', {},
      el('a', {href: `#/${name}`, 'aria-current': name === current ? 'page' : null}, page.title)))));
}

// #/request/owners/openai/capacityRequests/...
function route() {
  if (!session) return;
  leave?.();
  leave = null;
  const [name, ...rest] = location.hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
  const page = kPages[name]?.roles.includes(session.role) ? kPages[name] : kPages.now;
  showNav(page.under ?? Object.keys(kPages).find((key) => kPages[key] === page));
  document.title = `${page.title} – Capacity Broker`;
  if (session.role !== 'provider' && !session.owner) {
    at('main').replaceChildren(el('h1', {}, page.title), empty('Enter an owner\'s id above, such as openai.'));
    return;
  }
  leave = page.show(at('main'), session, rest.join('/')) ?? null;
}

function signIn({role, name}) {
  const owner = role === 'owner' ? name : role === 'provider' ? '' : sessionStorage.getItem('owner') ?? '';
  session = {role, name, owner, feed: null};
  showSession();
  openFeed();
  route();
}

function signOut(why = '') {
  leave?.();
  leave = null;
  session?.feed?.close();
  session = null;
  token.forget();
  at('answer').close();
  at('nav').hidden = true;
  at('session').hidden = true;
  document.title = 'Capacity Broker';
  showLive();
  signInPage(at('main'), signIn, why);
}

async function begin() {
  if (!token.get()) return signInPage(at('main'), signIn);
  try {
    signIn(await whoAmI());
  } catch (refusal) {
    if (refusal.http === 401) return signOut(refusalInWords(refusal));
    at('main').replaceChildren(failed(refusalInWords(refusal), begin));
  }
}

at('skip').addEventListener('click', (event) => {
  event.preventDefault();
  at('main').focus();
});
window.addEventListener('hashchange', () => {
  route();
  at('main').focus();
});
begin();

// Clicks through the demo's story: a provider answers, the owner reads the result, an auditor verifies it, the broker
// restarts. Any error in the browser that is not expected at that moment ends it. Actions outside of the browser are
// asked from the test: a line {"do": ..., "with": [...]}, answered by a line.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const {chromium} = createRequire(`${process.env.TOOLS}/`)('playwright-core');
const tokens = JSON.parse(process.env.TOKENS);
const pictures = process.env.CONSOLE_PICTURES ?? '';  // A folder for screenshots; without it none are made.
const kPhone = {width: 375, height: 720}, kDesk = {width: 1280, height: 800};

const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');
async function ask(deed, ...given) {
  tell({do: deed, with: given});
  return JSON.parse((await lines.next()).value);
}

const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--headless', '--no-sandbox',
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
const context = await browser.newContext({baseURL: process.env.CONSOLE, viewport: kDesk, acceptDownloads: true, locale: 'en-GB'});
context.setDefaultTimeout(30_000);
const page = await context.newPage();

// ---- what the browser complains of
const complaints = [];
let expected = null;  // Errors of this form are expected now.
function complain(text) {
  if (!expected?.test(text)) complaints.push(text);
}
page.on('pageerror', (error) => complain(`error: ${error.stack}`));
page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`); });
page.on('requestfailed', (request) => {
  // A page that is left ends its own stream.
  if (request.failure()?.errorText !== 'net::ERR_ABORTED') complain(`failed: ${request.url()} ${request.failure()?.errorText}`);
});
page.on('response', (response) => { if (response.status() >= 400) complain(`${response.status()}: ${response.url()}`); });
async function expecting(form, deed) {
  expected = form;
  await deed();
  expected = null;
}

// ---- what holds for every page
async function contrasts() {
  return page.evaluate(() => {
    const parse = (color) => color.match(/[\d.]+/g).map(Number);
    const channel = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ground = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const color = parse(getComputedStyle(at).backgroundColor);
        if (color.length < 4 || color[3] > 0) return color;
      }
      return [255, 255, 255];
    };
    const poor = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walk.nextNode(); text; text = walk.nextNode()) {
      const parent = text.parentElement;
      if (!text.textContent.trim() || !parent.checkVisibility() || parent.closest('svg, :disabled')) continue;
      const [a, b] = [light(parse(getComputedStyle(parent).color)), light(ground(parent))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(`${text.textContent.trim().slice(0, 40)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
    }
    return poor;
  });
}

async function look(name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({colorScheme: scheme});
    assert.deepEqual(await contrasts(), [], `${name}, ${scheme}: contrast`);
  }
  await page.emulateMedia({colorScheme: 'light'});
  for (const [kind, size] of [['desktop', kDesk], ['phone', kPhone]]) {
    await page.setViewportSize(size);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= size.width, `${name}, ${kind}: ${width} px wide, want ${size.width}`);
    if (pictures) await page.screenshot({path: `${pictures}/console-${name}-${kind}.png`, fullPage: kind === 'phone'});
  }
  await page.setViewportSize(kDesk);
  if (pictures) {
    await page.emulateMedia({colorScheme: 'dark'});
    await page.screenshot({path: `${pictures}/console-${name}-dark.png`});
    await page.emulateMedia({colorScheme: 'light'});
  }
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, a, input, select')]
    .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML));
  assert.deepEqual(unnamed, [], `${name}: controls without a name`);
}

async function ok(what) {
  assert.deepEqual(complaints, [], what);
  tell({ok: what});
}

async function signIn(party) {
  await page.getByLabel('Token').fill(tokens[party]);
  await page.getByRole('button', {name: 'Sign in'}).click();
  await page.getByRole('navigation').waitFor();
}
const signOut = () => page.getByRole('button', {name: 'Sign out'}).click();
const go = (name) => page.getByRole('navigation').getByRole('link', {name}).click();
const live = page.locator('#live');
const card = page.locator('#open article');
const dialog = page.locator('dialog#answer');
const seconds = (shown) => shown.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);

async function story() {
  if (pictures) mkdirSync(pictures, {recursive: true});
  await page.goto('/');
  await page.keyboard.press('Tab');
  await look('sign-in');
  await expecting(/401/, async () => {
    await page.getByLabel('Token').fill('cb_not-a-token');
    await page.keyboard.press('Enter');
    await page.getByText('does not know this token').waitFor();
  });
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  await ok('an unknown token is refused in words, and not kept');

  await signIn('provider-azure');
  await page.getByText('azure provider').waitFor();
  await page.getByText('No offer is open.').waitFor();
  await live.filter({hasText: /^Live$/}).waitFor();
  assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), ['Now', 'Agreements', 'Providers']);
  await ok('the desk signs in, and nothing is open');

  const first = await ask('create', 8000);
  await card.waitFor();
  assert.match(await card.textContent(), /openai asks, offer 1.*8,000 gpu of h100 in us-east.*first refusal: asked before others \(azure\/2\/C2\)/);
  const left = seconds(await card.getByRole('timer').textContent());
  assert.ok(left > 540 && left <= 600, `${left} s of ten minutes`);
  await page.waitForFunction((before) => document.querySelector('#open .countdown').textContent !== before,
    await card.getByRole('timer').textContent());
  assert.ok(seconds(await card.getByRole('timer').textContent()) < left);
  await page.getByText(/An offer opened: openai asks/).waitFor({state: 'attached'});
  await look('now');
  await ok('an offer opens by itself, and counts down');

  const opener = page.getByRole('button', {name: 'Accept …'});
  await opener.focus();
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  assert.match(await dialog.textContent(), /2\.5 USD per gpu-hour.*terms hash[0-9a-f]{64}/);
  await look('answer');
  await page.keyboard.press('Escape');
  await dialog.waitFor({state: 'hidden'});
  assert.ok(await opener.evaluate((button) => button === document.activeElement), 'the focus is back where it was');
  await ok('the dialog shows the terms, and Escape leaves them alone');

  await opener.click();
  await page.getByLabel('Quantity (gpu)').fill('5001');
  await expecting(/400/, async () => {
    await page.getByRole('button', {name: 'Accept 5,001 gpu'}).click();
    await dialog.getByText(/quantity: got 5001/).waitFor();
  });
  await page.getByLabel('Quantity (gpu)').fill('5000');
  await page.getByRole('button', {name: 'Accept 5,000 gpu'}).click();
  await dialog.waitFor({state: 'hidden'});
  await page.getByText('partially accepted: 5,000').first().waitFor();
  await page.getByText('No offer is open.').waitFor();
  await ok('off the step is refused in words; a part is accepted');

  const second = await ask('create', 2000);
  await page.getByRole('button', {name: 'Decline …'}).click();
  await page.getByLabel('Reason', {exact: true}).selectOption('NO_CAPACITY');
  await page.getByLabel('Text', {exact: true}).fill('the hall is full <b>until</b> May');
  await dialog.getByRole('button', {name: 'Decline'}).click();
  await page.locator('.chip', {hasText: 'declined: no capacity – “the hall is full <b>until</b> May”'}).waitFor();
  await go('Agreements');
  await page.getByRole('heading', {name: 'openai and azure'}).waitFor();
  await ok('an offer is declined with its reason');

  await signOut();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await signIn('owner-openai');
  await go('Now');
  await page.getByText('stargate-oracle is asked, offer 2').first().waitFor();
  assert.equal(await page.getByRole('button', {name: 'Accept …'}).count(), 0);
  await go('Requests');
  await page.getByRole('row').nth(2).waitFor();
  assert.equal(await page.getByRole('row').count(), 3);
  await look('requests');
  await page.getByLabel('State').selectOption('FULFILLED');
  await page.getByText('No request matches.').waitFor();
  await page.getByLabel('State').selectOption('unfinished');
  await page.getByLabel('Search').fill(first.split('/').at(-1).toUpperCase());
  assert.equal(await page.getByRole('row').count(), 2);
  await ok('the owner finds its requests');

  await page.getByRole('link', {name: `…${first.slice(-8)}`}).click();
  const trail = page.locator('.timeline');
  await trail.getByText('azure accepts 5,000').waitFor();
  const told = await trail.textContent();
  for (const words of ['rule R6, acceptance, whole or in part', 'clause azure/2/C2', 'reason: remainder', 'stargate-oracle is asked for 3,000']) {
    assert.ok(told.includes(words), `${words} in ${told}`);
  }
  await page.getByText('5,000 of 8,000 placed').waitFor();
  await look('request');
  await ask('decline', first, 2, 'provider-stargate-oracle');
  await trail.getByText('stargate-oracle declines: PRICE').waitFor();
  await trail.getByText('coreweave is asked for 3,000').waitFor();
  await ok('its trail says each step with rule, clause and reason, and goes on by itself');

  await go('Agreements');
  await page.getByText('C1 EXCLUSIVITY').first().waitFor();
  await page.getByRole('img', {name: /^Of 10,000,000,000 USD/}).waitFor();
  const bar = await page.getByRole('img', {name: /^Of 10,000,000,000 USD/}).getAttribute('aria-label');
  assert.match(bar, /9,000,000 USD reserved/);
  await look('agreements');
  await page.getByLabel('from').selectOption('2');
  await page.getByText('The versions do not differ.').waitFor();
  await ok('agreements: what changed in words, and the commitment as a picture');

  await go('Providers');
  await page.getByRole('row', {name: /azure/}).filter({hasText: '50 % (1)'}).waitFor();
  await look('providers');
  await ok('providers: how they answer');

  await signOut();
  await signIn('auditor-lex');
  await page.getByText('Enter an owner').waitFor();
  await page.getByLabel('Owner').fill('openai');
  await page.getByRole('button', {name: 'Show'}).click();
  await go('Decisions');
  await page.locator('.act').first().waitFor();
  const all = await page.locator('.act').count();
  await page.getByLabel('Search').fill('hall is full');
  assert.equal(await page.locator('.act').count(), 1);
  assert.ok(all > 4);
  await page.getByRole('button', {name: 'Verify'}).click();
  await page.getByRole('heading', {name: 'Verified', exact: true}).waitFor();
  assert.ok((await page.locator('.verdict').textContent()).includes(await ask('checkpoint')), 'the head is that of the checkpoint');
  await look('decisions');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', {name: 'Export evidence'}).click();
  const file = `${process.env.SCRATCH}/evidence.jsonl`;
  await (await saving).saveAs(file);
  assert.match(await ask('verify', file), /\nverified\n$/);
  // One figure is changed on its way to the browser.
  const evidence = /ExportEvidence/;
  await page.route(evidence, async (route) => {
    const response = await route.fetch();
    const changed = (await response.text()).replace(/"chunk":"([^"]*)"/g, (_, chunk) =>
      `"chunk":"${Buffer.from(Buffer.from(chunk, 'base64').toString().replace('"quantity":5000', '"quantity":4999')).toString('base64')}"`);
    await route.fulfill({response, body: changed});
  });
  await page.getByRole('button', {name: 'Verify'}).click();
  await page.getByRole('heading', {name: 'NOT verified'}).waitFor();
  await page.unroute(evidence);
  await ok('an auditor searches, exports and verifies; a changed act is found');

  await signOut();
  await signIn('owner-openai');
  await go('Now');
  await card.first().waitFor();
  const open = await card.count();
  await expecting(/ERR_|503|Failed to load|failed:/, async () => {
    await ask('kill');
    await live.filter({hasText: /^Not live since \d\d:\d\d, retrying$/}).waitFor();
    assert.equal(await card.count(), open, 'what was known stays in sight');
    await look('stale');
    await ask('start');
    await live.filter({hasText: /^Live$/}).waitFor();
  });
  assert.equal(await card.count(), open);
  const third = await ask('create', 1000);
  await page.getByRole('heading', {name: 'azure is asked, offer 1'}).waitFor();
  await ok('a restart shows as not live, and heals by itself');

  await page.reload();
  await page.getByRole('heading', {name: 'azure is asked, offer 1'}).waitFor();
  await page.goto(`/#/request/${second}`);
  await page.getByText('azure declines: NO_CAPACITY').waitFor();
  await expecting(/404/, async () => {
    await page.goto('/#/request/owners/openai/capacityRequests/0194c5a0-1e00-7abc-8def-0123456789ab');
    await page.getByText('It does not exist, or you may not see it.').first().waitFor();
  });
  assert.notEqual(third, second);
  await page.getByRole('button', {name: 'Sign out'}).press('Enter');
  await page.getByLabel('Token').waitFor();
  await ok('addresses can be kept, and a wrong one says so');
}

let code = 0;
try {
  await story();
} catch (error) {
  code = 1;
  process.stderr.write(`${error.stack}\n${complaints.join('\n')}\nthe page: ${await page.locator('body').innerText().catch(() => '')}\n`);
  if (pictures) await page.screenshot({path: `${pictures}/failure.png`, fullPage: true}).catch(() => {});
}
await browser.close();
process.exit(code);

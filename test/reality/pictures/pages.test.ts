/** The local pages in a real browser: every view, by keyboard, on a narrow and dark screen. */
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, startPages } from '../../../src/cli/serve/listen.ts';
import { prepareServed } from '../../../src/cli/serve/served.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { ROOT } from '../../sources.ts';
import { hasChromium, startChromium } from './browser.ts';

if (!hasChromium) console.warn('skipped: the local pages in a browser, chromium is missing');

describe.skipIf(!hasChromium)('the local pages in a browser', () => {
  let browser: Browser;
  let page: Page;
  let started: Extract<Started, { kind: 'started' }>;
  const errors: string[] = [];

  beforeAll(async () => {
    const network = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
    const served = prepareServed({ name: 'demo', network }, null, { name: 'again', network });
    const start = await startPages(served, 0);
    if (start.kind === 'failed') throw new Error(start.why);
    started = start;
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 400, height: 800 }, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => errors.push(message.text()));
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(started.address).host) errors.push(request.url());
    });
    await page.goto(started.address);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    started.stop();
    await started.ended;
  });

  it('are asked by keyboard alone', async () => {
    await page.goto(new URL('/', started.address).href);
    const from = page.getByLabel('From');
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press('Tab');
      if (await from.evaluate((field) => field === field.ownerDocument.activeElement)) break;
    }
    await page.keyboard.type('a1');
    await page.keyboard.press('Tab');
    await page.keyboard.type('a2');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/trace\?/);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('REACHABLE');
    expect(await page.getByRole('listitem').count()).toBeGreaterThan(6);
  });

  it.each([
    '/',
    '/trace?from=a1&to=external:198.51.100.10',
    '/why?from=a1&to=a2&protocol=tcp&port=23',
    '/prove?from=a1&to=a2',
    '/matrix',
    '/matrix?rows=network+net-a',
    '/matrix?rows=network+net-a&columns=network+net-a',
    '/matrix?named=group',
    '/map?around=a1',
    '/simulate',
    '/simulate?events=t%3D1s+isolate+host+compute2&probes=a1+-%3E+a2+icmp+every+100ms&until=3',
    '/diff',
  ])('fit a narrow screen and complain of nothing: %s', async (path) => {
    errors.length = 0;
    const answer = await page.goto(new URL(path, started.address).href);
    expect(answer?.status()).toBe(200);
    const width = await page.locator('html').evaluate((html) => html.scrollWidth);
    expect(width).toBeLessThanOrEqual(400);
    expect(await page.getByRole('main').count()).toBe(1);
    expect(errors).toEqual([]);
  });

  it('lead from groups to servers, and from a cell of the matrix to the witness', async () => {
    await page.goto(new URL('/matrix', started.address).href);
    await page.getByLabel(/^network net-a → network net-a: \d+ of \d+ pairs/).click();
    await page.waitForURL(/rows=network\+net-a&columns=network\+net-a/);
    await page.getByLabel('arrives: a1 → a2').first().click();
    await page.waitForURL(/\/trace\?from=a1&to=a2/);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('REACHABLE');
  });

  it('ask the matrix by keyboard alone', async () => {
    await page.goto(new URL('/matrix', started.address).href);
    await page.getByLabel('Senders').focus();
    await page.keyboard.type('network net-a');
    await page.keyboard.press('Tab');
    await page.keyboard.type('network net-b');
    await page.keyboard.press('Enter');
    await page.waitForURL(/rows=network\+net-a&columns=network\+net-b/);
    expect(await page.getByRole('row').count()).toBeGreaterThan(3);
  });
});

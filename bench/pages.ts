/**
 * The pages of `hopwise serve` over a cloud of many ports, in a real Chromium: when the first page
 * stands, and how long each view takes from the click to its last element. Needs `npm run build`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { generatedCloud } from './compile.ts';
import { figure, type Row, told } from './report.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';
/** One tenant's servers, their network, and an address outside, as the generator names them. */
const VIEWS: readonly (readonly [what: string, path: string])[] = [
  ['the overview', '/'],
  ['trace', '/trace?from=s0&to=s3'],
  ['trace to the outside', '/trace?from=s0&to=external:198.51.100.10'],
  ['why', '/why?from=s0&to=s50&protocol=tcp&port=23'],
  ['prove', '/prove?from=s0&to=s3'],
  ['map', '/map?around=s0'],
  ['groups', '/matrix'],
  ['what a group reaches', '/matrix?rows=network+t0n0'],
  ['matrix', '/matrix?rows=network+t0n0&columns=network+t0n1'],
];

/** Asked inside of the page: when something was painted, when the last element stood; in ms. */
const TIMES = `[
  performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  performance.getEntriesByType('navigation')[0]?.duration ?? 0,
]`;

/** Rows of the pages of a generated cloud. */
export async function pagesRows(ports: number): Promise<readonly Row[]> {
  const what = `pages of a cloud of ${ports.toLocaleString('en')} ports`;
  if (!existsSync(PROGRAM)) return [told(what, 'not built: npm run build')];
  if (!existsSync(CHROMIUM)) return [told(what, 'Chromium is not installed')];
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-pages-'));
  const file = join(folder, 'cloud.yaml');
  writeFileSync(file, generatedCloud(ports));
  const started = performance.now();
  const program = spawn(process.execPath, [PROGRAM, 'serve', '--cloud', file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let browser: Browser | null = null;
  try {
    const address = await firstLine(program.stdout);
    const ready = performance.now() - started;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => errors.push(message.text()));
    await page.goto(address);
    const rows = [told(`${what}: served after`, `${figure(ready / 1000)} s`)];
    for (const [view, path] of VIEWS)
      rows.push(await viewRow(page, `${what}: ${view}`, new URL(path, address)));
    if (errors.length > 0) rows.push(told(`${what}: the browser complains`, errors[0] ?? ''));
    return rows;
  } finally {
    await browser?.close();
    program.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asked twice: tables are compiled the first time. */
async function viewRow(page: Page, what: string, url: URL): Promise<Row> {
  const times: string[] = [];
  let paint = 0;
  for (let time = 0; time < 2; time++) {
    const answer = await page.goto(url.href);
    if (answer?.status() !== 200) return told(what, `answered ${answer?.status()}`);
    const [shown, whole] = await page.evaluate<readonly [number, number]>(TIMES);
    paint = shown;
    times.push(`${figure(whole / 1000)} s`);
  }
  const [first, again] = times;
  return told(what, `${first}, again ${again}; first paint ${figure(paint)} ms`);
}

/** The first line a program writes. */
function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (part: Buffer) => {
      text += part.toString();
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    stream.on('end', () => reject(new Error('serve ended before it told its address')));
  });
}

/** Drawings of traces given to those who read them: Mermaid, Graphviz, libxml2, a browser. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { forTerminal } from '../../../src/text/escape.ts';
import { mapAround } from '../../../src/trace/map/cloud-map.ts';
import { mapDot } from '../../../src/trace/map/dot.ts';
import { mapMermaid } from '../../../src/trace/map/mermaid.ts';
import { mapSvg } from '../../../src/trace/map/svg.ts';
import { drawTrace } from '../../../src/trace/picture/draw.ts';
import { type Trace } from '../../../src/trace/types.ts';
import { ROOT } from '../../sources.ts';
import { type Ask, askOf } from '../../trace/asked.ts';
import { hostileDemo } from '../../trace/hostile-demo.ts';
import { hasChromium, startChromium } from './browser.ts';

/** Names that would steer each of the consumers. */
const HOSTILE = [
  '"]; click request0 href "javascript:alert(1)"',
  '%%{init: {"theme":"dark"}}%%',
  '"]\n  end\n  evil["x',
  '<img src=x onerror="document.title=1">',
  '</svg></style><script>document.title=1</script>',
  '\\" , URL="http://x" ]; evil [label="',
  '`**bold**` #quot; &quot; ]]> --> {{}} |x| ::: %',
];

/** The same cloud three times, so that most of the names above are somebody's. */
const [first, second, third] = [0, 2, 4].map((by) => {
  return askOf(openSnapshot(hostileDemo([...HOSTILE.slice(by), ...HOSTILE.slice(0, by)])));
}) as [Ask, Ask, Ask];
const TRACES: Readonly<Record<'delivered' | 'refused' | 'outside', Trace>> = {
  delivered: first('a185382d', '292c913e'),
  refused: second('a185382d', '292c913e', { protocol: 'tcp', destinationPort: 23 }),
  outside: third('a185382d', 'external:198.51.100.10'),
};
const NAMES = Object.keys(TRACES) as (keyof typeof TRACES)[];

function has(command: string): boolean {
  return spawnSync(command, ['-V']).error === undefined;
}

const hasDot = has('dot');
const hasXmllint = has('xmllint');
if (!hasChromium) console.warn('skipped: charts and pages in a browser, chromium is missing');
if (!hasDot) console.warn('skipped: graphs in Graphviz, dot is missing');
if (!hasXmllint) console.warn('skipped: drawings as XML, xmllint is missing');

describe('a drawn trace of hostile names', () => {
  it('has different ones of them', () => {
    const labels = Object.values(TRACES).flatMap(({ question }) => [
      question.from.label,
      question.to.label,
    ]);
    const told = HOSTILE.filter((text) => labels.some((label) => label.includes(text)));
    expect(told.length).toBeGreaterThanOrEqual(3);
  });

  it.skipIf(!hasDot).each(NAMES)('is one graph to Graphviz: %s', (name) => {
    const trace = TRACES[name];
    const json = execFileSync('dot', ['-Tdot_json'], { input: drawTrace(trace, 'dot', 'x') });
    const { objects } = JSON.parse(json.toString()) as {
      objects: { name: string; label?: string; URL?: string; nodes?: unknown }[];
    };
    const nodes = objects.filter((one) => one.nodes === undefined);
    const hops = (trace.request?.hops.length ?? 0) + (trace.reply?.hops.length ?? 0);
    expect(nodes).toHaveLength(hops);
    expect(objects.some(({ URL }) => URL !== undefined)).toBe(false);
    expect(nodes[0]?.label).toContain(forTerminal(start(trace)).replaceAll('\\', '\\\\'));
  });

  it.skipIf(!hasXmllint).each(NAMES)('is well-formed XML: %s', (name) => {
    const svg = drawTrace(TRACES[name], 'svg', 'x');
    const text = execFileSync('xmllint', ['--xpath', 'string(/*/*[local-name()="text"])', '-'], {
      input: svg,
    });
    expect(text.toString()).toContain(forTerminal(start(TRACES[name])));
  });
});

const CLOUD = openSnapshot(hostileDemo(HOSTILE));
const MAP = mapAround(
  CLOUD.neutron,
  CLOUD.neutron.networks.map(({ id }) => id),
  2,
);

describe('a map of hostile names', () => {
  it.skipIf(!hasDot)('is one graph to Graphviz', () => {
    const json = execFileSync('dot', ['-Tdot_json'], { input: mapDot(MAP) }).toString();
    const { objects, edges } = JSON.parse(json) as {
      objects: { URL?: string; nodes?: unknown }[];
      edges: unknown[];
    };
    expect(objects.filter(({ nodes }) => nodes === undefined)).toHaveLength(MAP.boxes.length);
    expect(edges).toHaveLength(MAP.links.length);
    expect(objects.some(({ URL }) => URL !== undefined)).toBe(false);
  });

  it.skipIf(!hasXmllint)('is well-formed XML', () => {
    const boxes = execFileSync('xmllint', ['--xpath', 'count(//*[local-name()="rect"])', '-'], {
      input: mapSvg(MAP, HOSTILE.join(' ')),
    });
    expect(Number(boxes.toString())).toBe(MAP.boxes.length);
  });
});

describe.skipIf(!hasChromium)('in a browser', () => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 400, height: 800 } });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(about|data|file):/.test(request.url())) errors.push(request.url());
    });
  }, 60_000);
  afterAll(() => browser.close());

  it.each(NAMES)(
    'Mermaid draws the chart as it was meant: %s',
    async (name) => {
      const trace = TRACES[name];
      const drawn = await drawnByMermaid(page, drawTrace(trace, 'mermaid', 'x'));
      const hops = (trace.request?.hops.length ?? 0) + (trace.reply?.hops.length ?? 0);
      expect(drawn.nodes).toBe(hops + 1);
      expect(drawn.links).toBe(0);
      expect(drawn.text).toContain(trace.verdict);
      expect(drawn.text).toContain(forTerminal(start(trace)));
    },
    60_000,
  );

  it('Mermaid draws a map as it was meant', async () => {
    const drawn = await drawnByMermaid(page, mapMermaid(MAP));
    expect(drawn).toMatchObject({ nodes: MAP.boxes.length, links: 0 });
  }, 60_000);

  it.each(NAMES)('the page needs no script and lets none in: %s', async (name) => {
    const trace = TRACES[name];
    errors.length = 0;
    await page.setContent(drawTrace(trace, 'html', HOSTILE.join(' ')));
    expect(await page.title()).toContain(trace.verdict);
    expect(await page.locator('script, img, a').count()).toBe(0);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(trace.verdict);
    const hops = (trace.request?.hops.length ?? 0) + (trace.reply?.hops.length ?? 0);
    expect(await page.locator('details').count()).toBe(hops);
    expect(await page.locator('svg').count()).toBe(trace.reply === null ? 1 : 2);
    expect(errors).toEqual([]);
  });

  it('the page is no wider than a telephone', async () => {
    await page.setContent(drawTrace(TRACES.refused, 'html', 'x'));
    expect(await page.evaluate(widthOfPage)).toBeLessThanOrEqual(400);
  });
});

/** What Mermaid made of a chart. */
async function drawnByMermaid(page: Page, text: string) {
  await page.setContent('<!doctype html><title>chart</title><body></body>');
  await page.addScriptTag({
    content: readFileSync(join(ROOT, 'node_modules/mermaid/dist/mermaid.min.js'), 'utf8'),
  });
  return await page.evaluate(async (chart) => {
    const { mermaid, document } = globalThis as unknown as World;
    mermaid.initialize({ startOnLoad: false });
    const { svg } = await mermaid.render('chart', chart);
    document.body.innerHTML = svg;
    return {
      nodes: document.querySelectorAll('.node').length,
      links: document.querySelectorAll('svg a, svg img, svg script').length,
      text: document.body.textContent ?? '',
    };
  }, text);
}

/** How the name of the sender begins: long names are cut. */
function start({ question }: Trace): string {
  return question.from.label.slice(0, 20);
}

function widthOfPage(): number {
  return (globalThis as unknown as World).document.documentElement.scrollWidth;
}

/** What these tests use of a browser's globals. */
interface World {
  readonly mermaid: {
    initialize(options: { startOnLoad: boolean }): void;
    render(id: string, chart: string): Promise<{ svg: string }>;
  };
  readonly document: {
    readonly body: { innerHTML: string; readonly textContent: string | null };
    readonly documentElement: { readonly scrollWidth: number };
    querySelectorAll(selector: string): { readonly length: number };
  };
}

/**
 * Names by chance, made of what steers terminals, pages, charts, tables and workflow logs, in every
 * form that every command writes. Each answer is compared with that about harmless names: its
 * skeleton, the answer without the words in it, is the same.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO, hopwise } from './call.ts';

/** More, and others, on request. */
const RUNS = Number(process.env['HOPWISE_HOSTILE'] ?? 3);
const SEED = Number(process.env['HOPWISE_HOSTILE_SEED'] ?? 7);
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const TOKENS = [
  '\u001b[2J',
  '\u009b31m',
  '\r\n::error file=x::y',
  '\n::stop-commands::x',
  '\u202e\u2066',
  '\u200b\u{e0041}',
  '\u2028',
  '<img src=x onerror=alert(1)>',
  '</text></svg><script>x()</script>',
  ']]>-->',
  '"]; click a href "javascript:x()"',
  '\\", URL="http://x"]; evil [label="',
  '%%{init: {}}%%',
  '|x|y|\n|-|-|',
  '[a](http://x)',
  '@everyone',
  '`x` **y** ~~z~~',
  '=HYPERLINK("http://x")',
  '"; rm -rf / #',
  '$(id) `id`',
  "'&amp;%0A\t",
];

const hostile = fc
  .array(fc.oneof(fc.constantFrom(...TOKENS), fc.string({ unit: 'binary', maxLength: 6 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join(''));

/** Properties whose names end with a text. */
const properties = (text: string): string =>
  [
    'properties:',
    `  - {name: ${JSON.stringify(`refused${text}`)}, from: a185382d, to: 292c913e, arrives: all, tcp: 443}`,
    `  - {name: ${JSON.stringify(`pings${text}`)}, from: a185382d, to: 292c913e, arrives: all, icmp: true}`,
  ].join('\n');

/** What every command is asked, and in which forms. */
const CALLS: readonly (readonly [words: readonly string[], formats: readonly string[]])[] = [
  [
    ['trace', 'a185382d', '292c913e', '--tcp', '23'],
    ['tree', 'json', 'mermaid', 'dot', 'svg', 'html'],
  ],
  [
    ['trace', 'a185382d', 'external:198.51.100.10'],
    ['tree', 'json', 'mermaid', 'dot', 'svg', 'html'],
  ],
  [
    ['why', 'a185382d', '292c913e', '--tcp', '23', '--effects', '1'],
    ['tree', 'json'],
  ],
  [
    ['show', 'topology', 'a185382d'],
    ['tree', 'json', 'mermaid', 'dot', 'svg'],
  ],
  [
    ['prove', 'a185382d', '292c913e', '--tcp', '23'],
    ['tree', 'json'],
  ],
  [
    ['check', 'FILE'],
    ['tree', 'json', 'junit', 'sarif', 'github', 'markdown'],
  ],
  [
    ['simulate', 'DIR', '--probe', 'a185382d -> 292c913e icmp every 100ms', '--until', '1s'],
    ['text', 'json', 'html'],
  ],
];

/** Answers that tell only the words of the question. */
const NAMELESS = /^simulate /;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopwise-names-'));
  cpSync(DEMO, folder, { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ends every name that people choose with a text. */
function rename(text: string): void {
  writeFileSync(join(folder, 'p.yaml'), properties(text));
  for (const name of readdirSync(join(DEMO, 'api'))) {
    const all = JSON.parse(readFileSync(join(DEMO, 'api', name), 'utf8'), (key, value: unknown) => {
      const chosen = /^(name|description|device_id)$/.test(key) && typeof value === 'string';
      return chosen && !/^[0-9a-f-]{36}$/.test(value) ? value + text : value;
    });
    writeFileSync(join(folder, 'api', name), JSON.stringify(all));
  }
}

/** An answer without its words: what a reader of this form takes as structure. */
function skeleton(format: string, text: string): unknown {
  switch (format) {
    case 'json':
    case 'sarif':
      return shape(JSON.parse(text));
    case 'svg':
    case 'html':
    case 'junit':
      return [
        ...new Set([...text.matchAll(/<\/?[a-z!?][^\s/>]*|\s[\w:-]+="/gi)].map(String)),
      ].sort();
    case 'mermaid':
    case 'dot':
      return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').split('\n').length;
    case 'github':
      return text.split('\n').map((line) => /^::\w+/.exec(line)?.[0] ?? '');
    case 'markdown':
      return text
        .split('\n')
        .map((line) => line.replaceAll(/\\.|&#?\w+;/g, '').replaceAll(/[^|`<[@#]/g, ''));
    default:
      return null;
  }
}

/** The keys of a JSON value, without what stands in them. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
}

async function answers(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const [words, formats] of CALLS) {
    const asked = words.map((word) =>
      word.replace('FILE', join(folder, 'p.yaml')).replace('DIR', folder),
    );
    const from = words.includes('DIR') ? [] : ['-s', folder];
    for (const format of formats) {
      const { out, err, code } = await hopwise([...asked, ...from, '--format', format]);
      expect([words, format, err, code === 2 || code > 3]).toEqual([words, format, '', false]);
      found.set(`${words.slice(0, 4).join(' ')} ${format}`, out);
    }
  }
  return found;
}

describe('names by chance', () => {
  it('add nothing to any answer but themselves', async () => {
    rename('-harmless');
    const plain = await answers();
    expect(plain.size).toBe(CALLS.reduce((sum, [, formats]) => sum + formats.length, 0));
    for (const [call, out] of plain) {
      expect([call, out.includes('harmless')]).toEqual([call, !NAMELESS.test(call)]);
    }
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        rename(text);
        for (const [call, out] of await answers()) {
          const format = call.split(' ').at(-1) ?? '';
          expect([call, DANGEROUS.test(out.replaceAll('\n', ''))]).toEqual([call, false]);
          expect([call, skeleton(format, out)]).toEqual([
            call,
            skeleton(format, plain.get(call) ?? ''),
          ]);
        }
      }),
      { numRuns: RUNS, seed: SEED, examples: [['@everyone']] },
    );
  });
});

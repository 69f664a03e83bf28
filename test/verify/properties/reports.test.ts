/** Reports as their readers take them: XML, SARIF, Markdown, annotations; nobody's name steers them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { PLAIN_PAGE } from '../../../src/trace/render/style.ts';
import { githubLines } from '../../../src/verify/properties/reports/github.ts';
import { junitText } from '../../../src/verify/properties/reports/junit.ts';
import { markdownText } from '../../../src/verify/properties/reports/markdown.ts';
import { sarifLog } from '../../../src/verify/properties/reports/sarif.ts';
import { checkedLines } from '../../../src/verify/properties/text.ts';
import { type Checked, type Holds } from '../../../src/verify/properties/types.ts';
import { ROOT } from '../../sources.ts';
import { SARIF } from './sarif-schema.ts';

/** The standard's own schema (OASIS, sarif-schema-2.1.0.json) without its descriptions. */
const OFFICIAL = join(ROOT, 'test/fixtures/sarif/schema-2.1.0.json.gz');

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-reports-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function found(name: string, holds: Holds, because = 'tcp 22 arrives', line = 3): Checked {
  return {
    property: {
      kind: 'invariant',
      name,
      line,
      column: 5,
      invariant: 'no-loops',
      among: null,
      except: [],
      atLeast: null,
      version: 4,
    },
    subject: `${name} → b`,
    from: null,
    to: null,
    holds,
    because: holds === 'holds' ? [] : [because],
    code: null,
    origin: null,
    witness: null,
    proof: null,
  };
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '<img src=x onerror=1>',
    '::error::x',
    ']]>',
    '%0A::warning::',
    '\u001b[2J',
    '`x`|y',
    '[a](http://x)',
    '@all',
    '&amp;',
    '"\'>',
  ),
);
const HOLDS = fc.constantFrom<Holds>('holds', 'fails', 'unsure');
const list = fc.array(
  fc.tuple(hostile, HOLDS, hostile).map(([name, holds, because]) => found(name, holds, because)),
  { minLength: 1, maxLength: 6 },
);

describe('reports of hostile names', () => {
  it('stay one line for each line, whatever is in a name', () => {
    fc.assert(
      fc.property(list, (checked) => {
        const lines = githubLines('a,b:c.yaml', checked);
        expect(lines.length).toBe(checked.filter(({ holds }) => holds !== 'holds').length);
        for (const line of lines) {
          expect(line).toMatch(
            /^::(error|warning) file=a%2Cb%3Ac\.yaml,line=3,col=5,title=[^:,]*::[^\r\n]*$/u,
          );
        }
        const tree = checkedLines('p.yaml', checked, null, PLAIN_PAGE).flatMap((one) =>
          // What does not hold has a second line.
          one.split('\n    '),
        );
        for (const line of tree)
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/u);
      }),
      { numRuns: 200 },
    );
  });

  it('keep Markdown text: no markup, no link, no mention, no cell more', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        const text = markdownText('p.yaml', [found(name, 'fails')], null);
        const row = text
          .split('\n')
          .find((line) => line.startsWith('| ') && line.endsWith('| 1 |'));
        expect(row?.replaceAll(/\\./gu, '').split('|')).toHaveLength(5);
        expect(text.replaceAll(/\\./gu, '')).not.toMatch(/[<`]|\]\(|@/u);
      }),
      { numRuns: 200 },
    );
  });

  it('are XML that libxml2 reads and the schema of JUnit takes', () => {
    if (spawnSync('xmllint', ['--version']).error !== undefined) return;
    const sample = fc.sample(list, { numRuns: 40, seed: 11 });
    const files = sample.map((checked, i) => {
      const path = join(scratch, `${i}.xml`);
      writeFileSync(path, junitText('p.yaml', checked));
      return path;
    });
    const schema = join(ROOT, 'test/verify/properties/junit.xsd');
    execFileSync('xmllint', ['--noout', '--schema', schema, ...files], { stdio: 'pipe' });
    const [first] = sample;
    expect(readFileSync(files[0] ?? '', 'utf8')).toContain(`tests="${first?.length}"`);
  });
});

describe('SARIF', () => {
  const log = (checked: readonly Checked[]) =>
    sarifLog('./net work/p.yaml', checked, '0.1.0') as {
      version: string;
      runs: {
        tool: { driver: { rules: { id: string }[] } };
        results: {
          ruleId: string;
          ruleIndex: number;
          level: string;
          partialFingerprints: Record<string, string>;
          locations: { physicalLocation: { artifactLocation: { uri: string }; region: object } }[];
        }[];
      }[];
    };

  it('has places relative to the repository, and rules that results name', () => {
    const [run] = log([found('x', 'fails'), found('y', 'holds'), found('z', 'unsure')]).runs;
    expect(run?.results.map(({ level }) => level)).toEqual(['error', 'warning']);
    for (const { ruleId, ruleIndex, locations } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(locations[0]?.physicalLocation.artifactLocation.uri).toBe('net%20work/p.yaml');
      expect(locations[0]?.physicalLocation.region).toEqual({ startLine: 3, startColumn: 5 });
    }
  });

  it('has a whole URI for a file that lies elsewhere', () => {
    const { runs } = sarifLog('/etc/net work/p.yaml', [found('x', 'fails')], '0.1.0') as {
      runs: { results: { locations: { physicalLocation: { artifactLocation: object } }[] }[] }[];
    };
    expect(runs[0]?.results[0]?.locations[0]?.physicalLocation.artifactLocation).toEqual({
      uri: 'file:///etc/net%20work/p.yaml',
    });
  });

  it('has the objects and values of the standard, whatever is in a name', () => {
    const valid = new Ajv2020({ strict: true, strictRequired: false }).compile(SARIF);
    fc.assert(
      fc.property(list, (checked) => {
        const made = JSON.parse(JSON.stringify(sarifLog('p.yaml', checked, '0.1.0')));
        expect(valid(made), JSON.stringify(valid.errors)).toBe(true);
      }),
      { numRuns: 100 },
    );
    const [run] = log([found('x', 'fails')]).runs;
    for (const level of ['bad', undefined]) {
      const results = run?.results.map((each) => ({ ...each, level, message: 'x' }));
      expect(valid({ version: '2.1.0', runs: [{ ...run, results }] })).toBe(false);
    }
  });

  it('fits the schema of the standard', () => {
    const text = gunzipSync(readFileSync(OFFICIAL)).toString();
    const schema = JSON.parse(text) as Record<string, unknown>;
    const ajv = new Ajv({
      strict: false,
      unicodeRegExp: false,
      logger: false,
      validateFormats: false,
    });
    const valid = ajv.compile(schema);
    for (const checked of fc.sample(list, { numRuns: 100, seed: 5 })) {
      const made = JSON.parse(JSON.stringify(sarifLog('p.yaml', checked, '0.1.0')));
      expect(valid(made), JSON.stringify(valid.errors)).toBe(true);
    }
    expect(valid({ version: '2.1.0', runs: [{}] })).toBe(false);
  });

  it('gives a finding one fingerprint wherever it stands, and other findings others', () => {
    const prints = [
      found('x', 'fails'),
      found('x', 'fails', 'tcp 23', 90),
      found('y', 'fails'),
    ].map((one) => log([one]).runs[0]?.results[0]?.partialFingerprints['hopwiseProperty/v1']);
    expect(prints[0]).toBe(prints[1]);
    expect(prints[0]).not.toBe(prints[2]);
  });
});

describe('annotations', () => {
  it('name the rest where GitHub shows no more', () => {
    const many = Array.from({ length: 14 }, (_, i) => found(`p${i}`, 'fails'));
    const lines = githubLines('p.yaml', many);
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('::error title=hopwise::and 5 more like these');
  });
});

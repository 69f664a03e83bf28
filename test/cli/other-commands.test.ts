/** `hopwise replay`, `explain` and `schema`: forms, exit codes, messages; and the help. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scenariosByCode } from '../../scripts/scenario-codes.ts';
import { SCHEMAS } from '../../src/cli/schemas.ts';
import { explain } from '../../src/reasons/catalogue.ts';
import { REASONS } from '../../src/reasons/codes.ts';
import { reasonPages } from '../../src/reasons/page.ts';
import { REPLAY_SCHEMA } from '../../src/trace/render/schema.ts';
import { ROOT } from '../sources.ts';
import { DEMO, hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-cli-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Records of the demonstration: what happened, and what did not. */
const RECORDS = [
  { kind: 'probe', phase: 'one', from: 'a1', proto: 'icmp', to: '10.0.0.7', delivered: true },
  { kind: 'probe', phase: 'two', from: 'a1', proto: 'icmp', to: '10.0.0.7', delivered: false },
  { kind: 'probe', phase: 'two', from: 'nobody', proto: 'icmp', to: '10.0.0.7' },
];

function recorded(records: unknown): string {
  const file = join(scratch, `${Math.abs(JSON.stringify(records).length)}.json`);
  writeFileSync(file, typeof records === 'string' ? records : JSON.stringify(records));
  return file;
}

describe('replay', () => {
  it('is 0 when all agree, 1 when one does not, 3 when none was asked', async () => {
    const probes = ['--probes', recorded(RECORDS)];
    const code = async (only: string) =>
      (await hopwise(['replay', DEMO, ...probes, '--only', only])).code;
    expect(await code('phase=one')).toBe(0);
    expect(await code('kind=probe')).toBe(1);
    expect(await code('phase=three')).toBe(3);
  });

  it('lists disagreements with the record and the trace, then what was not asked', async () => {
    const { out } = await hopwise(['replay', DEMO, '--probes', recorded(RECORDS)]);
    expect(out).toContain('✗ 1 [two] a1 → 10.0.0.7 icmp: differs in delivered');
    expect(out).toContain('    recorded {"delivered":false}');
    expect(out).toContain('    ✓ REACHABLE  a1 (10.0.0.81) → 10.0.0.7');
    expect(out).toMatch(/1 not asked: nothing is named "nobody"/);
    expect(out.trimEnd().split('\n').at(-1)).toBe('probes: 1 agree, 1 disagree, 1 not asked');
    const without = await hopwise(['replay', DEMO, '--probes', recorded(RECORDS), '--no-traces']);
    expect(without.out).not.toContain('REACHABLE  a1');
  });

  it('writes JSON as its schema says', async () => {
    const { out } = await hopwise(['replay', DEMO, '--probes', recorded(RECORDS), '--json']);
    const answer = JSON.parse(out);
    expect(violations(REPLAY_SCHEMA, answer)).toEqual([]);
    expect(answer.totals).toEqual({ probes: 2, agree: 1, disagree: 1, skipped: 1 });
    expect(answer.probes.map(({ index }: { index: number }) => index)).toEqual([0, 1]);
  });

  it('shows how far it is on a terminal only', async () => {
    const probes = ['--probes', recorded(RECORDS)];
    expect((await hopwise(['replay', DEMO, ...probes])).err).toBe('');
    const { err } = await hopwise(['replay', DEMO, ...probes], { terminal: 80 });
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });

  it('says what is wrong with its input', async () => {
    const cases = [
      [[join(scratch, 'none')], /there is no folder .*none/],
      [[scratch], /cannot read .*truth\.json/],
      [
        [DEMO, '--probes', recorded(RECORDS), '--only', 'colour=red'],
        /--only expects kind=… or phase=…/,
      ],
    ] as const;
    for (const [words, message] of cases) {
      const { code, err } = await hopwise(['replay', ...words]);
      expect(code).toBe(2);
      expect(err).toMatch(message);
    }
    for (const [text, message] of [
      ['{"probes": [', /:1:13: This is not JSON/],
      ['{"records": []}', /expected an array of probe records/],
    ] as const) {
      const junk = await hopwise(['replay', DEMO, '--probes', recorded(text)]);
      expect(junk.err).toMatch(message);
      expect(junk.code).toBe(2);
    }
  });

  it('asks no record that it cannot read in full, and says which and where', async () => {
    const [fine] = RECORDS;
    const odd = [
      { ...fine, size: -5 },
      { ...fine, size: 1e12 },
      { ...fine, dport: 1.5 },
      { ...fine, sport: 65_536 },
      { ...fine, delivered: 'perhaps' },
      { ...fine, src: 'somewhere' },
      { ...fine, from: 7 },
      null,
    ];
    const nulls = { ...Object.fromEntries(Object.keys(fine ?? {}).map((key) => [key, null])) };
    const list = [...odd, fine, { ...nulls, from: 'a1', to: '10.0.0.7', df: null, size: null }];
    const file = recorded(`\ufeff${JSON.stringify(list, null, 1)}`);
    const { out, err, code } = await hopwise(['replay', DEMO, '--probes', file, '--json']);
    const { probes, totals, notAsked } = JSON.parse(out);
    expect(probes.map(({ index }: { index: number }) => index)).toEqual([8, 9]);
    expect(totals).toEqual({ probes: 2, agree: 2, disagree: 0, skipped: 8 });
    expect(notAsked.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(err.trimEnd().split('\n')).toHaveLength(8);
    expect(err).toMatch(/:9:11: Expected a whole number from 0 to 65507: -5/);
    expect(code).toBe(0);
  });

  it('says what there would be where a filter leaves nothing', async () => {
    const probes = ['--probes', recorded(RECORDS), '--only', 'kind=dhcp'];
    const { err, code } = await hopwise(['replay', DEMO, ...probes]);
    expect(err).toContain('kinds: "probe"; phases: "one", "two"');
    expect(code).toBe(3);
  });
});

describe('explain', () => {
  it('tells causes, how to see them on a host, and what helps', async () => {
    const { out, code } = await hopwise(['explain', 'vni_map_missing']);
    expect(code).toBe(0);
    expect(out).toContain('VNI_MAP_MISSING\n  The host has no local VLAN for this tunnel key.');
    expect(out).toContain('ovs-ofctl dump-flows br-tun table=4');
  });

  it('lists every code once', async () => {
    const { out } = await hopwise(['explain']);
    for (const code of Object.keys(REASONS)) {
      expect(out.match(new RegExp(`^  ${code} `, 'gm')), code).toHaveLength(1);
    }
  });

  it('suggests the nearest code', async () => {
    const slip = await hopwise(['explain', 'NO_ROUT']);
    expect([slip.code, slip.err]).toEqual([
      2,
      'hopwise: there is no reason code "NO_ROUT"; did you mean NO_ROUTE?\n',
    ]);
    const part = await hopwise(['explain', 'SG_NO']);
    expect(part.err).toContain('did you mean SG_NO_MATCHING_RULE?');
  });

  it('has causes and a way to see them for every code', () => {
    for (const code of Object.keys(REASONS) as (keyof typeof REASONS)[]) {
      const { causes, confirm } = explain(code);
      expect([causes.length > 0, confirm.length > 0], code).toEqual([true, true]);
    }
  });
});

describe('documentation made from the sources', () => {
  it('has the present catalogue of reasons', () => {
    const pages = reasonPages(scenariosByCode());
    expect(readdirSync(join(ROOT, 'docs/reasons')).sort()).toEqual([...pages.keys()].sort());
    for (const [name, text] of pages) {
      expect(readFileSync(join(ROOT, 'docs/reasons', name), 'utf8'), 'run `npm run docs`').toBe(
        text,
      );
    }
  });

  it('has the present schemas, which the command prints', async () => {
    for (const [name, schema] of Object.entries(SCHEMAS)) {
      const file = readFileSync(join(ROOT, `docs/schemas/${name}-v1.json`), 'utf8');
      expect(JSON.parse(file), 'run `npm run docs`').toEqual(schema);
      expect(JSON.parse((await hopwise(['schema', name])).out)).toEqual(schema);
    }
  });
});

describe('the help', () => {
  it('lists the commands, and the options of each', async () => {
    const { out, code } = await hopwise(['--help']);
    expect(code).toBe(0);
    for (const command of ['trace', 'replay', 'diff', 'explain', 'schema']) {
      expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    const trace = await hopwise(['trace', '--help']);
    expect(trace.out).toContain('external:198.51.100.1  somebody outside of the cloud');
    expect((await hopwise(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('is the answer to a call without a command', async () => {
    const { code, err } = await hopwise([]);
    expect(code).toBe(2);
    expect(err).toContain('Usage: hopwise');
  });
});

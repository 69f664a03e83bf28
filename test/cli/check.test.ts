/** `hopwise check`: properties of the demonstration, its reports and exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SCHEMAS } from '../../src/cli/schemas.ts';
import { hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-check-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Checks a file of properties; `text` is its list. */
async function check(text: string, ...words: readonly string[]) {
  const file = join(scratch, 'properties.yaml');
  writeFileSync(file, `properties:\n${text}`);
  const answer = await hopwise(['check', file, ...words]);
  return { ...answer, out: answer.out.replaceAll(file, 'FILE') };
}

const APART = '  - {name: tenants are apart, from: [a1, a2], to: [b1], arrives: none}\n';
const ONLY =
  '  - {name: only these, from: a1, to: a2, arrives: only, icmp: true, udp: 53, tcp: 5000-5006}\n';

describe('hopwise check', () => {
  it('passes when every property holds for every pair', async () => {
    const { out, code } = await check(APART + ONLY);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '✓ tenants are apart  a1 → b1',
      '✓ tenants are apart  a2 → b1',
      '✓ only these  a1 → a2',
      '3 of 3 hold',
      '',
    ]);
  });

  it('fails with the packets that should not arrive, and one of them', async () => {
    const { out, code } = await check(ONLY.replace('5000-5006', '5000-5005'));
    expect(code).toBe(1);
    expect(out).toContain('a1 → a2: tcp 5006 arrives as well (for example tcp 5006 from port');
  });

  it('fails with the rule that stops the packets that should arrive', async () => {
    const { out, code } = await check(
      '  - {from: a3, to: a2, arrives: all, tcp: 5000}\n  - {from: a1, to: a2, arrives: some, tcp: 22}\n',
    );
    expect(code).toBe(1);
    expect(
      out.match(/OF_EXPLICIT_DROP at compute2, br-int table 93 \(.*flows\.txt:\d+\)/g),
    ).toHaveLength(2);
  });

  it('fails for an end that does not exist, whatever is claimed', async () => {
    const { out, code } = await check(APART.replace('b1', 'b11'));
    expect(code).toBe(1);
    expect(out).toContain('nothing is named "b11"; did you mean b1?');
  });

  it('names slips at their place and checks nothing', async () => {
    const { err, code } = await check(
      '  - {from: a1, too: a2, arrives: all}\n  - {from: a1, to: a2, arrives: sometimes, tcp: 70000}\n',
    );
    expect(code).toBe(2);
    expect(err).toMatch(/properties\.yaml:2:\d+: .*too.*did you mean.*to/);
    expect(err).toMatch(/properties\.yaml:3:\d+: Expected one of all, some, none, only/);
    expect(err).toMatch(/properties\.yaml:3:\d+: Expected ports/);
  });

  it('writes data with the proof of every pair', async () => {
    const { out } = await check(APART + ONLY, '--format', 'json');
    const data = JSON.parse(out) as { checked: { holds: string }[] };
    expect(violations(SCHEMAS.check, data)).toEqual([]);
    expect(data.checked.map(({ holds }) => holds)).toEqual(['holds', 'holds', 'holds']);
  });

  it('tells what blocks packets and what helps, in every form of report', async () => {
    const stopped = '  - {from: a2, to: a1, arrives: all, tcp: "22,443"}\n';
    const command =
      'openstack security group rule create --ingress --protocol tcp --dst-port 22 --remote-ip 10.0.0.7/32 sg-web';
    const forms = ['json', 'junit', 'sarif', 'markdown'];
    const files = forms.map((form) => `${form}=${join(scratch, form)}`);
    const { out, code } = await check(stopped, '--reporter', ['tree', 'github', ...files].join());
    expect(code).toBe(1);
    expect(out.split(command)).toHaveLength(3);
    const [json = '', ...others] = forms.map((form) => readFileSync(join(scratch, form), 'utf8'));
    for (const text of others) expect(text.replaceAll('\\', '')).toContain(command);
    const data = JSON.parse(json) as { checked: { blocked: Record<string, unknown> }[] };
    expect(violations(SCHEMAS.check, data)).toEqual([]);
    expect(data.checked[0]?.blocked).toMatchObject({
      together: [{ kind: 'api', commands: [command] }],
      proved: { reached: true, missing: null },
      effects: { gained: [{ from: 'a2', to: 'a1', packets: 'tcp 22' }], lost: [] },
    });
    const without = await check(stopped, '--blockers', '0');
    expect(without.code).toBe(1);
    expect(without.out).not.toContain('openstack');
  });

  it('writes JUnit, SARIF and annotations with the place of the property', async () => {
    const broken = APART.replace('none', 'some');
    const junit = await check(broken, '--format', 'junit');
    expect(junit.out).toContain('tests="2" failures="2" errors="0"');
    const sarif = await check(broken, '--format', 'sarif');
    const { runs } = JSON.parse(sarif.out) as {
      runs: { results: { level: string; locations: { physicalLocation: unknown }[] }[] }[];
    };
    expect(runs[0]?.results.map(({ level }) => level)).toEqual(['error', 'error']);
    expect(runs[0]?.results[0]?.locations[0]?.physicalLocation).toMatchObject({
      region: { startLine: 2, startColumn: 5 },
    });
    const github = await check(broken, '--format', 'github');
    expect(github.out).toMatch(
      /^::error file=FILE,line=2,col=5,title=tenants are apart::a1 → b1: no packet arrives/,
    );
  });
});

/**
 * Hostile names in every field of a cloud: they are refused, or they end as words and lines that
 * no shell reads. The scripts really run, with programs that only note what they are given.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { scriptOf } from '../../src/apply/script.ts';
import { changeLines } from '../../src/apply/text.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { DVR, HA_PAIR, LB_VXLAN, services, VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { planBetween } from './two-clouds.ts';

const PROGRAMS = [
  'arptables-restore',
  'bridge',
  'dnsmasq',
  'ebtables-restore',
  'haproxy',
  'ip',
  'ip6tables-restore',
  'ipset',
  'iptables-restore',
  'keepalived',
  'ovs-ofctl',
  'ovs-vsctl',
  'radvd',
];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopwise-hostile-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'hopwise'), { recursive: true });
  for (const program of PROGRAMS) {
    const file = join(folder, 'bin', program);
    writeFileSync(
      file,
      `#!/bin/sh\nprintf '%s\\n' "${program}" "$@" >>'${folder}/words'\n[ -t 0 ] || cat >>'${folder}/lines'\n`,
    );
    chmodSync(file, 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Words that would leave a file behind if anybody ever took them for a command. */
const hostile = (): readonly string[] => {
  const canary = `touch ${folder}/canary`;
  return [
    `$(${canary})`,
    `\`${canary}\``,
    `;${canary};`,
    `' ;${canary}; '`,
    `" ;${canary}; "`,
    `a\n${canary}\n`,
    `HOPWISE_END\n${canary}`,
    `|${canary}`,
    '--help',
    '../../../etc/passwd',
    'sixteen-chars-16-and-more',
    '\u001b]0;title\u0007\u001b[2J',
    'name\u0000zero',
    '\u202egnp.exe',
  ];
};

/** Every place of a cloud where somebody chooses a word. */
const FIELDS = [
  'server',
  'host',
  'network',
  'subnet',
  'group',
  'router',
  'project',
  'physical',
  'bridge',
  'nic',
  'option',
] as const;

function cloud(field: (typeof FIELDS)[number] | null, word: string): string {
  const at = (name: (typeof FIELDS)[number], usual: string): string =>
    JSON.stringify(name === field ? word : usual);
  return `hosts:
  - name: ${at('host', 'one')}
    nics: [{name: ${at('nic', 'eth2')}}]
    agents:
      openvswitch: {bridge_mappings: {${at('physical', 'external')}: ${at('bridge', 'br-ex')}}, bridges: {${at('bridge', 'br-ex')}: ${at('nic', 'eth2')}}}
      l3: {mode: legacy}
      dhcp: {}
networks:
  - {name: ${at('network', 'net')}, project: ${at('project', 'p')}, type: vlan, physical_network: ${at('physical', 'external')}, segmentation_id: 7, subnets: [{name: ${at('subnet', 'sub')}, cidr: 10.0.0.0/24}]}
security_groups:
  - {name: ${at('group', 'web')}, project: ${at('project', 'p')}, rules: [{protocol: tcp, ports: 80}]}
servers:
  - {name: ${at('server', 'vm')}, host: ${at('host', 'one')}, project: ${at('project', 'p')}, ports: [{network: ${at('network', 'net')}, dhcp_options: [{name: bootfile-name, value: ${at('option', 'x')}}], security_groups: [${at('group', 'web')}]}]}
routers:
  - {name: ${at('router', 'r')}, project: ${at('project', 'p')}, interfaces: [{subnet: ${at('subnet', 'sub')}}]}
`;
}

type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/** Where words stand in a cloud: every text, and every key of a map that somebody names. */
function leaves(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => leaves(below, [...path, key]));
}

/** The same with another word at one place, and wherever else the old word stood. */
function replaced(value: Json, path: readonly string[], word: string): Json {
  const old = path.reduce<Json>((at, key) => (at as Record<string, Json>)[key] ?? null, value);
  const renew = (at: Json): Json => {
    if (at === old) return word;
    if (Array.isArray(at)) return at.map(renew);
    if (typeof at !== 'object' || at === null) return at;
    const entries = Object.entries(at as Record<string, Json>);
    return Object.fromEntries(
      entries.map(([key, below]) => [key === old ? word : key, renew(below)]),
    );
  };
  return renew(value);
}

const LONG = process.env['HOPWISE_APPLY_LONG'] !== undefined;
const CLOUDS = [services(['b1', 'b2'], 'one'), LB_VXLAN, VLAN_HYBRID, HA_PAIR, DVR];

/** What looks through all processes takes its time; the last test runs it once. */
const SLOW = new Set(['netns', 'stop', 'start', 'restart', 'reload']);

/** Runs the scripts of a plan with programs that only take notes, below a folder of the test. */
function runAll(scripts: readonly string[]): void {
  const text = scripts.join('\n').replaceAll('/var/lib/', `${folder}/`);
  writeFileSync(join(folder, 'script'), text);
  execFileSync('/bin/sh', [join(folder, 'script')], {
    cwd: folder,
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
    stdio: 'ignore',
  });
}

describe('a hostile name', () => {
  for (const field of FIELDS) {
    it(`is no command as the ${field} of a cloud`, () => {
      const empty = 'hosts:\n  - {name: one, nics: [{name: eth2}]}\n';
      let planned = 0;
      for (const word of hostile()) {
        const text = cloud(field, word);
        const { value, problems } = readCloudYaml('cloud.yaml', text);
        if (value === null || problems.length > 0) {
          expect(problems.length, word).toBeGreaterThan(0);
          continue;
        }
        const { plan } = planBetween(empty, text, 'direct');
        planned++;
        for (const line of changeLines(plan)) expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
        const actions = plan.steps.flatMap(({ forward, inverse }) => [...forward, ...inverse]);
        const script = scriptOf(actions.filter(({ kind }) => !SLOW.has(kind)));
        // Each word is run in some fields, and each field with some words.
        if (planned % 4 === FIELDS.indexOf(field) % 4) runAll([script]);
        expect(existsSync(join(folder, 'canary')), word).toBe(false);
      }
    });
  }

  it('is no command in any other field of any cloud', () => {
    const words = hostile();
    const tries = CLOUDS.flatMap((text) => {
      const whole = parseYaml(text) as Json;
      return leaves(whole).flatMap((path) => words.map((word) => ({ whole, path, word })));
    });
    // Without the long run some of them, of all clouds and of all words.
    const chosen = LONG ? tries : tries.filter((_, i) => i % 211 === 13);
    const counts = { refused: 0, planned: 0 };
    for (const { whole, path, word } of chosen) {
      const text = JSON.stringify(replaced(whole, path, word));
      const { value, problems } = readCloudYaml('cloud.yaml', text);
      if (value === null || problems.length > 0) {
        expect(problems.length, `${path.join('.')} ${word}`).toBeGreaterThan(0);
        counts.refused++;
        continue;
      }
      const hosts = value.hosts.map(({ name }) => `  - {name: ${JSON.stringify(name)}}`);
      const { plan } = planBetween(`hosts:\n${hosts.join('\n')}\n`, text, 'direct');
      if (plan.steps.length > 0) counts.planned++;
      for (const line of changeLines(plan)) expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
      const actions = plan.steps.flatMap(({ forward, inverse }) => [...forward, ...inverse]);
      runAll([scriptOf(actions.filter(({ kind }) => !SLOW.has(kind)))]);
      expect(existsSync(join(folder, 'canary')), `${path.join('.')} ${word}`).toBe(false);
    }
    console.log(`hostile words in ${chosen.length} fields: ${JSON.stringify(counts)}`);
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.planned).toBeGreaterThan(0);
  }, 3_600_000);

  it('is looked for with programs that did run', () => {
    const empty = 'hosts:\n  - {name: one, nics: [{name: eth2}]}\n';
    const { plan } = planBetween(empty, cloud(null, ''), 'direct');
    expect(plan.steps.length).toBeGreaterThan(5);
    runAll([
      scriptOf(plan.steps.flatMap(({ forward }) => forward).filter(({ kind }) => kind !== 'netns')),
    ]);
    const words = readFileSync(join(folder, 'words'), 'utf8');
    for (const program of ['ovs-ofctl', 'ovs-vsctl', 'iptables-restore', 'ip', 'dnsmasq'])
      expect(words.split('\n')).toContain(program);
    expect(existsSync(join(folder, 'hopwise/owned'))).toBe(true);
  });
});

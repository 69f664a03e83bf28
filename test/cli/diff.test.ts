/** `hopwise diff`: its words, its forms of answer, its exit codes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DIFF_SCHEMA } from '../../src/verify/configuration/schema.ts';
import { REACHABILITY_SCHEMA } from '../../src/verify/proof/schema.ts';
import { ROOT } from '../sources.ts';
import { DEMO, hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-diff-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The demonstration with one file changed, or without it. */
function edited(file: string, edit: ((text: string) => string) | null): string {
  const folder = mkdtempSync(join(scratch, 'demo-'));
  cpSync(DEMO, folder, { recursive: true });
  const path = join(folder, file);
  if (edit === null) rmSync(path);
  else writeFileSync(path, edit(readFileSync(path, 'utf8')));
  return folder;
}

const FLOWS = 'hosts/compute1/ovs/br-tun.flows.txt';

describe('hopwise diff', () => {
  it('finds the agents’ work and the hosts alike', async () => {
    const { out, code } = await hopwise(['diff', `api:${DEMO}`, DEMO]);
    expect(code).toBe(0);
    const [head, a, b] = out.split('\n');
    expect(head).toMatch(/^✓ no difference; \d{4} statements compared$/);
    expect([a, b]).toEqual([`  A api:${DEMO}`, `  B ${DEMO}`]);
  });

  it('tells a difference with its place, both sides, their lines and the Neutron object', async () => {
    const other = edited(FLOWS, (text) => text.replace(/(tun_id=0x34e.*)4097/, '$14098'));
    const { out, code } = await hopwise(['diff', DEMO, other, '--ascii']);
    expect(code).toBe(1);
    const line =
      readFileSync(join(DEMO, FLOWS), 'utf8')
        .split('\n')
        .findIndex((each) => each.includes('tun_id=0x34e')) + 1;
    expect(out.split('\n').slice(3)).toEqual([
      'compute1',
      '  br-tun table 4',
      '    different A table=4, priority=1,tun_id=0x34e actions=push_vlan:0x8100,set_field:4097->vlan_vid,goto_table:10  [network net-a]',
      `                ${FLOWS}:${line}`,
      '              B table=4, priority=1,tun_id=0x34e actions=push_vlan:0x8100,set_field:4098->vlan_vid,goto_table:10',
      `                ${FLOWS}:${line}`,
      '',
    ]);
  });

  it('writes JSON that its schema describes', async () => {
    const other = edited(FLOWS, (text) => text.replace(/^.*tun_id=0x34e.*\n/m, ''));
    const { out, code } = await hopwise(['diff', DEMO, other, '--json']);
    expect(code).toBe(1);
    const answer: unknown = JSON.parse(out);
    expect(violations(DIFF_SCHEMA, answer)).toEqual([]);
    const [first] = (answer as { differences: Record<string, unknown>[] }).differences;
    expect(first).toMatchObject({ kind: 'missing', host: 'compute1', device: 'br-tun', b: null });
  });

  it('compares only the hosts that are named', async () => {
    const other = edited(FLOWS, (text) => text.replace(/^.*tun_id=0x34e.*\n/m, ''));
    expect((await hopwise(['diff', DEMO, other, '--host', 'compute2'])).code).toBe(0);
    expect((await hopwise(['diff', DEMO, other, '--host', 'compute1'])).code).toBe(1);
    const unknown = await hopwise(['diff', DEMO, other, '--host', 'compute9']);
    expect([unknown.code, unknown.err]).toEqual([2, 'hopwise: neither side has a host compute9\n']);
  });

  it('does not pass when a dump lacks a file', async () => {
    const other = edited(FLOWS, null);
    const { out, code } = await hopwise(['diff', DEMO, other]);
    expect(code).toBe(3);
    expect(out).toMatch(/^\? no difference found, \d+ places not compared/);
    expect(out).toContain(
      `compute1 br-tun table 4: not compared, B has no ${FLOWS.replace('.txt', '')}`,
    );
  });

  it('compares a cloud.yaml with another', async () => {
    const cloud = join(ROOT, 'scenarios/vxlan-two-tenants/cloud.yaml');
    expect((await hopwise(['diff', cloud, cloud])).code).toBe(0);
  });

  it('refuses what is no network', async () => {
    const { code, err } = await hopwise(['diff', DEMO, join(scratch, 'nowhere')]);
    expect(code).toBe(2);
    expect(err).toContain('there is no snapshot at');
  });
});

describe('hopwise diff --reachability', () => {
  const rules = 'hosts/compute2/ovs/br-int.flows.txt';
  const reach = (...sides: readonly string[]) =>
    hopwise(['diff', ...sides, '--reachability', '--server', 'a1', 'a2']);

  // Both servers with each other, both and a floating IP with three ends outside, and both with four
  // gateways and DHCP servers.
  it('finds the same packets arriving in a network and in itself', async () => {
    const { out, code } = await reach(DEMO, DEMO);
    expect(code).toBe(0);
    expect(out).toBe('✓ 0 of 19 pairs of ends changed\n');
  });

  it('tells the packets that a changed rule opens, and those that a lost one closes', async () => {
    // 5000/0xfffc is 5000 to 5003; under 0xfff8 it is 5000 to 5007, of which 5004 to 5006 were open.
    const other = edited(rules, (text) =>
      text
        .replace(/.*table=82.*udp.*tp_dst=53 .*\n/g, '')
        .replaceAll('tp_dst=0x1388/0xfffc', 'tp_dst=0x1388/0xfff8'),
    );
    const { out, code } = await reach(DEMO, other);
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.replace(/ \(for example.*/, ''))).toEqual([
      '✗ 1 of 19 pairs of ends changed',
      '  lost     a1 → a2  udp 53',
      '  gained   a1 → a2  tcp 5007',
      '',
    ]);
  });

  it('writes data', async () => {
    const other = edited(rules, (text) => text.replace(/.*table=82.*udp.*tp_dst=53 .*\n/g, ''));
    const { out } = await hopwise([
      ...['diff', DEMO, other, '--reachability', '--json', '--server', 'a1', 'a2'],
    ]);
    const data = JSON.parse(out) as { changes: { lost: unknown; gained: unknown }[] };
    expect(violations(REACHABILITY_SCHEMA, data)).toEqual([]);
    expect(data.changes).toHaveLength(1);
    expect(data.changes[0]?.lost).toMatchObject({
      classes: [{ protocol: 'udp', ports: [[53, 53]] }],
    });
    expect(data.changes[0]?.gained).toBeNull();
  });

  it('tells packets whose answers are lost, and with --frames who else receives what', async () => {
    // What a1 is answered is an established connection; without its flows answers end at a1's host.
    const mute = edited('hosts/compute1/ovs/br-int.flows.txt', (text) =>
      text.replace(/.*table=82.*ct_state=\+est-rel\+rpl.*\n/g, ''),
    );
    const answers = await reach(DEMO, mute);
    expect(answers.code).toBe(1);
    expect(answers.out).toMatch(
      /changed {2}a1 → a2 {2}\S.*: .*its answer is received at compute1 \S+ no more/,
    );
    const forged = edited('hosts/compute1/ovs/br-int.flows.txt', (text) =>
      text.replace(/(table=71.*priority=95,arp,.*),arp_spa=10\.0\.0\.\d+/g, '$1'),
    );
    expect((await reach(DEMO, forged)).code).toBe(0);
    const frames = await hopwise([
      ...['diff', DEMO, forged, '--reachability', '--frames', '--json', '--server', 'a1'],
    ]);
    const data = JSON.parse(frames.out) as {
      frames: { server: string; kind: string; differences: { gained: string | null }[] }[];
    };
    expect(violations(REACHABILITY_SCHEMA, data)).toEqual([]);
    expect(data.frames.map(({ server, kind }) => `${server} ${kind}`)).toEqual(['a1 arp']);
    expect(data.frames[0]?.differences[0]?.gained).toMatch(/^arp,dl_src=.*,arp_spa=/);
    expect(frames.code).toBe(1);
  });

  it('refuses a server that one side lacks', async () => {
    const { code, err } = await hopwise(['diff', DEMO, DEMO, '--reachability', '--server', 'a99']);
    expect(code).toBe(2);
    expect(err).toContain('no server of both sides is named "a99"');
  });
});

/** The library: open a snapshot, ask in words, read answers as data and text. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  explain,
  openSnapshot,
  parseProbeRecords,
  replay,
  replayText,
  sightingsOf,
  trace,
  traceJson,
  traceText,
} from '../src/index.ts';
import { openFolder } from '../src/snapshot/collect/folder.ts';
import { ROOT } from './sources.ts';

const DEMO = join(ROOT, 'demo/ovs-vxlan-ovsfw');
const network = openSnapshot(DEMO);

describe('the library', () => {
  it('traces a question in words', () => {
    const answer = trace(network, { from: 'a1', to: 'a2', protocol: 'tcp', port: 5000 });
    if (answer.kind === 'refused') throw new Error(answer.message);
    expect(answer.trace.verdict).toBe('REACHABLE');
    expect(answer.trace.receivedBy).toBe('a2');
    expect(sightingsOf(answer.trace).length).toBeGreaterThan(10);
    expect(traceJson(answer.trace, 'demo', '0')).toMatchObject({ kind: 'Trace' });
  });

  it('tells a blocked packet’s cause as data and as text', () => {
    const answer = trace(network, { from: 'a1', to: 'a2', protocol: 'tcp', port: 23 });
    if (answer.kind === 'refused') throw new Error(answer.message);
    const [blocker] = answer.trace.blockers;
    expect(blocker?.code).toBe('SG_NO_MATCHING_RULE');
    expect(explain(blocker?.code ?? 'NO_ROUTE').causes.length).toBeGreaterThan(0);
    expect(traceText(answer.trace).split('\n')[1]).toMatch(/why +no ingress rule of a2’s/);
    expect(traceText(answer.trace, { verbose: true })).toContain('set_field:0x34e->tun_id');
  });

  it('refuses what it does not understand, with candidates or the place', () => {
    expect(trace(network, { from: 'a11', to: 'a2' })).toEqual({
      kind: 'refused',
      message: expect.stringContaining('did you mean a1?'),
      details: [],
    });
    const many = trace(network, { from: '10.0.0.1', to: 'a2' });
    expect(many.kind === 'refused' ? many.details.length : 0).toBeGreaterThan(2);
    const fields = trace(network, { from: 'a1', to: 'a2', flow: 'icmp,nw_srcc=1' });
    expect(fields.kind === 'refused' ? fields.details.at(-1) : '').toBe('       ^');
  });

  it('asks for addresses and neighbours too', () => {
    const lease = trace(network, { from: 'a1', to: 'dhcp' });
    expect(lease.kind === 'traced' ? lease.trace.content : null).toMatchObject({
      kind: 'lease',
      address: '10.0.0.81',
    });
    const arp = trace(network, { from: 'a1', to: 'arp:10.0.0.7' });
    expect(arp.kind === 'traced' ? arp.trace.content : null).toEqual({
      kind: 'neighbour',
      macs: ['fa:16:3e:76:61:fe'],
    });
  });

  it('replays records', () => {
    const records = [{ from: 'a1', proto: 'icmp', to: '10.0.0.7', delivered: true }];
    const { value, problems } = parseProbeRecords(JSON.stringify(records), 'truth.json');
    expect(problems).toEqual([]);
    const run = replay(value, () => network);
    expect(run.totals).toEqual({ probes: 1, agree: 1, disagree: 0, skipped: 0 });
    expect(replayText(run)).toBe('probes: 1 agree, 0 disagree, 0 not asked');
  });

  it('opens a folder of the caller’s own', () => {
    const other = openSnapshot(openFolder(DEMO));
    expect([...other.hosts.keys()]).toEqual([...network.hosts.keys()]);
    expect(() => openSnapshot(join(DEMO, 'none'))).toThrow(/ENOENT/);
  });
});

/** Traces over the bundled real deployment, compared with what really happened to real packets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { parseProbeRecords } from '../../src/trace/probe-record.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type PacketQuestion, type Trace } from '../../src/trace/types.ts';
import { ROOT } from '../sources.ts';

const network = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
const tracer = prepareTracing(network);

function traced(from: string, to: string, packet: Partial<PacketQuestion> = {}): Trace {
  const [source, target] = [resolveEnd(network, from), resolveEnd(network, to)];
  if (source.kind !== 'found' || target.kind !== 'found') throw new Error('unknown end');
  const result = tracer.trace({
    from: source.resolved.end,
    to: target.resolved.end,
    packet: {
      protocol: 'icmp',
      sourcePort: null,
      destinationPort: null,
      source: null,
      icmpId: null,
      size: 56,
      dontFragment: false,
      flow: null,
      ...packet,
    },
  });
  if (result.kind === 'impossible') throw new Error(result.why);
  return result.trace;
}

describe('a trace between two VMs on different hosts', () => {
  it('crosses the switch, the tunnel and the other switch, and comes back', () => {
    const trace = traced('a1', 'a2');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.receivedBy).toBe('a2');
    expect(trace.answerFrom).toBe('10.0.0.7');
    expect(trace.request?.hops.map(({ host, stage }) => [host, stage])).toEqual([
      ['compute1', 'guest'],
      ['compute1', 'switch'],
      ['compute2', 'switch'],
      ['compute2', 'guest'],
    ]);
  });

  it('carries the frame in the tunnel that a real capture of the wire shows', () => {
    const wire = traced('a1', 'a2').request?.hops[2]?.before;
    expect(wire).toMatchObject({
      ip_src: '172.30.20.31',
      ip_dst: '172.30.20.32',
      tp_dst: '4789',
      encap_id: '0x34e',
    });
  });

  it('names the security group table where no rule lets a packet in', () => {
    const trace = traced('a2', 'a1', { protocol: 'tcp', destinationPort: 5000 });
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.blockers[0]).toMatchObject({ code: 'SG_NO_MATCHING_RULE', host: 'compute1' });
    expect(trace.blockers[0]?.origin?.file).toContain('br-int');
  });

  it('translates at the router on the way to the outside world and back', () => {
    const trace = traced('a2', 'external:198.51.100.10');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.observed?.source).toBe('203.0.113.109');
  });

  it('does not claim to know the port that --random-fully picks', () => {
    const outward = traced('a2', 'external:198.51.100.10', {
      protocol: 'tcp',
      sourcePort: 40_000,
      destinationPort: 80,
    });
    expect(outward.observed).toMatchObject({ sourcePort: null, destinationPort: 80 });
    const inside = traced('a1', 'a2', { protocol: 'udp', sourcePort: 40_000, destinationPort: 53 });
    expect(inside.observed).toMatchObject({ sourcePort: 40_000, destinationPort: 53 });
  });

  it('stops a source address that the port does not own', () => {
    const source = { version: 4, value: 0x0a0000c7n } as const;
    const trace = traced('a1', 'a2', { source });
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.requestDelivered).toBe(false);
  });
});

describe('replay', () => {
  it('agrees with the fate of every recorded probe between VMs', () => {
    const file = join(ROOT, 'test/fixtures/trace/probes-between-vms.json');
    const { value, problems } = parseProbeRecords(readFileSync(file, 'utf8'), file);
    expect(problems).toEqual([]);
    const { probes, totals } = replay(value, () => network);
    expect(totals.probes).toBeGreaterThan(150);
    expect(
      probes.filter(({ agrees }) => !agrees).map(({ index, differs }) => [index, differs]),
    ).toEqual([]);
  });
});

describe('an end', () => {
  it('that nobody knows is answered with what was probably meant', () => {
    expect(resolveEnd(network, 'a11')).toMatchObject({ kind: 'unknown' });
    const answer = resolveEnd(network, 'route-a');
    expect(answer.kind === 'unknown' ? answer.message : '').toContain('router-a');
  });
});

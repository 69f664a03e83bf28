/** Which connections stand before the first packet: none, or those of the dumps. */
import { describe, expect, it } from 'vitest';
import { resolveEnd } from '../../src/trace/ends.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type PacketQuestion, type Trace } from '../../src/trace/types.ts';
import { captured } from '../captured.ts';

const capture = captured('ovs-vxlan-ovsfw');
const network = capture.network('tenant-matrix');
if (network === null) throw new Error('the fixture has no such phase');

/** What a2's name server would answer to a question that a1 asked before the dump was taken. */
const ANSWER: PacketQuestion = {
  protocol: 'udp',
  sourcePort: 53,
  destinationPort: 45_126,
  source: null,
  icmpId: null,
  size: 16,
  dontFragment: false,
  flow: null,
};

function asked(connections: 'none' | 'dumped'): Trace {
  if (network === null) throw new Error('no network');
  const [from, to] = [resolveEnd(network, 'a2'), resolveEnd(network, 'a1')];
  if (from.kind !== 'found' || to.kind !== 'found') throw new Error('unknown end');
  const tracer = prepareTracing(network, { connections });
  const question = { from: from.resolved.end, to: to.resolved.end };
  const result = tracer.trace({ ...question, packet: ANSWER });
  if (result.kind === 'impossible') throw new Error(result.why);
  return result.trace;
}

describe('the state a walk starts from', () => {
  it('is empty by default, and the answer says so', () => {
    const codes = asked('none').assumptions.map(({ code }) => code);
    expect(codes).toContain('ASSUME_FRESH_CONNTRACK');
    expect(codes).not.toContain('ASSUME_DUMPED_CONNTRACK');
  });

  it('is that of the dumps when asked for, and the answer says so', () => {
    const codes = asked('dumped').assumptions.map(({ code }) => code);
    expect(codes).toContain('ASSUME_DUMPED_CONNTRACK');
    expect(codes).not.toContain('ASSUME_FRESH_CONNTRACK');
  });

  it('decides whether an answer to an earlier question passes the firewall', () => {
    expect(asked('none').blockers[0]?.code).toBe('SG_NO_MATCHING_RULE');
    // It comes in, though nobody waits for it any more.
    expect(asked('dumped').blockers[0]).toMatchObject({ code: 'NOT_LISTENING', host: 'compute1' });
  });
});

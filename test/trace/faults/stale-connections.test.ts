/**
 * Entries of earlier connections: what they decide otherwise than the rules of today, when the
 * question is asked with the connections of the dumps.
 */
import { describe, expect, it } from 'vitest';
import { prepareTracing } from '../../../src/trace/tracer.ts';
import { type PacketQuestion, type Trace } from '../../../src/trace/types.ts';
import { captured } from '../../captured.ts';
import { resolvedQuestion } from '../asked.ts';
import { injure, rewrite } from './edits.ts';

interface Row {
  readonly name: string;
  readonly capture: readonly [name: string, phase: string];
  /** Where the entries stand: host and namespace. */
  readonly at: readonly [host: string, namespace: RegExp];
  readonly entries: readonly string[];
  readonly asked: readonly [from: string, to: string, packet: Partial<PacketQuestion>];
  readonly connections?: 'none' | 'dumped';
  readonly verdict: Trace['verdict'];
  /** First blocker, or the warning beside the verdict; null for neither. */
  readonly blames: string | null;
  readonly warns?: readonly string[];
  readonly receivedBy?: string;
}

const FAULTS = ['ovs-faults', 'baseline'] as const;
const LINUX = ['linuxbridge-vxlan-flat', 'matrix'] as const;
const ROUTER = ['net1', /qrouter-.*/] as const;
const INWARD = ['external:203.0.113.1', '203.0.113.159', { icmpId: 77 }] as const;
const OUT = [
  'a1',
  'external:198.51.100.10',
  { protocol: 'tcp', sourcePort: 5000, destinationPort: 80 },
] as const;
const UDP_IN = [
  'l1',
  '10.0.0.119',
  { protocol: 'udp', sourcePort: 4000, destinationPort: 123 },
] as const;

/** An echo request to the floating IP, and the server it led to when the entry was made. */
const echo = (server: string, more = ''): string =>
  `ipv4     2 icmp     1 29 src=203.0.113.1 dst=203.0.113.159 type=8 code=0 id=77 src=${server} dst=203.0.113.1 type=0 code=0 id=77 mark=0 ${more}use=1`;
const udp = (zone: string, more: string): string =>
  `ipv4     2 udp      17 100 src=10.0.0.44 dst=10.0.0.119 sport=4000 dport=123 ${more === '[UNREPLIED]' ? '[UNREPLIED] ' : ''}src=10.0.0.119 dst=10.0.0.44 sport=123 dport=4000 ${more === '[ASSURED]' ? '[ASSURED] ' : ''}mark=0 ${zone}use=1`;
const UNTRANSLATED =
  'ipv4     2 tcp      6 100 SYN_SENT src=10.80.0.51 dst=198.51.100.10 sport=5000 dport=80 [UNREPLIED] src=198.51.100.10 dst=10.80.0.51 sport=80 dport=5000 mark=0 use=1';

const ROWS: readonly Row[] = [
  {
    name: 'an entry that leads to where the floating IP leads today changes nothing',
    capture: FAULTS,
    at: ROUTER,
    entries: [echo('10.80.0.30')],
    asked: INWARD,
    verdict: 'REACHABLE',
    blames: null,
    receivedBy: 'a2',
  },
  {
    name: 'an entry from before the floating IP was moved leads to the old server',
    capture: FAULTS,
    at: ROUTER,
    entries: [echo('10.80.0.51')],
    asked: INWARD,
    verdict: 'UNREACHABLE',
    blames: 'CT_STALE',
    receivedBy: 'a1',
  },
  {
    name: 'an entry that leads to an address nobody has any more is blamed, not the silence',
    capture: FAULTS,
    at: ROUTER,
    entries: [echo('10.80.0.99')],
    asked: INWARD,
    verdict: 'UNREACHABLE',
    blames: 'CT_STALE',
  },
  {
    name: 'the same entry decides nothing when connections are taken to be fresh',
    capture: FAULTS,
    at: ROUTER,
    entries: [echo('10.80.0.99')],
    asked: INWARD,
    connections: 'none',
    verdict: 'REACHABLE',
    blames: null,
    receivedBy: 'a2',
  },
  {
    name: 'an entry of another zone is none of the packet’s',
    capture: FAULTS,
    at: ROUTER,
    entries: [echo('10.80.0.99', 'zone=5 ')],
    asked: INWARD,
    verdict: 'REACHABLE',
    blames: null,
    receivedBy: 'a2',
  },
  {
    name: 'an unanswered entry from before the NAT rules keeps a client untranslated',
    capture: FAULTS,
    at: ROUTER,
    entries: [UNTRANSLATED],
    asked: OUT,
    verdict: 'UNREACHABLE',
    blames: 'CT_STALE',
  },
  {
    name: 'a flow that no group allows is refused without an entry',
    capture: LINUX,
    at: ['compute2', /root/],
    entries: [udp('zone=4077 ', '[ASSURED]')],
    asked: UDP_IN,
    verdict: 'UNREACHABLE',
    blames: 'SG_NO_MATCHING_RULE',
  },
  {
    name: 'a flow whose rule was taken away passes as long as its entry is assured, with a warning',
    capture: LINUX,
    at: ['compute2', /root/],
    entries: [udp('zone=4097 ', '[ASSURED]')],
    asked: UDP_IN,
    verdict: 'REACHABLE',
    blames: null,
    warns: ['CT_STALE'],
    receivedBy: 'l2',
  },
  {
    name: 'an entry that nobody has answered lets nothing pass that no group allows',
    capture: LINUX,
    at: ['compute2', /root/],
    entries: [udp('zone=4097 ', '[UNREPLIED]')],
    asked: UDP_IN,
    verdict: 'UNREACHABLE',
    blames: 'SG_NO_MATCHING_RULE',
  },
];

describe('with connections of before,', () => {
  it.each(ROWS)('$name', ({ capture: [name, phase], at: [host, namespace], entries, ...row }) => {
    const path = new RegExp(`^hosts/${host}/ns/(?:${namespace.source})/conntrack\\.txt$`);
    const network = injure(captured(name), phase, [
      rewrite(path, (text) => `${entries.join('\n')}\n${text}`),
    ]);
    const [from, to, packet] = row.asked;
    const { connections = 'dumped' } = row;
    const traced = prepareTracing(network, { connections }).trace(
      resolvedQuestion(network, from, to, packet),
    );
    if (traced.kind === 'impossible') throw new Error(traced.why);
    const { verdict, blockers, remarks, receivedBy } = traced.trace;
    const warned = remarks.flatMap(({ kind, code }) => (kind === 'warning' ? [code] : []));
    expect({ verdict, blamed: blockers[0]?.code ?? null, warned }).toEqual({
      verdict: row.verdict,
      blamed: row.blames,
      warned: row.warns ?? [],
    });
    if (row.receivedBy !== undefined) expect(receivedBy).toBe(row.receivedBy);
    if (row.blames === 'CT_STALE') expect(blockers[0]).toMatchObject({ host, origin: { line: 1 } });
  });
});

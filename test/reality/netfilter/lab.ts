/** The nodes of a case as emulated stacks, the cables between them, and what is recorded. */
import { type Reassembly, startReassembly } from '../../../src/dataplane/conntrack/defragment.ts';
import { type Netfilter } from '../../../src/dataplane/iptables/netfilter.ts';
import { type RuleStep } from '../../../src/dataplane/iptables/steps.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { type PathMtu } from '../../../src/dataplane/routing/path-mtu.ts';
import { type Served } from '../../../src/dataplane/routing/served.ts';
import { type Stack } from '../../../src/dataplane/routing/stack.ts';
import { type FieldBits, field } from '../../../src/packet/fields.ts';
import { numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { type Step, type Traffic } from '../../../src/traffic/traffic.ts';
import { briefPacket, ipText } from './brief.ts';
import { type Case, type KernelConnection, type KernelExpectation } from './case.ts';
import { namespacesOf } from './namespace-of.ts';
import { nodeOf } from './netfilter-of.ts';

/** A rule that matched, the end of a chain or a policy, in the recorder's words. */
export type Entry = readonly [
  table: string,
  chain: string,
  what: string,
  number: number,
  mark?: string,
];

/** What one step did, in the recorder's words. */
export interface Played {
  readonly out: (readonly [string, string, string, string])[];
  readonly local: (readonly [string, string])[];
  readonly trace: Record<string, Entry[]>;
  ct: readonly KernelConnection[] | null;
  expect: readonly KernelExpectation[] | null;
  stdout: string | null;
  /** Why the sender's call failed. */
  err: string | null;
  /** Rules that nobody can judge. */
  readonly unknown: string[];
}

export interface LabNode {
  stack: Stack<Packet>;
  readonly netfilter: Netfilter<Packet>;
}

export interface Lab {
  readonly case: Case;
  readonly run: Run<Packet>;
  readonly nodes: Map<string, LabNode>;
  /** The step that is played. */
  now: Played;
  /** Ports and ids that the kernel chose in this step: one of them is taken where any may be. */
  chosen: readonly number[];
  /** Initial sequence numbers of the kernel's SYN-ACKs in this step. */
  sequences: readonly number[];
  /** `node/link` → the port outside, or the other end of a veth. */
  readonly outside: ReadonlyMap<string, string>;
  readonly inside: ReadonlyMap<string, readonly [string, string]>;
  readonly veths: ReadonlyMap<string, readonly [string, string]>;
}

/** What a node keeps from case to case, as long as its topology stays. */
export interface Kept {
  readonly tracked: Reassembly<Packet>;
  readonly local: Reassembly<Packet>;
  readonly pathMtus: PathMtu<Packet>[];
  /** Of connections only those that are open outlive a case. */
  readonly served: Served<Packet>[];
}

/**
 * The recorder keeps its last eight topologies, and with them what waits for fragments and what
 * errors told of paths.
 */
export class Topologies {
  readonly #kept = new Map<string, Map<string, Kept>>();

  of(one: Case): ReadonlyMap<string, Kept> {
    const key = topologyKey(one);
    const known = this.#kept.get(key) ?? new Map<string, Kept>();
    for (const name of Object.keys(one.nodes)) {
      if (!known.has(name)) {
        known.set(name, nothingKept());
      }
    }
    for (const { served } of known.values()) {
      const open = served.filter((one) => one.open);
      for (const one of open) one.answered_us = null;
      served.splice(0, served.length, ...open);
    }
    this.#kept.set(key, known);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > 8 && oldest !== undefined) this.#kept.delete(oldest);
    return known;
  }

  /**
   * How long the kernel's real time between two cases was is not recorded, and fragments wait for
   * 30 seconds of it. Where some wait from earlier cases: gives the moment back at which they have
   * been given up.
   */
  agedBefore(one: Case): (() => void) | null {
    const key = topologyKey(one);
    const known = this.#kept.get(key);
    if (known === undefined) return null;
    const waits = [...known.values()].some(
      ({ tracked, local }) => tracked.queues.size + local.queues.size > 0,
    );
    if (!waits) return null;
    const then = new Map([...known].map(([name, kept]) => [name, aged(kept)]));
    return () => void this.#kept.set(key, then);
  }
}

/** What a node kept, when the fragments that wait there are given up (net.ipv4.ipfrag_time). */
function aged({ pathMtus, served }: Kept): Kept {
  const rest = { pathMtus: pathMtus.map((one) => ({ ...one })), served: served.map(copied) };
  return { ...nothingKept(), ...rest };
}

function copied(one: Served<Packet>): Served<Packet> {
  return { ...one };
}

function nothingKept(): Kept {
  return { tracked: startReassembly(), local: startReassembly(), pathMtus: [], served: [] };
}

function topologyKey({ nodes }: Case): string {
  const bare = Object.entries(nodes).map(([name, node]) => {
    const { iptables, ip6tables, ipset, ...rest } = node;
    return [name, rest];
  });
  return JSON.stringify(bare);
}

/** Some moment of 2026: rules of recorded cases ask for nothing that the year would change. */
const MOMENT_S = 1_780_000_000;

export function nothingPlayed(): Played {
  const open = { ct: null, expect: null, stdout: null, err: null };
  return { out: [], local: [], trace: {}, unknown: [], ...open };
}

/** Sets a case up. */
export function openLab(one: Case, topologies: Topologies): Lab {
  const nodes = new Map<string, LabNode>();
  const lab: Lab = {
    case: one,
    run: { traffic: onePacket, now_us: 0, assume: () => undefined },
    nodes,
    now: nothingPlayed(),
    chosen: [],
    sequences: [],
    ...cables(one),
  };
  const run: Run<Packet> = {
    traffic: chooser(lab),
    now_us: 0,
    epoch_s: MOMENT_S,
    assume: (reason, detail) => {
      if (reason === 'UNSUPPORTED_MATCH') lab.now.unknown.push(detail);
    },
  };
  const kept = topologies.of(one);
  for (const [name, namespace] of namespacesOf(one)) {
    const fragments = kept.get(name) ?? nothingKept();
    const watched = Object.assign(Object.create(run) as Run<Packet>, {
      traffic: { ...run.traffic, note: recorder(lab, name) },
    });
    nodes.set(
      name,
      nodeOf(one.nodes[name] ?? {}, namespace, watched, fragments, (p, version) =>
        heard(lab, name, p, version),
      ),
    );
  }
  return Object.assign(lab, { run });
}

function cables(one: Case): Pick<Lab, 'outside' | 'inside' | 'veths'> {
  const outside = new Map<string, string>();
  const inside = new Map<string, readonly [string, string]>();
  const veths = new Map<string, readonly [string, string]>();
  for (const [node, { links = [] }] of Object.entries(one.nodes)) {
    for (const link of links) {
      if (link.type === 'port' && link.port !== undefined) {
        outside.set(`${node}/${link.name}`, link.port);
        inside.set(link.port, [node, link.name]);
      }
      if (link.type === 'veth' && link.peer !== undefined) {
        veths.set(`${node}/${link.name}`, link.peer);
        veths.set(link.peer.join('/'), [node, link.name]);
      }
    }
  }
  return { outside, inside, veths };
}

const OPEN: ReadonlySet<string> = new Set(['tp_src', 'tp_dst', 'icmp_id', 'tcp_seq']);

/**
 * One packet's traffic that takes, where the kernel may choose any port, the one it chose. So
 * the kernel's choice is checked to be one that the emulation allows, and what follows from it
 * can be compared exactly.
 */
function chooser(lab: Lab): Traffic<Packet> {
  const choose = (p: Packet, to: FieldBits, from: bigint, upTo: bigint): Packet => {
    const chosen = to.field.name === 'tcp_seq' ? lab.sequences : lab.chosen;
    const wanted = OPEN.has(to.field.name)
      ? chosen.find((value) => BigInt(value) >= from && BigInt(value) <= upTo)
      : undefined;
    return onePacket.choose(p, to, wanted === undefined ? from : BigInt(wanted), upTo);
  };
  return { ...onePacket, choose };
}

const MARK = field('pkt_mark');

function recorder(lab: Lab, node: string): Traffic<Packet>['note'] {
  return (p, step) => {
    const made = typeof step === 'function' ? step() : step;
    if (isRule(made)) {
      const mark = numberOf(p, MARK);
      const entries = lab.now.trace[node] ?? [];
      lab.now.trace[node] = entries;
      const { table, chain, what, number } = made;
      if (mark === 0) entries.push([table, chain, what, number]);
      else entries.push([table, chain, what, number, `mark=0x${mark.toString(16)}`]);
    }
    return onePacket.note(p, step);
  };
}

function isRule(step: Step): step is RuleStep {
  return step.kind === 'rule';
}

/** The recorder's raw sockets hear what passed INPUT, whether somebody listens or not. */
function heard(lab: Lab, node: string, p: Packet, version: 4 | 6): void {
  const protocol = numberOf(p, field('ip_proto'));
  const { bytes } = onePacket.content(p) ?? { bytes: new Uint8Array(0) };
  if (version === 4 && RAW_4.has(protocol)) lab.now.local.push([node, briefPacket(bytes)]);
  if (version === 6 && RAW_6.has(protocol)) {
    const source = ipText(BigInt(`0x${hex(bytes.subarray(8, 24))}`), 6);
    lab.now.local.push([node, `ip6 from ${source} ${hex(bytes.subarray(40))}`]);
  }
}

const RAW_4: ReadonlySet<number> = new Set([1, 6, 17, 132, 50, 47]);
const RAW_6: ReadonlySet<number> = new Set([6, 17, 132]);

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

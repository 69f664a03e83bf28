/**
 * A VXLAN device (drivers/net/vxlan/vxlan_core.c vxlan_xmit(), vxlan_rcv(); RFC 7348).
 * Before it: a bridge or the namespace sends a frame. After it: outer packets, which the
 * namespace routes as its own; and the frames that come out of tunnels.
 */
import { allBits, ENCAPSULATION, field, HASHED_FIELDS } from '../../packet/fields.ts';
import { compileTable } from '../../traffic/compiled.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { type Step } from '../../traffic/traffic.ts';
import { type Assignment, assignment } from '../../traffic/words.ts';
import { type Drop, type Run } from '../outcome.ts';
import { MAC } from './compiled.ts';

export interface VxlanDevice {
  readonly name: string;
  readonly mac: bigint;
  readonly vni: number;
  /** UDP port: 8472 is Linux's own, 4789 IANA's. */
  readonly port: number;
  readonly local: bigint | null;
  /** The multicast group that stands for all other ends, joined on `link`; null without one. */
  readonly group: bigint | null;
  readonly link: string | null;
  readonly ttl: number;
  /** The outer UDP header gets a checksum (ip-link(8) udpcsum). */
  readonly checksum: boolean;
  readonly learning: boolean;
  /** Answers ARP requests from its neighbour table and lets no ARP through. */
  readonly proxy: boolean;
  readonly fdb: readonly VxlanEntry[];
  readonly neighbours: readonly { readonly address: bigint; readonly mac: bigint }[];
}

export interface VxlanEntry {
  /** 0 is the entry for everything that is not known. */
  readonly mac: bigint;
  readonly remotes: readonly Remote[];
}

export interface Remote {
  readonly address: bigint;
  readonly port: number | null;
  readonly vni: number | null;
  /** The device it is sent by (`via`), whatever the routes say; null leaves it to them. */
  readonly via: string | null;
}

export interface VxlanState<P> {
  readonly of: VxlanDevice;
  readonly entries: Table<VxlanEntry>;
  readonly byArpTarget: Table<{ readonly mac: bigint }>;
  readonly unknown: VxlanEntry | null;
  readonly isMine: Guard;
  /** Outer packets in which inner MACs were learned; newest first. */
  learned: readonly P[];
}

export type Tunnelled<P> =
  /** A packet of the host that carries the frame; its source may still be open. */
  | { readonly kind: 'outer'; readonly device: string | null; readonly p: P }
  /** A frame that the device itself answers with: the host receives it on the device. */
  | { readonly kind: 'receive'; readonly p: P }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P };

/** The frame went into a tunnel or came out of one. */
export interface VxlanStep extends Step {
  readonly kind: 'vxlan';
  readonly device: string;
  readonly vni: number;
  readonly direction: 'in' | 'out';
  /** Null for a remote that was learned. */
  readonly remote: bigint | null;
}

const F = {
  ethType: field('eth_type'),
  protocol: field('ip_proto'),
  ttl: field('nw_ttl'),
  source: field('ip_src'),
  destination: field('ip_dst'),
  udpSource: field('udp_src'),
  udpDestination: field('udp_dst'),
  kind: field('encap_kind'),
  flags: field('encap_flags'),
  vni: field('encap_id'),
  checksum: field('encap_csum'),
  length: field('ip_len'),
  frameLength: field('frame_len'),
  arpTarget: field('arp_tpa'),
} as const;
const IS_ARP = guard(test(F.ethType, 0x0806n));
const IS_ARP_REQUEST = guard(and(test(F.ethType, 0x0806n), test(field('arp_op'), 1n)));
const UDP = 17;
/** Outer IPv4, UDP and VXLAN headers. */
const OVERHEAD_BYTES = 36;
const LEARNED_MAX = 4096;

/** Prepares a VXLAN device. */
export function makeVxlan<P>(of: VxlanDevice): VxlanState<P> {
  const known = of.fdb.filter((entry) => entry.mac !== 0n);
  const rules = known.map(
    (entry, rank): Rule<VxlanEntry> => ({
      match: test(MAC.destination.field, entry.mac),
      rank,
      decisive: true,
      entry,
    }),
  );
  const neighbours = of.neighbours.map(({ address, mac }, rank): Rule<{ mac: bigint }> => {
    return { match: test(F.arpTarget, address), rank, decisive: true, entry: { mac } };
  });
  return {
    of,
    entries: compileTable(rules),
    byArpTarget: compileTable(neighbours),
    unknown: of.fdb.find((entry) => entry.mac === 0n) ?? null,
    isMine: guard(
      and(
        test(F.udpDestination, BigInt(of.port)),
        test(F.kind, BigInt(ENCAPSULATION.vxlan)),
        test(F.vni, BigInt(of.vni)),
      ),
    ),
    learned: [],
  };
}

/** Sends a frame into the tunnels its destination MAC leads to. */
export function transmitVxlan<P>(run: Run<P>, state: VxlanState<P>, p: P): readonly Tunnelled<P>[] {
  const out: Tunnelled<P>[] = [];
  const arp = state.of.proxy ? run.traffic.split(p, IS_ARP) : { hit: null, miss: p };
  if (arp.hit !== null) answerArp(run, state, arp.hit, out);
  if (arp.miss !== null) forwardFrame(run, state, arp.miss, out);
  return out;
}

/** arp_reduce(): what is not answered is swallowed, whatever the forwarding database says. */
function answerArp<P>(run: Run<P>, state: VxlanState<P>, p: P, out: Tunnelled<P>[]): void {
  const { traffic } = run;
  const { hit, miss } = traffic.split(p, IS_ARP_REQUEST);
  if (miss !== null) out.push(dropped(state, miss, 'the ARP proxy lets no ARP through'));
  if (hit === null) return;
  for (const { entries, p: part } of traffic.lookup(hit, state.byArpTarget)) {
    const known = entries[0]?.entry;
    if (known === undefined) {
      out.push(dropped(state, part, 'the ARP proxy knows no neighbour with this address'));
      continue;
    }
    let made = traffic.blank(part);
    for (const [name, value] of [
      ['eth_type', 0x0806n],
      ['arp_op', 2n],
      ['eth_src', known.mac],
      ['arp_sha', known.mac],
      ['frame_len', 42n],
    ] as const) {
      made = traffic.set(made, assignment(field(name), value));
    }
    for (const [to, from] of [
      ['eth_dst', 'arp_sha'],
      ['arp_tha', 'arp_sha'],
      ['arp_tpa', 'arp_spa'],
      ['arp_spa', 'arp_tpa'],
    ] as const) {
      made = traffic.copy(made, allBits(field(to)), part, allBits(field(from)));
    }
    out.push({ kind: 'receive', p: made });
  }
}

function dropped<P>(state: VxlanState<P>, p: P, evidence: string): Tunnelled<P> {
  const reason = evidence.includes('ARP') ? 'ARP_UNANSWERED' : 'L2POP_ENTRY_MISSING';
  return { kind: 'dropped', drop: { reason, where: state.of.name, evidence, origin: null }, p };
}

function forwardFrame<P>(run: Run<P>, state: VxlanState<P>, p: P, out: Tunnelled<P>[]): void {
  const { traffic } = run;
  for (const { entries, p: part } of traffic.lookup(p, state.entries)) {
    const entry = entries[0]?.entry;
    if (entry !== undefined) toRemotes(run, state, entry, part, out);
    else toLearned(run, state, part, out);
  }
}

function toLearned<P>(run: Run<P>, state: VxlanState<P>, p: P, out: Tunnelled<P>[]): void {
  const { traffic } = run;
  let rest: P | null = p;
  for (const seen of state.learned) {
    const inner = rest === null ? null : traffic.decapsulate(seen);
    if (rest === null || inner === null) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.same(rest, inner, [
      [MAC.destination, MAC.source],
    ]);
    if (hit !== null) {
      const made = outer(run, state, null, hit);
      const remote = traffic.copy(made, allBits(F.destination), seen, allBits(F.source));
      out.push({ kind: 'outer', device: null, p: remote });
    }
    rest = miss;
  }
  if (rest === null) return;
  if (state.unknown !== null) toRemotes(run, state, state.unknown, rest, out);
  else out.push(dropped(state, rest, 'no entry for the MAC and no flood entry'));
}

function toRemotes<P>(
  run: Run<P>,
  state: VxlanState<P>,
  entry: VxlanEntry,
  p: P,
  out: Tunnelled<P>[],
): void {
  for (const remote of entry.remotes) {
    const made = outer(run, state, remote, run.traffic.fork(p));
    out.push({ kind: 'outer', device: remote.via, p: made });
  }
}

/**
 * vxlan_xmit_one(): the source port is a hash of the inner flow (udp_flow_src_port()), so any of the
 * range, and the same one for all of its packets.
 */
function outer<P>(run: Run<P>, state: VxlanState<P>, remote: Remote | null, p: P): P {
  const { traffic } = run;
  const { of } = state;
  const vni = remote?.vni ?? of.vni;
  const step = (): VxlanStep => ({
    kind: 'vxlan',
    device: of.name,
    vni,
    direction: 'out',
    remote: remote?.address ?? null,
  });
  const inner = traffic.note(p, step);
  let made = traffic.encapsulate(inner);
  const writes: Assignment[] = [
    assignment(F.ethType, 0x0800n),
    assignment(F.protocol, BigInt(UDP)),
    assignment(F.ttl, BigInt(of.ttl === 0 ? 64 : of.ttl)),
    assignment(F.source, of.local ?? 0n),
    assignment(F.udpDestination, BigInt(remote?.port ?? of.port)),
    assignment(F.kind, BigInt(ENCAPSULATION.vxlan)),
    assignment(F.flags, 0x0800n),
    assignment(F.vni, BigInt(vni)),
    assignment(F.checksum, of.checksum ? 1n : 0n),
  ];
  if (remote !== null) writes.push(assignment(F.destination, remote.address));
  for (const write of writes) made = traffic.set(made, write);
  const hash = { whose: of, of: inner, fields: HASHED_FIELDS };
  made = traffic.choose(made, allBits(F.udpSource), 32768n, 60999n, hash);
  made = traffic.copy(made, allBits(F.length), inner, allBits(F.frameLength));
  return traffic.add(made, F.length, OVERHEAD_BYTES);
}

/** What the tunnels of a namespace make of a UDP packet for the host. */
export interface FromTunnel<P> {
  /** Frames that come out, with the device they come out of. */
  readonly frames: readonly { readonly device: string; readonly p: P }[];
  readonly unknownVni: P | null;
  /** Nothing to do with VXLAN. */
  readonly rest: P | null;
}

/** Takes apart what was sent to the UDP port of a VXLAN device. */
export function receiveVxlan<P>(
  run: Run<P>,
  states: readonly VxlanState<P>[],
  p: P,
): FromTunnel<P> {
  const { traffic } = run;
  const frames: { device: string; p: P }[] = [];
  let rest: P | null = p;
  for (const state of states) {
    if (rest === null) break;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.split(rest, state.isMine);
    if (hit !== null) {
      const inner = traffic.decapsulate(hit);
      if (inner !== null) {
        const step = (): VxlanStep => ({
          kind: 'vxlan',
          device: state.of.name,
          vni: state.of.vni,
          direction: 'in',
          remote: null,
        });
        if (state.of.learning) state.learned = [hit, ...state.learned].slice(0, LEARNED_MAX);
        frames.push({ device: state.of.name, p: traffic.note(inner, step) });
      }
    }
    rest = miss;
  }
  if (rest === null || states.length === 0) return { frames, unknownVni: null, rest };
  const ports = guard(orPorts(states));
  const { hit, miss } = traffic.split(rest, ports);
  return { frames, unknownVni: hit, rest: miss };
}

function orPorts<P>(states: readonly VxlanState<P>[]): Guard['match'] {
  const of = [...new Set(states.map((state) => state.of.port))];
  return { kind: 'or', of: of.map((port) => test(F.udpDestination, BigInt(port))) };
}

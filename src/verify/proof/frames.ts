/**
 * Every frame that a guest can put on its wire, whatever its own stack would send: all source and
 * destination addresses of both layers, ARP and neighbour discovery, other Ethernet types.
 */
import { type Endpoint, type Network, ROOT } from '../../dataplane/network.ts';
import { type Outcome, type Run } from '../../dataplane/outcome.ts';
import { SILENCE } from '../../dataplane/routing/stack.ts';
import { allBits, field } from '../../packet/fields.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { resolveEnd } from '../../trace/ends.ts';
import { hooksOf } from '../../trace/filters.ts';
import { lineageReader } from '../../trace/lineage.ts';
import { type MadeStep } from '../../trace/steps.ts';
import { openSwitchOf } from '../../trace/switch-device.ts';
import {
  type Device,
  type Ending,
  enterStep,
  type Landing,
  type Wiring,
  walk,
} from '../../trace/walk.ts';
import { openWorld } from '../../trace/world.ts';
import { guard } from '../../traffic/guard.ts';
import { ANY, and, type Match, not, or, test } from '../../traffic/match.ts';
import { blankSet, everyPacket, type PacketSet } from '../../traffic/sets/packet-set.ts';
import { TooManyRegions } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';

/** Neighbour discovery and the rest of ICMPv6 stand apart from other IPv6: they name a target. */
export type FrameKind = 'arp' | 'ipv4' | 'icmpv6' | 'ipv6' | 'other';
export const FRAME_KINDS: readonly FrameKind[] = ['arp', 'ipv4', 'icmpv6', 'ipv6', 'other'];

const ARP = test(field('eth_type'), 0x0806n);
const IPV4 = test(field('eth_type'), 0x0800n);
const IPV6 = test(field('eth_type'), 0x86ddn);
const ICMPV6 = test(field('ip_proto'), 58n);

const KINDS: Readonly<Record<FrameKind, Match>> = {
  arp: ARP,
  ipv4: IPV4,
  icmpv6: and(IPV6, ICMPV6),
  ipv6: and(IPV6, not(ICMPV6)),
  other: not(or(ARP, IPV4, IPV6)),
};

/** Fields that are open, by kind; all others are as in an ordinary packet. */
const OPEN: Readonly<Record<FrameKind, readonly string[]>> = {
  arp: ['eth_src', 'eth_dst', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'],
  ipv4: ['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'ip_proto', 'tp_src', 'tp_dst'],
  icmpv6: ['eth_src', 'eth_dst', 'ipv6_src', 'ipv6_dst', 'ip_proto', 'tp_src', 'nd_target'],
  ipv6: ['eth_src', 'eth_dst', 'ipv6_src', 'ipv6_dst', 'ip_proto', 'tp_src', 'tp_dst'],
  other: ['eth_src', 'eth_dst', 'eth_type'],
};

/** Headers and a little payload, in bytes. */
const IP_LENGTH = 84;

/** All frames of a kind that meet a condition; null for none. */
function framesOf(space: Space, kind: FrameKind, condition: Match): PacketSet | null {
  const every = everyPacket(space);
  const { hit } = packetSets.split(every, guard(and(KINDS[kind], condition)));
  if (hit === null) return null;
  let p = blankSet(hit);
  const open = [...OPEN[kind], ...(kind === 'other' ? [] : ['eth_type'])];
  for (const name of open) p = packetSets.copy(p, allBits(field(name)), hit, allBits(field(name)));
  const constants: readonly (readonly [string, number])[] =
    kind === 'ipv4' || kind === 'ipv6' || kind === 'icmpv6'
      ? [
          ['nw_ttl', 64],
          ['ip_len', IP_LENGTH],
        ]
      : [];
  for (const [name, value] of [...constants, ['frame_len', 14 + IP_LENGTH] as const]) {
    p = packetSets.set(p, assignment(field(name), BigInt(value)));
  }
  return p;
}

/**
 * ARP for addresses of hosts themselves, which their own stacks answer.
 *
 * Simplification: ARP packets that ask for an address of a host itself are not followed when all
 * frames of a server are proved or compared; what a bridge does with a frame does not hang on it.
 */
function askingHosts(network: Network, hosts: Iterable<string>): Match {
  const own = [...hosts].flatMap((host) => network.namespace(host, ROOT)?.state.interfaces ?? []);
  const addresses = own.flatMap((one) => one.addresses.map(({ address }) => address));
  return or(
    ...addresses.flatMap(({ version, value }) =>
      version === 4 ? [test(field('arp_tpa'), value)] : [],
    ),
  );
}

const ALL_NODES = and(
  test(field('ipv6_dst'), 0xff02_0000_0000_0000_0000_0000_0000_0001n),
  test(field('eth_dst'), 0x3333_0000_0001n),
);

/**
 * All frames of a kind in parts that can be followed each by itself: targets of neighbour
 * discovery and destinations are two large choices, and no rule looks at both together.
 */
export function partsOf(network: Network, kind: FrameKind): readonly Match[] {
  if (kind === 'arp') return [not(askingHosts(network, network.hosts.keys()))];
  return kind === 'icmpv6' ? [test(field('nd_target'), 0n), ALL_NODES] : [ANY];
}

const MADE: MadeStep = { kind: 'made', role: 'request' };

/** Where frames are put on a wire: a guest's interface. */
export interface FrameSource {
  readonly host: string;
  readonly namespace: string;
  /** Of the interface. */
  readonly mac: bigint;
}

/** Steps over regions for all frames of a kind: neighbour discovery has two addresses more. */
export const FRAME_BUDGET = 20_000_000;

/** Where a server's frames are put on its wire; null when the network does not show it. */
function wireOf(
  network: Network,
  { host, namespace, port, mac }: Pick<Endpoint, 'host' | 'namespace' | 'port' | 'mac'>,
): FrameSource | null {
  if (namespace !== null) return { host, namespace, mac };
  if (port === null) return null;
  // A guest behind its tap.
  const found = resolveEnd(network, port.id, { side: 'from' });
  const behind = found.kind === 'found' ? found.resolved.end.namespace : null;
  return behind === null ? null : { host, namespace: behind, mac };
}

/**
 * Puts frames on a wire and walks until all have ended. What gets to a device for which `stops`
 * holds ends there: WRONG_RECEIVER. Null: the snapshot does not show the guest.
 */
function walkFrames(
  compiled: CompiledNetwork,
  traffic: Traffic<PacketSet>,
  { host, namespace, mac }: FrameSource,
  frames: readonly PacketSet[],
  stops: (device: Device<PacketSet>) => boolean,
): readonly Ending<PacketSet>[] | null {
  const run: Run<PacketSet> = { traffic, now_us: 0, sets: true, assume: () => {} };
  const world = openWorld<PacketSet>(compiled, run, {
    applications: () => ({ listensEverywhere: false, answer: () => SILENCE }),
    hooks: hooksOf,
    switches: openSwitchOf,
    borrowed: [],
    unconfigured: null,
  });
  const sender = world.namespace(host, namespace);
  const nics = sender?.stack.config.of.interfaces ?? [];
  const port = nics.find((one) => one.mac === mac && !one.loopback)?.name;
  if (sender === null || port === undefined) return null;
  const outcomes = frames.map((p): Outcome<PacketSet> => {
    const made = traffic.note(p, () => MADE);
    return { kind: 'sent', port, p: traffic.note(made, () => enterStep(sender, null)) };
  });
  const lineageOf = lineageReader();
  // What hosts ask each other to carry the frames goes on: who stops it stops the frames.
  const ends = (device: Device<PacketSet>, p: PacketSet): boolean =>
    stops(device) && lineageOf(p).role === 'request';
  const wiring: Wiring<PacketSet> = {
    waiting: () => world.waiting(),
    across: (here, from, by, p) =>
      world.across(here, from, by, p).map((landing) => stopped(landing, ends)),
  };
  return walk(run, wiring, [{ device: sender, outcomes }]);
}

function stopped(
  landing: Landing<PacketSet>,
  ends: (device: Device<PacketSet>, p: PacketSet) => boolean,
): Landing<PacketSet> {
  if (landing.kind === 'lost' || !ends(landing.arrival.device, landing.arrival.p)) return landing;
  const { device, port, p } = landing.arrival;
  const drop = {
    reason: 'WRONG_RECEIVER',
    where: device.name,
    evidence: 'frames are followed no further',
    origin: null,
  } as const;
  return { kind: 'lost', drop, p, at: { device, port } };
}

/**
 * The frames of a kind that meet a condition, as a server sends them, until all have ended or got to
 * a device for which `stops` holds; null when the network does not show who sends.
 */
export function endingsOfFrames(
  compiled: CompiledNetwork,
  server: Endpoint,
  space: Space,
  kind: FrameKind,
  condition: Match,
  stops: (source: FrameSource) => (device: Device<PacketSet>) => boolean,
): readonly Ending<PacketSet>[] | null {
  const source = wireOf(compiled.network, server);
  if (source === null) return null;
  const frames = framesOf(space, kind, condition);
  if (frames === null) return [];
  return walkFrames(compiled, packetSets, source, [frames], stops(source));
}

/**
 * Follows all frames of a kind part by part, each in a space of its own; what is too much for its
 * budget is a doubt.
 * @param follow false when no further part has to be followed
 */
export function followParts(
  network: Network,
  kind: FrameKind,
  doubts: Set<string>,
  follow: (space: Space, part: Match) => boolean,
): void {
  for (const part of partsOf(network, kind)) {
    try {
      if (!follow(openSpace(FRAME_BUDGET), part)) return;
    } catch (error) {
      if (!(error instanceof TooManyRegions)) throw error;
      doubts.add(error.message);
    }
  }
}

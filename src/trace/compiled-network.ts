/** What is compiled once per snapshot and shared by all walks over it. */
import { type FrameRules } from '../dataplane/iptables/frames.ts';
import { type CompiledNetfilter } from '../dataplane/iptables/netfilter.ts';
import { type InterfaceId, type Network, type Segment } from '../dataplane/network.ts';
import { type PreparedSwitch } from '../dataplane/ovs/pipeline/prepared.ts';
import { type CompiledNamespace } from '../dataplane/routing/stack.ts';
import { type Problem } from '../text/problem.ts';
import { type OutsideName } from './outside.ts';
import { type Daemon } from './programs/daemon.ts';
import { type SegmentOwners, segmentOwners } from './segment.ts';

/** The rules of a namespace, compiled once. */
export interface CompiledFilters {
  /** iptables and ip6tables; null without rules. */
  readonly packets: CompiledNetfilter | null;
  /** ebtables; null without rules. */
  readonly frames: FrameRules | null;
  /** arptables; null without rules. */
  readonly arp: FrameRules | null;
}

/** What tracing may be told about a snapshot. */
export interface TracingOptions {
  /** What people call hosts outside of the snapshot. */
  readonly outsideNames?: readonly OutsideName[];
  /**
   * Which connections stand before the first packet: none, as a question is about a new
   * connection and a dump taken after a probe holds that very probe's; or those of the dumps.
   */
  readonly connections?: 'none' | 'dumped';
  /** Only the way there: nobody has to answer, and nothing is followed behind the receiver. */
  readonly oneWay?: boolean;
  /** When the packet is sent, as seconds since 1970; rules that ask the time need it. */
  readonly epoch_s?: number;
}

export interface CompiledNetwork {
  readonly network: Network;
  readonly outsideNames: readonly OutsideName[];
  readonly connections: 'none' | 'dumped';
  readonly oneWay: boolean;
  readonly epoch_s: number | null;
  /** By `HOST NAMESPACE`. */
  readonly namespaces: Map<string, CompiledNamespace>;
  /** By host. */
  readonly switches: Map<string, PreparedSwitch>;
  /** Rules by `HOST NAMESPACE`. */
  readonly filters: Map<string, CompiledFilters>;
  /** Of the files that only tracing reads. */
  readonly problems: Problem[];
  /** By segment name. */
  readonly segments: Map<string, SegmentOwners>;
  /** Programs of namespaces, by host. */
  readonly daemons: Map<string, readonly Daemon[]>;
}

export function compileNetwork(network: Network, options: TracingOptions = {}): CompiledNetwork {
  return {
    network,
    outsideNames: options.outsideNames ?? [],
    connections: options.connections ?? 'none',
    oneWay: options.oneWay ?? false,
    epoch_s: options.epoch_s ?? null,
    namespaces: new Map(),
    switches: new Map(),
    segments: new Map(),
    filters: new Map(),
    problems: [],
    daemons: new Map(),
  };
}

/**
 * The MAC addresses behind each member of a segment: those of the member's host, and of the
 * servers bound to it. Instances of a highly available router share theirs, and the one that has
 * addresses announces it; where that tells nothing, nobody knows.
 */
export function ownersOf(compiled: CompiledNetwork, segment: Segment): SegmentOwners {
  const known = compiled.segments.get(segment.name);
  if (known !== undefined) return known;
  const { hosts, neutron } = compiled.network;
  const claims = new Map<bigint, Claim>();
  for (const member of segment.members) {
    const own = compiled.network.namespace(member.host, member.namespace);
    const all = hosts.get(member.host)?.namespaces.values() ?? (own === undefined ? [] : [own]);
    const here = new Map<bigint, number>();
    for (const { state } of all) {
      for (const { mac, loopback, addresses } of state.interfaces) {
        if (loopback) continue;
        const used = addresses.some(({ scope }) => scope === 'global');
        here.set(mac, Math.max(here.get(mac) ?? 0, used ? ADDRESSED : 0));
      }
    }
    for (const { mac, host } of neutron.ports) {
      if (host === member.host) here.set(mac, (here.get(mac) ?? 0) + BOUND);
    }
    for (const [mac, weight] of here) claims.set(mac, stronger(claims.get(mac), member, weight));
  }
  const sure = [...claims].flatMap(([mac, { member, contested }]) =>
    contested ? [] : [[mac, member] as const],
  );
  const owners = segmentOwners(sure);
  compiled.segments.set(segment.name, owners);
  return owners;
}

/** What speaks for a host as the owner of a MAC. */
const ADDRESSED = 2;
const BOUND = 1;

interface Claim {
  readonly member: InterfaceId;
  readonly weight: number;
  /** Another host claims it as well as this one. */
  readonly contested: boolean;
}

function stronger(before: Claim | undefined, member: InterfaceId, weight: number): Claim {
  if (before === undefined || weight > before.weight) return { member, weight, contested: false };
  if (weight < before.weight) return before;
  const contested = before.contested || before.member.host !== member.host;
  return { member, weight, contested };
}

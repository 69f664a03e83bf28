/**
 * The network stack of one namespace while traffic goes through it: the compiled configuration,
 * what it has learned since the snapshot, and what waits for a neighbour's answer.
 */
import { type FieldBits, field } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { type Origin } from '../../text/problem.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { type Match, or, test } from '../../traffic/match.ts';
import { type Reassembly, startReassembly } from '../conntrack/defragment.ts';
import { attach } from '../iptables/attach.ts';
import { type Reroute } from '../iptables/passed.ts';
import { type CompiledBridge } from '../linuxbridge/compiled.ts';
import { type Carried, type HookName, type Hooks, type Passed } from '../linuxbridge/hooks.ts';
import { makeVxlan, type VxlanDevice, type VxlanState } from '../linuxbridge/vxlan.ts';
import { type BridgeHooks, type BridgeState } from '../linuxbridge/work.ts';
import { type Drop, type Outcome, type Run } from '../outcome.ts';
import { compileBridges, vxlanDevices } from './bridges.ts';
import { compileDevices, type Device } from './device.ts';
import { compileFib, type Fib } from './fib.ts';
import { F } from './headers.ts';
import { type PathMtu } from './path-mtu.ts';
import { type Served } from './served.ts';
import { compileSockets, type SocketTable } from './sockets.ts';
import { type AnswerStep } from './steps.ts';
import { type IpAddress, type Namespace, type NextHop, type Socket } from './types.ts';

/** A namespace compiled once: immutable, shared by every walk over the same snapshot. */
export interface CompiledNamespace {
  readonly of: Namespace;
  readonly devices: ReadonlyMap<string, Device>;
  readonly byIndex: ReadonlyMap<number, Device>;
  readonly fib: { readonly 4: Fib; readonly 6: Fib };
  readonly sockets: SocketTable;
  readonly bridges: ReadonlyMap<string, CompiledBridge>;
  readonly vxlans: readonly VxlanDevice[];
  /** The source is one of the namespace's own IPv4 addresses. */
  readonly ownSource: Guard;
}

/**
 * The ages of learned neighbours (NUD states, net/core/neighbour.c), where somebody keeps a clock.
 * Without it what was learned is known for the whole walk.
 */
export interface NeighbourAges<P> {
  /** Whether the entry still has a MAC that is used. */
  believes(stack: Stack<P>, learned: LearnedNeighbour<P>): boolean;
  /** Something is sent by the entry (neigh_event_send()). */
  used(stack: Stack<P>, learned: LearnedNeighbour<P>): void;
  /** Whether what was heard takes the place of what is known, or changes nothing (neigh_update()). */
  takes(stack: Stack<P>, known: LearnedNeighbour<P> | null, heard: LearnedNeighbour<P>): boolean;
}

/** A neighbour that was learned from a packet: which bits of it are the address and the MAC. */
export interface LearnedNeighbour<P> {
  readonly device: string;
  readonly version: 4 | 6;
  readonly p: P;
  readonly address: FieldBits;
  readonly mac: FieldBits;
}

/** Traffic that waits for the MAC of its next hop. */
export interface Pending<P> {
  readonly device: string;
  readonly version: 4 | 6;
  /** The ARP request or neighbour solicitation that asks for it. */
  readonly request: P;
  readonly to: Towards;
  readonly p: P;
  /** The input interface when the traffic is forwarded; null when it was made here. */
  readonly from: string | null;
}

/** What a program sends because of what it received. */
export interface Said<P> {
  readonly p: P;
  /** Sends by this interface (SO_BINDTODEVICE, IP_PKTINFO); null leaves it to the routes. */
  readonly device: string | null;
  /** `p` has its receiver's MAC: the program wrote it into the neighbour table (SIOCSARP). */
  readonly knowsNeighbour: boolean;
  /** `p` opens a connection of the program: what comes back on it is for the program. */
  readonly opens: boolean;
}

/** What becomes of what a program received. */
export interface Answer<P> {
  readonly said: readonly Said<P>[];
  /** Why the program could not do what it is there for; null when it could. */
  readonly refusal: Drop | null;
}

/** A program without anything to say. */
export const SILENCE: Answer<never> = { said: [], refusal: null };

/** A packet that goes where the routes lead. */
export function routed<P>(p: P): Said<P> {
  return { p, device: null, knowsNeighbour: false, opens: false };
}

/** A program that sees the frames of an interface before the IP layer does (packet(7)). */
export interface PacketSocket<P> {
  readonly device: string;
  readonly filter: Guard;
  readonly name: string;
  /** Frames, with complete Ethernet headers, that the program sends because of one it saw. */
  hear(run: Run<P>, p: P): readonly P[];
}

/** A multicast group that a program has joined on an interface (IP_ADD_MEMBERSHIP). */
export interface JoinedGroup {
  readonly device: string;
  /** Packets to the group. */
  readonly takes: Guard;
}

/** What programs in the namespace do, as far as somebody knows. */
export interface Applications<P> {
  /** Whether something listens where no listening socket is known. */
  readonly listensEverywhere: boolean;
  /**
   * What a program does with a datagram, data on a connection, or an ICMPv6 message that the
   * kernel leaves to programs. `socket` is null for connections, and where only
   * `listensEverywhere` says that somebody listens; `device` is the interface it came in by.
   */
  answer(run: Run<P>, socket: Socket | null, p: P, device: string): Answer<P>;
  /**
   * Completes a packet that the host itself made with what depends on its route: TCP options,
   * DF. `mtu` is the route's, in bytes.
   */
  complete?(p: P, mtu: number): P;
}

export interface Stack<P> {
  readonly config: CompiledNamespace;
  readonly hooks: Hooks<P> | null;
  readonly applications: Applications<P> | null;
  readonly bridges: ReadonlyMap<string, BridgeState<P>>;
  readonly vxlans: readonly VxlanState<P>[];
  /** Fragments for the host itself, where connection tracking does not collect them. */
  readonly fragments: Reassembly<P>;
  /** Narrow paths that errors told of, newest first. */
  readonly pathMtus: PathMtu<P>[];
  /** Newest first. */
  learned: readonly LearnedNeighbour<P>[];
  /** Null keeps what was learned as it is. */
  ages: NeighbourAges<P> | null;
  pending: readonly Pending<P>[];
  /** Packets that opened a connection here, in the direction of what will be received. */
  connections: readonly P[];
  /** Connections that listeners took, newest first. */
  readonly served: Served<P>[];
  packetSockets: readonly PacketSocket<P>[];
  /** IPv4 groups beside 224.0.0.1. */
  groups: readonly JoinedGroup[];
  /** Groups of VXLAN devices, joined by the kernel (vxlan_igmp_join()). */
  readonly tunnelGroups: readonly JoinedGroup[];
  /** Tunnel packets that a switch in this kernel takes (vport-netdev.c), and its entrance. */
  switchTunnels: { readonly takes: Guard; readonly port: string } | null;
}

/** Where a packet goes next: to the destination itself, or to a gateway. */
export type Towards =
  | { readonly kind: 'destination' }
  | { readonly kind: 'gateway'; readonly address: IpAddress }
  | { readonly kind: 'broadcast' };

export function towards(hop: NextHop): Towards {
  return hop.gateway === null ? { kind: 'destination' } : { kind: 'gateway', address: hop.gateway };
}

/** Something still to be done inside the namespace. */
export type Task<P> =
  /** A frame that arrived on an interface. */
  | {
      readonly kind: 'arrive';
      readonly device: string;
      readonly handle: Carried<P>;
      /** A bridge has sent it through PREROUTING already (ip_sabotage_in()). */
      readonly prerouted: boolean;
      /** Where the bridge has routed it to already (br_nf_pre_routing_finish_ipv6()). */
      readonly routedBy?: Device;
      readonly p: P;
    }
  /** A broadcast of the namespace itself, heard by its own programs (dev_loopback_xmit()). */
  | {
      readonly kind: 'loop';
      readonly device: string;
      readonly handle: Carried<P>;
      readonly p: P;
    }
  /** A packet of the namespace itself that has to be routed. */
  | {
      readonly kind: 'emit';
      readonly version: 4 | 6;
      readonly device: string | null;
      /** Of a packet that belongs to a connection from its making on (nf_ct_attach()). */
      readonly handle: Carried<P>;
      /** A program waits for what comes back on the connection that it opens. */
      readonly opens?: boolean;
      /** ICMP of the kernel itself: its sending causes no other (icmp_xmit_lock()). */
      readonly icmp?: boolean;
      /** The program wrote the IP header (IP_HDRINCL): its route is asked without a source. */
      readonly headerIncluded?: boolean;
      /** The kernel's tunnels do not hear their own groups (setup_udp_tunnel_sock()). */
      readonly unheard?: boolean;
      readonly p: P;
    }
  /** A TCP reset that REJECT made. */
  | {
      readonly kind: 'reset';
      readonly version: 4 | 6;
      readonly handle: Carried<P>;
      readonly p: P;
    }
  /** A frame with complete Ethernet header that an interface shall transmit. */
  | {
      readonly kind: 'transmit';
      readonly device: string;
      readonly handle: Carried<P>;
      readonly p: P;
    };

/** One piece of work: what is still to do, and what came out. */
export interface Work<P> {
  readonly run: Run<P>;
  readonly stack: Stack<P>;
  /** Does a task at once, in the middle of what is done, as the kernel calls itself. */
  readonly now: (task: Task<P>) => void;
  /** Leaves a task for when this one is done: what waits in a queue of the kernel. */
  readonly later: (task: Task<P>) => void;
  readonly out: Outcome<P>[];
  /** What the connection tracker gave the traffic that is worked on. */
  readonly handle: Carried<P>;
  /** What is emitted opens a connection of a program. */
  readonly opens?: boolean;
  /** The interface that the socket of what is emitted is bound to. */
  readonly bound?: Device | null;
  /** A program wrote the IP header of what is emitted. */
  readonly headerIncluded?: boolean;
  readonly unheard?: boolean;
  /**
   * Of a packet that had a route when it came in the interface of that route counts as the one it
   * came by, and ICMPv6 errors come from there (net/ipv6/ip6_input.c ip6_rcv_core()).
   */
  readonly routedBy?: Device;
}

/** Compiles a namespace. Do it once per snapshot. */
export function compileNamespace(of: Namespace): CompiledNamespace {
  const devices = compileDevices(of);
  return {
    of,
    devices,
    byIndex: new Map([...devices.values()].map((device) => [device.of.index, device])),
    fib: { 4: compileFib(of, 4), 6: compileFib(of, 6) },
    sockets: compileSockets(of.sockets),
    bridges: compileBridges(of),
    vxlans: vxlanDevices(of),
    ownSource: guard(or(...ownAddresses(of))),
  };
}

function ownAddresses({ interfaces }: Namespace): readonly Match[] {
  return interfaces.flatMap((one) =>
    one.addresses
      .filter(({ address }) => address.version === 4)
      .map(({ address }) => test(F.ipSource, address.value)),
  );
}

/**
 * A stack that has seen no traffic yet. Without hooks every packet is accepted.
 *
 * @param bridgeHooks What bridges ask; by default the same rules about packets, and none about
 *   frames (ebtables, arptables).
 */
export function makeStack<P>(
  config: CompiledNamespace,
  hooks: Hooks<P> | null = null,
  applications: Applications<P> | null = null,
  bridgeHooks: BridgeHooks<P> | null = hooks && { frames: null, packets: hooks, arp: null },
): Stack<P> {
  const bridges = [...config.bridges].map(([name, bridge]): [string, BridgeState<P>] => [
    name,
    { config: bridge, hooks: bridgeHooks, learned: [] },
  ]);
  return {
    config,
    hooks,
    applications,
    bridges: new Map(bridges),
    vxlans: config.vxlans.map((device) => makeVxlan<P>(device)),
    fragments: startReassembly(),
    pathMtus: [],
    learned: [],
    ages: null,
    pending: [],
    connections: [],
    served: [],
    packetSockets: [],
    groups: [],
    tunnelGroups: config.vxlans.flatMap(({ group, link }) =>
      group === null || link === null
        ? []
        : [{ device: link, takes: guard(test(field('ip_dst'), group)) }],
    ),
    switchTunnels: null,
  };
}

/** Ends traffic with a reason. `where` names the stage below the namespace. */
export function drop<P>(
  work: Work<P>,
  p: P,
  reason: Reason,
  where: string,
  evidence: string,
  origin: Origin | null = null,
): void {
  const why = placed(work, where, { reason, evidence, origin });
  work.out.push({ kind: 'dropped', drop: why, p });
}

/** The reason for a drop at a stage of the namespace. */
export function placed<P>(work: Work<P>, where: string, why: Omit<Drop, 'where'>): Drop {
  return { ...why, where: `${work.stack.config.of.name} ${where}` };
}

/** Traffic that passed a hook, and the work to go on with: it carries the new handle. */
export interface Flow<P> {
  readonly p: P;
  readonly work: Work<P>;
}

/** Asks one hook; drops and answers are dealt with here, what was accepted comes back. */
export function passHook<P>(
  work: Work<P>,
  hook: HookName,
  version: 4 | 6,
  p: P,
  onError: (work: Work<P>, passed: Extract<Passed<P>, { kind: 'icmp-error' }>) => void,
  reroute: Reroute<P> | null = null,
): readonly Flow<P>[] {
  const { hooks } = work.stack;
  if (hooks === null) return [{ p, work }];
  const accepted: Flow<P>[] = [];
  for (const passed of hooks.pass(work.run, hook, version, p, work.handle, reroute)) {
    switch (passed.kind) {
      case 'accepted':
        accepted.push({ p: passed.p, work: { ...work, handle: passed.handle } });
        break;
      case 'dropped':
        work.out.push({ kind: 'dropped', drop: passed.drop, p: passed.p });
        break;
      case 'kept':
        work.out.push({ kind: 'delivered', to: 'reassembly', p: passed.p });
        break;
      case 'answer': {
        const namespace = work.stack.config.of.name;
        const step = (): AnswerStep => ({ kind: 'answer', namespace, what: 'reset' });
        const own = { p: work.run.traffic.note(passed.p, step), handle: passed.handle };
        const made =
          own.handle === null ? attach(work.run.traffic, own.p, work.handle, false) : own;
        work.now({ kind: 'reset', version, ...made });
        break;
      }
      case 'icmp-error':
        onError({ ...work, handle: passed.handle }, passed);
    }
  }
  return accepted;
}

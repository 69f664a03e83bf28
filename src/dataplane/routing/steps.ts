/** What the network stack writes into a packet's diary, one type per kind of event. */
import { type Origin } from '../../text/problem.ts';
import { type Step } from '../../traffic/traffic.ts';
import { type IpAddress, type Route } from './types.ts';

/** A route or policy rule was chosen. */
export interface RouteStep extends Step {
  readonly kind: 'route';
  readonly namespace: string;
  readonly table: number;
  readonly type: Route['type'];
  readonly prefix: Route['prefix'];
  readonly gateway: IpAddress | null;
  readonly device: string | null;
  readonly origin: Origin;
}

/** The MAC of the next hop was found. */
export interface NeighbourStep extends Step {
  readonly kind: 'neighbour';
  readonly namespace: string;
  readonly device: string;
  /** Null when the next hop is the destination itself. */
  readonly gateway: IpAddress | null;
  /** State of the entry in the snapshot; `learned` when it was resolved on the way. */
  readonly state: string;
}

/** An ARP request, ARP reply, neighbour solicitation or advertisement was made. */
export interface ResolutionStep extends Step {
  readonly kind: 'resolution';
  readonly namespace: string;
  readonly device: string;
  readonly message: 'arp-request' | 'arp-reply' | 'solicitation' | 'advertisement';
  /** Set when the answer is given for somebody else (proxy_arp, proxy neighbour). */
  readonly proxied: boolean;
}

/** The stack made a packet of its own in answer to this one. */
export interface AnswerStep extends Step {
  readonly kind: 'answer';
  readonly namespace: string;
  readonly what:
    | 'echo-reply'
    | 'syn-ack'
    | 'reset'
    | 'icmp-error'
    | 'timestamp-reply'
    | 'challenge';
  /** ICMP type and code of an error. */
  readonly type?: number;
  readonly code?: number;
}

/** The packet was forwarded: its TTL went down by one. */
export interface ForwardStep extends Step {
  readonly kind: 'forward';
  readonly namespace: string;
  readonly input: string;
  readonly output: string;
}

/** A device of the kernel changed the frame: VLAN tag, tunnel header. */
export interface DeviceStep extends Step {
  readonly kind: 'device';
  readonly namespace: string;
  readonly device: string;
  readonly what: string;
}

export type RoutingStep =
  | RouteStep
  | NeighbourStep
  | ResolutionStep
  | AnswerStep
  | ForwardStep
  | DeviceStep;

/**
 * What a bridge remembers and what comes out of it: the types that all its stages share.
 */

import { type Reason } from '../../reasons/codes.ts';
import { type Step } from '../../traffic/traffic.ts';
import { type Drop, type Run } from '../outcome.ts';
import { type CompiledBridge } from './compiled.ts';
import { type Carried, type Hooks } from './hooks.ts';

/** What a namespace's rules do with frames on bridges: ebtables, and the IP and ARP chains. */
export interface BridgeHooks<P> {
  /** ebtables; null without rules. */
  readonly frames: Hooks<P> | null;
  /** iptables and ip6tables, for net.bridge.bridge-nf-call-*; null without rules. */
  readonly packets: Hooks<P> | null;
  /** arptables FORWARD; null without rules. */
  readonly arp: Hooks<P> | null;
}

/** A MAC that was learned on a port: the frame it was seen in, and when. */
export interface LearnedMac<P> {
  readonly port: string;
  readonly p: P;
  readonly at_us: number;
}

export interface BridgeState<P> {
  readonly config: CompiledBridge;
  readonly hooks: BridgeHooks<P> | null;
  /** Newest first. */
  learned: readonly LearnedMac<P>[];
}

/** Where traffic goes when the bridge has decided. */
export type Bridged<P> =
  /** Transmit on a port. */
  | { readonly kind: 'port'; readonly port: string; readonly handle: Carried<P>; readonly p: P }
  /** Receive on the bridge device itself; `prerouted` says that PREROUTING is behind it. */
  | {
      readonly kind: 'up';
      readonly prerouted: boolean;
      readonly handle: Carried<P>;
      readonly p: P;
    }
  /** DNAT made it a packet for somebody behind this bridge, whose MAC must be looked up. */
  | {
      readonly kind: 'readdressed';
      readonly version: 4 | 6;
      readonly port: string;
      readonly handle: Carried<P>;
      readonly p: P;
    }
  /** A TCP reset that goes back by the port its segment came from, if there is a route back. */
  | { readonly kind: 'reset'; readonly version: 4 | 6; readonly port: string; readonly p: P }
  /** A fragment that waits for the others. */
  | { readonly kind: 'kept'; readonly p: P }
  | {
      readonly kind: 'icmp-error';
      readonly version: 4 | 6;
      readonly type: number;
      readonly code: number;
      readonly handle: Carried<P>;
      readonly p: P;
    }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P };

/** The bridge decided where a frame goes. */
export interface BridgedStep extends Step {
  readonly kind: 'bridged';
  readonly bridge: string;
  readonly input: string | null;
  /** Null when it goes up to the host. */
  readonly output: string | null;
  readonly because: 'own MAC' | 'static entry' | 'known entry' | 'learned' | 'flooding';
}

/** Traffic that passed a hook, and the work to go on with: it carries the new handle. */
export interface BridgeFlow<P> {
  readonly p: P;
  readonly work: BridgeWork<P>;
}

/** One run through a bridge: results are acted on one by one, in the kernel's order. */
export interface BridgeWork<P> {
  readonly run: Run<P>;
  readonly state: BridgeState<P>;
  readonly out: { push(result: Bridged<P>): void };
  /** What the connection tracker gave the traffic that is worked on. */
  readonly handle: Carried<P>;
}

export function dropBridged<P>(
  { state, out }: BridgeWork<P>,
  p: P,
  reason: Reason,
  evidence: string,
): void {
  const drop: Drop = { reason, where: state.config.of.name, evidence, origin: null };
  out.push({ kind: 'dropped', drop, p });
}

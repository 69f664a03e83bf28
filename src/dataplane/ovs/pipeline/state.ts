/**
 * What a switch remembers from packet to packet: learned addresses, learned flows, the time of
 * both. Made from the dump, then changed by the packets of one run only.
 */
import { type Guard } from '../../../traffic/guard.ts';
import { type FieldPairs } from '../../../traffic/traffic.ts';
import { type FdbEntry } from '../types/switch.ts';
import { type DumpedAddresses, dumpedAddresses } from './dumped-addresses.ts';
import { type PreparedBridge, type PreparedSwitch } from './prepared.ts';
import { type PreparedFlow } from './prepared-flow.ts';
import { type OvsStep } from './steps.ts';

/** One learned address of a bridge. */
export interface LearnedAddress<P> {
  readonly vlan: number;
  /** From a dump: the address. */
  readonly mac: bigint | null;
  /** Learned in this run: the frame whose source it was. */
  readonly seen: P | null;
  /** OpenFlow number of the port, null when the port is gone. */
  port: number;
  /** Name of the bundle the port belongs to. */
  bundle: string | null;
  readonly permanent: boolean;
  learned_us: number;
}

/** A flow that learn() made in this run. */
export interface LearnedFlow<P> {
  readonly prepared: PreparedFlow;
  readonly rank: number;
  /** Constant tests of its match. */
  readonly guard: Guard;
  /** Bits of a packet that must equal bits of the packet it was learned from. */
  readonly pairs: FieldPairs;
  seen: P;
  created_us: number;
  used_us: number;
}

/** The learned addresses of one VLAN of a bridge. */
export interface VlanAddresses<P> {
  /** From the dump, in its order. */
  readonly dumped: readonly LearnedAddress<P>[];
  readonly tables: DumpedAddresses['tables'] | null;
  /** Learned in this run from sets of frames, oldest first. */
  learned: readonly LearnedAddress<P>[];
  /** Learned in this run from single frames, by the lower bits of the address. */
  readonly byAddress: Map<number, readonly LearnedAddress<P>[]>;
}

export interface BridgeState<P> {
  readonly bridge: PreparedBridge;
  /** Virtual time of the dump. */
  readonly start_us: number;
  /** Learned addresses by VLAN, as far as packets asked for them; see `addressesOf`. */
  readonly fdb: Map<number, VlanAddresses<P>>;
  readonly learnedFlows: Map<number, LearnedFlow<P>[]>;
  /** Those learned from single packets by what they match, to find the same match again. */
  readonly flowsByMatch: Map<string, LearnedFlow<P>[]>;
}

export interface SwitchState<P> {
  readonly bridges: Map<string, BridgeState<P>>;
  /** Whether packets change anything; a trace of a flow without a packet does not. */
  readonly learns: boolean;
  /** Sees every step of every branch in the order they happen, for tests and transcripts. */
  readonly onStep: ((step: OvsStep) => void) | null;
}

/** What a bridge knows of a VLAN: what the dump says, until packets teach it more. */
export function addressesOf<P>(state: BridgeState<P>, vlan: number): VlanAddresses<P> {
  let found = state.fdb.get(vlan);
  if (found === undefined) {
    const source = dumpedAddresses(state.bridge.source).get(vlan);
    const dumped = source?.entries.map((entry) => dumpedAddress<P>(state, entry)) ?? [];
    found = { dumped, tables: source?.tables ?? null, learned: [], byAddress: new Map() };
    state.fdb.set(vlan, found);
  }
  return found;
}

function dumpedAddress<P>(
  { bridge, start_us }: BridgeState<P>,
  { port, vlan, mac, age_s }: FdbEntry,
): LearnedAddress<P> {
  return {
    vlan,
    mac,
    seen: null,
    port,
    bundle: bridge.ports.get(port)?.bundle.name ?? null,
    permanent: age_s === 'static',
    learned_us: age_s === 'static' ? start_us : start_us - age_s * 1e6,
  };
}

/** All addresses that a bridge knows, of all VLANs. */
export function everyAddress<P>(state: BridgeState<P>): LearnedAddress<P>[] {
  const vlans = new Set([...dumpedAddresses(state.bridge.source).keys(), ...state.fdb.keys()]);
  return [...vlans].flatMap((vlan) => {
    const { dumped, learned, byAddress } = addressesOf(state, vlan);
    return [...dumped, ...learned, ...[...byAddress.values()].flat()];
  });
}

/**
 * The state a switch starts with: the addresses of the dump.
 * @param now_us virtual time of the dump.
 */
export function switchState<P>(
  sw: PreparedSwitch,
  now_us: number,
  options: { readonly learns: boolean; readonly onStep?: (step: OvsStep) => void },
): SwitchState<P> {
  const bridges = new Map<string, BridgeState<P>>();
  for (const bridge of sw.bridges.values()) {
    bridges.set(bridge.name, {
      bridge,
      start_us: now_us,
      fdb: new Map(),
      learnedFlows: new Map(),
      flowsByMatch: new Map(),
    });
  }
  return { bridges, learns: options.learns, onStep: options.onStep ?? null };
}

/**
 * The same switch with other flows or ports: addresses and learned flows stay. The MAC table of
 * the dump belongs to its bridge, so it is taken along as it stood. With a port row its addresses
 * go (ofproto-dpif.c bundle_flush_macs()).
 */
export function goingOn<P>(
  { bridges, learns, onStep }: SwitchState<P>,
  sw: PreparedSwitch,
  now_us: number,
): SwitchState<P> {
  const next = switchState<P>(sw, now_us, onStep === null ? { learns } : { learns, onStep });
  for (const [name, state] of next.bridges) {
    const old = bridges.get(name);
    if (old === undefined) continue;
    for (const vlan of dumpedAddresses(old.bridge.source).keys()) addressesOf(old, vlan);
    for (const known of old.fdb.values()) flushPorts(known, state.bridge);
    next.bridges.set(name, {
      ...old,
      bridge: state.bridge,
      start_us: old.start_us,
    });
  }
  return next;
}

function flushPorts<P>(known: VlanAddresses<P>, { bundles }: PreparedBridge): void {
  const stays = ({ bundle }: LearnedAddress<P>): boolean => bundle !== null && bundles.has(bundle);
  for (const entry of known.dumped) if (!stays(entry)) entry.learned_us = Number.NEGATIVE_INFINITY;
  known.learned = known.learned.filter(stays);
  for (const [low, entries] of known.byAddress) known.byAddress.set(low, entries.filter(stays));
}

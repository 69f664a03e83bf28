/**
 * What a switch remembers from packet to packet: learned addresses, learned flows, the time of
 * both. Made from the dump, then changed by the packets of one run only.
 */
import { type Guard } from '../../../traffic/guard.ts';
import { type Table } from '../../../traffic/table.ts';
import { type FieldPairs } from '../../../traffic/traffic.ts';
import { type PreparedSwitch } from './prepared.ts';
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
  readonly dumped: LearnedAddress<P>[];
  /** The same by their address as destination and as source, compiled when first asked. */
  readonly tables: { eth_dst: AddressTable<P> | null; eth_src: AddressTable<P> | null };
  /** Learned in this run, oldest first. */
  learned: readonly LearnedAddress<P>[];
}

export type AddressTable<P> = Table<LearnedAddress<P>>;

export interface BridgeState<P> {
  /** Learned addresses by VLAN. */
  readonly fdb: Map<number, VlanAddresses<P>>;
  readonly learnedFlows: Map<number, LearnedFlow<P>[]>;
}

export interface SwitchState<P> {
  readonly bridges: Map<string, BridgeState<P>>;
  /** Whether packets change anything; a trace of a flow without a packet does not. */
  readonly learns: boolean;
  /** Sees every step of every branch in the order they happen, for tests and transcripts. */
  readonly onStep: ((step: OvsStep) => void) | null;
}

/** What a bridge knows of a VLAN; empty at first. */
export function addressesOf<P>(fdb: Map<number, VlanAddresses<P>>, vlan: number): VlanAddresses<P> {
  let found = fdb.get(vlan);
  if (found === undefined) {
    found = { dumped: [], tables: { eth_dst: null, eth_src: null }, learned: [] };
    fdb.set(vlan, found);
  }
  return found;
}

/** All addresses that a bridge knows, of all VLANs. */
export function everyAddress<P>(fdb: BridgeState<P>['fdb']): LearnedAddress<P>[] {
  return [...fdb.values()].flatMap(({ dumped, learned }) => [...dumped, ...learned]);
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
    const fdb = new Map<number, VlanAddresses<P>>();
    for (const entry of bridge.source.fdb) {
      const port = bridge.ports.get(entry.port);
      const address: LearnedAddress<P> = {
        vlan: entry.vlan,
        mac: entry.mac,
        seen: null,
        port: entry.port,
        bundle: port?.bundle.name ?? null,
        permanent: entry.age_s === 'static',
        learned_us: entry.age_s === 'static' ? now_us : now_us - entry.age_s * 1e6,
      };
      addressesOf(fdb, entry.vlan).dumped.push(address);
    }
    bridges.set(bridge.name, { fdb, learnedFlows: new Map() });
  }
  return { bridges, learns: options.learns, onStep: options.onStep ?? null };
}

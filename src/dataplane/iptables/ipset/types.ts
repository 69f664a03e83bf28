/**
 * Sets of addresses, ports and interfaces that rules ask with `-m set` (ipset(8)).
 */
import { type Origin } from '../../../text/problem.ts';

/** What one place of an entry stands for. */
export type Dimension = 'ip' | 'net' | 'port' | 'mac' | 'iface' | 'mark' | 'set';

/** The kinds of sets and the dimensions of their entries (ipset(8) SET TYPES). */
export const SET_TYPES = {
  'bitmap:ip': ['ip'],
  'bitmap:ip,mac': ['ip', 'mac'],
  'bitmap:port': ['port'],
  'hash:ip': ['ip'],
  'hash:mac': ['mac'],
  'hash:ip,mac': ['ip', 'mac'],
  'hash:net': ['net'],
  'hash:net,net': ['net', 'net'],
  'hash:ip,port': ['ip', 'port'],
  'hash:net,port': ['net', 'port'],
  'hash:ip,port,ip': ['ip', 'port', 'ip'],
  'hash:ip,port,net': ['ip', 'port', 'net'],
  'hash:ip,mark': ['ip', 'mark'],
  'hash:net,port,net': ['net', 'port', 'net'],
  'hash:net,iface': ['net', 'iface'],
  'list:set': ['set'],
} as const satisfies Record<string, readonly Dimension[]>;

export type SetType = keyof typeof SET_TYPES;

export interface IpSet {
  readonly name: string;
  readonly type: SetType;
  /** The version of its addresses; 4 where it has none. */
  readonly version: 4 | 6;
  /** What `create` said behind the type, in order: `hashsize 1024`, `counters`. */
  readonly options: readonly SetOption[];
  readonly entries: readonly SetEntry[];
  readonly origin: Origin;
}

/** A word of `create` or `add`, and its value if it takes one. */
export interface SetOption {
  readonly name: string;
  readonly value: string | null;
}

export interface SetEntry {
  /** One part for each dimension; a bitmap:ip,mac entry may lack the MAC. */
  readonly parts: readonly EntryPart[];
  /** `timeout 50`, `comment "x"`, `nomatch`, in order. */
  readonly options: readonly SetOption[];
  readonly origin: Origin;
}

export type EntryPart =
  /** All addresses from one to another, both included. */
  | { readonly kind: 'addresses'; readonly from: bigint; readonly to: bigint }
  /**
   * Ports of a protocol; type and code of an ICMP message are one number (`type << 8 | code`).
   * The protocol is null in bitmap:port sets, which ask no protocol.
   */
  | {
      readonly kind: 'ports';
      readonly protocol: { readonly number: number; readonly name: string } | null;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'mac'; readonly mac: bigint }
  /** `physical` asks the bridge port instead of the interface (`physdev:tap0`). */
  | { readonly kind: 'interface'; readonly name: string; readonly physical: boolean }
  | { readonly kind: 'mark'; readonly mark: number }
  | { readonly kind: 'set'; readonly name: string };

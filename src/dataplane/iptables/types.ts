/**
 * The rules of one namespace and one IP version, as `iptables-save` shows them.
 * Tables hold chains, chains hold rules; the hooks (hooks.ts) say when a chain is asked.
 */
import { type Origin } from '../../text/problem.ts';
import { type Protocol } from './protocols.ts';
import { type Network } from './text/address.ts';
import { type InterfaceName } from './text/codec.ts';
import { type KnownMatch } from './text/match-rows.ts';
import { type Given } from './text/options.ts';
import { type KnownTarget } from './text/target-rows.ts';

/** The tables of iptables; netfilter asks them in the order that hooks.ts shows. */
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter' | 'security';

/** Packets and bytes. */
export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** Rules of one IP version. */
export interface Ruleset {
  readonly version: 4 | 6;
  /** In the order of the file. */
  readonly tables: readonly Table[];
  /**
   * nf_tables itself reads the ports of `-m tcp` and `-m udp`, as iptables-nft asks it to from
   * 1.8.8 on; absent where xt_tcpudp.c does, and where nobody knows.
   */
  readonly nativePorts?: true;
}

export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
  readonly origin: Origin;
}

export interface Chain {
  readonly name: string;
  /** null for a user chain, which has none. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly counters: Counters;
  readonly rules: readonly Rule[];
  readonly origin: Origin;
}

/** One rule: all conditions must hold, then the target acts. */
export interface Rule {
  /** `-s`. */
  readonly source: Given<Network> | null;
  /** `-d`. */
  readonly destination: Given<Network> | null;
  /** `-i`: the interface it came in by; of a bridged packet the bridge. */
  readonly inInterface: Given<InterfaceName> | null;
  /** `-o`: the interface it leaves by; of a bridged packet the bridge. */
  readonly outInterface: Given<InterfaceName> | null;
  /** `-p`. */
  readonly protocol: Given<Protocol> | null;
  /** `-f`: second and later fragments (IPv4 only). */
  readonly fragment: Given<true> | null;
  /** In the order of the rule. */
  readonly matches: readonly RuleMatch[];
  readonly target: Target;
  /** null when the text had none (`iptables-save` without `-c`). */
  readonly counters: Counters | null;
  readonly origin: Origin;
}

/** Words of a match or target that has no row: kept as they are, and never guessed at. */
export interface Verbatim {
  readonly kind: 'verbatim';
  readonly name: string;
  readonly words: readonly string[];
}

export type RuleMatch = KnownMatch | Verbatim;

export type Target =
  /** No `-j`: the rule only counts. */
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: 'ACCEPT' | 'DROP' | 'RETURN' | 'QUEUE' }
  /** `-j`: goes on behind this rule when the chain returns. */
  | { readonly kind: 'jump'; readonly chain: string }
  /** `-g`: goes on behind the rule that called this chain. */
  | { readonly kind: 'goto'; readonly chain: string }
  | KnownTarget
  | Verbatim;

/** The chains that hooks ask, by table (net/ipv4/netfilter/iptable_*.c valid_hooks). */
export const BASE_CHAINS: Readonly<Record<TableName, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export const NO_COUNTERS: Counters = { packets: 0n, bytes: 0n };

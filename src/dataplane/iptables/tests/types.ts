/**
 * Questions of rules that a match on fields cannot express. They are asked after the rule's
 * fields matched, in the order of the rule: some remember that they were asked.
 */
import { type Guard, type Truth } from '../../../traffic/guard.ts';
import { type Match } from '../../../traffic/match.ts';
import { type KnownMatch } from '../text/match-rows.ts';

/** Remembers, or throws dice (memory.ts). */
export type MemoryTest = Extract<
  KnownMatch,
  { kind: 'limit' | 'recent' | 'statistic' | 'quota' | 'hashlimit' | 'connlimit' }
>;

/** About the connection itself (connection-test.ts). */
export type ConnectionTest =
  /** Its first packet after translation meets this: the reply direction turned around. */
  | { readonly kind: 'translated'; readonly match: Match }
  /** It was expected by a connection with this helper. */
  | { readonly kind: 'helper'; readonly name: string; readonly not: boolean };

/** About the packet's bytes (content.ts). */
export interface ContentTest {
  readonly kind: 'content';
  /** Whom it concerns: all others meet it. */
  readonly only?: Guard;
  /** Judges the bytes from the IP header on; -1 where a byte is needed that nobody knows. */
  readonly ask: (packet: PacketBytes) => Truth;
}

/** About the routing tables (routes.ts). */
export type RouteTest = Extract<KnownMatch, { kind: 'rpfilter' }>;

/** About the socket that sent the packet (owner.ts). */
export interface OwnerTest {
  readonly kind: 'owner';
  /** Nothing is known about the socket. */
  readonly unknown: Guard;
  readonly holds: Guard;
}

/** About what the kernel knows beside the packet (knowledge.ts). */
export type KnowledgeTest = Extract<
  KnownMatch,
  { kind: 'time' | 'connbytes' | 'connlabel' | 'cluster' | 'eui64' }
>;

/** Fields again, where a test that remembers stands in front of them. */
export interface FieldTest {
  readonly kind: 'fields';
  readonly guard: Guard;
}

export type RuleTest =
  | MemoryTest
  | ConnectionTest
  | ContentTest
  | RouteTest
  | OwnerTest
  | KnowledgeTest
  | FieldTest;

/** A packet's bytes with what every test on them needs. */
export interface PacketBytes {
  readonly bytes: Uint8Array;
  /** So many bytes are known. */
  readonly known: number;
  readonly version: 4 | 6;
  /** Where the transport header begins (xt_action_param.thoff). */
  readonly transport: number;
  /** Behind the last byte of the packet. */
  readonly end: number;
  /** A fragment that is not the first one: what stands at `transport` is no header. */
  readonly later: boolean;
}

/**
 * A remembered connection. It keeps two packets: the first one as it came and the same one
 * after translation; an answer is whatever reverses the second, and is translated back into
 * the reverse of the first.
 */

import { type PacketClass } from './protocols.ts';
import { type KernelSctp } from './sctp-kernel.ts';
import { type Shifts } from './sequence.ts';
import { type KernelTcp } from './tcp-kernel.ts';
import { type UserspaceTcp } from './tcp-userspace.ts';
import { type ConnectionEntry } from './types.ts';

/** Zone ids of the two directions; CT --zone-orig and --zone-reply make them differ. */
export interface Zone {
  readonly original: number;
  readonly reply: number;
}

/** The same zone both ways. */
export function bothWays(zone: number): Zone {
  return { original: zone, reply: zone };
}

/** Bits of ct_status (include/uapi/linux/netfilter/nf_conntrack_common.h `ip_conntrack_status`). */
export const STATUS = {
  expected: 0x1,
  seen_reply: 0x2,
  assured: 0x4,
  confirmed: 0x8,
  src_nat: 0x10,
  dst_nat: 0x20,
  seq_adjust: 0x40,
  src_nat_done: 0x80,
  dst_nat_done: 0x100,
  dying: 0x200,
  fixed_timeout: 0x400,
  template: 0x800,
  nat_clash: 0x1000,
  helper: 0x2000,
  offload: 0x4000,
  hw_offload: 0x8000,
} as const;

/** What no helper has touched. */
export const NO_HELP = { helper: null, lines: [[], []], shifts: null } as const;

/** What the protocol's machine remembers. */
export type ProtocolState =
  | { readonly kind: 'tcp'; readonly tcp: KernelTcp }
  | { readonly kind: 'tcp-peers'; readonly tcp: UserspaceTcp }
  | { readonly kind: 'sctp'; readonly sctp: KernelSctp }
  /** Kernel UDP: from `stream_us` on a two-way flow counts as a stream. */
  | { readonly kind: 'udp'; readonly stream_us: number }
  /** Userspace UDP, ICMP and others: first packet, more one way, both ways. */
  | { readonly kind: 'steps'; readonly step: 'first' | 'multiple' | 'both' }
  | { readonly kind: 'plain' };

export interface Connection<P> {
  /** The same object in every later version of one connection (`changed()` of sets). */
  readonly identity: object;
  readonly cls: PacketClass;
  readonly zone: Zone;
  /** The first packet as it came. */
  readonly before: P;
  /** The first packet after translation. */
  after: P;
  /** Its ct_mark and ct_label fields are the connection's mark and labels. */
  memo: P;
  /** Bits of `STATUS`. */
  status: number;
  state: ProtocolState;
  /** Run time in microseconds after which the entry is gone. */
  expires_us: number;
  helper: string | null;
  /** FTP's helper: where lines of each direction ended, as sequence numbers. */
  lines: readonly [readonly number[], readonly number[]];
  /** Set when a helper changed the length of a payload. */
  shifts: Shifts | null;
  /** The connection whose helper expected this one. */
  readonly master: Connection<P> | null;
  /** A packet on its way out by the interface whose address MASQUERADE took. */
  masqueradedBy?: P;
  /** False when it was deleted. */
  alive: boolean;
  /** The entry of the dump it was read from. */
  readonly entry: ConnectionEntry | null;
}

/**
 * One fragment of an IP packet as its own header describes it, and the whole that fragments
 * make (RFC 791 §3.2, RFC 8200 §4.5). defragment.ts keeps them until all are there.
 */
import { get16, get32, put16, toHex } from '../../packet/wire/bytes.ts';
import { addBytes, finish } from '../../packet/wire/checksum.ts';
import { IP_PROTOCOL } from '../../packet/wire/ipv4.ts';
import { extensionLength, IPV6_LENGTH, isExtension } from '../../packet/wire/ipv6.ts';

/** A fragment; offsets and lengths in bytes. */
export interface Fragment {
  /** Source, destination, identification and, in IPv4, protocol: what pieces have in common. */
  readonly key: string;
  readonly source: string;
  readonly offset: number;
  readonly more: boolean;
  readonly dontFragment: boolean;
  /** Everything in front of the data; of IPv6 without the fragment header. */
  readonly header: Uint8Array;
  readonly data: Uint8Array;
  /** IPv6: where the number of the next header stands in `header`, and that number. */
  readonly next: { readonly at: number; readonly value: number } | null;
  /** The ECN bits as one of four flags (include/net/inet_frag.h IPFRAG_ECN_*). */
  readonly ecn: number;
}

const MORE = 0x2000;
const DONT = 0x4000;

/** The fragment that a packet is; null when it is whole. `bytes` begin with the IP header. */
export function fragmentOf(bytes: Uint8Array, version: 4 | 6): Fragment | null {
  return version === 4 ? fragmentOf4(bytes) : fragmentOf6(bytes);
}

function fragmentOf4(bytes: Uint8Array): Fragment | null {
  const flags = get16(bytes, 6);
  if ((flags & (MORE | 0x1fff)) === 0) return null;
  const length = ((bytes[0] ?? 0) & 15) * 4;
  const source = toHex(bytes.subarray(12, 16));
  const key = `${source} ${toHex(bytes.subarray(16, 20))} ${get16(bytes, 4)} ${bytes[9]}`;
  return {
    key,
    source,
    offset: (flags & 0x1fff) * 8,
    more: (flags & MORE) !== 0,
    dontFragment: (flags & DONT) !== 0,
    header: bytes.subarray(0, length),
    data: bytes.subarray(length, get16(bytes, 2)),
    next: null,
    ecn: 1 << ((bytes[1] ?? 0) & 3),
  };
}

function fragmentOf6(bytes: Uint8Array): Fragment | null {
  let nextAt = 6;
  let at = IPV6_LENGTH;
  for (;;) {
    const next = bytes[nextAt] ?? 0;
    if (next === IP_PROTOCOL.fragment) break;
    if (!isExtension(next) || at + 8 > bytes.length) return null;
    nextAt = at;
    at += extensionLength(bytes, at, next);
  }
  if (at + 8 > bytes.length) return null;
  const flags = get16(bytes, at + 2);
  const source = toHex(bytes.subarray(8, 24));
  return {
    key: `${source} ${toHex(bytes.subarray(24, 40))} ${get32(bytes, at + 4)}`,
    source,
    offset: flags & 0xfff8,
    more: (flags & 1) !== 0,
    dontFragment: false,
    header: bytes.subarray(0, at),
    data: bytes.subarray(at + 8, IPV6_LENGTH + get16(bytes, 4)),
    next: { at: nextAt, value: bytes[at] ?? 0 },
    ecn: 1 << (((bytes[1] ?? 0) >> 4) & 3),
  };
}

/**
 * The whole packet of pieces in ascending order that leave no gap. The first one gives the
 * header.
 *
 * @param ecn bits that the packet's ECN field gets in addition
 * @param keepDontFragment the largest piece asked for it (IPv4)
 */
export function joined(
  pieces: readonly Fragment[],
  ecn: number,
  keepDontFragment: boolean,
): Uint8Array {
  const [first] = pieces;
  if (first === undefined) return new Uint8Array(0);
  const length = pieces.reduce((sum, { data }) => sum + data.length, first.header.length);
  const out = new Uint8Array(length);
  out.set(first.header);
  let at = first.header.length;
  for (const { data } of pieces) {
    out.set(data, at);
    at += data.length;
  }
  if (first.next === null) {
    put16(out, 2, length);
    put16(out, 6, keepDontFragment ? DONT : 0);
    out[1] = (out[1] ?? 0) | ecn;
    sealHeader(out, first.header.length);
  } else {
    put16(out, 4, length - IPV6_LENGTH);
    out[first.next.at] = first.next.value;
    out[1] = (out[1] ?? 0) | (ecn << 4);
  }
  return out;
}

/** Writes the checksum of an IPv4 header. */
export function sealHeader(bytes: Uint8Array, length: number): void {
  put16(bytes, 10, 0);
  put16(bytes, 10, finish(addBytes(0, bytes, 0, length)));
}

/**
 * What ECN bits the whole gets beside those of its first piece; null refuses it
 * (net/ipv4/inet_fragment.c ip_frag_ecn_table). Congestion that one piece met is congestion of
 * the whole (RFC 3168 §5.3); pieces that take part in ECN and others do not go together.
 *
 * @param seen the `ecn` of all pieces, or-ed
 */
export function ecnOfWhole(seen: number): number | null {
  const { notCapable, capable, congestion } = ECN;
  if ((seen & notCapable) !== 0) return seen === notCapable ? 0 : null;
  return (seen & congestion) !== 0 && (seen & capable) !== 0 ? 3 : 0;
}

/** `Fragment.ecn`: not ECN-capable, ECN-capable (two codepoints), congestion experienced. */
const ECN = { notCapable: 1, capable: 2 | 4, congestion: 8 } as const;

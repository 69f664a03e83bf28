/** The IPv6 header and its extension headers (RFC 8200 §3, §4); a transport header follows. */
import { get8, get16, get32, getIpv6, type Ipv6Words, put16, put32, putIpv6 } from './bytes.ts';
import { IP_PROTOCOL } from './ipv4.ts';

export interface Ipv6 {
  readonly kind: 'ipv6';
  /** 6; a switch goes by the EtherType and does not look, a kernel drops anything else. */
  readonly version: number;
  readonly trafficClass: number;
  readonly flowLabel: number;
  /** Extension headers and data, in bytes. */
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly src: Ipv6Words;
  readonly dst: Ipv6Words;
}

/** Hop-by-hop, routing, destination options or authentication header; only its length is read. */
export interface Ipv6Extension {
  readonly kind: 'ipv6-extension';
  /** The whole extension header; its first byte is the next header. */
  readonly bytes: Uint8Array;
}

export interface Ipv6Fragment {
  readonly kind: 'ipv6-fragment';
  readonly next: number;
  readonly reserved: number;
  /** In units of eight bytes. */
  readonly offset: number;
  /** Two reserved bits (6) and "more fragments" (1). */
  readonly flags: number;
  readonly id: number;
}

export const IPV6_LENGTH = 40;
export const IPV6_FRAGMENT_LENGTH = 8;

const NOWHERE: Ipv6Words = [0, 0, 0, 0];

/** A header with the values most senders use; the length is left to `encode`. */
export function ipv6(given: Partial<Ipv6>): Ipv6 {
  return {
    kind: 'ipv6',
    version: 6,
    trafficClass: 0,
    flowLabel: 0,
    payloadLength: 0,
    nextHeader: 59,
    hopLimit: 64,
    src: NOWHERE,
    dst: NOWHERE,
    ...given,
  };
}

export function parseIpv6Header(bytes: Uint8Array, at: number): Ipv6 {
  const first = get32(bytes, at);
  return {
    kind: 'ipv6',
    version: first >>> 28,
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xf_ffff,
    payloadLength: get16(bytes, at + 4),
    nextHeader: get8(bytes, at + 6),
    hopLimit: get8(bytes, at + 7),
    src: getIpv6(bytes, at + 8),
    dst: getIpv6(bytes, at + 24),
  };
}

export function emitIpv6(header: Ipv6, out: Uint8Array, at: number): void {
  put32(out, at, (header.version << 28) | (header.trafficClass << 20) | header.flowLabel);
  put16(out, at + 4, header.payloadLength);
  out[at + 6] = header.nextHeader;
  out[at + 7] = header.hopLimit;
  putIpv6(out, at + 8, header.src);
  putIpv6(out, at + 24, header.dst);
}

/** Whether a next-header number names an extension header that can be stepped over. */
export function isExtension(next: number): boolean {
  switch (next) {
    case IP_PROTOCOL.hopByHop:
    case IP_PROTOCOL.routing:
    case IP_PROTOCOL.destinationOptions:
    case IP_PROTOCOL.ah:
    case IP_PROTOCOL.fragment:
      return true;
    default:
      return false;
  }
}

/** Length of the extension header of type `next` at `at` (AH counts in words, RFC 4302 §2.2). */
export function extensionLength(bytes: Uint8Array, at: number, next: number): number {
  const count = get8(bytes, at + 1);
  return next === IP_PROTOCOL.ah ? (count + 2) * 4 : (count + 1) * 8;
}

export function parseIpv6Fragment(bytes: Uint8Array, at: number): Ipv6Fragment {
  const offset = get16(bytes, at + 2);
  return {
    kind: 'ipv6-fragment',
    next: get8(bytes, at),
    reserved: get8(bytes, at + 1),
    offset: offset >>> 3,
    flags: offset & 7,
    id: get32(bytes, at + 4),
  };
}

export function emitIpv6Fragment(header: Ipv6Fragment, out: Uint8Array, at: number): void {
  out[at] = header.next;
  out[at + 1] = header.reserved;
  put16(out, at + 2, (header.offset << 3) | header.flags);
  put32(out, at + 4, header.id);
}

/** The IPv4 header with options and fragment fields (RFC 791 §3.1); a transport header follows. */
import { get8, get16, get32, NO_BYTES, padded4, put16, put32, slice } from './bytes.ts';

export interface Ipv4 {
  readonly kind: 'ipv4';
  /** 4; a switch goes by the EtherType and does not look, a kernel drops anything else. */
  readonly version: number;
  readonly tos: number;
  /** Header and data, in bytes. */
  readonly totalLength: number;
  readonly id: number;
  /** Reserved (4), don't fragment (2), more fragments (1). */
  readonly flags: number;
  /** In units of eight bytes. */
  readonly offset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly checksum: number;
  readonly src: number;
  readonly dst: number;
  readonly options: Uint8Array;
}

const IPV4_LENGTH = 20;
export const DONT_FRAGMENT = 2;
export const MORE_FRAGMENTS = 1;

/** Numbers of what IP carries (IANA protocol numbers). */
export const IP_PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  ah: 51,
  icmpv6: 58,
  destinationOptions: 60,
  vrrp: 112,
  sctp: 132,
  mobility: 135,
} as const;

/** A header with the values most senders use; lengths and checksum are left to `encode`. */
export function ipv4(given: Partial<Ipv4>): Ipv4 {
  return {
    kind: 'ipv4',
    version: 4,
    tos: 0,
    totalLength: 0,
    id: 0,
    flags: 0,
    offset: 0,
    ttl: 64,
    protocol: 0,
    checksum: 0,
    src: 0,
    dst: 0,
    options: NO_BYTES,
    ...given,
  };
}

export function ipv4Length(header: Ipv4): number {
  return IPV4_LENGTH + padded4(header.options.length);
}

/** What is wrong with a header, or null; the checks a kernel makes (net/ipv4/ip_input.c). */
export function ipv4Fault(bytes: Uint8Array, at: number, end: number): string | null {
  if (end - at < IPV4_LENGTH) return 'IPv4 header cut short';
  const length = (get8(bytes, at) & 15) * 4;
  if (length < IPV4_LENGTH) return 'IPv4 header length below 20';
  if (end - at < length) return 'IPv4 options cut short';
  if (get16(bytes, at + 2) < length) return 'IPv4 total length below the header length';
  return null;
}

/** Reads a header in which `ipv4Fault` found nothing. */
export function parseIpv4Header(bytes: Uint8Array, at: number): Ipv4 {
  const fragment = get16(bytes, at + 6);
  return {
    kind: 'ipv4',
    version: get8(bytes, at) >>> 4,
    tos: get8(bytes, at + 1),
    totalLength: get16(bytes, at + 2),
    id: get16(bytes, at + 4),
    flags: fragment >>> 13,
    offset: fragment & 0x1fff,
    ttl: get8(bytes, at + 8),
    protocol: get8(bytes, at + 9),
    checksum: get16(bytes, at + 10),
    src: get32(bytes, at + 12),
    dst: get32(bytes, at + 16),
    options: slice(bytes, at + IPV4_LENGTH, at + (get8(bytes, at) & 15) * 4),
  };
}

export function emitIpv4(header: Ipv4, out: Uint8Array, at: number): void {
  out[at] = (header.version << 4) | (ipv4Length(header) >>> 2);
  out[at + 1] = header.tos;
  put16(out, at + 2, header.totalLength);
  put16(out, at + 4, header.id);
  put16(out, at + 6, (header.flags << 13) | header.offset);
  out[at + 8] = header.ttl;
  out[at + 9] = header.protocol;
  put16(out, at + 10, header.checksum);
  put32(out, at + 12, header.src);
  put32(out, at + 16, header.dst);
  out.set(header.options, at + IPV4_LENGTH);
}

/**
 * ICMP for IPv4 (RFC 792) and IPv6 (RFC 4443): type, code, checksum and four bytes whose meaning
 * hangs on the type. Errors carry the packet they complain about.
 */
import { get8, get16, get32, put16, put32 } from './bytes.ts';

export interface Icmp {
  readonly kind: 'icmp' | 'icmpv6';
  readonly type: number;
  readonly code: number;
  readonly checksum: number;
  /** Identifier and sequence of an echo, next-hop MTU, gateway address, flags, … */
  readonly rest: number;
}

export const ICMP_LENGTH = 8;

export const ICMP_TYPE = {
  echoReply: 0,
  unreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echo: 8,
  timeExceeded: 11,
  parameterProblem: 12,
  timestamp: 13,
  addressMaskReply: 18,
} as const;

export const ICMPV6_TYPE = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echo: 128,
  echoReply: 129,
  listenerQuery: 130,
  listenerReport: 131,
  listenerDone: 132,
  routerSolicit: 133,
  routerAdvert: 134,
  neighborSolicit: 135,
  neighborAdvert: 136,
  redirect: 137,
  listenerReport2: 143,
} as const;

/** A header; the checksum is left to `encode`. */
export function icmp(kind: Icmp['kind'], type: number, code: number, rest: number): Icmp {
  return { kind, type, code, checksum: 0, rest };
}

/** Whether the message quotes the packet it is about. */
export function quotesOriginal(kind: Icmp['kind'], type: number): boolean {
  if (kind === 'icmpv6') return type < 128 && type > 0;
  switch (type) {
    case ICMP_TYPE.unreachable:
    case ICMP_TYPE.sourceQuench:
    case ICMP_TYPE.redirect:
    case ICMP_TYPE.timeExceeded:
    case ICMP_TYPE.parameterProblem:
      return true;
    default:
      return false;
  }
}

/** Whether the four bytes are an identifier and a sequence number. */
export function hasIdentifier(kind: Icmp['kind'], type: number): boolean {
  if (kind === 'icmpv6') return type === ICMPV6_TYPE.echo || type === ICMPV6_TYPE.echoReply;
  const isQuery = type >= ICMP_TYPE.timestamp && type <= ICMP_TYPE.addressMaskReply;
  return type === ICMP_TYPE.echo || type === ICMP_TYPE.echoReply || isQuery;
}

export function parseIcmp(kind: Icmp['kind'], bytes: Uint8Array, at: number): Icmp {
  return {
    kind,
    type: get8(bytes, at),
    code: get8(bytes, at + 1),
    checksum: get16(bytes, at + 2),
    rest: get32(bytes, at + 4),
  };
}

export function emitIcmp(header: Icmp, out: Uint8Array, at: number): void {
  out[at] = header.type;
  out[at + 1] = header.code;
  put16(out, at + 2, header.checksum);
  put32(out, at + 4, header.rest);
}

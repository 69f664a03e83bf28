/**
 * Neighbour discovery (RFC 4861 §4): what stands behind the eight bytes of an ICMPv6 header.
 * Those eight bytes carry the flags (`rest`: router, solicited, override; hop limit, lifetime).
 */
import {
  get8,
  get32,
  get48,
  getIpv6,
  type Ipv6Words,
  put32,
  put48,
  putIpv6,
  slice,
} from './bytes.ts';
import { ICMPV6_TYPE } from './icmp.ts';

export interface NdOption {
  readonly type: number;
  /** What stands behind type and length; two bytes less than a multiple of eight. */
  readonly data: Uint8Array;
}

export type NdMessage =
  | { readonly kind: 'router-solicit'; readonly options: readonly NdOption[] }
  | {
      readonly kind: 'router-advert';
      readonly reachable_ms: number;
      readonly retransmit_ms: number;
      readonly options: readonly NdOption[];
    }
  | {
      readonly kind: 'neighbor-solicit' | 'neighbor-advert';
      readonly target: Ipv6Words;
      readonly options: readonly NdOption[];
    }
  | {
      readonly kind: 'redirect';
      readonly target: Ipv6Words;
      readonly destination: Ipv6Words;
      readonly options: readonly NdOption[];
    };

const FIXED_LENGTH = new Map<number, number>([
  [ICMPV6_TYPE.routerSolicit, 0],
  [ICMPV6_TYPE.routerAdvert, 8],
  [ICMPV6_TYPE.neighborSolicit, 16],
  [ICMPV6_TYPE.neighborAdvert, 16],
  [ICMPV6_TYPE.redirect, 32],
]);

/** The message behind an ICMPv6 header of `type`; null when it is none or does not fit. */
export function parseNd(type: number, bytes: Uint8Array): NdMessage | null {
  const fixed = FIXED_LENGTH.get(type);
  if (fixed === undefined || bytes.length < fixed) return null;
  const options = parseNdOptions(bytes, fixed);
  if (options === null) return null;
  switch (type) {
    case ICMPV6_TYPE.routerSolicit:
      return { kind: 'router-solicit', options };
    case ICMPV6_TYPE.routerAdvert:
      return {
        kind: 'router-advert',
        reachable_ms: get32(bytes, 0),
        retransmit_ms: get32(bytes, 4),
        options,
      };
    case ICMPV6_TYPE.neighborSolicit:
      return { kind: 'neighbor-solicit', target: getIpv6(bytes, 0), options };
    case ICMPV6_TYPE.neighborAdvert:
      return { kind: 'neighbor-advert', target: getIpv6(bytes, 0), options };
    default:
      return {
        kind: 'redirect',
        target: getIpv6(bytes, 0),
        destination: getIpv6(bytes, 16),
        options,
      };
  }
}

/** The options from `at` on; null when a length is zero or leads past the end (RFC 4861 §6.1). */
function parseNdOptions(bytes: Uint8Array, start: number): readonly NdOption[] | null {
  const options: NdOption[] = [];
  let at = start;
  while (at < bytes.length) {
    const length = at + 1 < bytes.length ? get8(bytes, at + 1) * 8 : 0;
    if (length === 0 || at + length > bytes.length) return null;
    options.push({ type: get8(bytes, at), data: slice(bytes, at + 2, at + length) });
    at += length;
  }
  return options;
}

/** The bytes behind the ICMPv6 header; an option with its header fills whole units of eight. */
export function emitNd(message: NdMessage): Uint8Array {
  const fixed = message.kind === 'router-solicit' ? 0 : message.kind === 'router-advert' ? 8 : 16;
  const start = message.kind === 'redirect' ? 32 : fixed;
  const length = message.options.reduce((sum, { data }) => sum + 2 + data.length, start);
  const out = new Uint8Array(length);
  if (message.kind === 'router-advert') {
    put32(out, 0, message.reachable_ms);
    put32(out, 4, message.retransmit_ms);
  } else if (message.kind !== 'router-solicit') {
    putIpv6(out, 0, message.target);
    if (message.kind === 'redirect') putIpv6(out, 16, message.destination);
  }
  let at = start;
  for (const { type, data } of message.options) {
    out[at] = type;
    out[at + 1] = (data.length + 2) >>> 3;
    out.set(data, at + 2);
    at += data.length + 2;
  }
  return out;
}

/** A link-layer address option (RFC 4861 §4.6.1). */
export function linkAddressOption(type: 1 | 2, mac: number): NdOption {
  const data = new Uint8Array(6);
  put48(data, 0, mac);
  return { type, data };
}

/** The MAC address of a link-layer address option, or null when it has another length. */
export function linkAddress(option: NdOption): number | null {
  return option.data.length === 6 ? get48(option.data, 0) : null;
}

/** VRRP advertisements, version 2 (RFC 3768 §5) and 3 (RFC 5798 §5), carried by IP protocol 112. */
import { get8, get16, get32, put16, slice } from './bytes.ts';

export interface Vrrp {
  readonly kind: 'vrrp';
  readonly version: number;
  /** 1: advertisement, the only one there is. */
  readonly type: number;
  readonly vrid: number;
  /** 255 owns the addresses, 0 gives up being master. */
  readonly priority: number;
  /** Number of virtual addresses. */
  readonly count: number;
  /** Version 2: authentication type and interval in seconds; 3: interval in centiseconds. */
  readonly timing: number;
  readonly checksum: number;
  /** Addresses, and in version 2 eight bytes of authentication data behind them. */
  readonly rest: Uint8Array;
}

export const VRRP_LENGTH = 8;

/** Null when the bytes are neither version 2 nor 3 of VRRP. */
export function parseVrrp(bytes: Uint8Array, at: number, end: number): Vrrp | null {
  const version = get8(bytes, at) >>> 4;
  if (version !== 2 && version !== 3) return null;
  return {
    kind: 'vrrp',
    version,
    type: get8(bytes, at) & 15,
    vrid: get8(bytes, at + 1),
    priority: get8(bytes, at + 2),
    count: get8(bytes, at + 3),
    timing: get16(bytes, at + 4),
    checksum: get16(bytes, at + 6),
    rest: slice(bytes, at + VRRP_LENGTH, end),
  };
}

export function emitVrrp(advert: Vrrp, out: Uint8Array, at: number): void {
  out[at] = (advert.version << 4) | advert.type;
  out[at + 1] = advert.vrid;
  out[at + 2] = advert.priority;
  out[at + 3] = advert.count;
  put16(out, at + 4, advert.timing);
  put16(out, at + 6, advert.checksum);
  out.set(advert.rest, at + VRRP_LENGTH);
}

/** The advertisement interval in microseconds: whole seconds or twelve bits of centiseconds. */
export function vrrpInterval_us(advert: Vrrp): number {
  return advert.version === 2
    ? (advert.timing & 0xff) * 1_000_000
    : (advert.timing & 0xfff) * 10_000;
}

/** Virtual IPv4 addresses as far as they are there. */
export function vrrpIpv4Addresses(advert: Vrrp): readonly number[] {
  const there = Math.min(advert.count, advert.rest.length >>> 2);
  return Array.from({ length: there }, (_, i) => get32(advert.rest, 4 * i));
}

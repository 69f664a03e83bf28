/**
 * The Ethernet header (IEEE 802.3 §3.1) and the SNAP header that may follow a length field.
 * First on the wire; VLAN tags, MPLS labels, ARP or IP come next.
 */
import { get16, get48, put16, put48 } from './bytes.ts';

export interface Ethernet {
  readonly kind: 'ethernet';
  readonly dst: number;
  readonly src: number;
  /** EtherType, or below 0x600 the length of an 802.2 frame. */
  readonly type: number;
}

/** 802.2 LLC and SNAP with the Ethernet organisation code: AA AA 03 00 00 00 and a type. */
export interface Snap {
  readonly kind: 'snap';
  readonly type: number;
}

export const ETHERNET_LENGTH = 14;
export const SNAP_LENGTH = 8;
/** Smaller type fields are lengths (IEEE 802.3 §3.2.6). */
export const FIRST_ETHERTYPE = 0x600;

export const ETHERTYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  transparentEthernet: 0x6558,
  vlan: 0x8100,
  serviceVlan: 0x88a8,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
} as const;

export function parseEthernet(bytes: Uint8Array, at: number): Ethernet {
  return {
    kind: 'ethernet',
    dst: get48(bytes, at),
    src: get48(bytes, at + 6),
    type: get16(bytes, at + 12),
  };
}

export function emitEthernet(header: Ethernet, out: Uint8Array, at: number): void {
  put48(out, at, header.dst);
  put48(out, at + 6, header.src);
  put16(out, at + 12, header.type);
}

/** Null when the bytes are not LLC with SNAP and the Ethernet organisation code. */
export function parseSnap(bytes: Uint8Array, at: number): Snap | null {
  const isSnap =
    get16(bytes, at) === 0xaaaa && get16(bytes, at + 2) === 0x0300 && get16(bytes, at + 4) === 0;
  return isSnap ? { kind: 'snap', type: get16(bytes, at + 6) } : null;
}

export function emitSnap(header: Snap, out: Uint8Array, at: number): void {
  put16(out, at, 0xaaaa);
  put16(out, at + 2, 0x0300);
  put16(out, at + 4, 0);
  put16(out, at + 6, header.type);
}

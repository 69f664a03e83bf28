/** ARP and RARP for IPv4 over Ethernet (RFC 826): the only sizes a cloud's switches look at. */
import { get16, get32, get48, put16, put32, put48 } from './bytes.ts';

export interface Arp {
  readonly kind: 'arp';
  /** 1 request, 2 reply; 3 and 4 the same for RARP. */
  readonly op: number;
  readonly sha: number;
  readonly spa: number;
  readonly tha: number;
  readonly tpa: number;
}

export const ARP_LENGTH = 28;

/** Null for other hardware or protocol types and address sizes. */
export function parseArp(bytes: Uint8Array, at: number): Arp | null {
  const known =
    get16(bytes, at) === 1 && get16(bytes, at + 2) === 0x0800 && get16(bytes, at + 4) === 0x0604;
  if (!known) return null;
  return {
    kind: 'arp',
    op: get16(bytes, at + 6),
    sha: get48(bytes, at + 8),
    spa: get32(bytes, at + 14),
    tha: get48(bytes, at + 18),
    tpa: get32(bytes, at + 24),
  };
}

export function emitArp(arp: Arp, out: Uint8Array, at: number): void {
  put16(out, at, 1);
  put16(out, at + 2, 0x0800);
  put16(out, at + 4, 0x0604);
  put16(out, at + 6, arp.op);
  put48(out, at + 8, arp.sha);
  put32(out, at + 14, arp.spa);
  put48(out, at + 18, arp.tha);
  put32(out, at + 24, arp.tpa);
}

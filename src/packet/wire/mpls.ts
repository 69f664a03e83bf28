/** One entry of an MPLS label stack (RFC 3032 §2.1); what follows the last entry has no type. */
import { get32, put32 } from './bytes.ts';

export interface Mpls {
  readonly kind: 'mpls';
  /** Label (20 bits), traffic class (3), bottom of stack (1), TTL (8). */
  readonly entry: number;
}

export const MPLS_LENGTH = 4;

export function isBottom(label: Mpls): boolean {
  return (label.entry & 0x100) !== 0;
}

export function parseMpls(bytes: Uint8Array, at: number): Mpls {
  return { kind: 'mpls', entry: get32(bytes, at) };
}

export function emitMpls(label: Mpls, out: Uint8Array, at: number): void {
  put32(out, at, label.entry);
}

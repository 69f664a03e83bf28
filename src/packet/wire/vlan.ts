/**
 * VLAN tags (IEEE 802.1Q §9.6), stacked or not. The type before a tag (0x8100 or 0x88a8) stands
 * in the header in front of it; a tag carries its control information and the next type.
 */
import { get16, put16 } from './bytes.ts';
import { ETHERTYPE } from './ethernet.ts';

export interface Vlan {
  readonly kind: 'vlan';
  /** Priority (3 bits), drop eligible (1 bit), VLAN id (12 bits). */
  readonly tci: number;
  readonly type: number;
}

export const VLAN_LENGTH = 4;

export function isVlanType(type: number): boolean {
  return type === ETHERTYPE.vlan || type === ETHERTYPE.serviceVlan;
}

export function parseVlan(bytes: Uint8Array, at: number): Vlan {
  return { kind: 'vlan', tci: get16(bytes, at), type: get16(bytes, at + 2) };
}

export function emitVlan(tag: Vlan, out: Uint8Array, at: number): void {
  put16(out, at, tag.tci);
  put16(out, at + 2, tag.type);
}

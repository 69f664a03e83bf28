/**
 * Tunnel headers between an outer packet and the frame it carries: GRE (RFC 2784, 2890), VXLAN
 * (RFC 7348 §5) and Geneve (RFC 8926 §3.4).
 */
import { get8, get16, get24, get32, put16, put24, put32, slice } from './bytes.ts';

export interface Gre {
  readonly kind: 'gre';
  /** The first sixteen bits: checksum (0x8000), key (0x2000), sequence (0x1000), version (7). */
  readonly flags: number;
  /** EtherType of what is carried; 0x6558 is a whole Ethernet frame. */
  readonly protocol: number;
  readonly checksum: number;
  /** Behind the checksum; zero. */
  readonly reserved: number;
  readonly key: number;
  readonly sequence: number;
}

export const GRE_FLAG = {
  checksum: 0x8000,
  routing: 0x4000,
  key: 0x2000,
  sequence: 0x1000,
} as const;

export function greLength(flags: number): number {
  const optional =
    (flags & GRE_FLAG.checksum ? 1 : 0) +
    (flags & GRE_FLAG.key ? 1 : 0) +
    (flags & GRE_FLAG.sequence ? 1 : 0);
  return 4 + 4 * optional;
}

/** Null for version 1 (PPTP) and source routing, and when it is cut short. */
export function parseGre(bytes: Uint8Array, at: number, end: number): Gre | null {
  if (end - at < 4) return null;
  const flags = get16(bytes, at);
  if ((flags & (7 | GRE_FLAG.routing)) !== 0 || end - at < greLength(flags)) return null;
  let next = at + 4;
  const take = (flag: number) => {
    if ((flags & flag) === 0) return 0;
    next += 4;
    return get32(bytes, next - 4);
  };
  const sum = take(GRE_FLAG.checksum);
  const key = take(GRE_FLAG.key);
  const sequence = take(GRE_FLAG.sequence);
  return {
    kind: 'gre',
    flags,
    protocol: get16(bytes, at + 2),
    checksum: sum >>> 16,
    reserved: sum & 0xffff,
    key,
    sequence,
  };
}

export function emitGre(header: Gre, out: Uint8Array, at: number): void {
  put16(out, at, header.flags);
  put16(out, at + 2, header.protocol);
  let next = at + 4;
  if (header.flags & GRE_FLAG.checksum) {
    put16(out, next, header.checksum);
    put16(out, next + 2, header.reserved);
    next += 4;
  }
  if (header.flags & GRE_FLAG.key) {
    put32(out, next, header.key);
    next += 4;
  }
  if (header.flags & GRE_FLAG.sequence) put32(out, next, header.sequence);
}

export interface Vxlan {
  readonly kind: 'vxlan';
  /** The first sixteen bits; 0x0800 says that the VNI is valid. */
  readonly flags: number;
  /** Reserved, or the group policy id when bit 0x8000 of the flags is set. */
  readonly policy: number;
  readonly vni: number;
  readonly reserved: number;
}

export const VXLAN_LENGTH = 8;
export const VXLAN_VALID_VNI = 0x0800;

export function vxlan(vni: number): Vxlan {
  return { kind: 'vxlan', flags: VXLAN_VALID_VNI, policy: 0, vni, reserved: 0 };
}

export function parseVxlan(bytes: Uint8Array, at: number): Vxlan {
  return {
    kind: 'vxlan',
    flags: get16(bytes, at),
    policy: get16(bytes, at + 2),
    vni: get24(bytes, at + 4),
    reserved: get8(bytes, at + 7),
  };
}

export function emitVxlan(header: Vxlan, out: Uint8Array, at: number): void {
  put16(out, at, header.flags);
  put16(out, at + 2, header.policy);
  put24(out, at + 4, header.vni);
  out[at + 7] = header.reserved;
}

export interface Geneve {
  readonly kind: 'geneve';
  /** Second byte: control packet (0x80), critical options (0x40), reserved. */
  readonly flags: number;
  readonly protocol: number;
  readonly vni: number;
  readonly reserved: number;
  /** All options with their headers; a multiple of four bytes. */
  readonly options: Uint8Array;
}

export const GENEVE_LENGTH = 8;

/** Null for another version than 0 and when options are cut short. */
export function parseGeneve(bytes: Uint8Array, at: number, end: number): Geneve | null {
  const optionsEnd = at + GENEVE_LENGTH + (get8(bytes, at) & 0x3f) * 4;
  if (get8(bytes, at) >>> 6 !== 0 || optionsEnd > end) return null;
  return {
    kind: 'geneve',
    flags: get8(bytes, at + 1),
    protocol: get16(bytes, at + 2),
    vni: get24(bytes, at + 4),
    reserved: get8(bytes, at + 7),
    options: slice(bytes, at + GENEVE_LENGTH, optionsEnd),
  };
}

export function emitGeneve(header: Geneve, out: Uint8Array, at: number): void {
  out[at] = header.options.length >>> 2;
  out[at + 1] = header.flags;
  put16(out, at + 2, header.protocol);
  put24(out, at + 4, header.vni);
  out[at + 7] = header.reserved;
  out.set(header.options, at + GENEVE_LENGTH);
}

/** One Geneve option (RFC 8926 §3.5). */
export interface GeneveOption {
  readonly optionClass: number;
  /** The top bit says critical. */
  readonly type: number;
  /** Three reserved bits. */
  readonly reserved: number;
  /** A multiple of four bytes, at most 124. */
  readonly data: Uint8Array;
}

/** The options in order; null when a length leads past the end. */
export function parseGeneveOptions(bytes: Uint8Array): readonly GeneveOption[] | null {
  const options: GeneveOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return null;
    const end = at + 4 + (get8(bytes, at + 3) & 0x1f) * 4;
    if (end > bytes.length) return null;
    options.push({
      optionClass: get16(bytes, at),
      type: get8(bytes, at + 2),
      reserved: get8(bytes, at + 3) >>> 5,
      data: slice(bytes, at + 4, end),
    });
    at = end;
  }
  return options;
}

export function emitGeneveOptions(options: readonly GeneveOption[]): Uint8Array {
  const out = new Uint8Array(options.reduce((sum, { data }) => sum + 4 + data.length, 0));
  let at = 0;
  for (const { optionClass, type, reserved, data } of options) {
    put16(out, at, optionClass);
    out[at + 2] = type;
    out[at + 3] = (reserved << 5) | (data.length >>> 2);
    out.set(data, at + 4);
    at += 4 + data.length;
  }
  return out;
}

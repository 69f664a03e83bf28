/**
 * IGMP (RFC 1112, 2236, 3376) and its IPv6 sister MLD (RFC 2710, 3810): who listens to which
 * group. IGMP has a header of its own; MLD is the payload of an ICMPv6 message.
 */
import { get8, get16, get32, put16, put32, slice } from './bytes.ts';

export interface Igmp {
  readonly kind: 'igmp';
  /** 0x11 query, 0x12/0x16/0x22 report of version 1/2/3, 0x17 leave. */
  readonly type: number;
  /** Maximum response time; reserved in reports. */
  readonly code: number;
  readonly checksum: number;
  /** The group; in a version 3 report two reserved bytes and the number of records. */
  readonly group: number;
}

export const IGMP_LENGTH = 8;

export function parseIgmp(bytes: Uint8Array, at: number): Igmp {
  return {
    kind: 'igmp',
    type: get8(bytes, at),
    code: get8(bytes, at + 1),
    checksum: get16(bytes, at + 2),
    group: get32(bytes, at + 4),
  };
}

export function emitIgmp(message: Igmp, out: Uint8Array, at: number): void {
  out[at] = message.type;
  out[at + 1] = message.code;
  put16(out, at + 2, message.checksum);
  put32(out, at + 4, message.group);
}

/** One record of a version 3 (MLD: version 2) report: a group, and sources wanted or not. */
export interface GroupRecord {
  /** 1 include, 2 exclude, 3 change to include, 4 change to exclude, 5 allow, 6 block. */
  readonly type: number;
  /** Four bytes for IGMP, sixteen for MLD. */
  readonly group: Uint8Array;
  readonly sources: readonly Uint8Array[];
  readonly auxiliary: Uint8Array;
}

/**
 * The records of a report (RFC 3376 §4.2, RFC 3810 §5.2): `bytes` starts behind the count.
 * Null when they do not fit.
 */
export function parseGroupRecords(
  bytes: Uint8Array,
  count: number,
  addressLength: 4 | 16,
): readonly GroupRecord[] | null {
  const records: GroupRecord[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 + addressLength > bytes.length) return null;
    const sourcesAt = at + 4 + addressLength;
    const auxiliaryAt = sourcesAt + get16(bytes, at + 2) * addressLength;
    const end = auxiliaryAt + get8(bytes, at + 1) * 4;
    if (end > bytes.length) return null;
    const sources: Uint8Array[] = [];
    for (let s = sourcesAt; s < auxiliaryAt; s += addressLength) {
      sources.push(slice(bytes, s, s + addressLength));
    }
    records.push({
      type: get8(bytes, at),
      group: slice(bytes, at + 4, sourcesAt),
      sources,
      auxiliary: slice(bytes, auxiliaryAt, end),
    });
    at = end;
  }
  return records;
}

export function emitGroupRecords(records: readonly GroupRecord[]): Uint8Array {
  const length = records.reduce(
    (sum, { group, sources, auxiliary }) =>
      sum + 4 + group.length * (1 + sources.length) + auxiliary.length,
    0,
  );
  const out = new Uint8Array(length);
  let at = 0;
  for (const { type, group, sources, auxiliary } of records) {
    out[at] = type;
    out[at + 1] = auxiliary.length / 4;
    put16(out, at + 2, sources.length);
    at += 4;
    for (const part of [group, ...sources, auxiliary]) {
      out.set(part, at);
      at += part.length;
    }
  }
  return out;
}

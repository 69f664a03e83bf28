/** The SCTP common header (RFC 9260 §3.1); the chunks behind it are payload. */
import { get16, get32, put16, put32 } from './bytes.ts';

export interface Sctp {
  readonly kind: 'sctp';
  readonly src: number;
  readonly dst: number;
  readonly tag: number;
  /** CRC32c as the four bytes read big-endian (on the wire it is little-endian). */
  readonly checksum: number;
}

export const SCTP_LENGTH = 12;

export function parseSctp(bytes: Uint8Array, at: number): Sctp {
  return {
    kind: 'sctp',
    src: get16(bytes, at),
    dst: get16(bytes, at + 2),
    tag: get32(bytes, at + 4),
    checksum: get32(bytes, at + 8),
  };
}

export function emitSctp(header: Sctp, out: Uint8Array, at: number): void {
  put16(out, at, header.src);
  put16(out, at + 2, header.dst);
  put32(out, at + 4, header.tag);
  put32(out, at + 8, header.checksum);
}

/** A CRC32c as it stands in the header: least significant byte first. */
export function onWire(crc: number): number {
  return ((crc << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24)) >>> 0;
}

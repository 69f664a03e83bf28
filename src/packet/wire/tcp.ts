/** The TCP header with flags and options (RFC 9293 §3.1); application data follows. */
import { get8, get16, get32, NO_BYTES, padded4, put16, put32, slice } from './bytes.ts';

export interface Tcp {
  readonly kind: 'tcp';
  readonly src: number;
  readonly dst: number;
  readonly seq: number;
  readonly ack: number;
  /** Header length in 32-bit words, as it stands in the header. */
  readonly dataOffset: number;
  /** The twelve bits behind the data offset: reserved (3), NS, CWR, ECE, URG, ACK, … FIN. */
  readonly flags: number;
  readonly window: number;
  readonly checksum: number;
  readonly urgent: number;
  readonly options: Uint8Array;
}

export const TCP_LENGTH = 20;

/** A header with the values most senders use; data offset and checksum are left to `encode`. */
export function tcp(given: Partial<Tcp>): Tcp {
  return {
    kind: 'tcp',
    src: 0,
    dst: 0,
    seq: 0,
    ack: 0,
    dataOffset: 5,
    flags: 0,
    window: 65535,
    checksum: 0,
    urgent: 0,
    options: NO_BYTES,
    ...given,
  };
}

export function tcpLength(header: Tcp): number {
  return TCP_LENGTH + padded4(header.options.length);
}

/** Needs twenty bytes; a data offset that does not fit gives a header without options. */
export function parseTcp(bytes: Uint8Array, at: number, end: number): Tcp {
  const offset = get8(bytes, at + 12) >>> 4;
  const optionsEnd = at + offset * 4;
  return {
    kind: 'tcp',
    src: get16(bytes, at),
    dst: get16(bytes, at + 2),
    seq: get32(bytes, at + 4),
    ack: get32(bytes, at + 8),
    dataOffset: offset,
    flags: get16(bytes, at + 12) & 0xfff,
    window: get16(bytes, at + 14),
    checksum: get16(bytes, at + 16),
    urgent: get16(bytes, at + 18),
    options: optionsEnd <= end ? slice(bytes, at + TCP_LENGTH, optionsEnd) : NO_BYTES,
  };
}

export function emitTcp(header: Tcp, out: Uint8Array, at: number): void {
  put16(out, at, header.src);
  put16(out, at + 2, header.dst);
  put32(out, at + 4, header.seq);
  put32(out, at + 8, header.ack);
  put16(out, at + 12, (header.dataOffset << 12) | header.flags);
  put16(out, at + 14, header.window);
  put16(out, at + 16, header.checksum);
  put16(out, at + 18, header.urgent);
  out.set(header.options, at + TCP_LENGTH);
}

/** One TCP option; kinds 0 (end) and 1 (no operation) have no data. */
export interface TcpOption {
  readonly kind: number;
  readonly data: Uint8Array;
}

/** The options in order; stops at the end option and at the first one that does not fit. */
export function parseTcpOptions(bytes: Uint8Array): readonly TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = get8(bytes, at);
    if (kind === 0) break;
    if (kind === 1) {
      options.push({ kind, data: NO_BYTES });
      at++;
      continue;
    }
    const length = at + 1 < bytes.length ? get8(bytes, at + 1) : 0;
    if (length < 2 || at + length > bytes.length) break;
    options.push({ kind, data: slice(bytes, at + 2, at + length) });
    at += length;
  }
  return options;
}

/** The options as bytes, filled up with end options to whole 32-bit words. */
export function emitTcpOptions(options: readonly TcpOption[]): Uint8Array {
  const length = options.reduce((sum, { kind, data }) => sum + (kind < 2 ? 1 : 2 + data.length), 0);
  const out = new Uint8Array(padded4(length));
  let at = 0;
  for (const { kind, data } of options) {
    out[at++] = kind;
    if (kind < 2) continue;
    out[at++] = data.length + 2;
    out.set(data, at);
    at += data.length;
  }
  return out;
}

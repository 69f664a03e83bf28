/** The UDP header (RFC 768), and the first bytes of a transport header that was cut short. */
import { get16, put16 } from './bytes.ts';

export interface Udp {
  readonly kind: 'udp';
  readonly src: number;
  readonly dst: number;
  /** Header and data, in bytes. */
  readonly length: number;
  /** 0 says that the sender computed none (IPv4 only). */
  readonly checksum: number;
  /** `encode` leaves the checksum out: a tunnel's header may have none (RFC 6935). */
  readonly unchecked?: true;
}

/**
 * Source and destination port of TCP, UDP or SCTP whose header is not complete, as in an ICMP
 * error that quotes only eight bytes (RFC 792).
 */
export interface Ports {
  readonly kind: 'ports';
  readonly src: number;
  readonly dst: number;
}

export const UDP_LENGTH = 8;
export const PORTS_LENGTH = 4;

/** Ports behind which these protocols carry other frames (RFC 7348, Linux's own, RFC 8926). */
export const TUNNEL_PORT = { vxlan: 4789, vxlanLinux: 8472, geneve: 6081 } as const;

/** A header; length and checksum are left to `encode`. */
export function udp(src: number, dst: number): Udp {
  return { kind: 'udp', src, dst, length: 0, checksum: 0 };
}

/** A header without checksum. */
export function uncheckedUdp(src: number, dst: number): Udp {
  return { ...udp(src, dst), unchecked: true };
}

export function parseUdp(bytes: Uint8Array, at: number): Udp {
  return {
    kind: 'udp',
    src: get16(bytes, at),
    dst: get16(bytes, at + 2),
    length: get16(bytes, at + 4),
    checksum: get16(bytes, at + 6),
  };
}

export function emitUdp(header: Udp, out: Uint8Array, at: number): void {
  put16(out, at, header.src);
  put16(out, at + 2, header.dst);
  put16(out, at + 4, header.length);
  put16(out, at + 6, header.checksum);
}

export function parsePorts(bytes: Uint8Array, at: number): Ports {
  return { kind: 'ports', src: get16(bytes, at), dst: get16(bytes, at + 2) };
}

export function emitPorts(ports: Ports, out: Uint8Array, at: number): void {
  put16(out, at, ports.src);
  put16(out, at + 2, ports.dst);
}

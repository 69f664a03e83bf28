/**
 * Checksums of headers: the Internet checksum (RFC 1071), its incremental update (RFC 1624) and
 * the CRC32c of SCTP (RFC 9260 appendix A).
 */
import { get16, type Ipv6Words } from './bytes.ts';

/** Adds the 16-bit words of a range to a running sum; an odd last byte counts as the high half. */
export function addBytes(sum: number, bytes: Uint8Array, from: number, to: number): number {
  let total = sum;
  let i = from;
  for (; i + 1 < to; i += 2) total += get16(bytes, i);
  if (i < to) total += bytes[i]! << 8;
  return total;
}

/** Adds both halves of a 32-bit number. */
function add32(sum: number, value: number): number {
  return sum + (value >>> 16) + (value & 0xffff);
}

/** The 16-bit one's complement of a running sum. */
export function finish(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x1_0000) + (folded % 0x1_0000);
  return ~folded & 0xffff;
}

/** The Internet checksum of a range (its own checksum field must be zero or left out). */
export function internetChecksum(bytes: Uint8Array, from = 0, to = bytes.length): number {
  return finish(addBytes(0, bytes, from, to));
}

/** The sum over the IPv4 pseudo-header: RFC 9293 §3.1, RFC 768. */
export function pseudoIpv4(src: number, dst: number, protocol: number, length: number): number {
  return add32(add32(protocol + length, src), dst);
}

/** The sum over the IPv6 pseudo-header: RFC 8200 §8.1. */
export function pseudoIpv6(
  src: Ipv6Words,
  dst: Ipv6Words,
  protocol: number,
  length: number,
): number {
  let sum = add32(protocol, length);
  for (let i = 0; i < 4; i++) sum = add32(add32(sum, src[i]!), dst[i]!);
  return sum;
}

/**
 * The checksum that stands where `given` stood, after a change that moved the right one from
 * `rightBefore` to `rightAfter` (RFC 1624 §3, equation 3): a right one stays right, a wrong one
 * stays wrong by the same amount.
 */
export function updated(given: number, rightBefore: number, rightAfter: number): number {
  if (rightBefore === rightAfter) return given;
  if (given === rightBefore) return rightAfter;
  const sum = (~given & 0xffff) + rightBefore + (~rightAfter & 0xffff);
  return finish(sum);
}

const CRC32C = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  return crc;
});

/** CRC32c over a range in which the four bytes at `hole` count as zero (SCTP's own checksum). */
export function crc32c(bytes: Uint8Array, from: number, to: number, hole: number): number {
  let crc = 0xffff_ffff;
  for (let i = from; i < to; i++) {
    const byte = i >= hole && i < hole + 4 ? 0 : bytes[i]!;
    crc = CRC32C[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

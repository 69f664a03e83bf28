/**
 * Big-endian numbers in byte arrays, as every header on the wire has them. The readers do not
 * check bounds: whoever parses a header asks first whether it is complete.
 */

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** An IPv6 address as four 32-bit words, most significant first. */
export type Ipv6Words = readonly [number, number, number, number];

export function get8(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function get24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

export function get32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** A MAC address as one number; 48 bits fit a double exactly. */
export function get48(bytes: Uint8Array, at: number): number {
  return get16(bytes, at) * 0x1_0000_0000 + get32(bytes, at + 2);
}

export function getIpv6(bytes: Uint8Array, at: number): Ipv6Words {
  return [get32(bytes, at), get32(bytes, at + 4), get32(bytes, at + 8), get32(bytes, at + 12)];
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function put24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function put48(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, Math.floor(value / 0x1_0000_0000));
  put32(bytes, at + 2, value % 0x1_0000_0000);
}

export function putIpv6(bytes: Uint8Array, at: number, value: Ipv6Words): void {
  for (let i = 0; i < 4; i++) put32(bytes, at + 4 * i, value[i]!);
}

/** The bytes from `from` up to `to`, sharing memory; nothing is allocated when there are none. */
export function slice(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return to > from ? bytes.subarray(from, to) : NO_BYTES;
}

/** The next multiple of four: header lengths are counted in 32-bit words. */
export function padded4(length: number): number {
  return (length + 3) & ~3;
}

const HEX = '0123456789abcdef';

/** Lower-case hexadecimal text, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX.charAt(byte >>> 4) + HEX.charAt(byte & 15);
  return text;
}

/** The bytes of hexadecimal text, or null when it is not an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

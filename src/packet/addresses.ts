/**
 * Addresses as text: IPv4, IPv6, MAC and prefixes. Values are `bigint` here, at the edge; inside,
 * packets hold 32-bit words. Dumps have millions of addresses, so reading is one pass over the
 * characters; the compressed form of IPv6 is ip-num's.
 */
import { collapseIPv6Number } from 'ip-num';
import { type Ipv6Words } from './wire/bytes.ts';

const ZERO = 48;
const NINE = 57;
const DOT = 46;
const COLON = 58;

/** The value of a dotted quad, or null. Leading zeros are refused, as inet_pton(3) does. */
export function parseIpv4(text: string): bigint | null {
  const value = ipv4Number(text, 0, text.length);
  return value < 0 ? null : BigInt(value);
}

/** The dotted quad in `text[from..to)` as a 32-bit number, or -1. */
function ipv4Number(text: string, from: number, to: number): number {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code >= ZERO && code <= NINE) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + code - ZERO;
      digits++;
      if (octet > 255) return -1;
    } else if (code === DOT && digits > 0 && dots < 3) {
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots++;
    } else {
      return -1;
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : -1;
}

export function formatIpv4(value: bigint): string {
  return formatIpv4Number(Number(value & 0xffff_ffffn));
}

export function formatIpv4Number(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The value of an IPv6 address (RFC 4291 §2.2), or null. Zones (`%eth0`) are not part of it. */
export function parseIpv6(text: string): bigint | null {
  const words = ipv6Words(text);
  return words === null ? null : bigintOfWords(words);
}

/** An IPv6 address as four 32-bit words, or null. */
function ipv6Words(text: string): Ipv6Words | null {
  const groups: number[] = [];
  // How many groups stood before `::`.
  let gapAt = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    at = 2;
  }
  while (at < text.length) {
    const end = hexGroupEnd(text, at);
    if (text.charCodeAt(end) === DOT) {
      const tail = ipv4Number(text, at, text.length);
      if (tail < 0) return null;
      groups.push(Math.floor(tail / 0x1_0000), tail % 0x1_0000);
      return wordsOfGroups(groups, gapAt);
    }
    if (end === at || end - at > 4 || groups.length === 8) return null;
    groups.push(Number.parseInt(text.slice(at, end), 16));
    if (end === text.length) break;
    if (text.charCodeAt(end) !== COLON) return null;
    at = end + 1;
    if (text.charCodeAt(at) === COLON) {
      if (gapAt >= 0) return null;
      gapAt = groups.length;
      at++;
    } else if (at === text.length) {
      return null;
    }
  }
  return wordsOfGroups(groups, gapAt);
}

function hexGroupEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isHexDigit(text.charCodeAt(at))) at++;
  return at;
}

function isHexDigit(code: number): boolean {
  const lower = code | 0x20;
  return (code >= ZERO && code <= NINE) || (lower >= 97 && lower <= 102);
}

/** Fills the gap of `::` with zeros; it stands for at least one group. */
function wordsOfGroups(groups: readonly number[], gapAt: number): Ipv6Words | null {
  if (gapAt < 0 ? groups.length !== 8 : groups.length > 7) return null;
  const missing = 8 - groups.length;
  const group = (i: number) => {
    if (gapAt < 0 || i < gapAt) return groups[i] ?? 0;
    return i < gapAt + missing ? 0 : (groups[i - missing] ?? 0);
  };
  const word = (i: number) => group(2 * i) * 0x1_0000 + group(2 * i + 1);
  return [word(0), word(1), word(2), word(3)];
}

/** RFC 5952; IPv4-mapped addresses with a dotted tail (§5), as inet_ntop(3) prints them. */
export function formatIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(value)}`;
  const groups: string[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    groups.push(((value >> shift) & 0xffffn).toString(16));
  }
  return collapseIPv6Number(groups.join(':'));
}

export function formatIpv6Words(words: Ipv6Words): string {
  return formatIpv6(bigintOfWords(words));
}

function bigintOfWords(words: Ipv6Words): bigint {
  const high = (BigInt(words[0]) << 32n) | BigInt(words[1]);
  return (high << 64n) | (BigInt(words[2]) << 32n) | BigInt(words[3]);
}

/** The value of a MAC address, or null. `ebtables-save` leaves out leading zeros: `0:1c:42:…`. */
export function parseMac(text: string): bigint | null {
  const value = macNumber(text);
  return value < 0 ? null : BigInt(value);
}

/** A MAC address as a number of 48 bits, or -1. */
function macNumber(text: string): number {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let colons = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isHexDigit(code) && digits < 2) {
      octet = octet * 16 + (code <= NINE ? code - ZERO : (code | 0x20) - 87);
      digits++;
    } else if (code === COLON && digits > 0 && colons < 5) {
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      colons++;
    } else {
      return -1;
    }
  }
  return colons === 5 && digits > 0 ? value * 256 + octet : -1;
}

export function formatMac(value: bigint): string {
  return formatMacNumber(Number(value & 0xffff_ffff_ffffn));
}

export function formatMacNumber(value: number): string {
  const digits = value.toString(16).padStart(12, '0');
  return digits.replace(/(..)(?!$)/g, '$1:');
}

/** An address with the number of its leading bits that count; host bits are kept. */
export interface Prefix {
  readonly family: 4 | 6;
  readonly address: bigint;
  readonly length: number;
}

/**
 * Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fe80::/64`, or an address alone (a prefix of full
 * length). Null when it is none of these; a netmask must be contiguous.
 */
export function parsePrefix(text: string): Prefix | null {
  const cut = text.indexOf('/');
  const addressText = cut === -1 ? text : text.slice(0, cut);
  const family = addressText.includes(':') ? 6 : 4;
  const address = family === 4 ? parseIpv4(addressText) : parseIpv6(addressText);
  if (address === null) return null;
  if (cut === -1) return { family, address, length: addressBits(family) };
  const length = parsePrefixLength(text.slice(cut + 1), family);
  return length === null ? null : { family, address, length };
}

function parsePrefixLength(text: string, family: 4 | 6): number | null {
  if (/^(0|[1-9]\d{0,2})$/.test(text)) {
    const length = Number(text);
    return length <= addressBits(family) ? length : null;
  }
  const mask = family === 4 ? parseIpv4(text) : parseIpv6(text);
  return mask === null ? null : prefixLength(mask, family);
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.family, prefix.address)}/${prefix.length}`;
}

export function formatAddress(family: 4 | 6, address: bigint): string {
  return family === 4 ? formatIpv4(address) : formatIpv6(address);
}

/** 32 or 128. */
function addressBits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** The mask whose first `length` bits are set. */
export function prefixMask(family: 4 | 6, length: number): bigint {
  const bits = BigInt(addressBits(family));
  return ((1n << BigInt(length)) - 1n) << (bits - BigInt(length));
}

/** Number of leading ones of a mask, or null when zeros stand between ones. */
export function prefixLength(mask: bigint, family: 4 | 6): number | null {
  const host = ((1n << BigInt(addressBits(family))) - 1n) ^ mask;
  if ((host & (host + 1n)) !== 0n) return null;
  return addressBits(family) - (host === 0n ? 0 : host.toString(2).length);
}

/** The prefix with its host bits cleared. */
export function network(prefix: Prefix): Prefix {
  return { ...prefix, address: prefix.address & prefixMask(prefix.family, prefix.length) };
}

export function prefixContains(prefix: Prefix, address: bigint): boolean {
  const host = BigInt(addressBits(prefix.family) - prefix.length);
  return prefix.address >> host === address >> host;
}

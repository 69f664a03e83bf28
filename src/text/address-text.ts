/**
 * Addresses as tools print them, read into numbers. Every reader of text stands on this;
 * it is pure arithmetic, so that a large dump costs no objects beyond its values.
 */

export interface IpText {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** A MAC of six hexadecimal groups (one or two digits each), or undefined. */
export function readMac(text: string): bigint | undefined {
  let value = 0;
  let at = 0;
  for (let group = 0; group < 6; group++) {
    if (group > 0 && text.charCodeAt(at++) !== COLON) return undefined;
    const first = hexDigit(text.charCodeAt(at++));
    if (first < 0) return undefined;
    const second = hexDigit(text.charCodeAt(at));
    if (second >= 0) at++;
    value = value * 256 + (second < 0 ? first : first * 16 + second);
  }
  return at === text.length ? BigInt(value) : undefined;
}

const COLON = 0x3a;
const DOT = 0x2e;

/** What a character counts as a hexadecimal digit, or -1; also for no character (NaN). */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** An IPv4 address in dotted form (four decimal numbers), or undefined. */
export function readIpv4(text: string): bigint | undefined {
  const value = dotted(text, 0);
  return value < 0 ? undefined : BigInt(value);
}

/** The dotted address that fills `text` from `start` on, or -1. */
function dotted(text: string, start: number): number {
  let value = 0;
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return -1;
    let number = 0;
    const from = at;
    for (; at < text.length && at - from < 3; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (at === from || number > 255) return -1;
    value = value * 256 + number;
  }
  return at === text.length ? value : -1;
}

/** The eight groups of the address at hand; read and turned into a number within one call. */
const groups = new DataView(new ArrayBuffer(16));

/** An IPv6 address (RFC 4291 §2.2, with `::` and a dotted tail), or undefined. */
export function readIpv6(text: string): bigint | undefined {
  const { length } = text;
  if (length > 45 || length < 2) return undefined;
  let at = 0;
  let count = 0;
  /** How many groups stand before `::`. */
  let gap = -1;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < length) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text.charCodeAt(at)); digit >= 0; ) {
      group = group * 16 + digit;
      digit = hexDigit(text.charCodeAt(++at));
    }
    if (text.charCodeAt(at) === DOT) {
      const tail = dotted(text, start);
      if (tail < 0 || count > 6) return undefined;
      groups.setUint32(2 * count, tail);
      count += 2;
      break;
    }
    if (at === start || at - start > 4 || count === 8) return undefined;
    groups.setUint16(2 * count++, group);
    if (at === length) break;
    if (text.charCodeAt(at) !== COLON || ++at === length) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      at++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return undefined;
  if (gap >= 0) spreadGroups(gap, count);
  return (groups.getBigUint64(0) << 64n) | groups.getBigUint64(8);
}

/** Moves the groups behind `::` to the end and writes zeros between. */
function spreadGroups(gap: number, count: number): void {
  for (let i = 7; i >= gap; i--) {
    const from = i - 8 + count;
    groups.setUint16(2 * i, from >= gap ? groups.getUint16(2 * from) : 0);
  }
}

/** An address of either version, or undefined. */
export function readIp(text: string): IpText | undefined {
  const v4 = readIpv4(text);
  if (v4 !== undefined) return { version: 4, value: v4 };
  const v6 = readIpv6(text);
  return v6 === undefined ? undefined : { version: 6, value: v6 };
}

/** `ADDRESS/LENGTH`, or an address alone with its full length. */
export function readPrefix(text: string): { address: IpText; length: number } | undefined {
  const slash = text.indexOf('/');
  const address = readIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.version === 4 ? 32 : 128;
  if (slash < 0) return { address, length: width };
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  return /^\d{1,3}$/.test(digits) && length <= width ? { address, length } : undefined;
}

/** `fa:16:3e:00:00:01`. */
export function writeMac(mac: bigint): string {
  // 48 bits fit a double exactly, and numbers are faster than bigints.
  const number = Number(mac);
  const low = number % 0x100_0000;
  return `${threeBytes((number - low) / 0x100_0000)}:${threeBytes(low)}`;
}

function threeBytes(value: number): string {
  return `${HEX[value >>> 16]}:${HEX[(value >>> 8) & 255]}:${HEX[value & 255]}`;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** Dotted IPv4, or IPv6 with the longest run of zeros shortened (RFC 5952 §4.2). */
export function writeIp(address: IpText): string {
  if (address.version === 4) {
    const value = Number(address.value);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    Number((address.value >> BigInt(112 - 16 * i)) & 0xffffn),
  );
  let at = -1;
  let run = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > run) {
      at = start;
      run = end - start;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (at < 0) return hex.join(':');
  return `${hex.slice(0, at).join(':')}::${hex.slice(at + run).join(':')}`;
}

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
  const groups = text.split(':');
  if (groups.length !== 6) return undefined;
  let value = 0;
  for (const group of groups) {
    if (!/^[0-9a-f]{1,2}$/i.test(group)) return undefined;
    value = value * 256 + Number.parseInt(group, 16);
  }
  return BigInt(value);
}

/** An IPv4 address in dotted form (four decimal numbers), or undefined. */
export function readIpv4(text: string): bigint | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const part = Number(match[i]);
    if (part > 255) return undefined;
    value = value * 256 + part;
  }
  return BigInt(value);
}

/** An IPv6 address (RFC 4291 §2.2, with `::` and a dotted tail), or undefined. */
export function readIpv6(text: string): bigint | undefined {
  if (text.length > 45 || !text.includes(':')) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '');
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return value;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = readIpv4(part);
      if (v4 === undefined) return undefined;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
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

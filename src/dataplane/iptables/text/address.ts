/**
 * Addresses, masks and MAC addresses as iptables writes them. Dumps hold tens of thousands of
 * them, so IPv4 is read with plain numbers; values leave as `bigint`, as matches want them.
 */

/** A network under a mask that need not be contiguous (`10.0.0.0/255.0.255.0`). */
export interface Network {
  readonly version: 4 | 6;
  /** No bit outside of the mask is set. */
  readonly value: bigint;
  readonly mask: bigint;
  /** The address with its bits outside of the mask, where a rule keeps them (`conntrack`). */
  readonly written?: bigint;
}

export const ALL_ONES = { 4: 0xffff_ffffn, 6: (1n << 128n) - 1n } as const;
const WIDTH = { 4: 32, 6: 128 } as const;

/** Reads dotted decimal; null when it is none. */
export function readIpv4(text: string): number | null {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      octet = (octet < 0 ? 0 : octet * 10) + c - 48;
      if (octet > 255) return null;
    } else if (c === 46 && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else {
      return null;
    }
  }
  return octet < 0 || dots !== 3 ? null : value * 256 + octet;
}

/** Reads RFC 4291 §2.2 text, with an IPv4 tail if there is one; null when it is none. */
export function readIpv6(text: string): bigint | null {
  if (text.length < 2 || text.length > 45 || !text.includes(':')) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === null || tail === null) return null;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(gap).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return value;
}

function groups(text: string): number[] | null {
  if (text === '') return [];
  const found: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = readIpv4(part);
      if (v4 === null) return null;
      found.push(Math.floor(v4 / 65536), v4 % 65536);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      found.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return found;
}

/** Reads an address of the wanted version; null when it is none. */
export function readAddress(text: string, version: 4 | 6): bigint | null {
  if (version === 6) return readIpv6(text);
  const value = readIpv4(text);
  return value === null ? null : BigInt(value);
}

/** Writes an address; IPv6 as RFC 5952 says (and glibc's inet_ntop does). */
export function writeAddress(value: bigint, version: 4 | 6): string {
  if (version === 4) {
    const v = Number(value);
    return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}`;
  }
  return writeIpv6(value);
}

function writeIpv6(value: bigint): string {
  const parts: number[] = [];
  for (let i = 7; i >= 0; i--) parts.push(Number((value >> BigInt(16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && parts[j] === 0) j++;
    if (j - i > best.length) best = { start: i, length: j - i };
    if (j > i) i = j;
  }
  // inet_ntop(3) writes ::a.b.c.d and ::ffff:a.b.c.d with a dotted tail.
  const mapped = best.start === 0 && best.length === 5 && parts[5] === 0xffff;
  if (best.start === 0 && (best.length === 6 || mapped)) {
    return `::${mapped ? 'ffff:' : ''}${writeAddress(value & 0xffff_ffffn, 4)}`;
  }
  const hex = parts.map((part) => part.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

/** The mask of a prefix length. */
export function prefixMask(length: number, version: 4 | 6): bigint {
  const width = BigInt(WIDTH[version]);
  return ALL_ONES[version] ^ ((1n << (width - BigInt(length))) - 1n);
}

/** The prefix length of a contiguous mask, else null. */
export function maskLength(mask: bigint, version: 4 | 6): number | null {
  let length = 0;
  const width = WIDTH[version];
  while (length < width && ((mask >> BigInt(width - 1 - length)) & 1n) === 1n) length++;
  return mask === prefixMask(length, version) ? length : null;
}

const LENGTHS = {
  4: new Map(Array.from({ length: 33 }, (_, n) => [prefixMask(n, 4), n])),
  6: new Map(Array.from({ length: 129 }, (_, n) => [prefixMask(n, 6), n])),
};

/** Reads `address[/length|/mask]`; host bits are cleared as iptables does. */
export function readNetwork(text: string, version: 4 | 6): Network | null {
  const slash = text.indexOf('/');
  const head = slash < 0 ? text : text.slice(0, slash);
  const address = readAddress(version === 4 && slash >= 0 ? padded(head) : head, version);
  if (address === null) return null;
  if (slash < 0) return { version, value: address, mask: ALL_ONES[version] };
  const tail = text.slice(slash + 1);
  let mask: bigint | null;
  if (/^\d{1,3}$/.test(tail)) {
    const length = Number(tail);
    if (length > WIDTH[version]) return null;
    mask = prefixMask(length, version);
  } else {
    mask = readAddress(tail, version);
  }
  return mask === null ? null : { version, value: address & mask, mask };
}

/** `10/8` is short for `10.0.0.0/8` (xtables_ipparse_any()). */
function padded(text: string): string {
  const dots = text.split('.').length - 1;
  return dots < 3 && /^[\d.]+$/.test(text) ? text + '.0'.repeat(3 - dots) : text;
}

/** Writes `address/length`, or a written-out mask when it is not contiguous. */
export function writeNetwork(network: Network): string {
  const length = LENGTHS[network.version].get(network.mask);
  const tail = length ?? writeAddress(network.mask, network.version);
  return `${writeAddress(network.value, network.version)}/${tail}`;
}

const MAC = /^[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}$/;

/** Reads a MAC address in either case; null when it is none. */
export function readMac(text: string): bigint | null {
  if (!MAC.test(text)) return null;
  let value = 0n;
  for (const part of text.split(':')) value = (value << 8n) | BigInt(Number.parseInt(part, 16));
  return value;
}

/** Writes a MAC address in lower case, as iptables 1.8.9 does. */
export function writeMac(value: bigint): string {
  const hex = value.toString(16).padStart(12, '0');
  return hex.replace(/..(?=.)/g, '$&:');
}

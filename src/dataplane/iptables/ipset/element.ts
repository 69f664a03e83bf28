/** One entry of a set as text: parse and print of every kind of part stand together. */

import { protocol as protocolOf, readProtocol, SERVICES } from '../protocols.ts';
import { readAddress, readMac, readNetwork, writeAddress, writeMac } from '../text/address.ts';
import { readNumber } from '../text/codec.ts';
import { ICMP4_NAMES, ICMP6_NAMES, type IcmpName } from '../text/codec-special.ts';
import { type Dimension, type EntryPart } from './types.ts';

type Reader = (text: string, version: 4 | 6) => EntryPart | null;
type Part<K extends EntryPart['kind']> = Extract<EntryPart, { kind: K }>;

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.6`. */
function readAddresses(text: string, version: 4 | 6): EntryPart | null {
  const dash = text.indexOf('-');
  if (dash > 0) {
    const from = readAddress(text.slice(0, dash), version);
    const to = readAddress(text.slice(dash + 1), version);
    return from === null || to === null || from > to ? null : { kind: 'addresses', from, to };
  }
  const network = readNetwork(text, version);
  if (network === null) return null;
  const size = version === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
  return { kind: 'addresses', from: network.value, to: network.value | (size ^ network.mask) };
}

function writeAddresses({ from, to }: Part<'addresses'>, version: 4 | 6): string {
  if (from === to) return writeAddress(from, version);
  const size = to - from + 1n;
  const aligned = (size & (size - 1n)) === 0n && from % size === 0n;
  if (!aligned) return `${writeAddress(from, version)}-${writeAddress(to, version)}`;
  const width = version === 4 ? 32 : 128;
  return `${writeAddress(from, version)}/${width - (size.toString(2).length - 1)}`;
}

const ICMP_TABLES: ReadonlyMap<number, readonly IcmpName[]> = new Map([
  [1, ICMP4_NAMES],
  [58, ICMP6_NAMES],
]);

function readPort(text: string): number | null {
  return readNumber(text, 0xffff) ?? SERVICES.get(text) ?? null;
}

/** `tcp:80`, `udp:1000-2000`, `icmp:8/0`, `icmp:echo-request`, `80` (TCP, or any in a bitmap). */
function readPorts(text: string): EntryPart | null {
  const colon = text.indexOf(':');
  const protocol = colon < 0 ? null : readProtocol(text.slice(0, colon));
  if (colon >= 0 && protocol === null) return null;
  const tail = text.slice(colon + 1);
  const names = protocol === null ? undefined : ICMP_TABLES.get(protocol.number);
  if (names !== undefined) {
    const named = names.find(([name]) => name === tail);
    const [type, code = 0] =
      named === undefined ? tail.split('/').map((part) => readNumber(part, 255)) : named.slice(1);
    if (typeof type !== 'number' || typeof code !== 'number') return null;
    const both = (type << 8) | code;
    return { kind: 'ports', protocol, from: both, to: both };
  }
  const [first = '', last = first] = tail.split('-');
  const from = readPort(first);
  const to = readPort(last);
  return from === null || to === null || from > to ? null : { kind: 'ports', protocol, from, to };
}

function writePorts({ protocol, from, to }: Part<'ports'>): string {
  const range = from === to ? String(from) : `${from}-${to}`;
  if (protocol === null) return range;
  const names = ICMP_TABLES.get(protocol.number);
  if (names === undefined) return `${protocol.name}:${range}`;
  const [type, code] = [from >> 8, from & 255];
  const named = names.find(([, t, c = 0]) => t === type && c === code && t !== 255);
  return `${protocol.name}:${named === undefined ? `${type}/${code}` : named[0]}`;
}

function readInterface(text: string): EntryPart | null {
  const physical = text.startsWith('physdev:');
  const name = physical ? text.slice(8) : text;
  return name === '' || name.length > 15 ? null : { kind: 'interface', name, physical };
}

const READERS: Readonly<Record<Dimension, Reader>> = {
  ip: readAddresses,
  net: readAddresses,
  port: readPorts,
  mac(text) {
    const mac = readMac(text);
    return mac === null ? null : { kind: 'mac', mac };
  },
  iface: readInterface,
  mark(text) {
    const mark = readNumber(text, 0xffff_ffff);
    return mark === null ? null : { kind: 'mark', mark };
  },
  set: (name) => (name === '' ? null : { kind: 'set', name }),
};

/** Reads `10.0.0.1,tcp:80`; null when a part is not what its dimension wants. */
export function readElement(
  text: string,
  dimensions: readonly Dimension[],
  version: 4 | 6,
): readonly EntryPart[] | null {
  const words = text.split(',');
  if (words.length > dimensions.length) return null;
  if (words.length < dimensions.length && !(dimensions[1] === 'mac' && words.length === 1)) {
    return null;
  }
  const parts: EntryPart[] = [];
  for (const [i, dimension] of dimensions.slice(0, words.length).entries()) {
    const part = READERS[dimension](words[i] ?? '', version);
    if (part === null) return null;
    // A port without a protocol means TCP, except in a bitmap of ports alone.
    const bare = part.kind === 'ports' && part.protocol === null && dimensions.length > 1;
    parts.push(bare ? { ...part, protocol: protocolOf(6) } : part);
  }
  return parts;
}

/** Prints an entry's parts as `ipset save` does. */
export function writeElement(parts: readonly EntryPart[], version: 4 | 6): string {
  return parts.map((part) => writePart(part, version)).join(',');
}

function writePart(part: EntryPart, version: 4 | 6): string {
  switch (part.kind) {
    case 'addresses':
      return writeAddresses(part, version);
    case 'ports':
      return writePorts(part);
    case 'mac':
      return writeMac(part.mac).toUpperCase();
    case 'interface':
      return part.physical ? `physdev:${part.name}` : part.name;
    case 'mark':
      return `0x${part.mark.toString(16).padStart(8, '0')}`;
    case 'set':
      return part.name;
  }
}

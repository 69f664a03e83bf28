/**
 * How one option's words become a value and back. A codec holds parse, print and examples
 * together, so that the law `parse(print(x)) = x` runs over every kind of value.
 */

import { type Protocol, protocol, readProtocol, SERVICES } from '../protocols.ts';
import {
  ALL_ONES,
  type Network,
  readAddress,
  readMac,
  readNetwork,
  writeAddress,
  writeMac,
  writeNetwork,
} from './address.ts';
import { quoted } from './words.ts';

/** What is wrong with the words, as a sentence. */
export interface Bad {
  readonly bad: string;
}

export interface Codec<T> {
  /** How many words the option takes. */
  readonly words: 0 | 1 | 2;
  /** The words may be missing when another option follows. */
  readonly optional?: true;
  /** The words of the option; `version` tells IPv4 and IPv6 addresses apart. */
  read(words: readonly string[], version: 4 | 6): { readonly value: T } | Bad;
  /** The words again, each preceded by a blank when there are any. */
  write(value: T): string;
  /** Values that a test may use. */
  readonly examples: readonly T[];
}

function one<T>(
  read: (word: string, version: 4 | 6) => T | null,
  write: (value: T) => string,
  wants: string,
  examples: readonly T[],
): Codec<T> {
  return {
    words: 1,
    read(words, version) {
      const value = read(words[0] ?? '', version);
      return value === null ? { bad: `not ${wants}` } : { value };
    },
    write: (value) => ` ${write(value)}`,
    examples,
  };
}

/** An option that takes no word. */
export const present: Codec<true> = {
  words: 0,
  read: () => ({ value: true }),
  write: () => '',
  examples: [true],
};

/** Any word, kept as it is. */
export const word: Codec<string> = one(
  (text) => text,
  (text) => text,
  'a word',
  ['x', 'eth0'],
);

/** Free text, quoted when printed. */
export const text: Codec<string> = one((given) => given, quoted, 'text', [
  'plain',
  'two words',
  'it\'s "q" \\ x',
]);

/** Free text that is always quoted when printed (the `string`, `u32` and `bpf` matches). */
export const alwaysQuoted: Codec<string> = one(
  (given) => given,
  (given) => `"${given.replace(/["\\]/g, '\\$&')}"`,
  'text',
  ['abc', 'a b'],
);

/** One of some words, in either case. */
export function choice<const W extends string>(...words: readonly W[]): Codec<W> {
  return one(
    (given) => words.find((known) => known.toLowerCase() === given.toLowerCase()) ?? null,
    (value) => value,
    `one of ${words.join(', ')}`,
    words,
  );
}

/** Reads decimal, `0x` hexadecimal or, after a zero, octal up to a limit, as strtoul(3) does. */
export function readNumber(given: string, limit: number): number | null {
  if (!/^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(given)) return null;
  const octal = /^0\d/.test(given);
  if (octal && /[89]/.test(given)) return null;
  const value = octal ? Number.parseInt(given, 8) : Number(given);
  return value <= limit ? value : null;
}

/** A number printed in decimal. */
export function decimal(limit = 0xffff_ffff): Codec<number> {
  return one((given) => readNumber(given, limit), String, `a number up to ${limit}`, [
    0,
    1,
    limit > 100 ? 100 : limit,
    limit,
  ]);
}

/** A number printed as `0x2e`, filled up to `digits`. */
export function hexadecimal(limit: number, digits = 1): Codec<number> {
  return one(
    (given) => readNumber(given, limit),
    (value) => `0x${value.toString(16).padStart(digits, '0')}`,
    `a number up to ${limit}`,
    [0, 1, limit],
  );
}

/** A closed interval of numbers. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

function readInterval(given: string, limit: number, service: boolean): Interval | null {
  const cut = given.indexOf(':');
  const number = (part: string, open: number): number | null =>
    part === ''
      ? open
      : (readNumber(part, limit) ?? (service ? (SERVICES.get(part) ?? null) : null));
  if (given === '') return null;
  const from = number(cut < 0 ? given : given.slice(0, cut), 0);
  const to = cut < 0 ? from : number(given.slice(cut + 1), limit);
  return from === null || to === null || from > to ? null : { from, to };
}

function writeInterval({ from, to }: Interval): string {
  return from === to ? String(from) : `${from}:${to}`;
}

/** `80`, `1024:65535`, `:1023`, `http`. */
export const portRange: Codec<Interval> = one(
  (given) => readInterval(given, 0xffff, true),
  writeInterval,
  'a port or a range of ports',
  [
    { from: 80, to: 80 },
    { from: 1024, to: 65535 },
  ],
);

/** `5`, `5:9` up to a limit. */
export function interval(limit = 0xffff_ffff): Codec<Interval> {
  return one((given) => readInterval(given, limit, false), writeInterval, 'a number or a range', [
    { from: 5, to: 5 },
    { from: 1, to: limit },
  ]);
}

/** `22,80,1000:2000`: at most 15 places, a range takes two (xt_multiport). */
export const portList: Codec<readonly Interval[]> = one(
  (given) => {
    const ranges = given.split(',').map((part) => readInterval(part, 0xffff, true));
    const places = ranges.reduce((sum, r) => sum + (r !== null && r.from !== r.to ? 2 : 1), 0);
    if (places > 15) return null;
    return ranges.some((r) => r === null) ? null : (ranges as readonly Interval[]);
  },
  (ranges) => ranges.map(writeInterval).join(','),
  'a list of ports with at most 15 places',
  [
    [{ from: 22, to: 22 }],
    [
      { from: 22, to: 22 },
      { from: 1000, to: 2000 },
    ],
  ],
);

/** (field & mask) == value. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

function readMasked(given: string, limit: number): Masked | null {
  const [head = '', tail, more] = given.split('/');
  const value = readNumber(head, limit);
  const mask = tail === undefined ? limit : readNumber(tail, limit);
  return value === null || mask === null || more !== undefined ? null : { value, mask };
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const byte = (value: number): string => value.toString(16).padStart(2, '0');

/** `0x1/0xffff`; a full mask is not printed (xt_mark, xt_connmark matches). */
export const mark: Codec<Masked> = one(
  (given) => readMasked(given, 0xffff_ffff),
  ({ value, mask }) => (mask === 0xffff_ffff ? hex(value) : `${hex(value)}/${hex(mask)}`),
  'VALUE[/MASK]',
  [
    { value: 1, mask: 0xffff_ffff },
    { value: 0x400_0000, mask: 0xffff_0000 },
  ],
);

/** `0x1/0xffffffff`: the mask is always printed (MARK, CONNMARK, TPROXY targets). */
export const xmark: Codec<Masked> = {
  ...mark,
  write: ({ value, mask }) => ` ${hex(value)}/${hex(mask)}`,
};

/** Names of RFC 1349 §4; a name says nothing about the two lowest bits. */
const TOS_NAMES: ReadonlyMap<string, number> = new Map([
  ['minimize-delay', 0x10],
  ['maximize-throughput', 8],
  ['maximize-reliability', 4],
  ['minimize-cost', 2],
  ['normal-service', 0],
]);

function readTos(given: string): Masked | null {
  const named = TOS_NAMES.get(given.toLowerCase());
  return named === undefined ? readMasked(given, 0xff) : { value: named, mask: 0x3f };
}

/** `0x10/0x3f`, `Minimize-Delay` (tos match and TOS target). */
export const tos: Codec<Masked> = one(
  readTos,
  ({ value, mask }) => `0x${byte(value)}/0x${byte(mask)}`,
  'VALUE/MASK',
  [
    { value: 0x10, mask: 0x3f },
    { value: 0, mask: 0xff },
  ],
);

/** A list of words out of a fixed set, kept in the order in which iptables prints it. */
export function wordSet<const W extends string>(
  words: readonly W[],
  limits?: { readonly upper: boolean },
): Codec<readonly W[]> {
  return one(
    (given) => {
      const parts = (limits?.upper === false ? given : given.toUpperCase()).split(',');
      if (parts.some((part) => !words.some((known) => known === part))) return null;
      return words.filter((known) => parts.some((part) => part === known));
    },
    (list) => list.join(','),
    `a list of ${words.join(', ')}`,
    [words.slice(0, 1), words.slice(0, 2), words],
  );
}

/** An address or network of the `conntrack` match: a host has no prefix, host bits stay. */
export const network: Codec<Network> = one(
  (given, version) => {
    const value = readNetwork(given, version);
    const written = value === null ? null : readAddress(given.split('/')[0] ?? '', version);
    return value === null || written === null || written === value.value
      ? value
      : { ...value, written };
  },
  ({ written, ...value }) =>
    value.mask === ALL_ONES[value.version]
      ? writeAddress(value.value, value.version)
      : writeNetwork({ ...value, value: written ?? value.value }),
  'an address or network',
  [
    { version: 4, value: 0x0a00_0001n, mask: 0xffff_ffffn },
    { version: 4, value: 0x0a00_0000n, mask: 0xff00_0000n },
  ],
);

/** An address or network; a host is printed without its prefix length (ebtables, arptables). */
export const hostOrNetwork: Codec<Network> = {
  ...network,
  read(words, version) {
    const value = readNetwork(words[0] ?? '', version);
    return value === null ? { bad: 'not an address or network' } : { value };
  },
};

/** A network whose prefix length is always printed (NETMAP). */
export const prefix: Codec<Network> = {
  ...network,
  read(words, version) {
    const value = readNetwork(words[0] ?? '', version);
    return value === null ? { bad: 'not a network' } : { value };
  },
  write: (value) => ` ${writeNetwork(value)}`,
};

/** An IPv6 network (SNPT, DNPT). */
export const prefix6: Codec<Network> = {
  ...prefix,
  examples: [{ version: 6, value: 0x20010db8n << 96n, mask: ALL_ONES[6] ^ ALL_ONES[4] }],
};

/** An address of the rule's own IP version. */
export interface Host {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** One address. */
export const host: Codec<Host> = one(
  (given, version) => {
    const value = readAddress(given, version);
    return value === null ? null : { version, value };
  },
  ({ value, version }) => writeAddress(value, version),
  'an address',
  [{ version: 4, value: 0x0a00_0001n }],
);

/** A closed interval of addresses. */
export interface HostRange {
  readonly version: 4 | 6;
  readonly from: bigint;
  readonly to: bigint;
}

/** `10.0.0.1-10.0.0.9`; iprange prints both ends even when they are equal. */
export const hostRange: Codec<HostRange> = one(
  (given, version) => {
    const [head = '', tail = head] = given.split('-');
    const from = readAddress(head, version);
    const to = readAddress(tail, version);
    return from === null || to === null || from > to ? null : { version, from, to };
  },
  ({ version, from, to }) => `${writeAddress(from, version)}-${writeAddress(to, version)}`,
  'a range of addresses',
  [
    { version: 4, from: 0x0a00_0001n, to: 0x0a00_0009n },
    { version: 4, from: 1n, to: 1n },
  ],
);

/** A MAC address, in either case; printed in lower case as iptables 1.8.9 does. */
export const mac: Codec<bigint> = one(readMac, writeMac, 'a MAC address', [0xfa163e_000001n]);

/** An IP protocol by name or number. */
export const ipProtocol: Codec<Protocol> = one(readProtocol, ({ name }) => name, 'a protocol', [
  protocol(6),
  protocol(253),
]);

/** An IP protocol printed as its number (conntrack --ctproto). */
export const protocolNumber: Codec<number> = one(
  (given) => readProtocol(given)?.number ?? null,
  String,
  'a protocol',
  [6, 132],
);

/** A name, or a prefix of names when it ended in `+` (net/netfilter/x_tables ifname_compare). */
export interface InterfaceName {
  /** Without the `+`. */
  readonly name: string;
  readonly wildcard: boolean;
}

/** An interface name of at most 15 characters; a final `+` stands for anything. */
export const interfaceName: Codec<InterfaceName> = one(
  (given) => {
    if (given === '' || given.length > 15) return null;
    const wildcard = given.endsWith('+');
    return { name: wildcard ? given.slice(0, -1) : given, wildcard };
  },
  ({ name, wildcard }) => (wildcard ? `${name}+` : name),
  'an interface name of at most 15 characters',
  [
    { name: 'eth0', wildcard: false },
    { name: 'qr-', wildcard: true },
  ],
);

/** Two words, kept as they are. */
export const twoWords: Codec<readonly [string, string]> = {
  words: 2,
  read: ([first = '', second = '']) => ({ value: [first, second] }),
  write: ([first, second]) => ` ${first} ${second}`,
  examples: [['any', 'INIT']],
};

/** Class names of RFC 2474, RFC 2597 and RFC 3246. */
const DSCP_CLASSES: ReadonlyMap<string, number> = new Map([
  ['BE', 0],
  ['EF', 46],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => [`CS${n}`, 8 * n] as const),
  ...[1, 2, 3, 4].flatMap((n) => [1, 2, 3].map((m) => [`AF${n}${m}`, 8 * n + 2 * m] as const)),
]);

/** `0x2e`, `46`, `EF`. */
export const dscp: Codec<number> = one(
  (given) => DSCP_CLASSES.get(given.toUpperCase()) ?? readNumber(given, 63),
  (value) => `0x${byte(value)}`,
  'a code point up to 63',
  [0, 46, 63],
);

/**
 * Values of fields in flow text: one row a syntax, with its reader and its writer side by
 * side (lib/meta-flow.c mf_parse() and mf_format()).
 */
import { CT_STATE, TCP_FLAGS } from '../../../packet/fields.ts';
import { readIpv4, readIpv6, readMac, writeIp, writeMac } from '../../../text/address-text.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import { type Keyword, type Syntax } from './keywords.ts';
import {
  big,
  type Fault,
  fault,
  hex,
  isFault,
  ones,
  scanInteger,
  scanNumber,
  smallNumber,
} from './numbers.ts';

/** A value and its mask over `8 * bytes` bits, as C has them before they meet the field. */
export interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

/** What names in text stand for; without them names are unknown words. */
export interface Names {
  readonly portNumber?: (name: string) => number | undefined;
  readonly tableNumber?: (name: string) => number | undefined;
}

interface SyntaxRow {
  readonly read: (text: string, of: Keyword, names: Names) => Masked | Fault;
  /** `mask` is null when the value is exact. */
  readonly write: (value: bigint, mask: bigint | null, of: Keyword) => string;
}

const integers: SyntaxRow = {
  read(text, of) {
    const small = smallNumber(text);
    if (small >= 0 && (of.bytes >= 4 || small < 2 ** (8 * of.bytes))) {
      return { value: big(small), mask: ones(8 * of.bytes) };
    }
    const value = scanInteger(text, of.bytes);
    if (isFault(value)) return value;
    if (value.rest === '') return { value: value.value, mask: ones(8 * of.bytes) };
    if (value.rest[0] !== '/') return fault('not a number');
    const mask = scanInteger(value.rest.slice(1), of.bytes);
    if (isFault(mask)) return mask;
    return mask.rest === '' ? { value: value.value, mask: mask.value } : fault('bad mask');
  },
  write(value, mask, of) {
    const decimal = of.syntax === 'decimal' && value < 1n << 64n;
    const text = decimal ? value.toString() : hexBytes0(value);
    return mask === null ? text : `${text}/${hexBytes0(mask)}`;
  },
};

function hexBytes0(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Bits without a name are spelled by their place. */
export const TCP_FLAG_WORDS: Readonly<Record<string, number>> = {
  ...TCP_FLAGS,
  '[200]': 0x200,
  '[400]': 0x400,
  '[800]': 0x800,
};

const TUNNEL_FLAGS: Readonly<Record<string, number>> = { oam: 1 };

/** `allowed` are the bits a number may name, `exactMask` what an unsigned list compares. */
function flags(
  words: Readonly<Record<string, number>>,
  allowed: number,
  exactMask: bigint,
): SyntaxRow {
  return {
    read: (text) => readFlags(text, words, allowed, exactMask),
    write(value, mask) {
      if (mask === null || mask === exactMask) return writeFlagList(Number(value), words);
      return writeFlagSigns(Number(value), Number(mask), words);
    },
  };
}

const SYNTAXES: Readonly<Record<Syntax, SyntaxRow>> = {
  decimal: integers,
  hex: integers,
  mac: {
    read(text) {
      const slash = text.indexOf('/');
      const value = readMac(slash < 0 ? text : text.slice(0, slash));
      const bits = slash < 0 ? ones(48) : readMac(text.slice(slash + 1));
      if (value === undefined || bits === undefined) return fault('not an Ethernet address');
      return { value, mask: bits };
    },
    write: (value, mask) => writeMac(value) + (mask === null ? '' : `/${writeMac(mask)}`),
  },
  ipv4: {
    read: (text) => readMaskedIp(text, 32, readIpv4),
    write: (value, mask) =>
      writeIp({ version: 4, value }) +
      writeMask(mask, 32, (of) => writeIp({ version: 4, value: of })),
  },
  ipv6: {
    read: (text) => readMaskedIp(text.trimStart(), 128, readIpv6),
    write: (value, mask) => writeIpv6(value) + writeMask(mask, 128, writeIpv6),
  },
  port: {
    read(text, of, names) {
      const port = readPort(text, names);
      if (port === undefined) return fault('not an OpenFlow port', text, Object.keys(PORT_NAMES));
      return { value: big(port), mask: ones(8 * of.bytes) };
    },
    write: (value) => writePort(Number(value)),
  },
  'ct-state': flags(CT_STATE, 0xff, ones(32)),
  'tcp-flags': flags(TCP_FLAG_WORDS, 0xfff, ones(16)),
  'tunnel-flags': flags(TUNNEL_FLAGS, 1, ones(16)),
  fragment: {
    read(text) {
      const known = FRAGMENTS[text.toLowerCase()];
      if (known === undefined) return fault('not a fragment type', text, Object.keys(FRAGMENTS));
      return { value: BigInt(known.value), mask: BigInt(known.mask) | 0xfcn };
    },
    write(value, mask) {
      const bits = mask === null ? 3 : Number(mask) & 3;
      const found = Object.entries(FRAGMENTS).find(
        ([, row]) => row.mask === bits && row.value === Number(value),
      );
      return found?.[0] ?? '<error>';
    },
  },
  'packet-type': {
    read(text) {
      const parts = /^\(([^,()]+),([^,()]+)\)/.exec(text);
      const space = scanInteger(parts?.[1] ?? '', 2);
      const type = scanInteger(parts?.[2] ?? '', 2);
      if (isFault(space) || isFault(type) || space.rest !== '' || type.rest !== '') {
        return fault('not a packet type (namespace,type)');
      }
      return { value: (space.value << 16n) | type.value, mask: ones(32) };
    },
    write: (value) => `(${value >> 16n},${hex(value & 0xffffn)})`,
  },
};

/** Bit 0: is a fragment; bit 1: not the first one (ovs-fields(7) ip_frag). */
const FRAGMENTS: Readonly<Record<string, { readonly value: number; readonly mask: number }>> = {
  no: { value: 0, mask: 3 },
  yes: { value: 1, mask: 1 },
  first: { value: 1, mask: 3 },
  later: { value: 3, mask: 3 },
  not_later: { value: 0, mask: 2 },
};

/** Reads the value of a field with its mask; `*` matches anything. */
export function readValue(text: string, of: Keyword, names: Names): Masked | Fault {
  if (text === '*') return { value: 0n, mask: 0n };
  const read = SYNTAXES[of.syntax].read(text, of, names);
  if (isFault(read)) return read;
  if (!of.maskable && read.mask !== 0n && read.mask !== ones(8 * of.bytes)) {
    return fault(`field ${of.name} cannot be matched in part`);
  }
  return read;
}

/** Writes a value as dumps do; `mask` over the field's bits, null or all ones when exact. */
export function writeValue(value: bigint, mask: bigint | null, of: Keyword): string {
  if (mask === 0n) return 'ANY';
  const exact = mask === null || mask === ones(of.field.width);
  return SYNTAXES[of.syntax].write(value, exact ? null : mask, of);
}

/**
 * Simplification: numbers above 255 in an IPv4 address are refused, where ovs-ofctl quietly keeps
 * their low eight bits; such a text is a slip.
 */
function readMaskedIp(
  text: string,
  width: number,
  read: (text: string) => bigint | undefined,
): Masked | Fault {
  const slash = text.indexOf('/');
  const value = read(slash < 0 ? text : text.slice(0, slash));
  if (value === undefined) return fault('not an IP address');
  if (slash < 0) return { value, mask: ones(width) };
  const tail = text.slice(slash + 1);
  const mask = read(tail);
  if (mask !== undefined) return { value, mask };
  if (!/^[0-9]{1,3}$/.test(tail) || Number(tail) > width)
    return fault('not a mask or prefix length');
  return { value, mask: prefixMask(Number(tail), width) };
}

export function prefixMask(length: number, width: number): bigint {
  return ones(width) ^ ones(width - length);
}

function writeMask(mask: bigint | null, width: number, write: (mask: bigint) => string): string {
  if (mask === null) return '';
  const length = mask.toString(2).replace(/0+$/, '').length;
  return mask === prefixMask(length, width) || mask === 0n
    ? `/${mask === 0n ? 0 : length}`
    : `/${write(mask)}`;
}

/** inet_ntop(): like RFC 5952, but IPv4-mapped and -compatible addresses end dotted. */
export function writeIpv6(value: bigint): string {
  const high = value >> 32n;
  if ((high === 0n && value > 0xffffn) || high === 0xffffn) {
    return `${high === 0n ? '::' : '::ffff:'}${writeIp({ version: 4, value: value & ones(32) })}`;
  }
  return writeIp({ version: 6, value });
}

const PORT_NAMES: Readonly<Record<string, number>> = { ...RESERVED_PORTS, ANY: 0xffff };

/**
 * An OpenFlow port: a decimal number, a reserved name in any case, or an interface name
 * (lib/ofp-port.c ofputil_port_from_string). OpenFlow 1.1 numbers of reserved ports are folded
 * into the 16 bits of OpenFlow 1.0.
 */
export function readPort(text: string, names: Names): number | undefined {
  if (/^[+]?[0-9]+$/.test(text)) {
    const port = Number(text);
    if (port > 0xffff_ffff) return undefined;
    if (port <= 0xffff) return port;
    return port >= 0xffff_ff00 ? port - 0xffff_0000 : undefined;
  }
  const reserved = PORT_NAMES[text.toUpperCase()];
  return reserved ?? named(text, names.portNumber);
}

/** A table: 0 to 255, or its name. */
export function readTable(text: string, names: Names): number | undefined {
  if (/^[+]?[0-9]+$/.test(text)) return Number(text) <= 255 ? Number(text) : undefined;
  return named(text, names.tableNumber);
}

/** A name that is not a plain word is quoted like a JSON string. */
function named(
  text: string,
  numberOf: ((name: string) => number | undefined) | undefined,
): number | undefined {
  if (numberOf === undefined || text === '' || text[0] === '-') return undefined;
  if (text[0] !== '"') return numberOf(text);
  try {
    const name: unknown = JSON.parse(text);
    return typeof name === 'string' ? numberOf(name) : undefined;
  } catch {
    return undefined;
  }
}

const PORT_WORDS: ReadonlyMap<number, string> = new Map([
  [RESERVED_PORTS.UNSET, 'UNSET'],
  [RESERVED_PORTS.IN_PORT, 'IN_PORT'],
  [RESERVED_PORTS.TABLE, 'TABLE'],
  [RESERVED_PORTS.NORMAL, 'NORMAL'],
  [RESERVED_PORTS.FLOOD, 'FLOOD'],
  [RESERVED_PORTS.ALL, 'ALL'],
  [RESERVED_PORTS.CONTROLLER, 'CONTROLLER'],
  [RESERVED_PORTS.LOCAL, 'LOCAL'],
  [RESERVED_PORTS.NONE, 'ANY'],
]);

export function writePort(port: number): string {
  return PORT_WORDS.get(port) ?? port.toString();
}

/** `0x21/0x21`, `+trk-new` or `trk|new` (lib/flow.c parse_flags). */
function readFlags(
  text: string,
  words: Readonly<Record<string, number>>,
  allowed: number,
  exactMask: bigint,
): Masked | Fault {
  const slash = /^([^/]+)\/([^/]+)$/.exec(text);
  const value = scanNumber(slash?.[1] ?? '');
  const mask = scanNumber(slash?.[2] ?? '');
  if (value !== undefined && mask !== undefined) {
    if ((value.value | mask.value) & ~BigInt(allowed)) return fault('unknown flags');
    return { value: value.value, mask: mask.value };
  }
  const signed = text[0] === '+' || text[0] === '-';
  return signed ? readFlagSigns(text, words) : readFlagList(text, words, allowed, exactMask);
}

function readFlagSigns(text: string, words: Readonly<Record<string, number>>): Masked | Fault {
  let value = 0;
  let mask = 0;
  const part = /([+-])([^+-]*)/y;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    const word = found[2] ?? '';
    const bit = words[word];
    if (bit === undefined) return fault('unknown flag', word, Object.keys(words));
    if (mask & bit) return fault('flag given twice', word);
    mask |= bit;
    if (found[1] === '+') value |= bit;
    if (part.lastIndex === text.length) return { value: BigInt(value), mask: BigInt(mask) };
  }
  return fault('a flag must follow + or -');
}

function readFlagList(
  text: string,
  words: Readonly<Record<string, number>>,
  allowed: number,
  exactMask: bigint,
): Masked | Fault {
  let value = 0n;
  for (const word of text === '' ? [] : text.replace(/\|$/, '').split('|')) {
    const number = scanNumber(word);
    const bit = words[word];
    if (number !== undefined && number.length === word.length) value |= number.value;
    else if (bit !== undefined) value |= BigInt(bit);
    else return fault('unknown flag', word, Object.keys(words));
  }
  if (value & ~BigInt(allowed)) return fault('unknown flags');
  return { value, mask: exactMask };
}

export function writeFlagList(value: number, words: Readonly<Record<string, number>>): string {
  const names: string[] = [];
  let left = value;
  for (const [name, bit] of Object.entries(words)) {
    if (value & bit) names.push(name);
    left &= ~bit;
  }
  if (left !== 0) names.push(hex(left));
  return names.length === 0 ? '0' : names.join('|');
}

/** Bits from the lowest up, whatever the order of the words. */
export function writeFlagSigns(
  value: number,
  mask: number,
  words: Readonly<Record<string, number>>,
): string {
  if (mask === 0) return '0/0';
  let text = '';
  for (let bit = 1; bit !== 0 && bit <= mask; bit *= 2) {
    if ((mask & bit) === 0) continue;
    const name = Object.entries(words).find(([, of]) => of === bit)?.[0] ?? '[Unknown]';
    text += (value & bit ? '+' : '-') + name;
  }
  return text;
}

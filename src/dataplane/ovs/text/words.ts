/**
 * One word in front of `actions=`: a protocol, a field with its value, or something about the
 * flow itself (lib/ofp-flow.c parse_ofp_str__). A word is read once however often it stands in
 * a dump, so what is found here is prepared as far as one word allows.
 */

import { field } from '../../../packet/fields.ts';
import { type TlvMapping } from '../types/switch.ts';
import { FIELD_NAMES, isTunnelOption, type Keyword, keywordOf, wireKeywordOf } from './keywords.ts';
import { type Fault, fault, hex, isFault, ones, scanInteger, scanNumber } from './numbers.ts';
import { PROTOCOLS } from './protocols.ts';
import {
  isAlike,
  isAnyKinds,
  type Kind,
  type PlacedTest,
  placedTest,
  type SlotSet,
  set,
  slotSets,
} from './slots.ts';
import { type Masked, type Names, readPort, readTable, readValue } from './values.ts';

export interface Reading extends Names {
  readonly tlvMap: readonly TlvMapping[];
}

/** What a word says about the flow beside its match. */
export type Setting =
  | 'table'
  | 'priority'
  | 'idle_timeout'
  | 'hard_timeout'
  | 'importance'
  | 'duration'
  | 'n_packets'
  | 'n_bytes'
  | 'idle_age'
  | 'hard_age'
  | 'out_port'
  | 'out_group'
  | 'cookie'
  | 'flag';

export interface Word {
  /** Null for words that match fields. */
  readonly setting: Setting | null;
  readonly number: number;
  readonly cookie: bigint;
  /** `cookie=VALUE/MASK`. */
  readonly cookieMask: bigint | null;
  readonly flag: string;
  readonly sets: readonly SlotSet[];
  /** Ethernet type, IP protocol and first transport word this word sets, else -1. */
  readonly etherType: number;
  readonly protocol: number;
  readonly type: number;
  /** True when the word takes something back or cannot stand beside another of its slot. */
  readonly merges: boolean;
  readonly protocols: number;
  /** Read, but its meaning is not known here. */
  readonly opaque: string | null;
  readonly fault: Fault | null;
  /** The protocols that `tests` were last asked for; the next line mostly asks for the same. */
  kind: Kind | 'any' | null;
  tests: readonly PlacedTest[];
  /** Tests by kind, made once: flows share them. */
  known: readonly { readonly kind: Kind; readonly tests: readonly PlacedTest[] }[];
}

/** All words have one shape, which keeps the line loop fast. */
function word(of: Partial<Word>): Word {
  return {
    setting: of.setting ?? null,
    number: of.number ?? 0,
    cookie: of.cookie ?? 0n,
    cookieMask: of.cookieMask ?? null,
    flag: of.flag ?? '',
    sets: of.sets ?? NO_SETS,
    etherType: of.etherType ?? -1,
    protocol: of.protocol ?? -1,
    type: of.type ?? -1,
    merges: of.merges ?? false,
    protocols: of.protocols ?? PROTOCOLS.any,
    opaque: of.opaque ?? null,
    fault: of.fault ?? null,
    kind: null,
    tests: NO_TESTS,
    known: NOTHING_KNOWN,
  };
}

const NOTHING_KNOWN: Word['known'] = [];

const NO_SETS: readonly SlotSet[] = [];
const NO_TESTS: readonly PlacedTest[] = [];
const PLAIN: Word = word({});

/** Protocol shorthands (lib/ofp-parse.c ofp_parse_protocol): Ethernet type and IP protocol. */
export const SHORTHANDS: Readonly<Record<string, readonly [number, number]>> = {
  ip: [0x0800, 0],
  ipv4: [0x0800, 0],
  ip4: [0x0800, 0],
  arp: [0x0806, 0],
  icmp: [0x0800, 1],
  tcp: [0x0800, 6],
  udp: [0x0800, 17],
  sctp: [0x0800, 132],
  ipv6: [0x86dd, 0],
  ip6: [0x86dd, 0],
  icmp6: [0x86dd, 58],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  sctp6: [0x86dd, 132],
  rarp: [0x8035, 0],
  mpls: [0x8847, 0],
  mplsm: [0x8848, 0],
};

const FLAGS: Readonly<Record<string, number>> = {
  send_flow_rem: PROTOCOLS.any,
  check_overlap: PROTOCOLS.any,
  reset_counts: PROTOCOLS.v12up,
  no_packet_counts: PROTOCOLS.v13up,
  no_byte_counts: PROTOCOLS.v13up,
};

export const FLAG_WORDS: readonly string[] = Object.keys(FLAGS);

const IGNORED = new Set(['no_readonly_table', 'allow_hidden_fields']);

const NUMBERS: Readonly<Record<string, Setting>> = {
  priority: 'priority',
  idle_timeout: 'idle_timeout',
  hard_timeout: 'hard_timeout',
  importance: 'importance',
};

const STATISTICS: Readonly<Record<string, Setting>> = {
  duration: 'duration',
  n_packets: 'n_packets',
  n_bytes: 'n_bytes',
  idle_age: 'idle_age',
  hard_age: 'hard_age',
};

/** Words that may stand in front of `actions=`, for "did you mean". */
const FLOW_WORDS: readonly string[] = [
  ...FIELD_NAMES,
  ...Object.keys(SHORTHANDS),
  ...Object.keys(FLAGS),
  ...Object.keys(NUMBERS),
  ...Object.keys(STATISTICS),
  'table',
  'cookie',
  'eth',
  'out_port',
  'out_group',
];

/** Reads one word; `value` is empty when the key stands alone. */
export function readWord(key: string, value: string, reading: Reading): Word {
  const keyword = keywordOf(key, reading.tlvMap);
  if (keyword !== undefined) return fieldWord(keyword, value, reading);
  const shorthand = Object.hasOwn(SHORTHANDS, key) ? SHORTHANDS[key] : undefined;
  if (shorthand !== undefined) return shorthandWord(shorthand);
  if (key === 'eth')
    return setsWord([set('packet_type', field('packet_type'), 0n, ones(32))], PROTOCOLS.any);
  const flag = Object.hasOwn(FLAGS, key) ? FLAGS[key] : undefined;
  if (flag !== undefined) return word({ setting: 'flag', flag: key, protocols: flag });
  if (IGNORED.has(key)) return PLAIN;
  if (isTunnelOption(key)) {
    // Simplification: without the TLV map (dump-tlv-map) a tunnel option has no place; matches on
    // it and actions that set or delete it stay opaque.
    return word({ opaque: optionText(key, value), protocols: PROTOCOLS.nxm | PROTOCOLS.oxm });
  }
  if (key.includes('[')) return bitsWord(key, value, reading);
  return settingWord(key, value, reading);
}

function optionText(key: string, value: string): string {
  const numbers = value.split('/').map((part) => scanInteger(part, 124));
  const plain = numbers.every((number) => !isFault(number) && number.rest === '');
  if (value === '') return key;
  if (!plain) return `${key}=${value}`;
  return `${key}=${numbers.map((number) => (isFault(number) ? '' : hex(number.value))).join('/')}`;
}

function shorthandWord([etherType, protocol]: readonly [number, number]): Word {
  const sets = [set('eth_type', field('eth_type'), BigInt(etherType), 0xffffn)];
  if (protocol !== 0) sets.push(set('nw_proto', null, BigInt(protocol), 0xffn));
  return word({ sets, etherType, protocol: protocol === 0 ? -1 : protocol });
}

function fieldWord(of: Keyword, value: string, reading: Reading): Word {
  const read = readValue(value === '' ? '0/0' : value, of, reading);
  if (isFault(read)) return word({ fault: read });
  return setsWord(slotSets(of, read), protocolsOf(of, read));
}

function setsWord(sets: readonly SlotSet[], protocols: number): Word {
  let etherType = -1;
  let protocol = -1;
  let type = -1;
  let merges = false;
  for (const { slot, value, mask } of sets) {
    if (slot === 'eth_type') etherType = Number(value);
    else if (slot === 'nw_proto') protocol = Number(value);
    else if (slot === 'tp_src') type = Number(value);
    if (mask === 0n || slot === 'packet_type') merges = true;
  }
  // Written out, as most words are these: the members and their order are those of `word`.
  return {
    setting: null,
    number: 0,
    cookie: 0n,
    cookieMask: null,
    flag: '',
    sets,
    etherType,
    protocol,
    type,
    merges,
    protocols,
    opaque: null,
    fault: null,
    kind: null,
    tests: NO_TESTS,
    known: NOTHING_KNOWN,
  };
}

function protocolsOf(of: Keyword, read: Masked): number {
  if (read.mask === ones(8 * of.bytes)) return of.exact;
  if (read.mask === 0n) return PROTOCOLS.any;
  return of.cidr === of.bitwise || isPrefix(read.mask, 8 * of.bytes) ? of.cidr : of.bitwise;
}

function isPrefix(mask: bigint, width: number): boolean {
  const holes = mask ^ ones(width);
  return (holes & (holes + 1n)) === 0n;
}

/** `reg0[0..3]=5` in a match: only these bits. */
function bitsWord(key: string, value: string, reading: Reading): Word {
  const bits = readBits(key, reading);
  if (isFault(bits)) return word({ fault: bits });
  const number = scanInteger(value, bits.keyword.bytes);
  if (isFault(number) || number.rest !== '') return word({ fault: fault('not a number', value) });
  if (number.value >> BigInt(bits.width)) {
    return word({ fault: fault(`value does not fit into ${bits.width} bits`, value) });
  }
  const start = BigInt(bits.start);
  const mask = ones(bits.width) << start;
  const read = { value: number.value << start, mask };
  const sets = slotSets(bits.keyword, read).map((of) => ({
    ...of,
    keep: ones(128) & ~of.mask,
  }));
  return setsWord(sets, protocolsOf(bits.keyword, read));
}

/** Bits of a field by name, as load, move, push, learn and output take them. */
export interface NamedBits {
  readonly keyword: Keyword;
  readonly start: number;
  readonly width: number;
}

/** `NXM_NX_REG0[0..15]`, `reg0[3]`, `reg0[]`, `reg0` (lib/nx-match.c mf_parse_subfield). */
export function readBits(text: string, reading: Reading): NamedBits | Fault {
  const parts = /^([^[-]*)(?:\[([^\]]*)\])?$/.exec(text);
  const name = parts?.[1] ?? text;
  const keyword = wireKeywordOf(name, reading.tlvMap);
  if (keyword === undefined) return fault('unknown field', name, FIELD_NAMES);
  const inside = parts?.[2] ?? '';
  if (parts === null) return fault('expected [], [BIT] or [START..END]', text);
  if (inside === '') return { keyword, start: 0, width: keyword.bits };
  const range = /^[ ]*([+-]?[0-9]+)(?:\.\.[ ]*([+-]?[0-9]+))?$/.exec(inside);
  if (range === null) return fault('expected [], [BIT] or [START..END]', text);
  const start = Number(range[1]);
  const end = Number(range[2] ?? range[1]);
  if (start > end) return fault('the first bit stands behind the last one', text);
  if (start < 0 || end >= keyword.bits) {
    return fault(`${keyword.name} has only ${keyword.bits} bits`, text);
  }
  return { keyword, start, width: end - start + 1 };
}

function settingWord(key: string, value: string, reading: Reading): Word {
  if (value === '')
    return word({ fault: fault('unknown word, or its value is missing', key, FLOW_WORDS) });
  const number = Object.hasOwn(NUMBERS, key) ? NUMBERS[key] : undefined;
  if (number !== undefined) return numberWord(number, value);
  const statistic = Object.hasOwn(STATISTICS, key) ? STATISTICS[key] : undefined;
  if (statistic !== undefined) {
    return word({ setting: statistic, number: Number.parseFloat(value) || 0 });
  }
  switch (key) {
    case 'table':
    case 'table_id': {
      const table = readTable(value, reading);
      if (table === undefined) return word({ fault: fault('unknown table', value) });
      const protocols = table === 255 ? PROTOCOLS.any : PROTOCOLS.withTable;
      return word({ setting: 'table', number: table, protocols });
    }
    case 'cookie':
      return cookieWord(value);
    case 'out_port': {
      const port = readPort(value, reading);
      if (port === undefined) return word({ fault: fault('not an OpenFlow port', value) });
      return word({ setting: 'out_port', number: port });
    }
    case 'out_group':
      return { ...numberWord('out_group', value), protocols: PROTOCOLS.v11up };
    default:
      return word({ fault: fault('unknown word', key, FLOW_WORDS) });
  }
}

function numberWord(setting: Setting, value: string): Word {
  const limit = setting === 'out_group' ? 0xffff_ffffn : 0xffffn;
  const found = scanNumber(value);
  if (found === undefined || found.length !== value.length || found.value > limit) {
    return word({ fault: fault(`${setting} is not a number from 0 to ${limit}`, value) });
  }
  return word({ setting, number: Number(found.value) });
}

function cookieWord(value: string): Word {
  const [cookie = '', mask] = value.split('/', 2);
  const found = scanNumber(cookie);
  const bits = mask === undefined ? undefined : scanNumber(mask);
  if (found === undefined || found.length !== cookie.length || found.value > ones(64)) {
    return word({ fault: fault('the cookie is not a 64-bit number', value) });
  }
  if (mask !== undefined && (bits === undefined || bits.length !== mask.length)) {
    return word({ fault: fault('the cookie mask is not a number', value) });
  }
  return word({ setting: 'cookie', cookie: found.value, cookieMask: bits?.value ?? null });
}

/** The tests of a word under a protocol, remembered. */
export function testsOf(of: Word, kind: Kind): readonly PlacedTest[] {
  if (of.kind === kind || of.kind === 'any') return of.tests;
  if (of.kind === null && of.sets.every(isAnyKinds)) {
    of.kind = 'any';
    of.tests = makeTests(of, kind);
    return of.tests;
  }
  let tests: readonly PlacedTest[] | null = null;
  for (let i = 0; i < of.known.length && tests === null; i++) {
    const one = of.known[i]!;
    if (one.kind === kind) tests = one.tests;
  }
  of.kind = kind;
  of.tests = tests ?? knownTests(of, kind);
  return of.tests;
}

/** Most fields are the same under several protocols; those share their tests. */
function knownTests(of: Word, kind: Kind): readonly PlacedTest[] {
  const alike = of.known.find((one) => of.sets.every((set) => isAlike(set, kind, one.kind)));
  const tests = alike?.tests ?? makeTests(of, kind);
  of.known = [...of.known, { kind, tests }];
  return tests;
}

function makeTests(of: Word, kind: Kind): readonly PlacedTest[] {
  const made: PlacedTest[] = [];
  for (const one of of.sets) {
    const test = placedTest(one, kind);
    if (test !== null) made.push(test);
  }
  return made;
}

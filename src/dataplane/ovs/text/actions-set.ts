/** Writing fields: set_field, load, move, the OpenFlow 1.0 words and the stack. */
import { type Field, field } from '../../../packet/fields.ts';
import { readIpv4, readMac, writeIp, writeMac } from '../../../text/address-text.ts';
import { type Action, type SetSpelling } from '../types/flow.ts';
import { type AnyRow, type Argument, argumentText, row } from './action-row.ts';
import { readFieldBits, writeBits } from './bits.ts';
import {
  FIELD_NAMES,
  isTunnelOption,
  KEYWORD_BY_FIELD,
  type Keyword,
  keywordOf,
} from './keywords.ts';
import {
  big,
  type Fault,
  fault,
  hex,
  isFault,
  number32,
  number64,
  ones,
  scanInteger,
  wholeNumber,
} from './numbers.ts';
import { PROTOCOLS } from './protocols.ts';
import { slotSets } from './slots.ts';
import { type Masked, readValue, writeValue } from './values.ts';
import { readBits } from './words.ts';

type SetField = Extract<Action, { kind: 'set-field' }>;

/** Splits `VALUE->FIELD`. */
export function arrow(text: string): readonly [string, string] | Fault {
  const at = text.indexOf('->');
  if (at < 0 || at + 2 >= text.length) return fault('-> and a field name are missing', text);
  return [text.slice(0, at), text.slice(at + 2)];
}

function readSetField(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  const parts = arrow(text);
  if (isFault(parts)) return parts;
  const [value, name] = parts;
  const keyword = keywordOf(name, argument.reading.tlvMap);
  if (keyword === undefined) {
    if (isTunnelOption(name)) return unplaced(argument, text);
    return fault('unknown field', name, FIELD_NAMES);
  }
  if (!keyword.writable) return fault('read-only field', name);
  const read = readValue(value, keyword, argument.reading);
  if (isFault(read)) return read;
  if (!isValid(keyword, read.value)) return fault(`not a valid value for ${name}`, value);
  argument.reading.protocols &= keyword.exact;
  return setField(keyword, read);
}

/** A tunnel option whose place the TLV map does not give: kept as text, not understood. */
function unplaced(argument: Argument, text: string): Action {
  argument.reading.protocols &= PROTOCOLS.nxm | PROTOCOLS.oxm;
  return { kind: 'opaque', text: `${argument.word}:${text}` };
}

function setField(keyword: Keyword, read: Masked): SetField {
  const vlan = vlanField(keyword, read);
  if (vlan !== null) return vlan;
  const of = keyword.field;
  const whole = read.mask === ones(8 * keyword.bytes);
  let mask = whole ? ones(of.width) : read.mask & ones(of.width);
  // The low bits of the traffic class byte are ECN, which nw_tos leaves alone.
  if (keyword.name === 'nw_tos') mask &= 0xfcn;
  return { kind: 'set-field', field: of, value: read.value & mask, mask, spelling: 'set_field' };
}

/** dl_vlan and dl_vlan_pcp write their part of the tag and say that there is one. */
function vlanField(keyword: Keyword, read: Masked): SetField | null {
  if (keyword.name !== 'dl_vlan' && keyword.name !== 'dl_vlan_pcp') return null;
  const [set] = slotSets(keyword, read);
  if (set === undefined) return null;
  const of = field('vlan_tci');
  return { kind: 'set-field', field: of, value: set.value, mask: set.mask, spelling: 'set_field' };
}

/** lib/meta-flow.c mf_is_value_valid(): bits that the field does not have must be zero. */
function isValid(keyword: Keyword, value: bigint): boolean {
  switch (keyword.name) {
    case 'nw_tos':
      return (value & 3n) === 0n;
    case 'arp_op':
    case 'nd_options_type':
      return value < 256n;
    case 'dl_vlan':
      return value < 4096n;
    case 'nsh_ttl':
      return value < 64n;
    case 'tun_flags':
      return value < 2n;
    case 'tun_erspan_idx':
    case 'tun_erspan_ver':
    case 'tun_erspan_dir':
    case 'tun_erspan_hwid':
      return true;
    default:
      return value <= ones(keyword.field.width);
  }
}

function readLoad(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  const parts = arrow(text);
  if (isFault(parts)) return parts;
  const [value, name] = parts;
  const to = readBits(name, argument.reading);
  if (isFault(to)) {
    return isTunnelOption(name.replace(/\[.*$/, '')) ? unplaced(argument, text) : to;
  }
  const number = scanInteger(value, to.keyword.bytes);
  if (isFault(number)) return { ...number, word: value };
  if (number.value >> big(to.width))
    return fault(`value does not fit into ${to.width} bits`, value);
  const start = big(to.start);
  return {
    kind: 'set-field',
    field: to.keyword.field,
    value: number.value << start,
    mask: ones(to.width) << start,
    spelling: 'load',
  };
}

/** A constant without `->`: how its text is read and written, and where it goes. */
interface ShortRow {
  readonly field: string;
  readonly mask?: bigint;
  readonly bracket?: boolean;
  readonly read: (text: string) => bigint | Fault;
  readonly write: (value: bigint) => string;
}

function number(
  limit: number,
  what: string,
  valid = (_: number) => true,
): Pick<ShortRow, 'read' | 'write'> {
  return {
    read(text) {
      const value = wholeNumber(text, limit, what);
      if (isFault(value)) return value;
      return valid(value) ? big(value) : fault(`not a valid ${what}`, text);
    },
    write: (value) => value.toString(),
  };
}

const mac = {
  read: (text: string) => readMac(text) ?? fault('not an Ethernet address', text),
  write: writeMac,
};
const ip = {
  read: (text: string) => readIpv4(text) ?? fault('not an IP address', text),
  write: (value: bigint) => writeIp({ version: 4, value }),
};
const tunnel = { read: (text: string) => number64(text, 'the tunnel'), write: hex };

const SHORT: Readonly<Record<Exclude<SetSpelling, 'set_field' | 'load'>, ShortRow>> = {
  mod_dl_src: { field: 'eth_src', ...mac },
  mod_dl_dst: { field: 'eth_dst', ...mac },
  mod_nw_src: { field: 'ip_src', ...ip },
  mod_nw_dst: { field: 'ip_dst', ...ip },
  mod_nw_tos: { field: 'nw_tos', mask: 0xfcn, ...number(255, 'TOS', (tos) => (tos & 3) === 0) },
  mod_nw_ecn: { field: 'nw_ecn', ...number(3, 'ECN') },
  mod_nw_ttl: { field: 'nw_ttl', ...number(255, 'TTL') },
  mod_tp_src: { field: 'tp_src', ...number(0xffff, 'port') },
  mod_tp_dst: { field: 'tp_dst', ...number(0xffff, 'port') },
  set_tunnel: { field: 'tun_id', ...tunnel },
  set_tunnel64: { field: 'tun_id', ...tunnel },
  set_mpls_label: {
    field: 'mpls_label',
    bracket: true,
    read(text) {
      const label = number32(text, 'the label');
      if (isFault(label)) return label;
      return label < 0x100000 ? big(label) : fault('not an MPLS label', text);
    },
    write: (value) => value.toString(),
  },
  set_mpls_tc: { field: 'mpls_tc', bracket: true, ...number(7, 'MPLS traffic class') },
  set_mpls_ttl: { field: 'mpls_ttl', bracket: true, ...number(255, 'TTL') },
};

const SHORT_WORDS = Object.keys(SHORT) as (keyof typeof SHORT)[];

function readSet(argument: Argument): Action | Fault {
  if (argument.word === 'set_field') return readSetField(argument);
  if (argument.word === 'load') return readLoad(argument);
  const wanted = argument.word === 'set_nw_ttl' ? 'mod_nw_ttl' : argument.word;
  const spelling = SHORT_WORDS.find((name) => name === wanted);
  if (spelling === undefined) return fault('unknown action', argument.word);
  const short = SHORT[spelling];
  const value = short.read(argumentText(argument));
  if (isFault(value)) return value;
  const of = field(short.field);
  return { kind: 'set-field', field: of, value, mask: short.mask ?? ones(of.width), spelling };
}

function writeSet(action: SetField): string {
  const { field: of, value, mask, spelling } = action;
  if (spelling === 'load') return writeLoads(action);
  if (spelling === 'set_field') {
    const keyword = KEYWORD_BY_FIELD.get(of.name) ?? optionKeyword(of);
    const shown = keyword.name === 'nw_tos' && mask === 0xfcn ? null : mask;
    return `set_field:${writeValue(value, shown, keyword)}->${keyword.name}`;
  }
  const short = SHORT[spelling];
  const text = short.write(value);
  const word = spelling === 'set_tunnel' && value > 0xffff_ffffn ? 'set_tunnel64' : spelling;
  return short.bracket === true ? `${word}(${text})` : `${word}:${text}`;
}

function optionKeyword(of: Field): Keyword {
  return {
    ...{ name: of.name, field: of, syntax: 'hex', bytes: of.width / 8, bits: of.width },
    ...{ maskable: true, writable: true, vlan: null, wire: of.oxm[0] ?? of.name },
    ...{ exact: PROTOCOLS.any, cidr: PROTOCOLS.any, bitwise: PROTOCOLS.any },
  };
}

/** One `load` a run of bits, at most 64 wide (lib/ofp-actions.c next_load_segment). */
export function loadRuns(action: SetField): readonly SetField[] {
  const runs: SetField[] = [];
  const { mask } = action;
  for (let start = 0; start < action.field.width; ) {
    if (((mask >> BigInt(start)) & 1n) === 0n) {
      start++;
      continue;
    }
    let end = start + 1;
    while (end < start + 64 && ((mask >> BigInt(end)) & 1n) === 1n) end++;
    const bits = ones(end - start) << BigInt(start);
    runs.push({ ...action, value: action.value & bits, mask: bits, spelling: 'load' });
    start = end;
  }
  return runs;
}

function writeLoads(action: SetField): string {
  const texts = loadRuns(action).map((run) => {
    const start = run.mask.toString(2).length - run.mask.toString(2).replace(/0+$/, '').length;
    const width = run.mask.toString(2).length - start;
    const value = run.value >> BigInt(start);
    return `load:${hex(value)}->${writeBits({ field: run.field, start, width })}`;
  });
  return texts.join(',');
}

export const SET_ROWS: readonly AnyRow[] = [
  row({
    kind: 'set-field',
    words: ['set_field', 'load', 'set_nw_ttl', ...SHORT_WORDS],
    read: readSet,
    write: writeSet,
  }),
  row({
    kind: 'move',
    words: ['move'],
    read(argument) {
      const text = argumentText(argument);
      const parts = arrow(text);
      if (isFault(parts)) return parts;
      const from = readFieldBits(parts[0], argument.reading);
      if (isFault(from)) return from;
      const to = readFieldBits(parts[1], argument.reading);
      if (isFault(to)) return to;
      return from.width === to.width
        ? { kind: 'move', from, to }
        : fault(`the source has ${from.width} bits, the destination ${to.width}`, text);
    },
    write: ({ from, to }) => `move:${writeBits(from)}->${writeBits(to)}`,
  }),
  row({
    kind: 'delete-field',
    words: ['delete_field'],
    read(argument) {
      const name = argumentText(argument);
      const keyword = keywordOf(name, argument.reading.tlvMap);
      if (keyword !== undefined) return { kind: 'delete-field', field: keyword.field };
      if (isTunnelOption(name)) return { kind: 'opaque', text: `delete_field:${name}` };
      return fault('unknown field', name, FIELD_NAMES);
    },
    write: ({ field: of }) => `delete_field:${of.name}`,
  }),
  row({
    kind: 'push',
    words: ['push'],
    read(argument) {
      const from = readFieldBits(argumentText(argument), argument.reading);
      return isFault(from) ? from : { kind: 'push', from };
    },
    write: ({ from }) => `push:${writeBits(from)}`,
  }),
  row({
    kind: 'pop',
    words: ['pop'],
    read(argument) {
      const to = readFieldBits(argumentText(argument), argument.reading);
      return isFault(to) ? to : { kind: 'pop', to };
    },
    write: ({ to }) => `pop:${writeBits(to)}`,
  }),
];

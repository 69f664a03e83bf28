/**
 * The match of a flow as Open vSwitch prints it in dumps and traces: its order, its shorthand
 * and its number bases (lib/match.c match_format). One row a part of the match, in that order.
 */
import { CT_STATE } from '../../../packet/fields.ts';
import { writeMac } from '../../../text/address-text.ts';
import { type FieldTest } from '../types/flow.ts';
import { KEYWORD_BY_FIELD } from './keywords.ts';
import { hex, ones } from './numbers.ts';
import { TCP_FLAG_WORDS, writeFlagList, writeFlagSigns, writePort, writeValue } from './values.ts';
import { SHORTHANDS } from './words.ts';

export interface PrintNames {
  /** Name of a port, for output like `--names`; `undefined` for a bare number. */
  readonly portName?: (port: number) => string | undefined;
}

type Tests = ReadonlyMap<string, FieldTest>;

/** What a row adds: parts that are joined with commas. */
type PartWriter = (tests: Tests, names: PrintNames) => string;

function masked(name: string, write: (value: bigint) => string, writeMaskToo = write): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    if (test === undefined) return '';
    const exact = test.mask === ones(test.field.width);
    return `${name}=${write(test.value)}${exact ? '' : `/${writeMaskToo(test.mask)}`}`;
  };
}

const decimal = (value: bigint): string => value.toString();
/** Zero as `0` (C's %#x) or as `0x0`. */
const hex0 = (value: bigint): string => `0x${value.toString(16)}`;

function hexField(name: string): PartWriter {
  return masked(name, hex);
}

/** Exact values in decimal, masked ones in hexadecimal on both sides. */
function numberField(name: string, shown = name, width?: number): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    if (test === undefined) return '';
    const exact = test.mask === ones(width ?? test.field.width);
    return exact ? `${shown}=${test.value}` : `${shown}=${hex0(test.value)}/${hex0(test.mask)}`;
  };
}

/** In the field's own spelling: addresses. */
function address(name: string, shown = name): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    const keyword = KEYWORD_BY_FIELD.get(name);
    if (test === undefined || keyword === undefined) return '';
    return `${shown}=${writeValue(test.value, test.mask, keyword)}`;
  };
}

/** Words joined by bars when all of `whole` is compared, else each with its sign. */
function flags(name: string, words: Readonly<Record<string, number>>, whole: bigint): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    if (test === undefined) return '';
    if (test.mask === whole) return `${name}=${writeFlagList(Number(test.value), words)}`;
    return `${name}=${writeFlagSigns(Number(test.value), Number(test.mask), words)}`;
  };
}

function port(name: string): PartWriter {
  return (tests, names) => {
    const test = tests.get(name);
    if (test === undefined) return '';
    const number = Number(test.value);
    const known = number < 0xff00 ? names.portName?.(number) : undefined;
    return `${name}=${known === undefined ? writePort(number) : quotedName(known)}`;
  };
}

/** Names that are not plain words are quoted (lib/namemap.c namemap_put_name). */
function quotedName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name);
}

const SHORT_BY_TYPE = new Map(
  [
    'ip',
    'icmp',
    'tcp',
    'udp',
    'sctp',
    'ipv6',
    'icmp6',
    'tcp6',
    'udp6',
    'sctp6',
    'arp',
    'rarp',
    'mpls',
    'mplsm',
  ].map((word) => [(SHORTHANDS[word] ?? []).join('/'), word] as const),
);

function shorthand(tests: Tests): string | undefined {
  const type = tests.get('eth_type')?.value;
  const protocol = tests.get('ip_proto')?.value ?? 0n;
  if (type === undefined) return undefined;
  return SHORT_BY_TYPE.get(`${type}/${protocol}`) ?? SHORT_BY_TYPE.get(`${type}/0`);
}

function protocolPart(tests: Tests): string {
  const protocol = tests.get('ip_proto')?.value;
  if (protocol === undefined) return '';
  const type = tests.get('eth_type')?.value ?? 0n;
  return SHORT_BY_TYPE.has(`${type}/${protocol}`) && protocol !== 0n ? '' : `nw_proto=${protocol}`;
}

function vlan(tests: Tests): string {
  const test = tests.get('vlan_tci');
  if (test === undefined) return '';
  const value = Number(test.value);
  const mask = Number(test.mask);
  const vid = mask & 0xfff;
  const pcp = mask & 0xe000;
  const whole = (vid === 0 || vid === 0xfff) && (pcp === 0 || pcp === 0xe000);
  if ((mask & value & 0x1000) !== 0 && whole && vid + pcp !== 0) {
    const parts: string[] = [];
    if (vid !== 0) parts.push(`dl_vlan=${value & 0xfff}`);
    if (pcp !== 0) parts.push(`dl_vlan_pcp=${value >> 13}`);
    return parts.join(',');
  }
  const four = (number: number): string => `0x${number.toString(16).padStart(4, '0')}`;
  return `vlan_tci=${four(value)}${mask === 0xffff ? '' : `/${four(mask)}`}`;
}

function mac(name: string, shown: string): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    if (test === undefined) return '';
    const exact = test.mask === ones(48);
    return `${shown}=${writeMac(test.value)}${exact ? '' : `/${writeMac(test.mask)}`}`;
  };
}

function etherType(tests: Tests): string {
  const test = tests.get('eth_type');
  if (test === undefined || shorthand(tests) !== undefined) return '';
  return `dl_type=0x${test.value.toString(16).padStart(4, '0')}`;
}

const five = (value: bigint): string => `0x${value.toString(16).padStart(5, '0')}`;

function tunnelOptions(tests: Tests): string {
  const parts: string[] = [];
  for (const [name, test] of tests) {
    if (!name.startsWith('tun_metadata')) continue;
    const exact = test.mask === ones(test.field.width);
    parts.push(`${name}=${hex(test.value)}${exact ? '' : `/${hex(test.mask)}`}`);
  }
  return parts.join(',');
}

function named(name: string, write: (value: bigint) => string, shown = name): PartWriter {
  return (tests) => {
    const test = tests.get(name);
    return test === undefined ? '' : `${shown}=${write(test.value)}`;
  };
}

const PARTS: readonly PartWriter[] = [
  hexField('pkt_mark'),
  hexField('recirc_id'),
  hexField('dp_hash'),
  named('conj_id', decimal),
  named('skb_priority', hex),
  port('actset_output'),
  flags('ct_state', CT_STATE, 0xffn),
  numberField('ct_zone'),
  hexField('ct_mark'),
  hexField('ct_label'),
  address('ct_nw_src'),
  address('ct_ipv6_src'),
  address('ct_nw_dst'),
  address('ct_ipv6_dst'),
  named('ct_nw_proto', decimal),
  numberField('ct_tp_src'),
  numberField('ct_tp_dst'),
  (tests) => {
    const type = tests.get('packet_type')?.value ?? 0n;
    return type === 0n ? '' : `packet_type=(${type >> 16n},${hex(type & 0xffffn)})`;
  },
  (tests) => shorthand(tests) ?? '',
  ...Array.from({ length: 16 }, (_, n) => hexField(`reg${n}`)),
  hexField('tun_id'),
  address('tun_src'),
  address('tun_dst'),
  address('tun_ipv6_src'),
  address('tun_ipv6_dst'),
  numberField('tun_gbp_id'),
  named('tun_gbp_flags', hex),
  named('tun_tos', (value) => value.toString(16)),
  named('tun_ttl', decimal),
  named('tun_erspan_ver', decimal),
  named('tun_erspan_idx', hex),
  named('tun_erspan_dir', decimal),
  named('tun_erspan_hwid', hex),
  named('tun_gtpu_flags', hex),
  named('tun_gtpu_msgtype', decimal),
  flags('tun_flags', { oam: 1 }, 0xffffn),
  tunnelOptions,
  hexField('metadata'),
  port('in_port'),
  vlan,
  mac('eth_src', 'dl_src'),
  mac('eth_dst', 'dl_dst'),
  etherType,
  address('ipv6_src'),
  address('ipv6_dst'),
  masked('ipv6_label', five),
  address('arp_spa'),
  address('arp_tpa'),
  numberField('nsh_flags'),
  numberField('nsh_ttl'),
  numberField('nsh_mdtype'),
  numberField('nsh_np'),
  masked('nsh_spi', hex0),
  numberField('nsh_si'),
  masked('nsh_c1', hex0),
  masked('nsh_c2', hex0),
  masked('nsh_c3', hex0),
  masked('nsh_c4', hex0),
  address('ip_src', 'nw_src'),
  address('ip_dst', 'nw_dst'),
  named('arp_op', decimal),
  protocolPart,
  mac('arp_sha', 'arp_sha'),
  mac('arp_tha', 'arp_tha'),
  named('nw_tos', decimal),
  named('nw_ecn', decimal),
  named('nw_ttl', decimal),
  named('mpls_label', decimal),
  named('mpls_tc', decimal),
  named('mpls_ttl', decimal),
  named('mpls_bos', decimal),
  address('ip_frag', 'nw_frag'),
  ...['tcp', 'udp', 'sctp'].map((name) => numberField(`${name}_src`, 'tp_src')),
  numberField('icmp_type'),
  numberField('icmpv6_type', 'icmp_type'),
  numberField('tp_src'),
  ...['tcp', 'udp', 'sctp'].map((name) => numberField(`${name}_dst`, 'tp_dst')),
  numberField('icmp_code'),
  numberField('icmpv6_code', 'icmp_code'),
  numberField('tp_dst'),
  address('nd_target'),
  mac('nd_sll', 'nd_sll'),
  mac('nd_tll', 'nd_tll'),
  named('nd_reserved', decimal),
  named('nd_options_type', decimal),
  flags('tcp_flags', TCP_FLAG_WORDS, 0xfffn),
];

/** The tests as text, without priority; empty when everything matches. */
export function printTests(
  tests: readonly FieldTest[],
  names: PrintNames = {},
  opaque: readonly string[] = [],
): string {
  const byName = new Map(tests.map((test) => [test.field.name, test] as const));
  const parts: string[] = [];
  for (const write of PARTS) {
    const part = write(byName, names);
    if (part !== '') parts.push(part);
  }
  return [...parts, ...opaque].join(',');
}

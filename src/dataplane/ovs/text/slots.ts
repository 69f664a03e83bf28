/**
 * What a match remembers while it is read. Open vSwitch keeps one struct flow whose members
 * several fields share (nw_src is also arp_spa, tp_src is also icmp_type), later words replace
 * earlier ones member by member, and members whose protocol is not matched are thrown away in
 * the end (lib/ofp-match.c ofputil_normalize_match). A slot is such a member.
 */
import { type Field, field } from '../../../packet/fields.ts';
import { type FieldTest } from '../types/flow.ts';
import { FIELD_ORDER, type Keyword } from './keywords.ts';
import { ones } from './numbers.ts';
import { type Masked } from './values.ts';

/** One assignment to a slot: bits of `keep` survive from before, the others are replaced. */
export interface SlotSet {
  readonly slot: string;
  readonly value: bigint;
  readonly mask: bigint;
  readonly keep: bigint;
  /** The field a slot of its own has; null for shared slots, where the protocol decides. */
  readonly field: Field | null;
}

/** What the Ethernet type, the IP protocol and the ICMPv6 type allow to be matched. */
export type Kind =
  | 'none'
  | 'ip'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'ipv6'
  | 'tcp6'
  | 'udp6'
  | 'sctp6'
  | 'icmp6'
  | 'solicit'
  | 'advert'
  | 'arp'
  | 'mpls'
  | 'nsh';

const IPV4_KINDS: Readonly<Record<number, Kind>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' };
const IPV6_KINDS: Readonly<Record<number, Kind>> = { 6: 'tcp6', 17: 'udp6', 132: 'sctp6' };

export function kindOf(etherType: number, protocol: number, type: number): Kind {
  switch (etherType) {
    case 0x0800:
      return IPV4_KINDS[protocol] ?? 'ip';
    case 0x86dd:
      if (protocol !== 58) return IPV6_KINDS[protocol] ?? 'ipv6';
      return type === 135 ? 'solicit' : type === 136 ? 'advert' : 'icmp6';
    case 0x0806:
    case 0x8035:
      return 'arp';
    case 0x8847:
    case 0x8848:
      return 'mpls';
    case 0x894f:
      return 'nsh';
    default:
      return 'none';
  }
}

const IP4: readonly Kind[] = ['ip', 'tcp', 'udp', 'sctp', 'icmp'];
const IP6: readonly Kind[] = ['ipv6', 'tcp6', 'udp6', 'sctp6', 'icmp6', 'solicit', 'advert'];
const IP: readonly Kind[] = [...IP4, ...IP6];
const ND: readonly Kind[] = ['solicit', 'advert'];

function only(name: string, kinds: readonly Kind[]): (kind: Kind) => Field | null {
  const of = field(name);
  const allowed = new Set(kinds);
  return (kind) => (allowed.has(kind) ? of : null);
}

function byKind(names: Readonly<Partial<Record<Kind, string>>>): (kind: Kind) => Field | null {
  const fields = new Map(Object.entries(names).map(([kind, name]) => [kind, field(name)]));
  return (kind) => fields.get(kind) ?? null;
}

function each(kinds: readonly Kind[], name: string): Partial<Record<Kind, string>> {
  return Object.fromEntries(kinds.map((kind) => [kind, name]));
}

function ports(side: 'src' | 'dst', icmp: 'type' | 'code'): (kind: Kind) => Field | null {
  return byKind({
    ...each(['tcp', 'tcp6'], `tcp_${side}`),
    ...each(['udp', 'udp6'], `udp_${side}`),
    ...each(['sctp', 'sctp6'], `sctp_${side}`),
    icmp: `icmp_${icmp}`,
    ...each(['icmp6', 'solicit', 'advert'], `icmpv6_${icmp}`),
  });
}

/** Which field a slot is under which protocols; slots that are not named here are always there. */
const SLOT_FIELDS: Readonly<Record<string, (kind: Kind) => Field | null>> = {
  nw_src: byKind({ ...each(IP4, 'ip_src'), arp: 'arp_spa' }),
  nw_dst: byKind({ ...each(IP4, 'ip_dst'), arp: 'arp_tpa' }),
  nw_proto: byKind({ ...each(IP, 'ip_proto'), arp: 'arp_op' }),
  tp_src: ports('src', 'type'),
  tp_dst: ports('dst', 'code'),
  arp_sha: byKind({ arp: 'arp_sha', solicit: 'nd_sll' }),
  arp_tha: byKind({ arp: 'arp_tha', advert: 'nd_tll' }),
  ipv6_src: only('ipv6_src', IP6),
  ipv6_dst: only('ipv6_dst', IP6),
  ipv6_label: only('ipv6_label', IP6),
  nw_tos: only('nw_tos', IP),
  nw_ecn: only('nw_ecn', IP),
  nw_ttl: only('nw_ttl', IP),
  ip_frag: only('ip_frag', IP),
  tcp_flags: only('tcp_flags', ['tcp', 'tcp6']),
  nd_target: only('nd_target', ND),
  nd_reserved: only('nd_reserved', ND),
  nd_options_type: only('nd_options_type', ND),
  mpls_label: only('mpls_label', ['mpls']),
  mpls_tc: only('mpls_tc', ['mpls']),
  mpls_bos: only('mpls_bos', ['mpls']),
  mpls_ttl: only('mpls_ttl', ['mpls']),
  ...Object.fromEntries(
    ['flags', 'mdtype', 'np', 'spi', 'si', 'ttl', 'c1', 'c2', 'c3', 'c4'].map((name) => [
      `nsh_${name}`,
      only(`nsh_${name}`, ['nsh']),
    ]),
  ),
};

/** The slot a keyword writes, where its name differs from the field's. */
const SHARED: Readonly<Record<string, string>> = {
  ip_src: 'nw_src',
  arp_spa: 'nw_src',
  ip_dst: 'nw_dst',
  arp_tpa: 'nw_dst',
  ip_proto: 'nw_proto',
  arp_op: 'nw_proto',
  nd_sll: 'arp_sha',
  nd_tll: 'arp_tha',
  icmp_type: 'tp_src',
  icmpv6_type: 'tp_src',
  icmp_code: 'tp_dst',
  icmpv6_code: 'tp_dst',
  tcp_src: 'tp_src',
  udp_src: 'tp_src',
  sctp_src: 'tp_src',
  tcp_dst: 'tp_dst',
  udp_dst: 'tp_dst',
  sctp_dst: 'tp_dst',
  ip_dscp: 'nw_tos',
};

/** Bits of a slot, where it is not the field's width. */
const SLOT_BITS: Readonly<Record<string, number>> = {
  tp_src: 16,
  tp_dst: 16,
  nw_proto: 8,
  ct_state: 8,
  tun_flags: 1,
};

const WIDE_REGISTER = /^xx?reg/;

/** What one keyword with a value writes. */
export function slotSets(of: Keyword, read: Masked): readonly SlotSet[] {
  if (of.vlan !== null) return [vlanSet(of.vlan, read)];
  if (of.field.width > 32 && WIDE_REGISTER.test(of.field.name)) {
    return registerSets(of.field, read);
  }
  const slot = SHARED[of.field.name] ?? of.field.name;
  const whole = read.mask === ones(8 * of.bytes);
  if (slot === 'nw_tos') {
    const value = of.name === 'ip_dscp' ? read.value << 2n : read.value;
    return [set(slot, null, value & 0xfcn, read.mask === 0n ? 0n : 0xfcn)];
  }
  const limit = ones(SLOT_BITS[slot] ?? of.field.width);
  const mask = whole ? limit : read.mask & limit;
  return [set(slot, SLOT_FIELDS[slot] === undefined ? of.field : null, read.value & mask, mask)];
}

export function set(slot: string, of: Field | null, value: bigint, mask: bigint): SlotSet {
  return { slot, value, mask, keep: 0n, field: of };
}

/** lib/match.c match_set_dl_tci, _dl_vlan, _vlan_vid_masked, _dl_vlan_pcp. */
function vlanSet(part: 'tci' | 'vid' | 'vid-present' | 'pcp', read: Masked): SlotSet {
  const { value, mask } = read;
  const base = { slot: 'vlan_tci', field: field('vlan_tci') };
  if (part === 'tci') return { ...base, value: value & mask, mask, keep: 0n };
  if (part === 'pcp') {
    if (mask === 0n) return { ...base, value: 0n, mask: 0n, keep: 0x1fffn };
    return { ...base, value: ((value & 7n) << 13n) | 0x1000n, mask: 0xf000n, keep: 0x0fffn };
  }
  if (mask === 0n) return { ...base, value: 0n, mask: 0n, keep: 0xe000n };
  if (part === 'vid') {
    if (value === 0xffffn) return { ...base, value: 0n, mask: 0xffffn, keep: 0n };
    return { ...base, value: (value & 0xfffn) | 0x1000n, mask: 0x1fffn, keep: 0xe000n };
  }
  const bits = mask & 0x1fffn;
  return { ...base, value: value & bits, mask: bits, keep: 0xe000n };
}

/** xreg0 is reg0 and reg1, the upper half first; xxreg0 is reg0 to reg3. */
function registerSets(of: Field, read: Masked): readonly SlotSet[] {
  const count = of.width / 32;
  const first = Number(/[0-9]+$/.exec(of.name)?.[0] ?? 0) * count;
  return Array.from({ length: count }, (_, i) => {
    const down = BigInt(32 * (count - 1 - i));
    const mask = (read.mask >> down) & 0xffff_ffffn;
    const name = `reg${first + i}`;
    return set(name, field(name), (read.value >> down) & mask, mask);
  });
}

/** A test of a flow and its place among the others. */
export interface PlacedTest {
  readonly test: FieldTest;
  readonly order: number;
  readonly slot: string;
}

/** The tests a slot's content means under these protocols; null when it is thrown away. */
export function placedTest(of: SlotSet, kind: Kind): PlacedTest | null {
  if (of.mask === 0n) return null;
  let found = fieldUnder(of, kind);
  if (found === null) return null;
  let { value, mask } = of;
  if (found.width < 16 && (of.slot === 'tp_src' || of.slot === 'tp_dst')) {
    // ICMP fills eight of the sixteen bits; a switch compares those, whatever the mask.
    if (mask !== 0xffffn || value < 256n) {
      value &= 0xffn;
      mask = 0xffn;
    } else found = field(of.slot);
  }
  if (of.slot === 'nw_proto' && found.width === 16) mask = 0xffffn;
  const order = FIELD_ORDER.get(found.name) ?? FIELD_ORDER.size + found.word;
  return { test: { field: found, value: value & mask, mask }, order, slot: of.slot };
}

/** The field that a slot is under these protocols; null where there is none. */
function fieldUnder(of: SlotSet, kind: Kind): Field | null {
  return of.field ?? SLOT_FIELDS[of.slot]?.(kind) ?? null;
}

/** Whether the slot is the same field under both; then its test is the same too. */
export function isAlike(of: SlotSet, kind: Kind, other: Kind): boolean {
  return fieldUnder(of, kind) === fieldUnder(of, other);
}

/** Whether the test is the same under all protocols. */
export function isAnyKinds({ field: of, slot }: SlotSet): boolean {
  return of !== null && slot !== 'tp_src' && slot !== 'tp_dst' && slot !== 'nw_proto';
}

/**
 * Every field name of flow text: one row a field, as lib/meta-flow.h documents them
 * (ovs-fields(7)), bound to the field table of packets. Matches, set_field, load, move,
 * push, learn and the `fields` of groups all look names up here.
 */
import { FIELDS, type Field, field, tunnelOptionField } from '../../../packet/fields.ts';
import { type TlvMapping } from '../types/switch.ts';
import { PROTOCOLS } from './protocols.ts';

/** How the value of a field is spelled in flow text. */
export type Syntax =
  | 'decimal'
  | 'hex'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'port'
  | 'ct-state'
  | 'tcp-flags'
  | 'tunnel-flags'
  | 'fragment'
  | 'packet-type';

/** What a keyword does to the bits of its field that a match already holds. */
export type VlanPart = 'tci' | 'vid' | 'vid-present' | 'pcp';

export interface Keyword {
  readonly name: string;
  /** The field of the packet; for VLAN parts of a match always `vlan_tci`. */
  readonly field: Field;
  readonly syntax: Syntax;
  /** Bytes a number may have in text; more is an error, even if the field is narrower. */
  readonly bytes: number;
  /** Bits of `NAME[]`. */
  readonly bits: number;
  readonly maskable: boolean;
  readonly writable: boolean;
  readonly vlan: VlanPart | null;
  /** The name that dumps print in load, move, push: the first of `Field.oxm`, else `name`. */
  readonly wire: string;
  /** Protocols that can carry an exact match, a CIDR mask, any mask. */
  readonly exact: number;
  readonly cidr: number;
  readonly bitwise: number;
}

interface Row {
  readonly name: string;
  readonly field?: string;
  readonly syntax?: Syntax;
  readonly bytes?: number;
  readonly bits?: number;
  readonly maskable?: boolean;
  readonly writable?: boolean;
  readonly vlan?: VlanPart;
  readonly wire?: readonly string[];
  readonly aka?: readonly string[];
  /** Matches OpenFlow 1.0 itself can carry; without it NXM is needed. */
  readonly of10?: 'exact' | 'cidr';
  readonly of11?: 'exact' | 'bitwise';
  /** False: no wire form with NXM or OXM exists at all. */
  readonly oxm?: boolean;
}

const numbered = (count: number, of: (n: number) => Row): readonly Row[] =>
  Array.from({ length: count }, (_, n) => of(n));

const ROWS: readonly Row[] = [
  { name: 'dp_hash' },
  { name: 'recirc_id', syntax: 'decimal' },
  { name: 'packet_type' },
  { name: 'conj_id' },
  { name: 'tun_id' },
  { name: 'tun_src' },
  { name: 'tun_dst' },
  { name: 'tun_ipv6_src' },
  { name: 'tun_ipv6_dst' },
  { name: 'tun_flags', bits: 1 },
  { name: 'tun_ttl', oxm: false },
  { name: 'tun_tos', syntax: 'decimal', oxm: false },
  { name: 'tun_gbp_id' },
  { name: 'tun_gbp_flags' },
  { name: 'tun_erspan_idx' },
  { name: 'tun_erspan_ver' },
  { name: 'tun_erspan_dir' },
  { name: 'tun_erspan_hwid' },
  { name: 'tun_gtpu_flags' },
  { name: 'tun_gtpu_msgtype' },
  { name: 'metadata', of11: 'bitwise' },
  {
    name: 'in_port',
    bytes: 2,
    bits: 16,
    of10: 'exact',
    of11: 'exact',
    aka: [],
    wire: ['NXM_OF_IN_PORT'],
  },
  {
    name: 'in_port_oxm',
    field: 'in_port',
    bytes: 4,
    bits: 32,
    of11: 'exact',
    wire: ['OXM_OF_IN_PORT'],
  },
  { name: 'actset_output', wire: ['ONFOXM_ET_ACTSET_OUTPUT', 'OXM_OF_ACTSET_OUTPUT'] },
  { name: 'skb_priority', oxm: false },
  { name: 'pkt_mark' },
  { name: 'ct_state' },
  { name: 'ct_zone' },
  { name: 'ct_mark' },
  { name: 'ct_label' },
  { name: 'ct_nw_proto' },
  { name: 'ct_nw_src' },
  { name: 'ct_nw_dst' },
  { name: 'ct_ipv6_src' },
  { name: 'ct_ipv6_dst' },
  { name: 'ct_tp_src' },
  { name: 'ct_tp_dst' },
  ...numbered(16, (n) => ({ name: `reg${n}` })),
  ...numbered(8, (n) => ({ name: `xreg${n}` })),
  ...numbered(4, (n) => ({ name: `xxreg${n}` })),
  { name: 'eth_src', of10: 'exact', of11: 'bitwise' },
  { name: 'eth_dst', of10: 'exact', of11: 'bitwise' },
  { name: 'eth_type', syntax: 'hex', of10: 'exact', of11: 'exact' },
  { name: 'vlan_tci', vlan: 'tci', of10: 'exact', of11: 'exact' },
  {
    name: 'dl_vlan',
    field: 'vlan_vid',
    vlan: 'vid',
    maskable: false,
    bits: 12,
    wire: [],
    of10: 'exact',
    of11: 'exact',
  },
  { name: 'vlan_vid', vlan: 'vid-present', bits: 12, of10: 'exact', of11: 'exact' },
  { name: 'dl_vlan_pcp', field: 'vlan_pcp', vlan: 'pcp', wire: [], of10: 'exact', of11: 'exact' },
  { name: 'vlan_pcp', vlan: 'pcp', of10: 'exact', of11: 'exact' },
  { name: 'mpls_label', of11: 'exact' },
  { name: 'mpls_tc', of11: 'exact' },
  { name: 'mpls_bos' },
  { name: 'mpls_ttl' },
  { name: 'ip_src', of10: 'cidr', of11: 'bitwise' },
  { name: 'ip_dst', of10: 'cidr', of11: 'bitwise' },
  { name: 'ipv6_src' },
  { name: 'ipv6_dst' },
  { name: 'ipv6_label' },
  { name: 'nw_proto', field: 'ip_proto', aka: ['ip_proto'], of10: 'exact', of11: 'exact' },
  { name: 'nw_tos', of10: 'exact', of11: 'exact' },
  { name: 'ip_dscp', aka: [], of10: 'exact', of11: 'exact' },
  { name: 'nw_ecn', of11: 'exact' },
  { name: 'nw_ttl' },
  { name: 'ip_frag' },
  { name: 'arp_op', of10: 'exact', of11: 'exact' },
  { name: 'arp_spa', of10: 'cidr', of11: 'bitwise' },
  { name: 'arp_tpa', of10: 'cidr', of11: 'bitwise' },
  { name: 'arp_sha' },
  { name: 'arp_tha' },
  { name: 'tcp_src', aka: ['tp_src'], of10: 'exact', of11: 'exact' },
  { name: 'tcp_dst', aka: ['tp_dst'], of10: 'exact', of11: 'exact' },
  { name: 'tcp_flags', wire: ['NXM_NX_TCP_FLAGS', 'ONFOXM_ET_TCP_FLAGS', 'OXM_OF_TCP_FLAGS'] },
  { name: 'udp_src', of10: 'exact', of11: 'exact' },
  { name: 'udp_dst', of10: 'exact', of11: 'exact' },
  { name: 'sctp_src', of11: 'exact' },
  { name: 'sctp_dst', of11: 'exact' },
  { name: 'icmp_type', of10: 'exact', of11: 'exact' },
  { name: 'icmp_code', of10: 'exact', of11: 'exact' },
  { name: 'icmpv6_type' },
  { name: 'icmpv6_code' },
  { name: 'nd_target' },
  { name: 'nd_sll' },
  { name: 'nd_tll' },
  { name: 'nd_reserved', syntax: 'decimal' },
  { name: 'nd_options_type' },
  { name: 'nsh_flags', syntax: 'decimal' },
  { name: 'nsh_mdtype' },
  { name: 'nsh_np' },
  { name: 'nsh_spi' },
  { name: 'nsh_si' },
  ...numbered(4, (n) => ({ name: `nsh_c${n + 1}` })),
  { name: 'nsh_ttl' },
];

function keyword(row: Row): Keyword {
  const of = field(row.field ?? row.name);
  const wire = row.wire ?? of.oxm;
  const protocols =
    (row.oxm === false ? 0 : PROTOCOLS.nxm | PROTOCOLS.oxm) |
    (row.of10 === undefined ? 0 : PROTOCOLS.of10) |
    (row.of11 === undefined ? 0 : PROTOCOLS.of11);
  const bitwise = protocols & ~PROTOCOLS.of10 & ~(row.of11 === 'bitwise' ? 0 : PROTOCOLS.of11);
  return {
    name: row.name,
    field: of,
    syntax: row.syntax ?? syntaxOf(of),
    bytes: row.bytes ?? bytesOf(of),
    bits: row.bits ?? of.width,
    maskable: row.maskable ?? of.maskable,
    writable: row.writable ?? of.writable,
    vlan: row.vlan ?? null,
    wire: wire[0] ?? row.name,
    exact: protocols,
    cidr: bitwise | (row.of10 === 'cidr' ? PROTOCOLS.of10 : 0),
    bitwise,
  };
}

/** Text forms differ from the field table's where a number stands for a word elsewhere. */
function syntaxOf(of: Field): Syntax {
  if (of.format === 'ethertype') return 'hex';
  return of.format === 'interface' ? 'decimal' : of.format;
}

function bytesOf(of: Field): number {
  if (of.format === 'mac') return 6;
  let bytes = 1;
  while (bytes * 8 < of.width) bytes *= 2;
  return bytes;
}

const KEYWORDS: readonly Keyword[] = ROWS.map(keyword);

const byName = new Map<string, Keyword>();
const byWire = new Map<string, Keyword>();
for (const [i, row] of ROWS.entries()) {
  const word = KEYWORDS[i];
  if (word === undefined) continue;
  for (const name of [word.name, ...(row.aka ?? word.field.aliases)]) {
    // `dl_vlan` and `in_port_oxm` have rows of their own, with rules of their own.
    if (!byName.has(name) || name === word.name) byName.set(name, word);
  }
  for (const name of row.wire ?? word.field.oxm) byWire.set(name, word);
}

/** The field words, for "did you mean". */
export const FIELD_NAMES: readonly string[] = [...byName.keys()];

/** The keyword of a field name in matches and set_field: `nw_src`, `reg5`, `tun_metadata3`. */
export function keywordOf(name: string, tlvMap: readonly TlvMapping[] = []): Keyword | undefined {
  const found = byName.get(name);
  if (found !== undefined || !name.startsWith('tun_metadata')) return found;
  return tunnelOption(name.slice(12), tlvMap);
}

/** The keyword of a name with bits, where wire names are understood too: `NXM_OF_IP_SRC`. */
export function wireKeywordOf(
  name: string,
  tlvMap: readonly TlvMapping[] = [],
): Keyword | undefined {
  const bare = name.endsWith('_W') ? name.slice(0, -2) : name;
  const found = byWire.get(bare) ?? byName.get(name);
  if (found !== undefined) return found;
  const option = /^(?:NXM_NX_TUN_METADATA|tun_metadata)([0-9]+)$/.exec(bare)?.[1];
  return option === undefined ? undefined : tunnelOption(option, tlvMap);
}

/** True for `tun_metadata0` … `tun_metadata63`, mapped or not. */
export function isTunnelOption(name: string): boolean {
  return /^(?:tun_metadata|NXM_NX_TUN_METADATA)(?:[0-9]|[1-5][0-9]|6[0-3])(?:_W)?$/.test(name);
}

/**
 * A tunnel option's field. Options lie one after the other in the order of the map, as
 * lib/tun-metadata.c allocates them; one without a mapping has no place and no keyword.
 */
function tunnelOption(index: string, tlvMap: readonly TlvMapping[]): Keyword | undefined {
  let offset = 0;
  for (const mapping of tlvMap) {
    if (mapping.index === Number(index)) {
      const of = tunnelOptionField(mapping.index, offset, mapping.length);
      return {
        name: of.name,
        field: of,
        syntax: 'hex',
        bytes: mapping.length,
        bits: of.width,
        maskable: true,
        writable: true,
        vlan: null,
        wire: of.oxm[0] ?? of.name,
        exact: PROTOCOLS.nxm | PROTOCOLS.oxm,
        cidr: PROTOCOLS.nxm | PROTOCOLS.oxm,
        bitwise: PROTOCOLS.nxm | PROTOCOLS.oxm,
      };
    }
    offset += Math.ceil(mapping.length / 4) * 4;
  }
  return undefined;
}

/** The keyword that prints a packet field: the row bound to that very field. */
export const KEYWORD_BY_FIELD: ReadonlyMap<string, Keyword> = new Map(
  [...KEYWORDS]
    .sort((a, b) => Number(a.name === a.field.name) - Number(b.name === b.field.name))
    .map((word) => [word.field.name, word] as const),
);

/** Where a field stands in the field table; tests of a flow are sorted by it. */
export const FIELD_ORDER: ReadonlyMap<string, number> = new Map(
  [...FIELDS.keys()].map((name, i) => [name, i] as const),
);

/**
 * The field table: every header field, register and mark that traffic can carry.
 * Parser, printer, generators, packet walk and packet sets all read this one table
 * (the idea of OVS's include/openvswitch/meta-flow.h).
 *
 * A packet's fields live in one flat array of 32-bit words. A field is a run of bits in
 * that array: `word` is the index of its most significant word, and its least significant
 * bit stands `shift` bits above the low end of its last word. Fields wider than 32 bits take
 * whole words, most significant first; their first word is right-aligned.
 * Fields that overlay each other on purpose (xreg0 over reg0 and reg1) share words.
 */

/** How a value of the field is written (ovs-fields(7)). */
export type Format = 'decimal' | 'hex' | 'ipv4' | 'ipv6' | 'mac' | 'ethertype' | 'port' | 'ct-state' | 'tcp-flags' | 'tunnel-flags' | 'fragment' | 'packet-type' | 'interface';

/** What a packet must be for the field to exist in it (meta-flow.h "Prerequisites"). */
export type Prerequisite = 'none' | 'ethernet' | 'vlan' | 'ipv4' | 'ipv6' | 'ip' | 'arp' | 'mpls' | 'tcp' | 'udp' | 'sctp' | 'icmpv4' | 'icmpv6' | 'nd' | 'nd-solicit' | 'nd-advert' | 'nsh' | 'ct';

export interface Field {
  /** The name used everywhere in the code and in JSON, e.g. `ip_src`. */
  readonly name: string;
  /** Width in bits. */
  readonly width: number;
  readonly word: number;
  readonly shift: number;
  readonly format: Format;
  readonly prerequisite: Prerequisite;
  /** Whether a match may cover only some bits. */
  readonly maskable: boolean;
  /** Whether `set_field`, `load` and `move` may write it. */
  readonly writable: boolean;
  /** Other spellings in flow text: `nw_src`, `dl_vlan`. */
  readonly aliases: readonly string[];
  /** Names used with `[start..end]` in load, move, push, learn: `NXM_OF_IP_SRC`, `OXM_OF_IPV4_SRC`. */
  readonly oxm: readonly string[];
  /** True for what a switch or kernel remembers beside the packet; false for what is on the wire. */
  readonly metadata: boolean;
}

interface Row {
  readonly name: string;
  readonly width: number;
  /** Overlay: the field whose words are shared. Without it the field gets words of its own. */
  readonly over?: string;
  /** With `over`: words behind the first word of that field. */
  readonly plus?: number;
  readonly shift?: number;
  readonly format?: Format;
  readonly needs?: Prerequisite;
  readonly mask?: boolean;
  readonly write?: boolean;
  readonly aka?: readonly string[];
  readonly oxm?: readonly string[];
}

const registers: readonly Row[] = Array.from({ length: 16 }, (_, n) => ({
  name: `reg${n}`,
  width: 32,
  format: 'hex' as const,
  oxm: [`NXM_NX_REG${n}`],
}));

const doubleRegisters: readonly Row[] = Array.from({ length: 8 }, (_, n) => ({
  name: `xreg${n}`,
  width: 64,
  over: `reg${2 * n}`,
  format: 'hex' as const,
  oxm: [`OXM_OF_PKT_REG${n}`],
}));

const quadRegisters: readonly Row[] = Array.from({ length: 4 }, (_, n) => ({
  name: `xxreg${n}`,
  width: 128,
  over: `reg${4 * n}`,
  format: 'hex' as const,
  oxm: [`NXM_NX_XXREG${n}`],
}));

/** 256 bytes of tunnel options, as OVS has them; the TLV map says which option lies where. */
const tunnelOptionWords: readonly Row[] = Array.from({ length: 64 }, (_, n) => ({
  name: `tun_option_word${n}`,
  width: 32,
  format: 'hex' as const,
  write: false,
}));

const METADATA: readonly Row[] = [
  ...registers,
  ...doubleRegisters,
  ...quadRegisters,
  { name: 'metadata', width: 64, format: 'hex', oxm: ['OXM_OF_METADATA'] },
  { name: 'in_port', width: 32, format: 'port', mask: false, oxm: ['NXM_OF_IN_PORT', 'OXM_OF_IN_PORT'], aka: ['in_port_oxm'] },
  { name: 'actset_output', width: 32, format: 'port', mask: false, write: false, oxm: ['ONFOXM_ET_ACTSET_OUTPUT'] },
  { name: 'packet_type', width: 32, format: 'packet-type', mask: false, write: false, oxm: ['OXM_OF_PACKET_TYPE'] },
  { name: 'recirc_id', width: 32, format: 'hex', mask: false, write: false, oxm: ['NXM_NX_RECIRC_ID'] },
  { name: 'dp_hash', width: 32, format: 'hex', write: false, oxm: ['NXM_NX_DP_HASH', 'NXOXM_ET_DP_HASH'] },
  { name: 'conj_id', width: 32, format: 'decimal', mask: false, write: false, oxm: ['NXM_NX_CONJ_ID'] },
  { name: 'skb_priority', width: 32, format: 'hex', mask: false, write: false },
  { name: 'pkt_mark', width: 32, format: 'hex', oxm: ['NXM_NX_PKT_MARK'] },
  { name: 'tun_id', width: 64, format: 'hex', aka: ['tunnel_id'], oxm: ['NXM_NX_TUN_ID', 'OXM_OF_TUNNEL_ID'] },
  { name: 'tun_src', width: 32, format: 'ipv4', oxm: ['NXM_NX_TUN_IPV4_SRC'] },
  { name: 'tun_dst', width: 32, format: 'ipv4', oxm: ['NXM_NX_TUN_IPV4_DST'] },
  { name: 'tun_ipv6_src', width: 128, format: 'ipv6', oxm: ['NXM_NX_TUN_IPV6_SRC'] },
  { name: 'tun_ipv6_dst', width: 128, format: 'ipv6', oxm: ['NXM_NX_TUN_IPV6_DST'] },
  { name: 'tun_flags', width: 16, format: 'tunnel-flags', oxm: ['NXM_NX_TUN_FLAGS'] },
  { name: 'tun_ttl', width: 8, format: 'decimal', mask: false, write: false },
  { name: 'tun_tos', width: 8, format: 'hex', mask: false, write: false },
  { name: 'tun_gbp_id', width: 16, format: 'decimal', oxm: ['NXM_NX_TUN_GBP_ID'] },
  { name: 'tun_gbp_flags', width: 8, format: 'hex', oxm: ['NXM_NX_TUN_GBP_FLAGS'] },
  { name: 'tun_erspan_idx', width: 20, format: 'hex', oxm: ['NXOXM_ET_ERSPAN_IDX'] },
  { name: 'tun_erspan_ver', width: 4, format: 'decimal', oxm: ['NXOXM_ET_ERSPAN_VER'] },
  { name: 'tun_erspan_dir', width: 1, format: 'decimal', oxm: ['NXOXM_ET_ERSPAN_DIR'] },
  { name: 'tun_erspan_hwid', width: 6, format: 'hex', oxm: ['NXOXM_ET_ERSPAN_HWID'] },
  { name: 'tun_gtpu_flags', width: 8, format: 'hex', write: false, oxm: ['NXOXM_ET_GTPU_FLAGS'] },
  { name: 'tun_gtpu_msgtype', width: 8, format: 'decimal', write: false, oxm: ['NXOXM_ET_GTPU_MSGTYPE'] },
  { name: 'ct_state', width: 32, format: 'ct-state', write: false, oxm: ['NXM_NX_CT_STATE'] },
  { name: 'ct_zone', width: 16, format: 'hex', mask: false, write: false, oxm: ['NXM_NX_CT_ZONE'] },
  { name: 'ct_mark', width: 32, format: 'hex', oxm: ['NXM_NX_CT_MARK'] },
  { name: 'ct_label', width: 128, format: 'hex', oxm: ['NXM_NX_CT_LABEL'] },
  { name: 'ct_nw_proto', width: 8, format: 'decimal', mask: false, write: false, needs: 'ct', oxm: ['NXM_NX_CT_NW_PROTO'] },
  { name: 'ct_nw_src', width: 32, format: 'ipv4', write: false, needs: 'ct', oxm: ['NXM_NX_CT_NW_SRC'] },
  { name: 'ct_nw_dst', width: 32, format: 'ipv4', write: false, needs: 'ct', oxm: ['NXM_NX_CT_NW_DST'] },
  { name: 'ct_ipv6_src', width: 128, format: 'ipv6', write: false, needs: 'ct', oxm: ['NXM_NX_CT_IPV6_SRC'] },
  { name: 'ct_ipv6_dst', width: 128, format: 'ipv6', write: false, needs: 'ct', oxm: ['NXM_NX_CT_IPV6_DST'] },
  { name: 'ct_tp_src', width: 16, format: 'decimal', write: false, needs: 'ct', oxm: ['NXM_NX_CT_TP_SRC'] },
  { name: 'ct_tp_dst', width: 16, format: 'decimal', write: false, needs: 'ct', oxm: ['NXM_NX_CT_TP_DST'] },
  // What the kernel knows about the packet beside its bytes (netfilter hooks, routing).
  { name: 'meta_iif', width: 32, format: 'interface', write: false },
  { name: 'meta_oif', width: 32, format: 'interface', write: false },
  // The IPv4 next hop of the chosen route; 0 where it is the destination itself.
  { name: 'meta_gateway', width: 32, format: 'ipv4', write: false },
  { name: 'meta_physin', width: 32, format: 'interface', write: false },
  { name: 'meta_physout', width: 32, format: 'interface', write: false },
  { name: 'meta_pkttype', width: 8, format: 'decimal', write: false },
  { name: 'ct_status', width: 32, format: 'hex', write: false },
  // The socket that sent it: nothing known (0), none (1), one of the kernel (2), a process's (3).
  { name: 'meta_owner', width: 2, format: 'decimal', write: false },
  { name: 'meta_uid', width: 32, format: 'decimal', write: false },
  { name: 'meta_gid', width: 32, format: 'decimal', write: false },
  // Chance: what a rule's dice showed (xt_statistic).
  { name: 'meta_random', width: 32, format: 'decimal', write: false },
];

const WIRE: readonly Row[] = [
  { name: 'eth_src', width: 48, format: 'mac', needs: 'ethernet', aka: ['dl_src'], oxm: ['NXM_OF_ETH_SRC', 'OXM_OF_ETH_SRC'] },
  { name: 'eth_dst', width: 48, format: 'mac', needs: 'ethernet', aka: ['dl_dst'], oxm: ['NXM_OF_ETH_DST', 'OXM_OF_ETH_DST'] },
  { name: 'eth_type', width: 16, format: 'ethertype', mask: false, write: false, needs: 'ethernet', aka: ['dl_type'], oxm: ['NXM_OF_ETH_TYPE', 'OXM_OF_ETH_TYPE'] },
  // Outermost VLAN tag; bit 12 (CFI) says "there is a tag", as in ovs-fields(7) vlan_tci.
  { name: 'vlan_tci', width: 16, format: 'hex', needs: 'ethernet', oxm: ['NXM_OF_VLAN_TCI'] },
  { name: 'vlan_vid', width: 13, over: 'vlan_tci', format: 'decimal', needs: 'ethernet', oxm: ['OXM_OF_VLAN_VID'] },
  { name: 'vlan_pcp', width: 3, over: 'vlan_tci', shift: 13, format: 'decimal', mask: false, needs: 'vlan', oxm: ['OXM_OF_VLAN_PCP'] },
  { name: 'vlan_tpid', width: 16, format: 'ethertype', write: false },
  { name: 'vlan_tci2', width: 16, format: 'hex', write: false },
  { name: 'vlan_tpid2', width: 16, format: 'ethertype', write: false },
  // A tag that is not looked into, and the type behind it; `eth_type` is then the tag's own type,
  // or that of the labels in front of it.
  { name: 'hidden_tci', width: 16, format: 'hex', write: false },
  { name: 'hidden_type', width: 16, format: 'ethertype', write: false },
  // MPLS label stack entries, outermost first: label(20) tc(3) bos(1) ttl(8), RFC 3032 §2.1.
  { name: 'mpls_lse', width: 32, format: 'hex', write: false },
  { name: 'mpls_lse2', width: 32, format: 'hex', write: false },
  { name: 'mpls_lse3', width: 32, format: 'hex', write: false },
  { name: 'mpls_label', width: 20, over: 'mpls_lse', shift: 12, format: 'decimal', mask: false, needs: 'mpls', oxm: ['OXM_OF_MPLS_LABEL'] },
  { name: 'mpls_tc', width: 3, over: 'mpls_lse', shift: 9, format: 'decimal', mask: false, needs: 'mpls', oxm: ['OXM_OF_MPLS_TC'] },
  { name: 'mpls_bos', width: 1, over: 'mpls_lse', shift: 8, format: 'decimal', mask: false, write: false, needs: 'mpls', oxm: ['OXM_OF_MPLS_BOS'] },
  { name: 'mpls_ttl', width: 8, over: 'mpls_lse', format: 'decimal', mask: false, needs: 'mpls', oxm: ['NXM_NX_MPLS_TTL'] },
  { name: 'ip_src', width: 32, format: 'ipv4', needs: 'ipv4', aka: ['nw_src'], oxm: ['NXM_OF_IP_SRC', 'OXM_OF_IPV4_SRC'] },
  { name: 'ip_dst', width: 32, format: 'ipv4', needs: 'ipv4', aka: ['nw_dst'], oxm: ['NXM_OF_IP_DST', 'OXM_OF_IPV4_DST'] },
  { name: 'ipv6_src', width: 128, format: 'ipv6', needs: 'ipv6', oxm: ['NXM_NX_IPV6_SRC', 'OXM_OF_IPV6_SRC'] },
  { name: 'ipv6_dst', width: 128, format: 'ipv6', needs: 'ipv6', oxm: ['NXM_NX_IPV6_DST', 'OXM_OF_IPV6_DST'] },
  { name: 'ipv6_label', width: 20, format: 'hex', needs: 'ipv6', oxm: ['NXM_NX_IPV6_LABEL', 'OXM_OF_IPV6_FLABEL'] },
  { name: 'ip_proto', width: 8, format: 'decimal', mask: false, write: false, needs: 'ip', aka: ['nw_proto'], oxm: ['NXM_OF_IP_PROTO', 'OXM_OF_IP_PROTO'] },
  // The traffic class byte; nw_tos is its upper six bits in place, ip_dscp the same shifted down.
  { name: 'nw_tos', width: 8, format: 'decimal', mask: false, needs: 'ip', oxm: ['NXM_OF_IP_TOS'] },
  { name: 'ip_dscp', width: 6, over: 'nw_tos', shift: 2, format: 'decimal', mask: false, needs: 'ip', aka: ['nw_tos_shifted'], oxm: ['OXM_OF_IP_DSCP'] },
  { name: 'nw_ecn', width: 2, over: 'nw_tos', format: 'decimal', mask: false, needs: 'ip', aka: ['ip_ecn'], oxm: ['NXM_NX_IP_ECN', 'OXM_OF_IP_ECN'] },
  { name: 'nw_ttl', width: 8, format: 'decimal', mask: false, needs: 'ip', oxm: ['NXM_NX_IP_TTL'] },
  // Bit 0: is a fragment; bit 1: not the first one (ovs-fields(7) ip_frag).
  { name: 'ip_frag', width: 2, format: 'fragment', needs: 'ip', write: false, aka: ['nw_frag'], oxm: ['NXM_NX_IP_FRAG'] },
  { name: 'ip_df', width: 1, format: 'decimal', needs: 'ipv4', write: false },
  { name: 'ip_id', width: 32, format: 'decimal', needs: 'ip', write: false },
  { name: 'ip_offset', width: 16, format: 'decimal', needs: 'ip', write: false },
  { name: 'ip_options', width: 8, format: 'decimal', needs: 'ip', write: false },
  { name: 'arp_op', width: 16, format: 'decimal', mask: false, needs: 'arp', oxm: ['NXM_OF_ARP_OP', 'OXM_OF_ARP_OP'] },
  { name: 'arp_spa', width: 32, format: 'ipv4', needs: 'arp', oxm: ['NXM_OF_ARP_SPA', 'OXM_OF_ARP_SPA'] },
  { name: 'arp_tpa', width: 32, format: 'ipv4', needs: 'arp', oxm: ['NXM_OF_ARP_TPA', 'OXM_OF_ARP_TPA'] },
  { name: 'arp_sha', width: 48, format: 'mac', needs: 'arp', oxm: ['NXM_NX_ARP_SHA', 'OXM_OF_ARP_SHA'] },
  { name: 'arp_tha', width: 48, format: 'mac', needs: 'arp', oxm: ['NXM_NX_ARP_THA', 'OXM_OF_ARP_THA'] },
  // Transport ports; ICMP type and code lie in the same words, as in OVS's struct flow.
  { name: 'tp_src', width: 16, format: 'decimal' },
  { name: 'tp_dst', width: 16, format: 'decimal' },
  { name: 'tcp_src', width: 16, over: 'tp_src', format: 'decimal', needs: 'tcp', oxm: ['NXM_OF_TCP_SRC', 'OXM_OF_TCP_SRC'] },
  { name: 'tcp_dst', width: 16, over: 'tp_dst', format: 'decimal', needs: 'tcp', oxm: ['NXM_OF_TCP_DST', 'OXM_OF_TCP_DST'] },
  { name: 'udp_src', width: 16, over: 'tp_src', format: 'decimal', needs: 'udp', oxm: ['NXM_OF_UDP_SRC', 'OXM_OF_UDP_SRC'] },
  { name: 'udp_dst', width: 16, over: 'tp_dst', format: 'decimal', needs: 'udp', oxm: ['NXM_OF_UDP_DST', 'OXM_OF_UDP_DST'] },
  { name: 'sctp_src', width: 16, over: 'tp_src', format: 'decimal', needs: 'sctp', oxm: ['OXM_OF_SCTP_SRC'] },
  { name: 'sctp_dst', width: 16, over: 'tp_dst', format: 'decimal', needs: 'sctp', oxm: ['OXM_OF_SCTP_DST'] },
  { name: 'icmp_type', width: 8, over: 'tp_src', format: 'decimal', mask: false, needs: 'icmpv4', oxm: ['NXM_OF_ICMP_TYPE', 'OXM_OF_ICMPV4_TYPE'] },
  { name: 'icmp_code', width: 8, over: 'tp_dst', format: 'decimal', mask: false, needs: 'icmpv4', oxm: ['NXM_OF_ICMP_CODE', 'OXM_OF_ICMPV4_CODE'] },
  { name: 'icmpv6_type', width: 8, over: 'tp_src', format: 'decimal', mask: false, needs: 'icmpv6', oxm: ['NXM_NX_ICMPV6_TYPE', 'OXM_OF_ICMPV6_TYPE'] },
  { name: 'icmpv6_code', width: 8, over: 'tp_dst', format: 'decimal', mask: false, needs: 'icmpv6', oxm: ['NXM_NX_ICMPV6_CODE', 'OXM_OF_ICMPV6_CODE'] },
  { name: 'tcp_flags', width: 12, format: 'tcp-flags', needs: 'tcp', write: false, oxm: ['NXM_NX_TCP_FLAGS', 'ONFOXM_ET_TCP_FLAGS'] },
  { name: 'tcp_seq', width: 32, format: 'decimal', needs: 'tcp', write: false },
  { name: 'tcp_ack', width: 32, format: 'decimal', needs: 'tcp', write: false },
  { name: 'tcp_window', width: 16, format: 'decimal', needs: 'tcp', write: false },
  { name: 'icmp_id', width: 16, format: 'decimal', write: false },
  { name: 'icmp_seq', width: 16, format: 'decimal', write: false },
  { name: 'icmp_mtu', width: 32, format: 'decimal', write: false },
  { name: 'nd_target', width: 128, format: 'ipv6', needs: 'nd', oxm: ['NXM_NX_ND_TARGET', 'OXM_OF_IPV6_ND_TARGET'] },
  { name: 'nd_sll', width: 48, format: 'mac', needs: 'nd-solicit', oxm: ['NXM_NX_ND_SLL', 'OXM_OF_IPV6_ND_SLL'] },
  { name: 'nd_tll', width: 48, format: 'mac', needs: 'nd-advert', oxm: ['NXM_NX_ND_TLL', 'OXM_OF_IPV6_ND_TLL'] },
  { name: 'nd_reserved', width: 32, format: 'hex', mask: false, needs: 'nd', oxm: ['ERICOXM_OF_ICMPV6_ND_RESERVED'] },
  { name: 'nd_options_type', width: 8, format: 'decimal', mask: false, needs: 'nd', oxm: ['ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE'] },
  { name: 'nsh_flags', width: 8, format: 'hex', needs: 'nsh', oxm: ['NXOXM_NSH_FLAGS'] },
  { name: 'nsh_mdtype', width: 8, format: 'decimal', mask: false, write: false, needs: 'nsh', oxm: ['NXOXM_NSH_MDTYPE'] },
  { name: 'nsh_np', width: 8, format: 'decimal', mask: false, write: false, needs: 'nsh', oxm: ['NXOXM_NSH_NP'] },
  { name: 'nsh_spi', width: 24, format: 'hex', mask: false, needs: 'nsh', aka: ['nsp'], oxm: ['NXOXM_NSH_SPI'] },
  { name: 'nsh_si', width: 8, format: 'decimal', mask: false, needs: 'nsh', aka: ['nsi'], oxm: ['NXOXM_NSH_SI'] },
  ...[1, 2, 3, 4].map((n) => ({
    name: `nsh_c${n}`,
    width: 32,
    format: 'hex' as const,
    needs: 'nsh' as const,
    aka: [`nshc${n}`],
    oxm: [`NXOXM_NSH_C${n}`],
  })),
  { name: 'nsh_ttl', width: 8, format: 'decimal', mask: false, needs: 'nsh', oxm: ['NXOXM_NSH_TTL'] },
  // What an encapsulating frame carries: 0 nothing, else an ENCAPSULATION number below, and its key.
  { name: 'encap_kind', width: 8, format: 'decimal', write: false },
  { name: 'encap_flags', width: 16, format: 'hex', write: false },
  { name: 'encap_id', width: 64, format: 'hex', write: false },
  // The UDP header in front of it has a checksum (RFC 6935: tunnels may send zero instead).
  { name: 'encap_csum', width: 1, format: 'decimal', write: false },
  // Bytes from the first byte of the Ethernet header, VLAN tags included, FCS not.
  { name: 'frame_len', width: 32, format: 'decimal', write: false },
  // Total length of the IP packet (IPv4 total length, IPv6 payload length + 40).
  { name: 'ip_len', width: 32, format: 'decimal', write: false },
  // Checksums that are wrong: translation keeps them so (RFC 1624), a receiver drops the packet.
  { name: 'ip_csum_bad', width: 1, format: 'decimal', write: false },
  { name: 'tp_csum_bad', width: 1, format: 'decimal', write: false },
  // UDP over IPv6 without a checksum, outside of tunnels: only receivers mind (RFC 8200 §8.1).
  { name: 'udp_csum_none', width: 1, format: 'decimal', write: false },
];

function layOut(rows: readonly Row[], metadata: boolean, start: number, into: Map<string, Field>): number {
  let next = start;
  for (const row of rows) {
    const base = row.over === undefined ? undefined : into.get(row.over);
    const word = base === undefined ? next : base.word + (row.plus ?? 0);
    if (base === undefined) next += Math.ceil(row.width / 32);
    into.set(row.name, {
      name: row.name,
      width: row.width,
      word,
      shift: row.shift ?? 0,
      format: row.format ?? 'decimal',
      prerequisite: row.needs ?? 'none',
      maskable: row.mask ?? true,
      writable: row.write ?? true,
      aliases: row.aka ?? [],
      oxm: row.oxm ?? [],
      metadata,
    });
  }
  return next;
}

const byName = new Map<string, Field>();
/** Words below this index are metadata; from here on they are headers on the wire. */
export const FIRST_WIRE_WORD: number = layOut(METADATA, true, 0, byName);
const firstOptionWord = layOut(WIRE, false, FIRST_WIRE_WORD, byName);
/** Number of 32-bit words in one packet's array. */
export const PACKET_WORDS: number = layOut(tunnelOptionWords, true, firstOptionWord, byName);

/** Every field by its name. */
export const FIELDS: ReadonlyMap<string, Field> = byName;

/** The field of that name; the name must stand in the table above. */
export function field(name: string): Field {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`assumption broken: no field is named ${name}`);
  return found;
}

/**
 * The tunnel option `tun_metadata<index>` as the switch's TLV map places it
 * (ovs-ofctl(8) add-tlv-map): `offset` and `length` in bytes, both multiples of four.
 */
export function tunnelOptionField(index: number, offset: number, length: number): Field {
  return {
    ...field('tun_option_word0'),
    name: `tun_metadata${index}`,
    width: length * 8,
    word: firstOptionWord + offset / 4,
    writable: true,
    oxm: [`NXM_NX_TUN_METADATA${index}`],
  };
}

/** Values of `encap_kind`: which tunnel header stands between a frame and what it carries. */
export const ENCAPSULATION = { none: 0, vxlan: 1, gre: 2, geneve: 3, ipip: 4, erspan: 5, gtpu: 6 } as const;

/** ct_state bits (ovs-fields(7) ct_state). */
export const CT_STATE = {
  new: 0x01,
  est: 0x02,
  rel: 0x04,
  rpl: 0x08,
  inv: 0x10,
  trk: 0x20,
  snat: 0x40,
  dnat: 0x80,
} as const;

/** The original direction of the connection a packet belongs to (ovs-fields(7) ct_nw_src …). */
export const CONNTRACK_TUPLE: readonly Field[] = ['ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst', 'ct_tp_src', 'ct_tp_dst'].map(field);

/** Everything that ct() shows of a connection; all of it is zero for an untracked packet. */
export const CONNTRACK_FIELDS: readonly Field[] = [...['ct_state', 'ct_zone', 'ct_mark', 'ct_label'].map(field), ...CONNTRACK_TUPLE];

/**
 * What tells the flows apart that a kernel hashes: no less than net/core/flow_dissector.c reads
 * (flow_keys_dissector_keys), so that flows which are alike here hash alike.
 */
export const HASHED_FIELDS: readonly Field[] = ['eth_src', 'eth_dst', 'eth_type', 'vlan_tci', 'ip_proto', 'ip_frag', 'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'ipv6_label', 'tp_src', 'tp_dst'].map(field);

/** TCP flag bits (RFC 9293 §3.1; NS is RFC 3540). */
export const TCP_FLAGS = {
  fin: 0x001,
  syn: 0x002,
  rst: 0x004,
  psh: 0x008,
  ack: 0x010,
  urg: 0x020,
  ece: 0x040,
  cwr: 0x080,
  ns: 0x100,
} as const;

/** A run of bits of a field: `NXM_OF_VLAN_TCI[0..11]` is start 0, width 12. */
export interface FieldBits {
  readonly field: Field;
  readonly start: number;
  readonly width: number;
}

/** All bits of a field. */
export function allBits(of: Field): FieldBits {
  return { field: of, start: 0, width: of.width };
}

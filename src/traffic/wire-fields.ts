/** Where the fields that stand on the wire lie in a packet's words; for wire-read and wire-write. */
import { field } from '../packet/fields.ts';
import { type Ipv6Words } from '../packet/wire/bytes.ts';
import { type Frame } from '../packet/wire/frame.ts';

function at(name: string): number {
  return field(name).word;
}

/** Index of the first (most significant) word of each field; all are right-aligned. */
export const AT = {
  ethSrc: at('eth_src'),
  ethDst: at('eth_dst'),
  ethType: at('eth_type'),
  tci: [at('vlan_tci'), at('vlan_tci2')],
  tpid: [at('vlan_tpid'), at('vlan_tpid2')],
  hiddenTci: at('hidden_tci'),
  hiddenType: at('hidden_type'),
  mpls: [at('mpls_lse'), at('mpls_lse2'), at('mpls_lse3')],
  ipSrc: at('ip_src'),
  ipDst: at('ip_dst'),
  ipv6Src: at('ipv6_src'),
  ipv6Dst: at('ipv6_dst'),
  ipv6Label: at('ipv6_label'),
  proto: at('ip_proto'),
  tos: at('nw_tos'),
  ttl: at('nw_ttl'),
  frag: at('ip_frag'),
  df: at('ip_df'),
  id: at('ip_id'),
  offset: at('ip_offset'),
  options: at('ip_options'),
  arpOp: at('arp_op'),
  arpSpa: at('arp_spa'),
  arpTpa: at('arp_tpa'),
  arpSha: at('arp_sha'),
  arpTha: at('arp_tha'),
  tpSrc: at('tp_src'),
  tpDst: at('tp_dst'),
  tcpFlags: at('tcp_flags'),
  tcpSeq: at('tcp_seq'),
  tcpAck: at('tcp_ack'),
  tcpWindow: at('tcp_window'),
  icmpId: at('icmp_id'),
  icmpSeq: at('icmp_seq'),
  icmpMtu: at('icmp_mtu'),
  ndTarget: at('nd_target'),
  ndSll: at('nd_sll'),
  ndTll: at('nd_tll'),
  ndReserved: at('nd_reserved'),
  ndOptionsType: at('nd_options_type'),
  encapKind: at('encap_kind'),
  encapFlags: at('encap_flags'),
  encapId: at('encap_id'),
  encapChecksum: at('encap_csum'),
  frameLen: at('frame_len'),
  ipLen: at('ip_len'),
  badIpChecksum: at('ip_csum_bad'),
  badChecksum: at('tp_csum_bad'),
  noChecksum: at('udp_csum_none'),
} as const;

/** The bit of `vlan_tci` that says "there is a tag" (ovs-fields(7)). */
export const TAG_PRESENT = 0x1000;
/** What `eth_type` is for 802.2 frames without SNAP (FLOW_DL_TYPE_NONE in lib/flow.h). */
export const NO_ETHERTYPE = 0x05ff;

export function word(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}

export function getMac(words: Uint32Array, index: number): number {
  return (word(words, index) & 0xffff) * 0x1_0000_0000 + word(words, index + 1);
}

export function setMac(words: Uint32Array, index: number, mac: number): void {
  words[index] = Math.floor(mac / 0x1_0000_0000);
  words[index + 1] = mac % 0x1_0000_0000;
}

export function getAddress(words: Uint32Array, index: number): Ipv6Words {
  return [
    word(words, index),
    word(words, index + 1),
    word(words, index + 2),
    word(words, index + 3),
  ];
}

export function setAddress(words: Uint32Array, index: number, address: Ipv6Words): void {
  words[index] = address[0];
  words[index + 1] = address[1];
  words[index + 2] = address[2];
  words[index + 3] = address[3];
}

/** What a packet was read from, and the words that reading gave. */
export interface Before {
  readonly frame: Frame;
  readonly words: Uint32Array;
}

/** A field's word, or what was read when nobody changed it since. */
export function kept(
  words: Uint32Array,
  before: Before | null,
  index: number,
  raw: number,
): number {
  const now = word(words, index);
  return before !== null && word(before.words, index) === now ? raw : now;
}

export function keptMac(
  words: Uint32Array,
  before: Before | null,
  index: number,
  raw: number,
): number {
  const now = getMac(words, index);
  return before !== null && getMac(before.words, index) === now ? raw : now;
}

export function keptAddress(
  words: Uint32Array,
  before: Before | null,
  index: number,
  raw: Ipv6Words,
): Ipv6Words {
  for (let i = index; i < index + 4; i++) {
    if (before === null || word(before.words, i) !== word(words, i)) {
      return getAddress(words, index);
    }
  }
  return raw;
}

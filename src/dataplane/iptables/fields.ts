/** The fields that rules read and write, by short names. */
import { CT_STATE, type Field, field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { type Match, not, or, test } from '../../traffic/match.ts';

export const F = {
  mark: field('pkt_mark'),
  iif: field('meta_iif'),
  oif: field('meta_oif'),
  gateway: field('meta_gateway'),
  physin: field('meta_physin'),
  physout: field('meta_physout'),
  packetType: field('meta_pkttype'),
  random: field('meta_random'),
  owner: field('meta_owner'),
  uid: field('meta_uid'),
  gid: field('meta_gid'),
  ctState: field('ct_state'),
  ctZone: field('ct_zone'),
  ctMark: field('ct_mark'),
  ctStatus: field('ct_status'),
  ctProto: field('ct_nw_proto'),
  ctSource: { 4: field('ct_nw_src'), 6: field('ct_ipv6_src') },
  ctDestination: { 4: field('ct_nw_dst'), 6: field('ct_ipv6_dst') },
  ctSourcePort: field('ct_tp_src'),
  ctDestinationPort: field('ct_tp_dst'),
  ethSource: field('eth_src'),
  ethDestination: field('eth_dst'),
  ethType: field('eth_type'),
  vlanTci: field('vlan_tci'),
  source: { 4: field('ip_src'), 6: field('ipv6_src') },
  destination: { 4: field('ip_dst'), 6: field('ipv6_dst') },
  protocol: field('ip_proto'),
  fragment: field('ip_frag'),
  df: field('ip_df'),
  length: field('ip_len'),
  ttl: field('nw_ttl'),
  tos: field('nw_tos'),
  dscp: field('ip_dscp'),
  ecn: field('nw_ecn'),
  sourcePort: field('tp_src'),
  destinationPort: field('tp_dst'),
  icmpType: field('icmp_type'),
  icmpCode: field('icmp_code'),
  tcpFlags: field('tcp_flags'),
  tcpSequence: field('tcp_seq'),
  tcpAcknowledgement: field('tcp_ack'),
  badChecksum: field('tp_csum_bad'),
  arpOperation: field('arp_op'),
  arpSource: field('arp_spa'),
  arpTarget: field('arp_tpa'),
  arpSourceMac: field('arp_sha'),
  arpTargetMac: field('arp_tha'),
} as const;

/** One bit of a field is set. */
export function bit(of: Field, mask: number): Match {
  return test(of, BigInt(mask), BigInt(mask));
}

/** There is a connection: neither invalid nor untracked. */
export const HAS_CONNECTION: Match = or(
  bit(F.ctState, CT_STATE.new),
  bit(F.ctState, CT_STATE.est),
  bit(F.ctState, CT_STATE.rel),
);

/** A fragment behind the first one has no ports (ip_frag bit 1). */
export const NOT_LATER_FRAGMENT: Match = not(bit(F.fragment, 2));

export const IS_LATER_FRAGMENT = guard(bit(F.fragment, 2));

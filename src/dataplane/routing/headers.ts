/**
 * Header conditions and values the network stack asks for on every packet, prepared once.
 * Before it: the field table. After it: every stage of the namespace.
 */
import { allBits, type Field, type FieldBits, field } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { and, type Match, not, or, range, test } from '../../traffic/match.ts';
import { type Assignment, assignment, numberAssignment } from '../../traffic/words.ts';

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** Values of `meta_pkttype` (include/uapi/linux/if_packet.h). */
export const PACKET_TYPE = { host: 0, broadcast: 1, multicast: 2, otherHost: 3 } as const;

/** The fields the stack reads and writes, by their names in the field table. */
export const F = {
  ethSource: field('eth_src'),
  ethDestination: field('eth_dst'),
  ethType: field('eth_type'),
  ipSource: field('ip_src'),
  ipDestination: field('ip_dst'),
  ipv6Source: field('ipv6_src'),
  ipv6Destination: field('ipv6_dst'),
  protocol: field('ip_proto'),
  ttl: field('nw_ttl'),
  tos: field('nw_tos'),
  fragment: field('ip_frag'),
  dontFragment: field('ip_df'),
  ipLength: field('ip_len'),
  frameLength: field('frame_len'),
  arpOperation: field('arp_op'),
  arpSourceAddress: field('arp_spa'),
  arpTargetAddress: field('arp_tpa'),
  arpSourceMac: field('arp_sha'),
  arpTargetMac: field('arp_tha'),
  sourcePort: field('tp_src'),
  destinationPort: field('tp_dst'),
  tcpFlags: field('tcp_flags'),
  tcpSequence: field('tcp_seq'),
  tcpAcknowledgement: field('tcp_ack'),
  tcpWindow: field('tcp_window'),
  icmpType: field('icmp_type'),
  icmpCode: field('icmp_code'),
  icmpMtu: field('icmp_mtu'),
  ndTarget: field('nd_target'),
  ndSourceMac: field('nd_sll'),
  ndTargetMac: field('nd_tll'),
  ndFlags: field('nd_reserved'),
  ndOption: field('nd_options_type'),
  mark: field('pkt_mark'),
  owner: field('meta_owner'),
  uid: field('meta_uid'),
  gid: field('meta_gid'),
  physicalInput: field('meta_physin'),
  physicalOutput: field('meta_physout'),
  inputDevice: field('meta_iif'),
  outputDevice: field('meta_oif'),
  gateway: field('meta_gateway'),
  packetType: field('meta_pkttype'),
  vlan: field('vlan_tci'),
  hash: field('dp_hash'),
} as const;

/** All bits of each field above, for `copy` and `same`. */
export const B: { readonly [K in keyof typeof F]: FieldBits } = Object.fromEntries(
  Object.entries(F).map(([name, of]) => [name, allBits(of)]),
) as { readonly [K in keyof typeof F]: FieldBits };

/** Prepares a condition on one field's value. */
export function is(of: Field, value: bigint | number, mask?: bigint): Guard {
  return guard(test(of, BigInt(value), mask));
}

/** Prepares writing a whole field. */
export function put(of: Field, value: bigint | number): Assignment {
  return typeof value === 'number' ? numberAssignment(of, value) : assignment(of, value);
}

const isProtocol = (protocol: number): Match => test(F.protocol, BigInt(protocol));
const icmpType = (type: number): Match => test(F.icmpType, BigInt(type));

export const IS = {
  ipv4: is(F.ethType, ETHERTYPE.ipv4),
  arp: is(F.ethType, ETHERTYPE.arp),
  ipv6: is(F.ethType, ETHERTYPE.ipv6),
  // IEEE 802.3 §3.2.3: the first bit on the wire says "group address".
  ethGroup: is(F.ethDestination, 0x0100_0000_0000n, 0x0100_0000_0000n),
  ethBroadcast: is(F.ethDestination, 0xffff_ffff_ffffn),
  toHost: is(F.packetType, PACKET_TYPE.host),
  tagged: is(F.vlan, 0x1000n, 0x1000n),
  /** Carries a VLAN id other than 0 (a priority tag has id 0, IEEE 802.1Q §9.6). */
  inVlan: guard(and(test(F.vlan, 0x1000n, 0x1000n), not(test(F.vlan, 0n, 0x0fffn)))),
  arpRequest: is(F.arpOperation, 1),
  arpReply: is(F.arpOperation, 2),
  tcp: guard(isProtocol(PROTOCOL.tcp)),
  udp: guard(isProtocol(PROTOCOL.udp)),
  icmp: guard(isProtocol(PROTOCOL.icmp)),
  icmpv6: guard(isProtocol(PROTOCOL.icmpv6)),
  echoRequest: guard(icmpType(8)),
  echoRequest6: guard(icmpType(128)),
  neighbourSolicit: guard(and(isProtocol(PROTOCOL.icmpv6), icmpType(135))),
  neighbourAdvert: guard(and(isProtocol(PROTOCOL.icmpv6), icmpType(136))),
  timestampRequest: guard(icmpType(13)),
  // RFC 1122 §3.2.2: the ICMP types that report errors; no error is sent about them.
  icmpError: guard(
    and(isProtocol(PROTOCOL.icmp), or(...[3, 4, 5, 11, 12].map((type) => icmpType(type)))),
  ),
  // RFC 4443 §2.1: error messages have types below 128; no error about redirects either.
  icmpv6Error: guard(
    and(isProtocol(PROTOCOL.icmpv6), or(range(F.icmpType, 0n, 127n), icmpType(137))),
  ),
  /** "Fragmentation needed" (RFC 792), "packet too big" (RFC 4443 §3.2). */
  tooLarge: guard(and(isProtocol(PROTOCOL.icmp), icmpType(3), test(F.icmpCode, 4n))),
  tooLarge6: guard(and(isProtocol(PROTOCOL.icmpv6), icmpType(2))),
  loopbackSource: is(F.ipSource, 0x7f00_0000n, 0xff00_0000n),
  laterFragment: is(F.fragment, 2, 2n),
  fragment: is(F.fragment, 1, 1n),
  dontFragment: is(F.dontFragment, 1),
  ttlOver: guard(range(F.ttl, 0n, 1n)),
  syn: is(F.tcpFlags, 0x002, 0x017n),
  rst: is(F.tcpFlags, 0x004, 0x004n),
  ack: is(F.tcpFlags, 0x010, 0x010n),
  fin: is(F.tcpFlags, 0x001, 0x001n),
  synBit: is(F.tcpFlags, 0x002, 0x002n),
  limitedBroadcast: is(F.ipDestination, 0xffff_ffffn),
  multicast: is(F.ipDestination, 0xe000_0000n, 0xf000_0000n),
  allHosts: is(F.ipDestination, 0xe000_0001n),
  multicast6: is(F.ipv6Destination, 0xffn << 120n, 0xffn << 120n),
  /** ff02::2, all routers of the link (RFC 4291 §2.7.1). */
  allRouters6: is(F.ipv6Destination, (0xff02n << 112n) | 2n, (1n << 128n) - 1n),
  linkLocal6: is(F.ipv6Destination, 0xfe80n << 112n, 0xffc0n << 112n),
  zeroSource: is(F.ipSource, 0, 0xff00_0000n),
  sourceUnset: is(F.ipSource, 0),
  sourceUnset6: is(F.ipv6Source, 0),
  multicastSource6: is(F.ipv6Source, 0xffn << 120n, 0xffn << 120n),
  badIpChecksum: is(field('ip_csum_bad'), 1),
  badChecksum: is(field('tp_csum_bad'), 1),
  noChecksum: is(field('udp_csum_none'), 1),
  pairUnset: guard(and(test(F.ipSource, 0n), test(F.ipDestination, 0n))),
} as const;

/** Where the destination and source of each IP version lie. */
export function destinationOf(version: 4 | 6): Field {
  return version === 4 ? F.ipDestination : F.ipv6Destination;
}
export function sourceOf(version: 4 | 6): Field {
  return version === 4 ? F.ipSource : F.ipv6Source;
}

/** A match on an address prefix. */
export function inPrefix(of: Field, value: bigint, length: number): Match {
  const all = (1n << BigInt(of.width)) - 1n;
  return test(of, value, all ^ (all >> BigInt(length)));
}

const longer = new Map<number, Guard>();

/** The IP packet is longer than so many bytes. */
export function longerThan(bytes: number): Guard {
  let found = longer.get(bytes);
  if (found === undefined) {
    found = guard(range(F.ipLength, BigInt(bytes + 1), 0xffff_ffffn));
    longer.set(bytes, found);
  }
  return found;
}

/** The bits of the source and destination address of each IP version. */
export const ADDRESSES = {
  4: { source: B.ipSource, destination: B.ipDestination },
  6: { source: B.ipv6Source, destination: B.ipv6Destination },
} as const;

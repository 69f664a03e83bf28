/**
 * Conditions that the switch itself asks of a packet, compiled once: the prerequisites of fields
 * (meta-flow.c mf_are_prereqs_ok()) and those of single actions.
 */
import { type Field, type FieldBits, field, type Prerequisite } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { and, type Match, or, test } from '../../../traffic/match.ts';
import { type Assignment, numberAssignment } from '../../../traffic/words.ts';

const ETH_TYPE = field('eth_type');
const IP_PROTO = field('ip_proto');
const IP_FRAG = field('ip_frag');
const VLAN_TCI = field('vlan_tci');

export const ETHER_TYPES = { ipv4: 0x0800, arp: 0x0806, rarp: 0x8035, ipv6: 0x86dd } as const;

const isIpv4 = test(ETH_TYPE, 0x0800n);
const isIpv6 = test(ETH_TYPE, 0x86ddn);
const isIp = or(isIpv4, isIpv6);
const isLaterFragment = test(IP_FRAG, 2n, 2n);
const isNotLater = test(IP_FRAG, 0n, 2n);

function transport(protocol: bigint): Match {
  return and(isIp, test(IP_PROTO, protocol), isNotLater);
}

function neighbour(...types: bigint[]): Match {
  return and(
    isIpv6,
    test(IP_PROTO, 58n),
    test(field('tp_dst'), 0n),
    or(...types.map((type) => test(field('tp_src'), type))),
  );
}

/** What a packet must be for a field to exist; null asks nothing. */
export const PREREQUISITES: Readonly<Record<Prerequisite, Guard | null>> = {
  none: null,
  ethernet: null,
  ct: null,
  vlan: guard(test(VLAN_TCI, 0x1000n, 0x1000n)),
  ipv4: guard(isIpv4),
  ipv6: guard(isIpv6),
  ip: guard(isIp),
  arp: guard(or(test(ETH_TYPE, 0x0806n), test(ETH_TYPE, 0x8035n))),
  mpls: guard(or(test(ETH_TYPE, 0x8847n), test(ETH_TYPE, 0x8848n))),
  tcp: guard(transport(6n)),
  udp: guard(transport(17n)),
  sctp: guard(transport(132n)),
  icmpv4: guard(and(isIpv4, test(IP_PROTO, 1n))),
  icmpv6: guard(and(isIpv6, test(IP_PROTO, 58n))),
  nd: guard(neighbour(135n, 136n)),
  'nd-solicit': guard(neighbour(135n)),
  'nd-advert': guard(neighbour(136n)),
  nsh: guard(test(ETH_TYPE, 0x894fn)),
};

/** The mod_tp_* actions ask for IP and no later fragment, not for a protocol. */
export const HAS_PORTS: Guard = guard(and(isIp, isNotLater));
export const IS_IP: Guard = guard(isIp);
export const IS_TAGGED: Guard = guard(test(VLAN_TCI, 0x1000n, 0x1000n));
export const IS_FRAGMENT: Guard = guard(and(isIp, test(IP_FRAG, 1n, 1n)));
export const IS_LATER_FRAGMENT: Guard = guard(isLaterFragment);
/** A TTL of 0 or 1 may not be decremented. */
export const TTL_EXPIRES: Guard = guard(or(test(field('nw_ttl'), 0n), test(field('nw_ttl'), 1n)));
export const MPLS_TTL_EXPIRES: Guard = guard(
  or(test(field('mpls_ttl'), 0n), test(field('mpls_ttl'), 1n)),
);
/** 01:80:c2:00:00:00 to 0f: link-local control traffic (IEEE 802.1D §7.12.6). */
export const IS_RESERVED_MAC: Guard = guard(
  test(field('eth_dst'), 0x0180_c200_0000n, 0xffff_ffff_fff0n),
);
export const IS_MULTICAST_SOURCE: Guard = guard(
  test(field('eth_src'), 0x0100_0000_0000n, 0x0100_0000_0000n),
);

/** The write of a small number into a whole field, prepared once per value. */
export function writeNumberTo(of: Field, value: number): Assignment {
  return numberAssignment(of, value);
}

/** All bits of a field, by its name. */
export function bitsOf(name: string): FieldBits {
  const of = field(name);
  return { field: of, start: 0, width: of.width };
}

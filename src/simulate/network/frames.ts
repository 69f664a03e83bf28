/** The packets of VRRP routers: adverts, announcements, and what a kernel tells about its groups. */
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { field } from '../../packet/fields.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { blankPacket, type Packet } from '../../traffic/packet.ts';
import { assignment } from '../../traffic/words.ts';

export const VRRP_PROTOCOL = 112;
/** 224.0.0.18 and ff02::12 (RFC 5798 §5.1). */
export const VRRP_GROUP = { 4: 0xe000_0012n, 6: (0xff02n << 112n) | 0x12n } as const;

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, rarp: 0x8035, ipv6: 0x86dd } as const;
const BROADCAST_MAC = 0xffff_ffff_ffffn;
const ETHERNET_BYTES = 14;
const ICMPV6 = 58;
const ALL_NODES = (0xff02n << 112n) | 1n;
const ALL_ROUTERS = (0xff02n << 112n) | 2n;
const MLD_ROUTERS = (0xff02n << 112n) | 0x16n;
/** The override flag of an advertisement (RFC 4861 §4.4), which keepalived sets. */
const NA_OVERRIDE = 0x2000_0000;
const GROUP_MAC_6 = 0x3333_0000_0000n;

/** An advert as its sender hands it to the IP layer (RFC 5798 §5, RFC 3768 §5). */
export function advertPacket(advert: Advert, destination: IpAddress | null): Packet {
  const { source, addresses } = advert;
  const { version } = source;
  const to = destination?.value ?? VRRP_GROUP[version];
  const each = (addresses[0]?.version ?? version) === 6 ? 16 : 4;
  const body = 8 + each * addresses.length + (advert.version === 2 ? 8 : 0);
  const length = (version === 4 ? 20 : 40) + body;
  return packet({
    ...(version === 4
      ? { eth_type: ETHERTYPE.ipv4, ip_src: source.value, ip_dst: to }
      : { eth_type: ETHERTYPE.ipv6, ipv6_src: source.value, ipv6_dst: to }),
    ip_proto: VRRP_PROTOCOL,
    nw_ttl: 255,
    ip_len: length,
    frame_len: ETHERNET_BYTES + length,
  });
}

/** Gratuitous ARP, or an unsolicited neighbour advertisement (RFC 826, RFC 4861 §7.2.6). */
export function announcement(mac: bigint, address: IpAddress): Packet {
  if (address.version === 4) {
    return packet({
      eth_src: mac,
      eth_dst: BROADCAST_MAC,
      eth_type: ETHERTYPE.arp,
      arp_op: 1,
      arp_sha: mac,
      arp_spa: address.value,
      arp_tpa: address.value,
      frame_len: 42,
    });
  }
  return packet({
    ...icmp6(mac, address.value, ALL_NODES, 136, 32),
    nd_target: address.value,
    nd_tll: mac,
    nd_options_type: 2,
    nd_reserved: NA_OVERRIDE,
  });
}

/** A request to one neighbour alone, whether it is still there (RFC 1122 §2.3.2.1, RFC 4861 §7.3.3). */
export function neighbourProbe(
  own: { readonly mac: bigint; readonly address: bigint },
  neighbour: { readonly mac: bigint; readonly address: IpAddress },
): Packet {
  const { address } = neighbour;
  if (address.version === 4) {
    return packet({
      eth_src: own.mac,
      eth_dst: neighbour.mac,
      eth_type: ETHERTYPE.arp,
      arp_op: 1,
      arp_sha: own.mac,
      arp_spa: own.address,
      arp_tpa: address.value,
      frame_len: 42,
    });
  }
  return packet({
    ...icmp6(own.mac, own.address, address.value, 135, 32),
    eth_dst: neighbour.mac,
    nd_target: address.value,
    nd_sll: own.mac,
    nd_options_type: 1,
  });
}

/**
 * What the kernel sends when it joins or leaves the group of an IPv6 address it gets or loses
 * (RFC 3810 §6.1): from the interface's own MAC, which the replicas of a router share.
 */
export function listenerReport(mac: bigint): Packet {
  return packet(icmp6(mac, 0n, MLD_ROUTERS, 143, 28));
}

/** A router solicitation (RFC 4861 §4.1) from an interface's MAC. */
export function routerSolicitation(mac: bigint): Packet {
  return packet(icmp6(mac, 0n, ALL_ROUTERS, 133, 8));
}

/** RARP of a server that goes on elsewhere (QEMU's self announcement, RFC 903): its MAC, no address. */
export function reverseRequest(mac: bigint): Packet {
  return packet({
    eth_src: mac,
    eth_dst: BROADCAST_MAC,
    eth_type: ETHERTYPE.rarp,
    arp_op: 3,
    arp_sha: mac,
    arp_tha: mac,
    frame_len: 60,
  });
}

type Values = Readonly<Record<string, bigint | number>>;

function icmp6(mac: bigint, source: bigint, group: bigint, type: number, bytes: number): Values {
  const length = 40 + bytes;
  return {
    eth_src: mac,
    eth_dst: GROUP_MAC_6 | (group & 0xffff_ffffn),
    eth_type: ETHERTYPE.ipv6,
    ipv6_src: source,
    ipv6_dst: group,
    ip_proto: ICMPV6,
    nw_ttl: type === 143 ? 1 : 255,
    icmp_type: type,
    ip_len: length,
    frame_len: ETHERNET_BYTES + length,
  };
}

function packet(values: Values): Packet {
  const p = blankPacket();
  for (const [name, value] of Object.entries(values)) {
    onePacket.set(p, assignment(field(name), BigInt(value)));
  }
  return p;
}

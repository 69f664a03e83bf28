/** Every header a frame can be made of, with its length and its way back to bytes. */
import { ARP_LENGTH, type Arp, emitArp } from './arp.ts';
import { type Cooked, cookedLength, emitCooked } from './cooked.ts';
import {
  ETHERNET_LENGTH,
  type Ethernet,
  emitEthernet,
  emitSnap,
  SNAP_LENGTH,
  type Snap,
} from './ethernet.ts';
import { emitIcmp, ICMP_LENGTH, type Icmp } from './icmp.ts';
import { emitIgmp, IGMP_LENGTH, type Igmp } from './igmp.ts';
import { emitIpv4, type Ipv4, ipv4Length } from './ipv4.ts';
import {
  emitIpv6,
  emitIpv6Fragment,
  IPV6_FRAGMENT_LENGTH,
  IPV6_LENGTH,
  type Ipv6,
  type Ipv6Extension,
  type Ipv6Fragment,
} from './ipv6.ts';
import { emitMpls, MPLS_LENGTH, type Mpls } from './mpls.ts';
import { emitSctp, SCTP_LENGTH, type Sctp } from './sctp.ts';
import { emitTcp, type Tcp, tcpLength } from './tcp.ts';
import {
  emitGeneve,
  emitGre,
  emitVxlan,
  GENEVE_LENGTH,
  type Geneve,
  type Gre,
  greLength,
  VXLAN_LENGTH,
  type Vxlan,
} from './tunnel.ts';
import { emitPorts, emitUdp, PORTS_LENGTH, type Ports, UDP_LENGTH, type Udp } from './udp.ts';
import { emitVlan, VLAN_LENGTH, type Vlan } from './vlan.ts';
import { emitVrrp, VRRP_LENGTH, type Vrrp } from './vrrp.ts';

export type Layer =
  | Ethernet
  | Cooked
  | Snap
  | Vlan
  | Mpls
  | Arp
  | Ipv4
  | Ipv6
  | Ipv6Extension
  | Ipv6Fragment
  | Tcp
  | Udp
  | Ports
  | Sctp
  | Icmp
  | Igmp
  | Vrrp
  | Gre
  | Vxlan
  | Geneve;

/** Length of a header on the wire, in bytes. */
export function layerLength(layer: Layer): number {
  switch (layer.kind) {
    case 'ethernet':
      return ETHERNET_LENGTH;
    case 'cooked':
      return cookedLength(layer.version);
    case 'snap':
      return SNAP_LENGTH;
    case 'vlan':
      return VLAN_LENGTH;
    case 'mpls':
      return MPLS_LENGTH;
    case 'arp':
      return ARP_LENGTH;
    case 'ipv4':
      return ipv4Length(layer);
    case 'ipv6':
      return IPV6_LENGTH;
    case 'ipv6-extension':
      return layer.bytes.length;
    case 'ipv6-fragment':
      return IPV6_FRAGMENT_LENGTH;
    case 'tcp':
      return tcpLength(layer);
    case 'udp':
      return UDP_LENGTH;
    case 'ports':
      return PORTS_LENGTH;
    case 'sctp':
      return SCTP_LENGTH;
    case 'icmp':
    case 'icmpv6':
      return ICMP_LENGTH;
    case 'igmp':
      return IGMP_LENGTH;
    case 'vrrp':
      return VRRP_LENGTH + layer.rest.length;
    case 'gre':
      return greLength(layer.flags);
    case 'vxlan':
      return VXLAN_LENGTH;
    case 'geneve':
      return GENEVE_LENGTH + layer.options.length;
  }
}

/** Writes a header as it is, lengths and checksums included; there must be room. */
export function emitLayer(layer: Layer, out: Uint8Array, at: number): void {
  switch (layer.kind) {
    case 'ethernet':
      emitEthernet(layer, out, at);
      break;
    case 'cooked':
      emitCooked(layer, out, at);
      break;
    case 'snap':
      emitSnap(layer, out, at);
      break;
    case 'vlan':
      emitVlan(layer, out, at);
      break;
    case 'mpls':
      emitMpls(layer, out, at);
      break;
    case 'arp':
      emitArp(layer, out, at);
      break;
    case 'ipv4':
      emitIpv4(layer, out, at);
      break;
    case 'ipv6':
      emitIpv6(layer, out, at);
      break;
    case 'ipv6-extension':
      out.set(layer.bytes, at);
      break;
    case 'ipv6-fragment':
      emitIpv6Fragment(layer, out, at);
      break;
    case 'tcp':
      emitTcp(layer, out, at);
      break;
    case 'udp':
      emitUdp(layer, out, at);
      break;
    case 'ports':
      emitPorts(layer, out, at);
      break;
    case 'sctp':
      emitSctp(layer, out, at);
      break;
    case 'icmp':
    case 'icmpv6':
      emitIcmp(layer, out, at);
      break;
    case 'igmp':
      emitIgmp(layer, out, at);
      break;
    case 'vrrp':
      emitVrrp(layer, out, at);
      break;
    case 'gre':
      emitGre(layer, out, at);
      break;
    case 'vxlan':
      emitVxlan(layer, out, at);
      break;
    case 'geneve':
      emitGeneve(layer, out, at);
      break;
  }
}

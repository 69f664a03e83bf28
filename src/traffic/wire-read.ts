/**
 * A frame's headers → the words of the field table. Which fields a packet has follows Open
 * vSwitch (lib/flow.c miniflow_extract()): fields of a header that is not complete stay zero.
 */
import { ENCAPSULATION, PACKET_WORDS } from '../packet/fields.ts';
import { get32, getIpv6 } from '../packet/wire/bytes.ts';
import { type Ethernet, FIRST_ETHERTYPE } from '../packet/wire/ethernet.ts';
import { type Frame } from '../packet/wire/frame.ts';
import { hasIdentifier, ICMP_TYPE, ICMPV6_TYPE, type Icmp } from '../packet/wire/icmp.ts';
import { IP_PROTOCOL, type Ipv4 } from '../packet/wire/ipv4.ts';
import { type Ipv6, type Ipv6Fragment, isExtension } from '../packet/wire/ipv6.ts';
import { type Layer } from '../packet/wire/layer.ts';
import { type Tcp } from '../packet/wire/tcp.ts';
import { type Vlan } from '../packet/wire/vlan.ts';
import { AT, NO_ETHERTYPE, setAddress, setMac, TAG_PRESENT } from './wire-fields.ts';

/** Fragment field: is one, and is not the first one (ovs-fields(7) ip_frag). */
export const FRAGMENT = { any: 1, later: 2 } as const;

/** The words of a frame. `length` is that of the whole frame on the wire, in bytes. */
export function wordsOfFrame(frame: Frame, length: number): Uint32Array {
  const words = new Uint32Array(PACKET_WORDS);
  words[AT.frameLen] = length;
  let tags = 0;
  let labels = 0;
  for (const layer of frame.layers) {
    if (layer.kind === 'vlan') {
      // A third tag is not looked into: its type is all that a switch sees.
      if (tags === 2) break;
      readVlan(words, layer, tags++);
    } else if (layer.kind === 'mpls') {
      const index = AT.mpls[labels++];
      if (index !== undefined) words[index] = layer.entry;
    } else {
      readLayer(words, layer, frame);
    }
  }
  return words;
}

function readLayer(words: Uint32Array, layer: Layer, frame: Frame): void {
  switch (layer.kind) {
    case 'ethernet':
      readEthernet(words, layer);
      break;
    case 'cooked':
      setMac(words, AT.ethSrc, layer.src);
      readType(words, layer.type);
      break;
    case 'snap':
      readType(words, layer.type);
      break;
    case 'arp':
      // The operation is matched as one byte (lib/flow.c: larger ones count as zero).
      words[AT.arpOp] = layer.op <= 0xff ? layer.op : 0;
      words[AT.arpSpa] = layer.spa;
      words[AT.arpTpa] = layer.tpa;
      setMac(words, AT.arpSha, layer.sha);
      setMac(words, AT.arpTha, layer.tha);
      break;
    case 'ipv4':
      readIpv4(words, layer);
      break;
    case 'ipv6':
      readIpv6(words, layer, frame);
      break;
    case 'tcp':
      readTcp(words, layer);
      break;
    case 'udp':
    case 'sctp':
      words[AT.tpSrc] = layer.src;
      words[AT.tpDst] = layer.dst;
      break;
    case 'ports':
      words[AT.tpSrc] = layer.src;
      words[AT.tpDst] = layer.dst;
      // A quoted TCP header has its sequence number right behind the ports.
      if (frame.payload.length >= 4 && words[AT.proto] === IP_PROTOCOL.tcp) {
        words[AT.tcpSeq] = get32(frame.payload, 0);
      }
      break;
    case 'icmp':
    case 'icmpv6':
      readIcmp(words, layer, frame.payload);
      break;
    case 'igmp':
      words[AT.tpSrc] = layer.type;
      words[AT.tpDst] = layer.code;
      break;
    case 'gre':
      readEncapsulation(words, ENCAPSULATION.gre, layer.flags, layer.key);
      break;
    case 'vxlan':
    case 'geneve':
      readEncapsulation(words, ENCAPSULATION[layer.kind], layer.flags, layer.vni);
      words[AT.encapChecksum] = hasUdpChecksum(frame) ? 1 : 0;
      break;
    default:
  }
}

function hasUdpChecksum({ layers }: Frame): boolean {
  return layers.some((layer) => layer.kind === 'udp' && layer.checksum !== 0);
}

function readEthernet(words: Uint32Array, layer: Ethernet): void {
  setMac(words, AT.ethSrc, layer.src);
  setMac(words, AT.ethDst, layer.dst);
  readType(words, layer.type);
}

function readType(words: Uint32Array, type: number): void {
  words[AT.ethType] = type < FIRST_ETHERTYPE ? NO_ETHERTYPE : type;
}

function readVlan(words: Uint32Array, layer: Vlan, index: number): void {
  words[AT.tpid[index] ?? 0] = words[AT.ethType] ?? 0;
  words[AT.tci[index] ?? 0] = layer.tci | TAG_PRESENT;
  readType(words, layer.type);
}

/** A packet without Ethernet header (quoted, or carried by GRE) has the type of its IP version. */
function typeIfMissing(words: Uint32Array, type: number): void {
  if (words[AT.ethType] === 0) words[AT.ethType] = type;
}

function readIpv4(words: Uint32Array, layer: Ipv4): void {
  typeIfMissing(words, 0x0800);
  words[AT.ipSrc] = layer.src;
  words[AT.ipDst] = layer.dst;
  words[AT.proto] = layer.protocol;
  words[AT.tos] = layer.tos;
  words[AT.ttl] = layer.ttl;
  words[AT.frag] = fragmentBits(layer.offset, layer.flags);
  words[AT.df] = (layer.flags >>> 1) & 1;
  words[AT.id] = layer.id;
  words[AT.offset] = layer.offset;
  words[AT.options] = layer.options.length;
  words[AT.ipLen] = layer.totalLength;
}

/** The value of `ip_frag` for a fragment offset and flags whose lowest bit is "more fragments". */
function fragmentBits(offset: number, flags: number): number {
  if (offset !== 0) return FRAGMENT.any | FRAGMENT.later;
  return (flags & 1) !== 0 ? FRAGMENT.any : 0;
}

/** What stands in an IPv6 packet behind its extension headers. */
function readIpv6(words: Uint32Array, layer: Ipv6, frame: Frame): void {
  typeIfMissing(words, 0x86dd);
  setAddress(words, AT.ipv6Src, layer.src);
  setAddress(words, AT.ipv6Dst, layer.dst);
  words[AT.ipLen] = layer.payloadLength + 40;
  const protocol = upperProtocol(layer, frame);
  if (protocol === null) return;
  words[AT.proto] = protocol;
  words[AT.ipv6Label] = layer.flowLabel;
  words[AT.tos] = layer.trafficClass;
  words[AT.ttl] = layer.hopLimit;
  for (const extension of frame.layers) {
    if (extension.kind === 'ipv6-fragment') readFragment(words, extension);
  }
}

/**
 * The protocol behind the extension headers; that of a later fragment is the fragment header's
 * own number (lib/flow.c parse_ipv6_ext_hdrs()). Null when the chain is cut short.
 */
function upperProtocol(layer: Ipv6, frame: Frame): number | null {
  let next = layer.nextHeader;
  for (let i = frame.layers.indexOf(layer) + 1; i < frame.layers.length; i++) {
    const extension = frame.layers[i];
    if (extension?.kind === 'ipv6-extension') {
      next = extension.bytes[0] ?? 0;
    } else if (extension?.kind === 'ipv6-fragment') {
      if (extension.offset !== 0) return IP_PROTOCOL.fragment;
      next = extension.next;
    } else {
      break;
    }
  }
  return isExtension(next) ? null : next;
}

function readFragment(words: Uint32Array, layer: Ipv6Fragment): void {
  words[AT.frag] = (words[AT.frag] ?? 0) | fragmentBits(layer.offset, layer.flags);
  words[AT.id] = layer.id;
  words[AT.offset] = layer.offset;
}

function readTcp(words: Uint32Array, layer: Tcp): void {
  words[AT.tpSrc] = layer.src;
  words[AT.tpDst] = layer.dst;
  words[AT.tcpFlags] = layer.flags;
  words[AT.tcpSeq] = layer.seq;
  words[AT.tcpAck] = layer.ack;
  words[AT.tcpWindow] = layer.window;
}

function readIcmp(words: Uint32Array, layer: Icmp, payload: Uint8Array): void {
  words[AT.tpSrc] = layer.type;
  words[AT.tpDst] = layer.code;
  if (hasIdentifier(layer.kind, layer.type)) {
    words[AT.icmpId] = layer.rest >>> 16;
    words[AT.icmpSeq] = layer.rest & 0xffff;
  } else if (layer.kind === 'icmp') {
    if (layer.type === ICMP_TYPE.unreachable && layer.code === 4) {
      words[AT.icmpMtu] = layer.rest & 0xffff;
    } else if (layer.type === ICMP_TYPE.redirect) words[AT.icmpMtu] = layer.rest;
  } else if (layer.type === ICMPV6_TYPE.packetTooBig) {
    words[AT.icmpMtu] = layer.rest;
  } else if (isNeighborMessage(layer)) {
    readNeighbor(words, layer, payload);
  }
}

export function isNeighborMessage(layer: Icmp): boolean {
  const { kind, type, code } = layer;
  if (kind !== 'icmpv6' || code !== 0) return false;
  return type === ICMPV6_TYPE.neighborSolicit || type === ICMPV6_TYPE.neighborAdvert;
}

/** Link-layer addresses: one of each kind at most, else none counts (lib/flow.c parse_icmpv6()). */
function readNeighbor(words: Uint32Array, layer: Icmp, payload: Uint8Array): void {
  words[AT.ndReserved] = layer.rest;
  if (payload.length < 16) return;
  setAddress(words, AT.ndTarget, getIpv6(payload, 0));
  for (const { type, at } of linkAddressOptions(payload)) {
    const into = type === 1 ? AT.ndSll : AT.ndTll;
    if ((words[into] ?? 0) !== 0 || (words[into + 1] ?? 0) !== 0) {
      words.fill(0, AT.ndTarget, AT.ndTarget + 4);
      words.fill(0, AT.ndSll, AT.ndSll + 2);
      words.fill(0, AT.ndTll, AT.ndTll + 2);
      words[AT.ndOptionsType] = 0;
      return;
    }
    words[into] = (((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0)) >>> 0;
    words[into + 1] = get32(payload, at + 2);
    words[AT.ndOptionsType] = type;
  }
}

/** Where the link-layer addresses of a neighbour message stand, as far as its options are sound. */
export function linkAddressOptions(
  payload: Uint8Array,
): readonly { readonly type: number; readonly at: number }[] {
  const found: { type: number; at: number }[] = [];
  for (let at = 16; at + 8 <= payload.length; ) {
    const type = payload[at] ?? 0;
    const length = (payload[at + 1] ?? 0) * 8;
    if (length === 0 || at + length > payload.length) break;
    if (length === 8 && (type === 1 || type === 2)) found.push({ type, at: at + 2 });
    at += length;
  }
  return found;
}

function readEncapsulation(words: Uint32Array, kind: number, flags: number, id: number): void {
  words[AT.encapKind] = kind;
  words[AT.encapFlags] = flags;
  words[AT.encapId + 1] = id;
}

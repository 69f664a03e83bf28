/**
 * One header after the other, from the link to the transport. Each function reads what stands at
 * `reading.at` and hands on to the next; what is not complete is left as payload.
 */
import { ARP_LENGTH, parseArp } from './arp.ts';
import { get8, get16 } from './bytes.ts';
import { cookedLength, parseCooked } from './cooked.ts';
import {
  ETHERNET_LENGTH,
  ETHERTYPE,
  FIRST_ETHERTYPE,
  parseEthernet,
  parseSnap,
  SNAP_LENGTH,
} from './ethernet.ts';
import { type Link, type Reading } from './frame.ts';
import { IP_PROTOCOL, ipv4Fault, ipv4Length, MORE_FRAGMENTS, parseIpv4Header } from './ipv4.ts';
import {
  extensionLength,
  IPV6_FRAGMENT_LENGTH,
  IPV6_LENGTH,
  isExtension,
  parseIpv6Fragment,
  parseIpv6Header,
} from './ipv6.ts';
import { isBottom, MPLS_LENGTH, parseMpls } from './mpls.ts';
import { readTransport } from './read-transport.ts';
import { isVlanType, parseVlan, VLAN_LENGTH } from './vlan.ts';

/** Reads from the first byte of a capture or a carried Ethernet frame. */
export function readLink(reading: Reading, link: Link): void {
  switch (link) {
    case 'ethernet':
      readEthernet(reading);
      break;
    case 'ip':
      readIp(reading);
      break;
    case 'linux-sll':
      readCooked(reading, 1);
      break;
    case 'linux-sll2':
      readCooked(reading, 2);
      break;
  }
}

function readEthernet(reading: Reading): void {
  if (reading.end - reading.at < ETHERNET_LENGTH) {
    reading.fault?.('Ethernet header cut short', reading.at);
    return;
  }
  const header = parseEthernet(reading.bytes, reading.at);
  reading.layers.push(header);
  reading.at += ETHERNET_LENGTH;
  readTagged(reading, header.type);
}

function readCooked(reading: Reading, version: 1 | 2): void {
  const length = cookedLength(version);
  if (reading.end - reading.at < length) {
    reading.fault?.('Linux cooked header cut short', reading.at);
    return;
  }
  const header = parseCooked(reading.bytes, reading.at, version);
  reading.layers.push(header);
  reading.at += length;
  readTagged(reading, header.type);
}

/** VLAN tags, then a length with SNAP or an EtherType. */
function readTagged(reading: Reading, first: number): void {
  let type = first;
  while (isVlanType(type)) {
    if (reading.end - reading.at < VLAN_LENGTH) {
      reading.fault?.('VLAN tag cut short', reading.at);
      return;
    }
    const tag = parseVlan(reading.bytes, reading.at);
    reading.layers.push(tag);
    reading.at += VLAN_LENGTH;
    type = tag.type;
  }
  if (type < FIRST_ETHERTYPE) {
    if (reading.end - reading.at < SNAP_LENGTH) return;
    const snap = parseSnap(reading.bytes, reading.at);
    if (snap === null || snap.type < FIRST_ETHERTYPE) return;
    reading.layers.push(snap);
    reading.at += SNAP_LENGTH;
    type = snap.type;
  }
  readNetwork(reading, type);
}

/** What an EtherType announces. */
export function readNetwork(reading: Reading, type: number): void {
  switch (type) {
    case ETHERTYPE.ipv4:
      readIpv4(reading);
      break;
    case ETHERTYPE.ipv6:
      readIpv6(reading);
      break;
    case ETHERTYPE.arp:
    case ETHERTYPE.rarp:
      readArp(reading);
      break;
    case ETHERTYPE.mpls:
    case ETHERTYPE.mplsMulticast:
      readMpls(reading);
      break;
    default:
  }
}

function readArp(reading: Reading): void {
  const arp = reading.end - reading.at < ARP_LENGTH ? null : parseArp(reading.bytes, reading.at);
  if (arp === null) {
    reading.fault?.('not a complete ARP packet for IPv4 over Ethernet', reading.at);
    return;
  }
  reading.layers.push(arp);
  reading.at += ARP_LENGTH;
  // ARP has a fixed size: what follows is padding.
  reading.end = reading.at;
}

/** Behind the bottom label the version nibble is all there is to go by (RFC 4928 §3). */
function readMpls(reading: Reading): void {
  for (;;) {
    if (reading.end - reading.at < MPLS_LENGTH) {
      reading.fault?.('MPLS label stack without bottom', reading.at);
      return;
    }
    const label = parseMpls(reading.bytes, reading.at);
    reading.layers.push(label);
    reading.at += MPLS_LENGTH;
    if (isBottom(label)) {
      readIp(reading);
      return;
    }
  }
}

function readIp(reading: Reading): void {
  if (reading.at >= reading.end) return;
  const version = get8(reading.bytes, reading.at) >>> 4;
  if (version === 4) readIpv4(reading);
  else if (version === 6) readIpv6(reading);
}

function readIpv4(reading: Reading): void {
  const start = reading.at;
  const fault = ipv4Fault(reading.bytes, start, reading.end);
  if (fault !== null) {
    reading.fault?.(fault, start);
    return;
  }
  const header = parseIpv4Header(reading.bytes, start);
  if (start + header.totalLength > reading.wireEnd) {
    reading.fault?.('IPv4 total length exceeds the frame', start + 2);
    return;
  }
  if (header.version !== 4) reading.fault?.('IPv4 header of another version', start);
  reading.layers.push(header);
  reading.at += ipv4Length(header);
  narrow(reading, start + header.totalLength);
  if (header.offset === 0) {
    readTransport(reading, header.protocol, (header.flags & MORE_FRAGMENTS) !== 0);
  }
}

function readIpv6(reading: Reading): void {
  const start = reading.at;
  if (reading.end - start < IPV6_LENGTH) {
    reading.fault?.('IPv6 header cut short', start);
    return;
  }
  const end = start + IPV6_LENGTH + get16(reading.bytes, start + 4);
  if (end > reading.wireEnd) {
    reading.fault?.('IPv6 payload length exceeds the frame', start + 4);
    return;
  }
  const header = parseIpv6Header(reading.bytes, start);
  if (header.version !== 6) reading.fault?.('IPv6 header of another version', start);
  reading.layers.push(header);
  reading.at += IPV6_LENGTH;
  narrow(reading, end);
  readExtensions(reading, header.nextHeader);
}

/** Steps over extension headers; behind a later fragment's header there is only payload. */
function readExtensions(reading: Reading, first: number): void {
  let next = first;
  let isFragment = false;
  while (isExtension(next)) {
    const { bytes, at, end } = reading;
    const length =
      end - at < 8
        ? 8
        : next === IP_PROTOCOL.fragment
          ? IPV6_FRAGMENT_LENGTH
          : extensionLength(bytes, at, next);
    if (end - at < length) {
      reading.fault?.('IPv6 extension header cut short', at);
      return;
    }
    reading.at += length;
    if (next === IP_PROTOCOL.fragment) {
      const fragment = parseIpv6Fragment(bytes, at);
      reading.layers.push(fragment);
      if (fragment.offset !== 0) return;
      isFragment = (fragment.flags & 1) !== 0;
    } else {
      reading.layers.push({ kind: 'ipv6-extension', bytes: bytes.subarray(at, at + length) });
    }
    next = get8(bytes, at);
  }
  readTransport(reading, next, isFragment);
}

/** IP's length ends the content; bytes that were cut off stay missing. */
function narrow(reading: Reading, end: number): void {
  reading.wireEnd = end;
  if (end < reading.end) reading.end = end;
}

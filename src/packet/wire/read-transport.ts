/** The header behind IP, and what tunnels and ICMP errors carry. Last stage of reading a frame. */
import { ETHERTYPE } from './ethernet.ts';
import { type Reading } from './frame.ts';
import { ICMP_LENGTH, type Icmp, parseIcmp, quotesOriginal } from './icmp.ts';
import { IGMP_LENGTH, parseIgmp } from './igmp.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { parseSctp, SCTP_LENGTH } from './sctp.ts';
import { parseTcp, TCP_LENGTH, tcpLength } from './tcp.ts';
import {
  GENEVE_LENGTH,
  greLength,
  parseGeneve,
  parseGre,
  parseVxlan,
  VXLAN_LENGTH,
} from './tunnel.ts';
import { PORTS_LENGTH, parsePorts, parseUdp, TUNNEL_PORT, UDP_LENGTH } from './udp.ts';
import { parseVrrp, VRRP_LENGTH } from './vrrp.ts';

/** Reads the header of an IP protocol; `isFragment` says that the content goes on elsewhere. */
export function readTransport(reading: Reading, protocol: number, isFragment: boolean): void {
  switch (protocol) {
    case IP_PROTOCOL.tcp:
      readTcp(reading);
      break;
    case IP_PROTOCOL.udp:
      readUdp(reading, isFragment);
      break;
    case IP_PROTOCOL.icmp:
      readIcmp(reading, 'icmp');
      break;
    case IP_PROTOCOL.icmpv6:
      readIcmp(reading, 'icmpv6');
      break;
    case IP_PROTOCOL.sctp:
      readSctp(reading);
      break;
    case IP_PROTOCOL.igmp:
      readIgmp(reading);
      break;
    case IP_PROTOCOL.vrrp:
      readVrrp(reading);
      break;
    case IP_PROTOCOL.gre:
      readGre(reading, isFragment);
      break;
    case IP_PROTOCOL.ipip:
      readIpInIp(reading, ETHERTYPE.ipv4, isFragment);
      break;
    case IP_PROTOCOL.ipv6:
      readIpInIp(reading, ETHERTYPE.ipv6, isFragment);
      break;
    default:
  }
}

function isCut(reading: Reading): boolean {
  return reading.wireEnd > reading.end;
}

/** A header that is not there: its ports may still be, where bytes were cut off on purpose. */
function tooShort(reading: Reading, what: string, hasPorts: boolean): void {
  // Quotes of errors hold eight bytes, also of packets that claim to be no longer (RFC 792).
  const cut = isCut(reading) || reading.fault === null;
  if (hasPorts && cut && reading.end - reading.at >= PORTS_LENGTH) {
    reading.layers.push(parsePorts(reading.bytes, reading.at));
    reading.at += PORTS_LENGTH;
    return;
  }
  if (!isCut(reading)) reading.fault?.(`${what} header cut short`, reading.at);
}

function readTcp(reading: Reading): void {
  if (reading.end - reading.at < TCP_LENGTH) {
    tooShort(reading, 'TCP', true);
    return;
  }
  const header = parseTcp(reading.bytes, reading.at, reading.end);
  if (header.dataOffset * 4 !== tcpLength(header) && !isCut(reading)) {
    reading.fault?.('TCP data offset does not fit the segment', reading.at + 12);
    return;
  }
  reading.layers.push(header);
  reading.at += tcpLength(header);
}

function readUdp(reading: Reading, isFragment: boolean): void {
  if (reading.end - reading.at < UDP_LENGTH) {
    tooShort(reading, 'UDP', true);
    return;
  }
  const header = parseUdp(reading.bytes, reading.at);
  reading.layers.push(header);
  const fits = header.length >= UDP_LENGTH && reading.at + header.length <= reading.wireEnd;
  if (!fits && !isFragment) reading.fault?.('UDP length does not fit the packet', reading.at + 4);
  reading.at += UDP_LENGTH;
  if (!reading.tunnels || isFragment) return;
  if (header.dst === TUNNEL_PORT.vxlan || header.dst === TUNNEL_PORT.vxlanLinux) {
    readVxlan(reading);
  } else if (header.dst === TUNNEL_PORT.geneve) {
    readGeneve(reading);
  }
}

function readIcmp(reading: Reading, kind: Icmp['kind']): void {
  if (reading.end - reading.at < ICMP_LENGTH) {
    tooShort(reading, 'ICMP', false);
    return;
  }
  const header = parseIcmp(kind, reading.bytes, reading.at);
  reading.layers.push(header);
  reading.at += ICMP_LENGTH;
  if (quotesOriginal(kind, header.type)) {
    reading.nest(reading, kind === 'icmp' ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6, true);
  }
}

function readSctp(reading: Reading): void {
  if (reading.end - reading.at < SCTP_LENGTH) {
    tooShort(reading, 'SCTP', true);
    return;
  }
  reading.layers.push(parseSctp(reading.bytes, reading.at));
  reading.at += SCTP_LENGTH;
}

function readIgmp(reading: Reading): void {
  if (reading.end - reading.at < IGMP_LENGTH) {
    tooShort(reading, 'IGMP', false);
    return;
  }
  reading.layers.push(parseIgmp(reading.bytes, reading.at));
  reading.at += IGMP_LENGTH;
}

function readVrrp(reading: Reading): void {
  if (reading.end - reading.at < VRRP_LENGTH) {
    tooShort(reading, 'VRRP', false);
    return;
  }
  const advert = parseVrrp(reading.bytes, reading.at, reading.end);
  if (advert === null) {
    reading.fault?.('unknown VRRP version', reading.at);
    return;
  }
  reading.layers.push(advert);
  reading.at = reading.end;
}

function readGre(reading: Reading, isFragment: boolean): void {
  if (!reading.tunnels || isFragment) return;
  const header = parseGre(reading.bytes, reading.at, reading.end);
  if (header === null) {
    reading.fault?.('not a complete GRE header of version 0', reading.at);
    return;
  }
  reading.layers.push(header);
  reading.at += greLength(header.flags);
  const isEthernet = header.protocol === ETHERTYPE.transparentEthernet;
  reading.nest(reading, isEthernet ? 'ethernet' : header.protocol, false);
}

function readIpInIp(reading: Reading, type: number, isFragment: boolean): void {
  if (reading.tunnels && !isFragment) reading.nest(reading, type, false);
}

function readVxlan(reading: Reading): void {
  if (reading.end - reading.at < VXLAN_LENGTH) {
    reading.fault?.('VXLAN header cut short', reading.at);
    return;
  }
  reading.layers.push(parseVxlan(reading.bytes, reading.at));
  reading.at += VXLAN_LENGTH;
  reading.nest(reading, 'ethernet', false);
}

function readGeneve(reading: Reading): void {
  const header =
    reading.end - reading.at < GENEVE_LENGTH
      ? null
      : parseGeneve(reading.bytes, reading.at, reading.end);
  if (header === null) {
    reading.fault?.('Geneve header cut short', reading.at);
    return;
  }
  reading.layers.push(header);
  reading.at += GENEVE_LENGTH + header.options.length;
  const isEthernet = header.protocol === ETHERTYPE.transparentEthernet;
  reading.nest(reading, isEthernet ? 'ethernet' : header.protocol, false);
}

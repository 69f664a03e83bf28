/** A sighting in comparable form, whoever told it: our trace, `hops.json` or a captured frame. */
import { formatIpv4, formatIpv6, formatMac } from '../../../src/packet/addresses.ts';
import { ENCAPSULATION, field, TCP_FLAGS } from '../../../src/packet/fields.ts';
import { type Packet } from '../../../src/traffic/packet.ts';
import { readField } from '../../../src/traffic/words.ts';

/** What a packet is in the exchange; all segments of one kind and direction are alike. */
export type Part = 'request' | 'syn-ack' | 'data' | 'answer' | 'error';

export interface Header {
  readonly part: Part;
  /** Capture, and for captures of all interfaces the interface and the direction. */
  readonly point: string;
  /** Ethernet addresses and VLAN tags; empty where the capture does not keep them. */
  readonly link: string;
  /** Kind, id and outer addresses; `-` outside of tunnels. */
  readonly tunnel: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  /** `tcp`, `udp`, or ICMP type and code. */
  readonly kind: string;
  /** Ports, or the ICMP identifier. */
  readonly ports: readonly number[];
}

/** Everything that has to be equal, as one word. */
export function fixedText({ point, link, tunnel, source, destination, ttl, kind }: Header): string {
  return `${point} | ${link} | ${tunnel} | ${source} > ${destination} ttl ${ttl} ${kind}`;
}

export function headerText(header: Header): string {
  return `${fixedText(header)} [${header.ports.join(' ')}]`;
}

/** The innermost frame. */
export function carriedBy(packet: Packet): Packet {
  return packet.inner === null ? packet : carriedBy(packet.inner);
}

export function numberIn(p: Packet, name: string): number {
  return Number(readField(p.words, field(name)) & 0xffff_ffffn);
}

export function valueIn(p: Packet, name: string): bigint {
  return readField(p.words, field(name));
}

export function addressIn(p: Packet, end: 'src' | 'dst'): string {
  return numberIn(p, 'eth_type') === 0x86dd
    ? formatIpv6(readField(p.words, field(`ipv6_${end}`)))
    : formatIpv4(readField(p.words, field(`ip_${end}`)));
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp' };

/** The header of a packet but for where it was seen; null for anything else than a probe's. */
export function headerOf(
  frame: Packet,
  partOf: (protocol: string, carried: Packet) => Part | null,
): Omit<Header, 'point'> | null {
  const p = carriedBy(frame);
  const protocol = PROTOCOLS[numberIn(p, 'ip_proto')];
  const type = numberIn(p, 'eth_type');
  if (protocol === undefined || (type !== 0x0800 && type !== 0x86dd)) return null;
  const part = partOf(protocol, p);
  if (part === null) return null;
  const [first, second] = [numberIn(p, 'tp_src'), numberIn(p, 'tp_dst')];
  const isIcmp = protocol === 'icmp';
  return {
    part,
    link: linkText(p),
    tunnel: p === frame ? '-' : tunnelText(frame),
    source: addressIn(p, 'src'),
    destination: addressIn(p, 'dst'),
    ttl: numberIn(p, 'nw_ttl'),
    kind: isIcmp ? `icmp ${first}/${second}` : protocol,
    ports: !isIcmp ? [first, second] : part === 'error' ? [] : [numberIn(p, 'icmp_id')],
  };
}

/** What captures of all interfaces keep of the Ethernet header. */
export function senderText(p: Packet): string {
  return `from ${formatMac(readField(p.words, field('eth_src')))}`;
}

/** Ethernet addresses and VLAN tags. */
export function linkText(p: Packet): string {
  const tags = ['vlan_tci', 'vlan_tci2']
    .map((name) => numberIn(p, name))
    .filter((tci) => tci !== 0);
  const mac = (name: string): string => formatMac(readField(p.words, field(name)));
  return `${mac('eth_src')} > ${mac('eth_dst')} ${tags.map((tci) => `vlan ${tci & 0xfff}`).join(' ')}`;
}

function tunnelText(p: Packet): string {
  const kind = numberIn(p, 'encap_kind');
  const name = Object.entries(ENCAPSULATION).find(([, value]) => value === kind)?.[0];
  const port = numberIn(p, 'ip_proto') === 17 ? ` port ${numberIn(p, 'tp_dst')}` : '';
  return `${name}${port} ${numberIn(p, 'encap_id')} ${addressIn(p, 'src')} > ${addressIn(p, 'dst')} ttl ${numberIn(p, 'nw_ttl')}`;
}

/** ICMP errors and redirects of both versions. */
const ERRORS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 11, 137]);

/** Which part of the exchange a packet is, by what it says of itself. */
export function partBySelf(toPort: number | null): (protocol: string, p: Packet) => Part | null {
  return (protocol, p) => {
    const [first, second] = [numberIn(p, 'tp_src'), numberIn(p, 'tp_dst')];
    if (protocol === 'icmp') {
      if (first === 8 || first === 128) return 'request';
      if (first === 0 || first === 129) return 'answer';
      return ERRORS.has(first) ? 'error' : null;
    }
    const forward = second === toPort && first !== toPort;
    if (protocol === 'udp') return forward ? 'request' : 'answer';
    const flags = numberIn(p, 'tcp_flags');
    const syn = (flags & TCP_FLAGS.syn) !== 0;
    if (forward) return syn ? 'request' : 'data';
    return syn ? 'syn-ack' : 'answer';
  };
}

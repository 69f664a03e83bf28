/** Packets that programs make: fields by their names, a payload, and lengths that fit. */
import { type Interface } from '../../dataplane/routing/types.ts';
import { field } from '../../packet/fields.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { blankPacket, type Packet } from '../../traffic/packet.ts';
import { assignment, readField } from '../../traffic/words.ts';

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const ETHERNET_BYTES = 14;
const IP_BYTES = { 4: 20, 6: 40 } as const;
const UDP = 17;
const UDP_BYTES = 8;
const ICMPV6 = 58;
const ICMP_BYTES = 8;
const ARP_BYTES = 28;

export type FieldValues = Readonly<Record<string, bigint | number>>;

/** A packet with these fields; the diary of `because` goes on in it. */
function packetOf(because: Packet | null, values: FieldValues): Packet {
  const p = because === null ? blankPacket() : onePacket.blank(because);
  for (const [name, value] of Object.entries(values)) {
    onePacket.set(p, assignment(field(name), BigInt(value)));
  }
  return p;
}

interface Ends {
  readonly version: 4 | 6;
  readonly source: bigint;
  readonly destination: bigint;
}

function ipFields({ version, source, destination }: Ends, behindIp: number): FieldValues {
  const length = IP_BYTES[version] + behindIp;
  const lengths = { ip_len: length, frame_len: ETHERNET_BYTES + length };
  return version === 4
    ? { eth_type: ETHERTYPE.ipv4, ip_src: source, ip_dst: destination, ...lengths }
    : { eth_type: ETHERTYPE.ipv6, ipv6_src: source, ipv6_dst: destination, ...lengths };
}

/** A UDP datagram; `more` holds further fields, such as MAC addresses of a raw frame. */
export function datagram(
  because: Packet | null,
  ends: Ends & { readonly sourcePort: number; readonly destinationPort: number },
  payload: Uint8Array,
  more: FieldValues = {},
): Packet {
  const p = packetOf(because, {
    ...ipFields(ends, UDP_BYTES + payload.length),
    ip_proto: UDP,
    nw_ttl: 64,
    tp_src: ends.sourcePort,
    tp_dst: ends.destinationPort,
    ...more,
  });
  p.body = { ...p.body, payload };
  return p;
}

/** An ICMPv6 message of neighbour discovery (RFC 4861 §6.1: hop limit 255). */
export function icmp6(
  because: Packet | null,
  ends: Ends,
  type: number,
  payload: Uint8Array,
  more: FieldValues = {},
): Packet {
  const p = packetOf(because, {
    ...ipFields(ends, ICMP_BYTES + payload.length),
    ip_proto: ICMPV6,
    nw_ttl: 255,
    icmp_type: type,
    ...more,
  });
  p.body = { ...p.body, payload };
  return p;
}

/** An ARP request as a whole frame (RFC 826). */
export function arpRequest(mac: bigint, source: bigint, target: bigint): Packet {
  return packetOf(null, {
    eth_src: mac,
    eth_dst: 0xffff_ffff_ffffn,
    eth_type: ETHERTYPE.arp,
    arp_op: 1,
    arp_sha: mac,
    arp_spa: source,
    arp_tpa: target,
    frame_len: ETHERNET_BYTES + ARP_BYTES,
  });
}

/** A field's value of one packet. */
export function valueOf({ words }: Packet, name: string): bigint {
  return readField(words, field(name));
}

/** Source and destination of a packet. */
export function endsOf(p: Packet): Ends {
  return valueOf(p, 'eth_type') === BigInt(ETHERTYPE.ipv6)
    ? { version: 6, source: valueOf(p, 'ipv6_src'), destination: valueOf(p, 'ipv6_dst') }
    : { version: 4, source: valueOf(p, 'ip_src'), destination: valueOf(p, 'ip_dst') };
}

/**
 * The link-local address an interface speaks from to another one: that with the most leading
 * bits in common (RFC 6724 §5 rule 8); 0 when it has none.
 */
export function linkLocalTowards({ addresses }: Interface, destination: bigint): bigint {
  let best = 0n;
  let fewest = 129;
  for (const { address, scope } of addresses) {
    if (address.version !== 6 || scope !== 'link') continue;
    const differing = (address.value ^ destination).toString(2).length;
    if (differing < fewest) [best, fewest] = [address.value, differing];
  }
  return best;
}

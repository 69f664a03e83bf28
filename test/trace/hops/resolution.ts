/**
 * ARP and neighbour discovery on the wire: what we say is asked and answered on the way of a probe
 * against the same question or answer in a capture. Real hosts remember neighbours, so only what
 * both have can be compared.
 */
import { type Sighting } from '../../../src/trace/sightings.ts';
import { type Packet } from '../../../src/traffic/packet.ts';
import { type ComparedBytes, compareBytes } from './bytes.ts';
import { carriedBy, linkText, numberIn, valueIn } from './header.ts';
import { type CapturedPacket } from './pcaps.ts';
import { type CapturePoint } from './points.ts';

const ARP = 0x0806;
const FIELDS = [
  'arp_op',
  'arp_spa',
  'arp_tpa',
  'tp_src',
  'ipv6_src',
  'ipv6_dst',
  'nd_target',
  'nd_tll',
];

/** Compares every frame that both have, once per place and content. */
export function compareResolution(
  points: ReadonlyMap<string, CapturePoint>,
  sightings: readonly Sighting[],
  packets: readonly CapturedPacket[],
): readonly ComparedBytes[] {
  const real = new Map<string, CapturedPacket>();
  for (const one of packets) {
    const key = keyOf(one.pcap, one.packet);
    if (key !== null && one.packet.body.asRead?.layers[0]?.kind === 'ethernet') real.set(key, one);
  }
  return sightings.flatMap((sighting): readonly ComparedBytes[] => {
    if (sighting.role !== 'resolution') return [];
    const { at, packet } = sighting;
    const here = [...points.values()].filter(({ host, namespace, interface: name }) => {
      return host === at.host && namespace === at.namespace && name === at.interface;
    });
    return here.flatMap(({ pcap }) => {
      const key = keyOf(pcap, packet);
      const of = key === null ? undefined : real.get(key);
      return of === undefined ? [] : [compareBytes(sighting, of)];
    });
  });
}

function keyOf(pcap: string, frame: Packet): string | null {
  const p = carriedBy(frame);
  const isNd = numberIn(p, 'ip_proto') === 58 && [135, 136].includes(numberIn(p, 'tp_src'));
  if (numberIn(p, 'eth_type') !== ARP && !isNd) return null;
  const tunnel = p === frame ? '' : `${valueIn(frame, 'ip_src')} ${valueIn(frame, 'ip_dst')}`;
  return [pcap, tunnel, linkText(p), ...FIELDS.map((name) => valueIn(p, name))].join(' ');
}

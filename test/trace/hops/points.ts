/** Where captures ran, and which of our sightings each of them shows. */
import { field } from '../../../src/packet/fields.ts';
import { type Sighting } from '../../../src/trace/sightings.ts';
import { numberOf } from '../../../src/traffic/packet.ts';
import { type Header, headerOf, partBySelf, senderText } from './header.ts';

/** Where one capture file was taken. */
export interface CapturePoint {
  readonly pcap: string;
  readonly host: string;
  readonly namespace: string;
  /** `any` captures every interface of the namespace and says which by its index. */
  readonly interface: string;
}

/** Reads the time line's lines `pcap FILE.pcap: HOST NAMESPACE INTERFACE filter …`. */
export function capturePoints(events: string): ReadonlyMap<string, CapturePoint> {
  const points = new Map<string, CapturePoint>();
  const lines = / pcap (\S+)\.pcap: (\S+) (\S+) (\S+) filter/g;
  for (const [, pcap = '', host = '', namespace = '', name = ''] of events.matchAll(lines)) {
    points.set(pcap, { pcap, host, namespace, interface: name });
  }
  return points;
}

/** Our sighting as a capture shows it. */
export interface OurHeader extends Header {
  readonly sighting: Sighting;
}

const FRAGMENT = field('ip_frag');
const LATER = 2;

/** Our sightings at the capture points, in order. */
export function ourHeaders(
  points: ReadonlyMap<string, CapturePoint>,
  sightings: readonly Sighting[],
  toPort: number | null,
): readonly OurHeader[] {
  return sightings.flatMap((sighting): readonly OurHeader[] => {
    if (sighting.role === 'resolution') return [];
    // Real frames are found by their ports and payload, which only first fragments show.
    if ((numberOf(sighting.packet, FRAGMENT) & LATER) !== 0) return [];
    const header = headerOf(sighting.packet, partBySelf(toPort));
    if (header === null) return [];
    const { at, direction } = sighting;
    return [...points.values()].flatMap((point): readonly OurHeader[] => {
      if (point.host !== at.host || point.namespace !== at.namespace) return [];
      if (point.interface === 'any') {
        const place = `${point.pcap} ${at.interface} ${direction}`;
        return [{ ...header, point: place, link: senderText(sighting.packet), sighting }];
      }
      return point.interface === at.interface ? [{ ...header, point: point.pcap, sighting }] : [];
    });
  });
}

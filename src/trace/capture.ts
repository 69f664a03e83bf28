/**
 * A trace as a capture that Wireshark opens: one interface for each place the packet crossed, and
 * what the frame is to the question as its comment. Frames are a microsecond apart, in order.
 */
import { type CaptureInterface } from '../packet/pcapng.ts';
import { type FrameToWrite, writePcapng } from '../packet/pcapng-write.ts';
import { forTerminal } from '../text/escape.ts';
import { type Sighting, sightingBytes, sightingsOf } from './sightings.ts';
import { type Trace } from './types.ts';

const ETHERNET = 1;
/** Bits 0-1 of a frame's flags (draft-ietf-opsawg-pcapng §4.3.1): inbound, outbound. */
const FLAGS = { in: 1, out: 2 } as const;
const FRAMES_A_SECOND = 1_000_000;

/** The bytes of a pcapng file with every crossing of the trace. */
export function captureOf(trace: Pick<Trace, 'copies'>): Uint8Array {
  const interfaces: CaptureInterface[] = [];
  const indexes = new Map<string, number>();
  const frames = sightingsOf(trace).map((sighting): FrameToWrite => {
    const name = placeName(sighting);
    const index =
      indexes.get(name) ?? interfaces.push({ linkType: ETHERNET, snapLength: 0, name }) - 1;
    indexes.set(name, index);
    const bytes = sightingBytes(sighting);
    const { order, direction, role, connection } = sighting;
    const comment =
      connection === 0 ? role : `${role} on connection ${connection} behind a balancer`;
    return {
      time_s: Math.floor(order / FRAMES_A_SECOND),
      time_ns: (order % FRAMES_A_SECOND) * 1000,
      interfaceIndex: index,
      wireLength: bytes.length,
      bytes,
      flags: FLAGS[direction],
      comments: [comment],
    };
  });
  return writePcapng(interfaces, frames);
}

/** `compute1:qrouter-…:qr-…`, `compute1:br-int:tap…`, `compute1:eth1`. */
function placeName({ at }: Sighting): string {
  const inside = at.bridge ?? (at.namespace === 'root' ? null : at.namespace);
  return forTerminal([at.host, ...(inside === null ? [] : [inside]), at.interface].join(':'));
}

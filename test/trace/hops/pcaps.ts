/** The captured frames themselves: which of them belong to a probe, and their headers. */

import { type Network } from '../../../src/dataplane/network.ts';
import { readCapture } from '../../../src/packet/capture.ts';
import { linkOf } from '../../../src/packet/captured-frame.ts';
import { type Packet } from '../../../src/traffic/packet.ts';
import { packetFromBytes } from '../../../src/traffic/wire.ts';
import { type SeenHeader } from './compare.ts';
import { carriedBy, headerOf, numberIn, partBySelf, senderText } from './header.ts';
import { type CapturePoint } from './points.ts';
import { interfaceName, type RecordedHops } from './recorded.ts';

/** A frame of a capture, decoded with everything inside of tunnels. */
export interface CapturedPacket {
  readonly pcap: string;
  readonly t: number;
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  /** The capture kept only its beginning. */
  readonly isCut: boolean;
}

/** Reads a capture file; `problems` of a frame make it a failure of the test. */
export function packetsOf(
  bytes: Uint8Array,
  pcap: string,
): { readonly packets: readonly CapturedPacket[]; readonly problems: readonly string[] } {
  const { value, problems } = readCapture(bytes, pcap);
  const wrong = problems.map(({ message }) => message);
  const packets = value.flatMap((frame): CapturedPacket[] => {
    const link = linkOf(frame.linkType);
    if (link === null) return [];
    const options = { link, wireLength: frame.wireLength, tunnels: true };
    const read = packetFromBytes(frame.bytes, options);
    wrong.push(...read.problems.map(({ message }) => message));
    const isCut = frame.wireLength > frame.bytes.length;
    const t = frame.time_s + frame.time_ns / 1e9;
    return [{ pcap, t, bytes: frame.bytes, packet: read.value, isCut }];
  });
  return { packets, problems: wrong };
}

/** A frame of a probe. */
export interface CapturedHeader extends SeenHeader {
  readonly of: CapturedPacket;
}

/** PACKET_OUTGOING of if_packet.h. */
const OUTGOING = 4;
const BEFORE_S = 0.05;
/** A router gives a neighbour up, and says so, three seconds after it asked. */
const AFTER_S = 3.5;

/** The probe's frames as the captures show them, in the order of time. */
export function capturedHeaders(
  network: Network,
  points: ReadonlyMap<string, CapturePoint>,
  all: readonly CapturedPacket[],
  hops: RecordedHops,
): readonly CapturedHeader[] {
  const { probe, t } = hops;
  const near = all.filter((one) => one.t >= t - BEFORE_S && one.t <= t + AFTER_S);
  const isMine = belongsTo(near, hops);
  const partOf = partBySelf(probe.destinationPort);
  return near.filter(isMine).flatMap((of): CapturedHeader[] => {
    const header = headerOf(of.packet, partOf);
    const point = points.get(of.pcap);
    if (header === null || point === undefined) return [];
    const variant = header.kind === 'tcp' ? flagsOf(of.packet) : '';
    const place = cookedPlace(network, point, of);
    const where =
      place === null ? { point: of.pcap } : { point: place, link: senderText(of.packet) };
    return [{ ...header, ...where, t: of.t, variant, of }];
  });
}

/** Captures of all interfaces have a pseudo-header with index and direction (LINKTYPE_LINUX_SLL2). */
function cookedPlace(
  network: Network,
  point: CapturePoint,
  { packet, pcap }: CapturedPacket,
): string | null {
  const first = packet.body.asRead?.layers[0];
  if (first?.kind !== 'cooked' || point.interface !== 'any') return null;
  const view = new DataView(first.bytes.buffer, first.bytes.byteOffset, first.bytes.length);
  const name = interfaceName(network, point, view.getUint32(4));
  return `${pcap} ${name} ${view.getUint8(10) === OUTGOING ? 'out' : 'in'}`;
}

function flagsOf(packet: Packet): string {
  return numberIn(carriedBy(packet), 'tcp_flags').toString(2);
}

/**
 * Frames with the probe's token, and all with the ports or the identifier that such frames have.
 * A probe whose record lacks its token has that of the first frame with its identifier.
 */
function belongsTo(
  near: readonly CapturedPacket[],
  { probe, token }: RecordedHops,
): (one: CapturedPacket) => boolean {
  const isIcmp = probe.protocol === 'icmp';
  const own = isIcmp ? probe.icmpId : probe.sourcePort;
  const port = probe.destinationPort;
  const isOwn = (one: CapturedPacket): boolean => {
    return isIcmp ? idOf(one) === own : otherPort(one, port) === own && tokenIn(one) !== null;
  };
  const known = token ?? tokenIn(near.find(isOwn));
  const marked = near.filter((one) => known !== null && tokenIn(one) === known);
  if (isIcmp) {
    return (one) => (known === null ? idOf(one) === own : tokenIn(one) === known);
  }
  const ports = new Set([own, ...marked.map((one) => otherPort(one, port))]);
  return (one) => {
    const quoted = carriedBy(one.packet).quoted;
    const p = quoted ?? carriedBy(one.packet);
    if (numberIn(p, 'ip_proto') !== (probe.protocol === 'tcp' ? 6 : 17)) return false;
    const [source, destination] = [numberIn(p, 'tp_src'), numberIn(p, 'tp_dst')];
    return (
      (destination === port && ports.has(source)) || (source === port && ports.has(destination))
    );
  };
}

function idOf({ packet }: CapturedPacket): number | null {
  const p = carriedBy(packet);
  return [1, 58].includes(numberIn(p, 'ip_proto')) ? numberIn(p, 'icmp_id') : null;
}

function otherPort({ packet }: CapturedPacket, port: number | null): number {
  const p = carriedBy(packet);
  const [source, destination] = [numberIn(p, 'tp_src'), numberIn(p, 'tp_dst')];
  return source === port ? destination : source;
}

function tokenIn(one: CapturedPacket | undefined): string | null {
  if (one === undefined) return null;
  return /nl[0-9a-f]{10}/.exec(Buffer.from(one.bytes).toString('latin1'))?.[0] ?? null;
}

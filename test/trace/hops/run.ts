/** One capture's probes, traced and compared with what was seen of them. */
import { type Network } from '../../../src/dataplane/network.ts';
import { field } from '../../../src/packet/fields.ts';
import { questionOf } from '../../../src/trace/replay-run.ts';
import { sightingsOf } from '../../../src/trace/sightings.ts';
import { prepareTracing, type Tracer } from '../../../src/trace/tracer.ts';
import { type Question, type Trace } from '../../../src/trace/types.ts';
import { readDiary } from '../../../src/traffic/diary.ts';
import { numberOf, type Packet } from '../../../src/traffic/packet.ts';
import { type ComparedBytes } from './bytes.ts';
import { differences } from './compare.ts';
import { carriedBy } from './header.ts';
import { type CapturedHeader, type CapturedPacket, capturedHeaders } from './pcaps.ts';
import { type CapturePoint, type OurHeader, ourHeaders } from './points.ts';
import { isKept, type RecordedHops, recordedHeaders } from './recorded.ts';
import { compareResolution } from './resolution.ts';

/** A snapshot ready for questions, and where captures ran on it. */
export interface Ground {
  readonly network: Network;
  readonly tracer: Tracer;
  readonly points: ReadonlyMap<string, CapturePoint>;
}

export function groundOf(network: Network, points: ReadonlyMap<string, CapturePoint>): Ground {
  return { network, tracer: prepareTracing(network), points };
}

/** How one probe compares; no sentences when all of its sightings agree. */
export interface ComparedProbe {
  readonly name: string;
  readonly sightings: number;
  readonly differs: readonly string[];
}

/** Compares the recorded sightings of a probe with those of its trace. */
export function compareRecorded(ground: Ground, hops: RecordedHops): ComparedProbe {
  const { sightings } = hops;
  const name = nameOf(hops);
  const traced = traceOf(ground, hops);
  if (typeof traced === 'string') return { name, sightings: sightings.length, differs: [traced] };
  const ours = oursOf(ground, hops, traced).map((one) => {
    const link = one.link.startsWith('from ') ? '' : one.link;
    return { ...one, link, tunnel: one.tunnel.replace(/ ttl \d+$/, '') };
  });
  const real = recordedHeaders(ground.network, ground.points, hops);
  const { differs } = differences(ours, real, isKept(hops), chanceOf(traced));
  return { name, sightings: sightings.length, differs };
}

function nameOf({ probe }: RecordedHops): string {
  const { phase, from, to, protocol, destinationPort } = probe;
  return `${phase}: ${from} → ${to} ${protocol} ${destinationPort ?? ''}`;
}

/** Compares everything the captures hold of a probe with its trace, in both directions. */
export function compareCaptured(
  ground: Ground,
  hops: RecordedHops,
  packets: readonly CapturedPacket[],
): ComparedProbe & { readonly pairs: readonly Pair[] } {
  const real = capturedHeaders(ground.network, ground.points, packets, hops);
  const name = nameOf(hops);
  const traced = traceOf(ground, hops, (question) => withSizeOf(question, real));
  if (typeof traced === 'string') {
    return { name, sightings: real.length, differs: [traced], pairs: [] };
  }
  const ours = oursOf(ground, hops, traced);
  const { differs, pairs } = differences(ours, real, () => true, chanceOf(traced));
  return { name, sightings: real.length, differs, pairs };
}

/** ARP and neighbour discovery of a probe's trace against what captures have of the same. */
export function compareNeighbours(
  ground: Ground,
  hops: RecordedHops,
  packets: readonly CapturedPacket[],
): readonly ComparedBytes[] {
  const traced = traceOf(ground, hops);
  if (typeof traced === 'string') return [];
  return compareResolution(ground.points, sightingsOf(traced), packets);
}

/** The question with the payload that was really sent: records do not tell its size. */
function withSizeOf(question: Question, real: readonly CapturedHeader[]): Question {
  const wanted = question.packet.protocol === 'tcp' ? 'data' : 'request';
  const sizes = real
    .filter(({ part, of }) => part === wanted && !of.isCut)
    .map(({ of }) => carriedBy(of.packet).body.payload.length);
  // Of a packet that its sender cut each piece shows only what it carries.
  const isCut = real.some(({ part, of }) => part === wanted && isFragment(of.packet));
  const size = isCut ? 0 : Math.max(0, ...sizes);
  return { ...question, packet: { ...question.packet, size: size || question.packet.size } };
}

const FRAGMENT = field('ip_frag');

/** The packet is a piece of one that was cut. */
export function isFragment(p: Packet): boolean {
  return numberOf(p, FRAGMENT) !== 0;
}

/** The same packet at the same place, ours and real. */
export interface Pair {
  readonly ours: OurHeader;
  readonly seen: CapturedHeader;
}

/** The trace of a probe, or why there is none. `change` may complete the question. */
export function traceOf(
  { network, tracer }: Ground,
  { probe }: RecordedHops,
  change: (question: Question) => Question = (question) => question,
): Trace | string {
  const question = questionOf(network, probe);
  if (typeof question === 'string') return question;
  const traced = tracer.trace(change(question));
  return traced.kind === 'impossible' ? traced.why : traced.trace;
}

/** Our sightings at the capture points. */
export function oursOf(
  { points }: Ground,
  { probe }: RecordedHops,
  trace: Trace,
): readonly OurHeader[] {
  // The recorder looked for the client's connection, not for those that a balancer opens for it.
  const own = sightingsOf(trace).filter(({ connection }) => connection === 0);
  return ourHeaders(points, own, probe.destinationPort);
}

/** Whether a port of the trace was picked by chance: then it is only an example. */
export function chanceOf({ question, copies }: Trace): (port: number) => boolean {
  const { sourcePort, destinationPort, icmpId } = question.packet;
  const steps = copies.flatMap((copy) => readDiary(copy).map(({ step }) => step.kind));
  const isAny = steps.includes('port-choice');
  return (port) => isAny && port !== sourcePort && port !== destinationPort && port !== icmpId;
}

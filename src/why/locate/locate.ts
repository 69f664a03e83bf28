/**
 * Finds the packets of captures in the model. The first frame of each exchange becomes a question;
 * its trace says where the packet is to be seen, through NAT, VLAN tags and tunnels; and what the
 * captures hold of it there is compared, frame by frame.
 */
import { type Endpoint, type Network } from '../../dataplane/network.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { packetText } from '../../trace/render/short.ts';
import { type Sighting, sightingsOf } from '../../trace/sightings.ts';
import { prepareTracing, type Tracer } from '../../trace/tracer.ts';
import { type Question, type Trace } from '../../trace/types.ts';
import { readDiary } from '../../traffic/diary.ts';
import { carriedBy, headerOf, numberIn, readFrames } from './frames.ts';
import {
  type CaptureFile,
  type CapturePlace,
  type FrameHeader,
  type Located,
  type LocatedPacket,
  type SeenFrame,
  type Station,
} from './types.ts';

/** Frames of one exchange are no further apart than this: neighbours are given up in three. */
const WINDOW_S = 4;
/** Captures of different interfaces and hosts disagree a little about the time. */
const EARLY_S = 0.05;
/** Questions that are traced at most: a capture of a busy link holds more than anybody reads. */
const MOST = 500;

/** Traces the exchanges of captures, and says where they part from the model. */
export function locate(network: Network, files: readonly CaptureFile[]): Located {
  const { frames, problems, passedOver } = readFrames(network, files);
  const untraced = new Map(passedOver);
  const places = placesOf(frames, files);
  const tracer = prepareTracing(network);
  const open = new Set(frames);
  const packets: LocatedPacket[] = [];
  for (const frame of frames) {
    if (!open.has(frame) || !begins(frame.header)) continue;
    const asked =
      packets.length < MOST
        ? questionOf(network, frame)
        : `more than ${MOST} exchanges: the rest was not traced`;
    const traced = typeof asked === 'string' ? asked : tracedAs(tracer, asked);
    if (typeof traced === 'string' || typeof asked === 'string') {
      const why = typeof asked === 'string' ? asked : String(traced);
      untraced.set(why, (untraced.get(why) ?? 0) + 1);
      open.delete(frame);
      continue;
    }
    packets.push(compared(traced, asked, frame, frames, open, places));
  }
  if (open.size > 0) {
    const why = 'belongs to no exchange whose beginning was captured';
    untraced.set(why, (untraced.get(why) ?? 0) + open.size);
  }
  return { packets, frames: frames.length, untraced, problems };
}

/** Places of captures, also of those that hold no frame: there nothing was seen. */
function placesOf(
  frames: readonly SeenFrame[],
  files: readonly CaptureFile[],
): readonly CapturePlace[] {
  const all = [
    ...files.flatMap(({ place }) => (place === null ? [] : [place])),
    ...frames.map(({ place }) => place),
  ];
  return [...new Map(all.map((place) => [placeText(place), place])).values()];
}

export function placeText({ host, namespace, interface: device }: CapturePlace): string {
  return namespace === 'root' ? `${host}:${device}` : `${host}:${namespace}:${device}`;
}

/** What may open an exchange: an echo request, a SYN, a datagram. */
function begins({ kind }: FrameHeader): boolean {
  return kind === 'tcp syn' || kind === 'udp' || /^icmp (8|128)\//.test(kind);
}

/** Who sent the frame and to whom; a sentence where nobody can say. */
function questionOf(network: Network, frame: SeenFrame): Question | string {
  const { header, packet } = frame;
  const { source, destination, kind, ports } = header;
  const from = senderOf(network, frame);
  if (from.kind === 'unknown') return from.why;
  const p = carriedBy(packet);
  const protocol = kind.startsWith('tcp') ? 'tcp' : kind === 'udp' ? 'udp' : 'icmp';
  const asked = askedQuestion(network, {
    from: from.word,
    to: from.isOutside ? beforeTranslation(network, destination) : destination,
    protocol,
    ...(protocol === 'icmp' ? {} : { sourcePort: ports[0] ?? 0, port: ports[1] ?? 0 }),
    size: protocol === 'tcp' ? 16 : p.body.payload.length,
    dontFragment: numberIn(p, 'ip_df') === 1,
    version: source.includes(':') ? 6 : 4,
  });
  if (asked.kind === 'wrong') return asked.message;
  const icmpId = protocol === 'icmp' ? (ports[0] ?? null) : null;
  return { ...asked.value, packet: { ...asked.value.packet, icmpId } };
}

type Sender =
  | { readonly kind: 'known'; readonly word: string; readonly isOutside: boolean }
  | { readonly kind: 'unknown'; readonly why: string };

/** The namespace it was captured in, when that has the address; else the port, by its MAC. */
function senderOf(network: Network, { header: { source, macs }, place }: SeenFrame): Sender {
  const { host, namespace } = place;
  const own = network.namespace(host, namespace)?.state.interfaces.find(({ addresses }) => {
    return addresses.some(({ address }) => writeIp(address) === source);
  });
  const service = namespace.startsWith('qlbaas-');
  if (own !== undefined && service) {
    return { kind: 'known', word: `${host}:${own.name}`, isOutside: false };
  }
  const owners = network
    .find(source)
    .filter(({ addresses }) => addresses.some((address) => writeIp(address) === source));
  const mac = macs?.slice(0, MAC_LENGTH) ?? '';
  const near = owners.filter((owner) => writeMac(owner.mac) === mac);
  const [owner, another] = near.length > 0 ? near : owners;
  if (owner === undefined) return { kind: 'known', word: `external:${source}`, isOutside: true };
  if (another !== undefined) {
    return { kind: 'unknown', why: `${source} is the address of several` };
  }
  return { kind: 'known', word: wordOf(owner), isOutside: owner.port === null };
}

const MAC_LENGTH = 'fa:16:3e:00:00:00'.length;

/** What comes from outside to a port was sent to its floating IP, when it has one. */
function beforeTranslation(network: Network, destination: string): string {
  const { floatingIps } = network.neutron;
  const of = floatingIps.filter(
    ({ fixedAddress }) => fixedAddress !== null && writeIp(fixedAddress) === destination,
  );
  const [only, another] = of;
  return only === undefined || another !== undefined ? destination : writeIp(only.address);
}

function wordOf({ port, host, interface: device, namespace, name }: Endpoint): string {
  if (port !== null) return port.id;
  return namespace === null ? name : `${host}:${device}`;
}

function tracedAs(tracer: Tracer, question: Question): Trace | string {
  const traced = tracer.trace(question);
  return traced.kind === 'impossible' ? traced.why : traced.trace;
}

/** One exchange in the model and in the captures; its frames are taken out of `open`. */
function compared(
  trace: Trace,
  question: Question,
  first: SeenFrame,
  frames: readonly SeenFrame[],
  open: Set<SeenFrame>,
  places: readonly CapturePlace[],
): LocatedPacket {
  const isChance = chanceOf(trace);
  const chosen = new Map<number, number>();
  const near = frames.filter((one) => {
    const after = one.time_s - first.time_s;
    return open.has(one) && after >= -EARLY_S && after <= WINDOW_S;
  });
  // What a balancer opens because of it are exchanges of their own, with servers it chose.
  const own = sightingsOf(trace).filter(({ connection }) => connection === 0);
  const expected = own.flatMap((sighting) => expectedAt(sighting, places));
  const taken: Station[] = [];
  for (const [i, station] of expected.entries()) {
    const fits = (one: SeenFrame): boolean =>
      open.has(one) &&
      isSamePlace(station, one) &&
      isAlike(station.header, one.header) &&
      portsFit(station.header, one.header, isChance, chosen);
    const candidates = near.filter(fits);
    const exact = candidates.find((one) => differences(station.header, one.header).length === 0);
    const frame = exact ?? candidates[0];
    if (frame === undefined) {
      taken[i] = station;
      continue;
    }
    open.delete(frame);
    for (const [k, port] of station.header.ports.entries()) {
      if (isChance(port)) chosen.set(port, frame.header.ports[k] ?? port);
    }
    const { file, number } = frame;
    taken[i] = {
      ...station,
      seen: { file, number },
      differs: differences(station.header, frame.header),
    };
  }
  const repeated = taken.map((station) => withRepeats(station, near, open, isChance, chosen));
  const beyond = near.filter(
    (one) => open.has(one) && isOf(question, first, one, isChance, chosen),
  );
  for (const one of beyond) open.delete(one);
  // A program may close a connection without a word on it, as health checks do.
  const isSilent = !repeated.some(({ role, seen }) => role === 'data' && seen !== null);
  const stations = isSilent ? repeated.filter((station) => !isTalk(station)) : repeated;
  const { file, number, time_s } = first;
  const { from, to } = question;
  const asked = `${from.label} → ${to.label} ${packetText(question.packet)}`;
  const strange = isSilent
    ? beyond.filter(({ header }) => !/^tcp( rst)?$/.test(header.kind))
    : beyond;
  const parts = partsOf(trace, stations, strange);
  return { first: { file, number, time_s }, asked, trace, stations, beyond: strange, parts };
}

/** What is said on a connection that stands. */
function isTalk({ role, header }: Station): boolean {
  return role === 'data' || (role === 'answer' && header.kind === 'tcp');
}

/** A sighting at the places that were captured. */
function expectedAt(sighting: Sighting, places: readonly CapturePlace[]): readonly Station[] {
  if (sighting.role === 'resolution') return [];
  const header = headerOf(sighting.packet);
  if (header === null) return [];
  const { at, direction, role } = sighting;
  const { host, namespace } = at;
  const captured = places.some(
    (place) =>
      place.host === host &&
      place.namespace === namespace &&
      (place.interface === at.interface || place.interface === 'any'),
  );
  if (!captured) return [];
  const place = { host, namespace, interface: at.interface };
  return [{ place, direction, role, header, seen: null, differs: [], repeats: 0 }];
}

function isSamePlace({ place, direction }: Station, frame: SeenFrame): boolean {
  if (frame.direction !== null && frame.direction !== direction) return false;
  return placeText(place) === placeText(frame.place);
}

/** The same packet at the same place, whatever the link around it says. */
function isAlike(ours: FrameHeader, seen: FrameHeader): boolean {
  const { source, destination, kind } = seen;
  return ours.source === source && ours.destination === destination && ours.kind === kind;
}

/** A value left to chance may be any, but is the same one everywhere. */
function portsFit(
  ours: FrameHeader,
  seen: FrameHeader,
  isChance: (port: number) => boolean,
  chosen: ReadonlyMap<number, number>,
): boolean {
  return ours.ports.every((port, i) => {
    const value = seen.ports[i];
    if (!isChance(port)) return port === value;
    return (chosen.get(port) ?? value) === value;
  });
}

const COMPARED = ['vlan', 'tunnel', 'macs', 'ttl'] as const;

function differences(ours: FrameHeader, seen: FrameHeader): readonly string[] {
  return COMPARED.flatMap((name) => {
    const [wanted, actual] = [ours[name], seen[name]];
    if (actual === null || wanted === actual) return [];
    return [
      `${name}: ${wanted === '' ? 'none' : wanted} in the model, ${actual === '' ? 'none' : actual} captured`,
    ];
  });
}

/** Frames like it that came again: pings in a row, segments sent anew. */
function withRepeats(
  station: Station,
  near: readonly SeenFrame[],
  open: Set<SeenFrame>,
  isChance: (port: number) => boolean,
  chosen: ReadonlyMap<number, number>,
): Station {
  if (station.seen === null) return station;
  let repeats = 0;
  for (const one of near) {
    if (!open.has(one) || !isSamePlace(station, one) || !isAlike(station.header, one.header))
      continue;
    if (!portsFit(station.header, one.header, isChance, chosen)) continue;
    open.delete(one);
    repeats++;
  }
  return { ...station, repeats };
}

/** Whether a frame that the model has not belongs to the exchange: either way, by its ports. */
function isOf(
  { packet }: Question,
  first: SeenFrame,
  one: SeenFrame,
  isChance: (port: number) => boolean,
  chosen: ReadonlyMap<number, number>,
): boolean {
  const [protocol] = one.header.kind.split(' ');
  if (protocol !== packet.protocol || one.header.ports.length === 0) return false;
  const known = first.header.ports.map((port) =>
    isChance(port) ? (chosen.get(port) ?? port) : port,
  );
  const ports = one.header.ports;
  const same = ports.every((port, i) => port === known[i]);
  const turned = ports.every((port, i) => port === known[known.length - 1 - i]);
  const ends = new Set([first.header.source, first.header.destination]);
  return (same || turned) && (ends.has(one.header.source) || ends.has(one.header.destination));
}

/** Whether a port of the trace was picked by chance: then it is only an example. */
function chanceOf({ question, copies }: Trace): (port: number) => boolean {
  const { sourcePort, destinationPort, icmpId } = question.packet;
  const isAny = copies.some((copy) =>
    readDiary(copy).some(({ step }) => step.kind === 'port-choice'),
  );
  return (port) => isAny && port !== sourcePort && port !== destinationPort && port !== icmpId;
}

/** Where model and reality part: the first place of each kind, in the packet's order. */
function partsOf(
  trace: Trace,
  stations: readonly Station[],
  beyond: readonly SeenFrame[],
): readonly string[] {
  const parts: string[] = [];
  const missing = stations.findIndex(({ seen }) => seen === null);
  const lost = stations[missing];
  if (lost !== undefined) {
    const last = stations.slice(0, missing).findLast(({ seen }) => seen !== null);
    const where = last === undefined ? 'nowhere before' : `last seen at ${placeText(last.place)}`;
    const frame = last?.seen == null ? '' : ` (${last.seen.file} frame ${last.seen.number})`;
    parts.push(
      `the ${lost.role} should be seen at ${placeText(lost.place)} and is not: ${where}${frame}`,
    );
  }
  const other = stations.find(({ differs }) => differs.length > 0);
  if (other !== undefined) {
    parts.push(
      `at ${placeText(other.place)} the ${other.role} is otherwise: ${other.differs.join('; ')}`,
    );
  }
  const [extra] = beyond;
  if (extra !== undefined) {
    const { source, destination, kind } = extra.header;
    const [blocker] = trace.blockers;
    const stopped =
      blocker === undefined ? '' : `; the model stops it by ${blocker.code} on ${blocker.host}`;
    parts.push(
      `seen at ${placeText(extra.place)} (${extra.file} frame ${extra.number}): ${kind} ` +
        `${source} → ${destination}, of which the model knows nothing${stopped}`,
    );
  }
  return parts;
}

/**
 * Address translation: the decision for a first packet (which address and port, and what if
 * that is taken: net/netfilter/nf_nat_core.c get_unique_tuple()), and its application to every
 * packet of the connection, ICMP errors about it included.
 */
import { allBits, type Field } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { range } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Connection, type Zone } from './connection.ts';
import { addressFields, answerClass, F, hasPorts, invert, type PacketClass } from './protocols.ts';
import { type AddressChoiceStep, type PortChoiceStep } from './steps.ts';
import { find, type Tracker } from './tracker.ts';

/** Which end of a packet is rewritten. */
export type Manip = 'src' | 'dst';

/** What a NAT rule asks for. Null: keep, unless the answer's tuple is taken. */
export interface NatRequest {
  readonly manip: Manip;
  /** Both ends included. */
  readonly addresses: { readonly from: bigint; readonly to: bigint } | null;
  /** NETMAP: only these bits of the address are replaced, by those of `addresses.from`. */
  readonly mask?: bigint;
  readonly ports: { readonly from: number; readonly to: number } | null;
  /** `--random` and `--random-fully`: the port is any of its range. */
  readonly random: boolean;
}

/** The port field, or the ICMP id, that a manipulation may change; null when there is none. */
function portField(cls: PacketClass, manip: Manip): Field | null {
  if (hasPorts(cls.kind)) return manip === 'src' ? F.tpSrc : F.tpDst;
  return cls.kind === 'icmp' && manip === 'src' ? F.icmpId : null;
}

interface PortClass {
  readonly from: number;
  readonly to: number;
  readonly guard: Guard;
}

function portClass(of: Field, low: number, high: number, from: number, to: number): PortClass {
  return { from, to, guard: guard(range(of, BigInt(low), BigInt(high))) };
}

/** Privileged ports stay privileged (nf_nat_l4proto_unique_tuple()). */
const SOURCE_PORTS: readonly PortClass[] = [
  portClass(F.tpSrc, 0, 511, 1, 511),
  portClass(F.tpSrc, 512, 1023, 600, 1023),
  portClass(F.tpSrc, 1024, 65_535, 1024, 65_535),
];
const ICMP_IDS: readonly PortClass[] = [portClass(F.icmpId, 0, 65_535, 0, 65_535)];

/** Part of the traffic with its first packet after translation; null when all tuples are taken. */
export interface Bound<P> {
  readonly p: P;
  readonly after: P | null;
  /** The range of which the port is any value; absent when it was kept or given. */
  readonly anyOf?: { readonly from: number; readonly to: number };
}

/** Writes into the diary what was left to chance, so that nobody takes an example for a fact. */
export function noteChoices<P>(
  traffic: Traffic<P>,
  p: P,
  { anyOf }: Bound<P>,
  { manip, addresses, mask }: NatRequest,
): P {
  let noted = p;
  if (addresses !== null && addresses.from !== addresses.to && mask === undefined) {
    noted = traffic.note(noted, (): AddressChoiceStep => ({ kind: 'address-choice', end: manip }));
  }
  if (anyOf === undefined) return noted;
  return traffic.note(noted, (): PortChoiceStep => ({ kind: 'port-choice', end: manip, ...anyOf }));
}

/** How often another port is tried before the kernel gives up (NF_NAT_MAX_ATTEMPTS). */
const ATTEMPTS = 128;

/**
 * Decides the translation of a first packet. `after` is the packet as translated so far; it is
 * consumed. The parts that come back have the same order of wishes as the kernel: keep the
 * port when it is allowed and free, else another one of its range.
 *
 * Simplification: which address of a range a hash selects is not computed, and a source that was
 * translated before does not keep its earlier port (find_appropriate_src()); one packet takes
 * the first that is free, as which one the kernel takes cannot be known.
 */
export function choosePort<P>(
  tracker: Tracker<P>,
  after: P,
  cls: PacketClass,
  zone: Zone,
  request: NatRequest,
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  const moved = toAddress(traffic, after, cls, request);
  const port = portField(cls, request.manip);
  if (port === null) return free(tracker, moved, cls, zone);
  if (request.ports !== null) {
    const { from, to } = request.ports;
    const inside = guard(range(port, BigInt(from), BigInt(to)));
    const whole: PortClass = { from, to, guard: inside };
    return request.random
      ? pick(tracker, moved, cls, zone, port, whole, 0)
      : keepOrPick(tracker, moved, cls, zone, port, [whole]);
  }
  if (request.manip === 'dst') return free(tracker, moved, cls, zone, true);
  const classes = cls.kind === 'icmp' ? ICMP_IDS : SOURCE_PORTS;
  if (!request.random) return keepOrPick(tracker, moved, cls, zone, port, classes);
  return byClass(traffic, moved, classes).flatMap(([part, wanted]) =>
    pick(tracker, part, cls, zone, port, wanted, 0),
  );
}

/** Writes the wanted address. */
export function toAddress<P>(traffic: Traffic<P>, p: P, cls: PacketClass, request: NatRequest): P {
  if (request.addresses === null) return p;
  const { from, to } = request.addresses;
  const target = addressFields(cls.version)[request.manip];
  return from === to || request.mask !== undefined
    ? traffic.set(p, assignment(target, from, request.mask))
    : traffic.choose(p, allBits(target), from, to);
}

function byClass<P>(
  traffic: Traffic<P>,
  p: P,
  classes: readonly PortClass[],
): readonly (readonly [P, PortClass])[] {
  const parts: [P, PortClass][] = [];
  let rest: P | null = p;
  for (const one of classes) {
    if (rest === null) break;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.split(rest, one.guard);
    if (hit !== null) parts.push([hit, one]);
    rest = miss;
  }
  const [first] = classes;
  if (rest !== null && first !== undefined) parts.push([rest, first]);
  return parts;
}

function keepOrPick<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
  port: Field,
  classes: readonly PortClass[],
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  return byClass(traffic, p, classes).flatMap(([part, wanted]) => {
    const { hit, miss } = traffic.split(part, wanted.guard);
    const bound = miss === null ? [] : [...pick(tracker, miss, cls, zone, port, wanted, 0)];
    if (hit === null) return bound;
    for (const kept of free(tracker, hit, cls, zone)) {
      if (kept.after !== null) bound.push(kept);
      else bound.push(...pick(tracker, kept.p, cls, zone, port, wanted, 0));
    }
    return bound;
  });
}

/** Takes any port of the range; the next one where that is taken. */
function pick<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
  port: Field,
  wanted: { readonly from: number; readonly to: number },
  attempt: number,
): readonly Bound<P>[] {
  const from = wanted.from + attempt;
  if (attempt >= ATTEMPTS || from > wanted.to) return [{ p, after: null }];
  const { traffic } = tracker.run;
  const chosen = traffic.choose(p, allBits(port), BigInt(from), BigInt(wanted.to));
  const anyOf = { from: wanted.from, to: wanted.to };
  return free(tracker, chosen, cls, zone).flatMap((part) => {
    if (part.after === null) return pick(tracker, part.p, cls, zone, port, wanted, attempt + 1);
    return wanted.from === wanted.to ? [part] : [{ ...part, anyOf }];
  });
}

/** Whether the answer's tuple is free (nf_nat_used_tuple()); `anyway` only tells, never refuses. */
function free<P>(
  tracker: Tracker<P>,
  after: P,
  cls: PacketClass,
  zone: Zone,
  anyway = false,
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  if (anyway) return [{ p: traffic.fork(after), after }];
  const answer = invert(traffic, traffic.fork(after), cls);
  const parts: Bound<P>[] = [];
  for (const one of find(tracker, answer, answerClass(cls), zone)) {
    const part = traffic.within(traffic.fork(after), one.p);
    if (part === null) continue;
    parts.push({ p: part, after: one.connection === null ? traffic.fork(part) : null });
  }
  return parts;
}

/** Rewrites one end of a packet of the connection; see `direction` for which values. */
export function translate<P>(
  traffic: Traffic<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  const { cls } = connection;
  const address = addressFields(cls.version);
  const source = reply ? connection.before : connection.after;
  const from: Manip = reply ? other(manip) : manip;
  const out = traffic.copy(p, allBits(address[manip]), source, allBits(address[from]));
  if (hasPorts(cls.kind)) return translatePort(traffic, out, connection, reply, manip);
  if (cls.kind !== 'icmp' || from !== 'src') return out;
  return traffic.copy(out, allBits(F.icmpId), source, allBits(F.icmpId));
}

const PORT = { src: F.tpSrc, dst: F.tpDst } as const;

/** Rewrites the port of one end alone; the protocol must have ports. */
export function translatePort<P>(
  traffic: Traffic<P>,
  p: P,
  { before, after, cls }: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  if (!hasPorts(cls.kind)) return p;
  const from: Manip = reply ? other(manip) : manip;
  return traffic.copy(p, allBits(PORT[manip]), reply ? before : after, allBits(PORT[from]));
}

export function other(manip: Manip): Manip {
  return manip === 'src' ? 'dst' : 'src';
}

/**
 * Rewrites an ICMP error about the connection: the outer address, and in the quoted packet,
 * which travelled the other way, the opposite end (nf_nat_icmp_reply_translation()).
 */
export function translateError<P>(
  traffic: Traffic<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  const address = addressFields(connection.cls.version);
  const source = reply ? connection.before : connection.after;
  const from: Manip = reply ? other(manip) : manip;
  const out = traffic.copy(p, allBits(address[manip]), source, allBits(address[from]));
  const quoted = traffic.quoted(out);
  if (quoted === null) return out;
  const end = other(manip);
  let inner = traffic.copy(quoted, allBits(address[end]), source, allBits(address[from]));
  const { kind } = connection.cls;
  if (hasPorts(kind)) {
    const port = { src: F.tpSrc, dst: F.tpDst };
    inner = traffic.copy(inner, allBits(port[end]), source, allBits(port[from]));
  } else if (kind === 'icmp' && from === 'src') {
    inner = traffic.copy(inner, allBits(F.icmpId), source, allBits(F.icmpId));
  }
  return traffic.quote(out, inner);
}

/**
 * Address translation as the kernel decides it for a first packet
 * (net/netfilter/nf_nat_core.c get_unique_tuple()):
 *
 *   1. a source that is allowed as it is, and free, stays; one that was translated before keeps
 *      what it got then;
 *   2. else the address: the only one, or the one of the range that a hash selects;
 *   3. then the port, if it is not allowed or its answer's tuple is taken.
 *
 * Where every port is taken the last one stands; then two connections clash when they are
 * confirmed.
 */
import { allBits, type Field, field } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { ANY, and, type Match, range, test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Connection, STATUS, type Zone } from './connection.ts';
import { jhash2, scaled, swapped } from './jhash.ts';
import { type Bound, type NatRequest } from './nat.ts';
import { addressFields, answerClass, F, hasPorts, invert, type PacketClass } from './protocols.ts';
import { changed, find, isCurrent, madeOf, occupies, type Tracker } from './tracker.ts';

interface PortRange {
  readonly from: number;
  readonly to: number;
}

interface PortClass extends PortRange {
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

/** NF_NAT_MAX_ATTEMPTS, and from when on closing connections make room (NF_NAT_HARDER_THRESH). */
const ATTEMPTS = 128;
const HARDER = 32;

/** What one decision works on. */
interface Choice<P> {
  readonly tracker: Tracker<P>;
  readonly cls: PacketClass;
  readonly zone: Zone;
  readonly request: NatRequest;
  /** The connection that is translated; it does not stand in its own way. */
  readonly own: Connection<P>;
}

/**
 * Decides the translation of a first packet. `after` is the packet as translated so far; it is
 * consumed.
 *
 * Simplification: connections of a dump that no packet of this run belongs to are not searched
 * for an earlier translation of the same source; sets of packets take any address of a range.
 */
export function choosePort<P>(
  tracker: Tracker<P>,
  after: P,
  own: Connection<P>,
  request: NatRequest,
): readonly Bound<P>[] {
  const { cls, zone } = own;
  const choice: Choice<P> = { tracker, cls, zone, request, own };
  if (request.manip === 'dst' || request.random) return moved(choice, after);
  const { traffic } = tracker.run;
  const { hit, miss } = traffic.split(after, guard(allowed(choice)));
  const bound: Bound<P>[] = [];
  if (hit !== null) {
    for (const kept of vacancies(choice, hit)) {
      if (kept.isFree) bound.push({ p: traffic.fork(kept.p), after: kept.p });
      else bound.push(...moved(choice, kept.p));
    }
  }
  if (miss !== null) bound.push(...asBefore(choice, miss));
  return bound;
}

/** nf_in_range(): the end that is translated has an allowed address and port already. */
function allowed<P>({ cls, request }: Choice<P>): Match {
  const { manip, addresses, mask, ports } = request;
  const of = addressFields(cls.version)[manip];
  const port = portField(cls, manip);
  const address =
    addresses === null
      ? ANY
      : mask === undefined
        ? range(of, addresses.from, addresses.to)
        : test(of, addresses.from, mask);
  if (ports === null || port === null) return address;
  return and(address, range(port, BigInt(ports.from), BigInt(ports.to)));
}

/** The port or ICMP id that tells connections apart on that end. */
function portField({ kind }: PacketClass, manip: NatRequest['manip']): Field | null {
  if (hasPorts(kind)) return manip === 'src' ? F.tpSrc : F.tpDst;
  return kind === 'icmp' ? F.icmpId : null;
}

/** find_appropriate_src(): the newest connection from the same source shows what it got. */
function asBefore<P>(choice: Choice<P>, after: P): readonly Bound<P>[] {
  const { tracker, cls, zone, own } = choice;
  const { traffic } = tracker.run;
  const address = allBits(addressFields(cls.version).src);
  const port = portField(cls, 'src');
  const ends = [address, ...(port === null ? [allBits(F.proto)] : [allBits(port)])];
  const inRange = guard(allowed(choice));
  const bound: Bound<P>[] = [];
  let rest: P | null = after;
  for (const known of [...madeOf(tracker, cls)].reverse()) {
    if (rest === null || known === own) continue;
    if (!isCurrent(tracker, known) || known.zone.original !== zone.original) continue;
    const same: { hit: P | null; miss: P | null } = traffic.same(
      rest,
      known.before,
      ends.map((bits) => [bits, bits] as const),
    );
    rest = same.miss;
    if (same.hit === null) continue;
    let like = traffic.fork(same.hit);
    for (const bits of ends) like = traffic.copy(like, bits, known.after, bits);
    const fits = traffic.split(like, inRange);
    if (fits.miss !== null) {
      // Not allowed here: an older connection of the source may show another one.
      const back = traffic.within(same.hit, fits.miss);
      rest = either(traffic, rest, back);
    }
    if (fits.hit === null) continue;
    for (const { p, isFree } of vacancies(choice, fits.hit)) {
      const mine = traffic.within(traffic.fork(same.hit), p);
      if (mine === null) continue;
      if (isFree) bound.push({ p: mine, after: p });
      else bound.push(...moved(choice, mine));
    }
  }
  return rest === null ? bound : [...bound, ...moved(choice, rest)];
}

/** Two parts of the same traffic as one again. */
function either<P>(traffic: Traffic<P>, a: P | null, b: P | null): P | null {
  if (a === null || b === null) return a ?? b;
  return traffic.join([a, b])[0] ?? null;
}

/** Steps 2 and 3: the address, then the port. */
function moved<P>(choice: Choice<P>, after: P): readonly Bound<P>[] {
  const { cls, request } = choice;
  const p = toAddress(choice, after);
  const { ports, manip, random } = request;
  const port = portField(cls, manip);
  if (port === null) return [unchanged(choice, p)];
  if (ports !== null) return withinPorts(choice, p, port, ports);
  // A destination port is never invented; an ICMP id is no end of its own.
  if (manip === 'dst' && cls.kind !== 'icmp') return [unchanged(choice, p)];
  const classes = cls.kind === 'icmp' ? ICMP_IDS : SOURCE_PORTS;
  if (random) {
    return byClass(choice, p, classes).flatMap(([part, one]) => pick(choice, part, port, one));
  }
  return vacancies(choice, p).flatMap(({ p: part, isFree }) =>
    isFree
      ? [unchanged(choice, part)]
      : byClass(choice, part, classes).flatMap(([here, one]) => pick(choice, here, port, one)),
  );
}

function unchanged<P>({ tracker }: Choice<P>, p: P): Bound<P> {
  return { p: tracker.run.traffic.fork(p), after: p };
}

function byClass<P>(
  { tracker }: Choice<P>,
  p: P,
  classes: readonly PortClass[],
): readonly (readonly [P, PortClass])[] {
  const parts: [P, PortClass][] = [];
  let rest: P | null = p;
  for (const one of classes) {
    if (rest === null) break;
    const split: { hit: P | null; miss: P | null } = tracker.run.traffic.split(rest, one.guard);
    if (split.hit !== null) parts.push([split.hit, one]);
    rest = split.miss;
  }
  return parts;
}

/** find_best_ips_proto(): the hash has no seed, so the address can be told. */
function toAddress<P>({ tracker, cls, zone, request }: Choice<P>, p: P): P {
  const { traffic } = tracker.run;
  const { addresses, manip, mask } = request;
  if (addresses === null) return p;
  const { from, to } = addresses;
  const target = addressFields(cls.version)[manip];
  if (from === to || mask !== undefined) return traffic.set(p, assignment(target, from, mask));
  const value = hashed(tracker, p, cls, zone, request);
  if (value === null) return traffic.choose(p, allBits(target), from, to);
  return traffic.set(p, assignment(target, value));
}

function hashed<P>(
  { run }: Tracker<P>,
  p: P,
  { version }: PacketClass,
  zone: Zone,
  { addresses, persistent }: NatRequest,
): bigint | null {
  // Simplification: a range of IPv6 addresses is taken for any address of it.
  if (addresses === null || version === 6) return null;
  const word = (of: Field): number | null => {
    const [only, more] = run.traffic.cases(run.traffic.fork(p), allBits(of), 1) ?? [];
    return only === undefined || more !== undefined ? null : swapped(only.value);
  };
  const [source, destination] = [word(F.ipSrc), word(F.ipDst)];
  if (source === null || destination === null) return null;
  const initial = persistent === true ? 0 : (destination ^ zone.original) >>> 0;
  const hash = jhash2([source, 0, 0, 0], initial);
  return addresses.from + scaled(hash, addresses.to - addresses.from + 1n);
}

const SHIFTED = field('tp_dst');
/** So many ports of a set of packets are told apart where a rule shifts them. */
const MOST_PORTS = 1024;

function withinPorts<P>(
  choice: Choice<P>,
  p: P,
  port: Field,
  { from, to }: PortRange,
): readonly Bound<P>[] {
  const { tracker, request } = choice;
  const { traffic } = tracker.run;
  const whole = { from, to };
  if (request.random) return pick(choice, p, port, whole);
  if (request.base !== undefined) return shifted(choice, p, whole, request.base);
  const { hit, miss } = traffic.split(p, guard(range(port, BigInt(from), BigInt(to))));
  const bound = miss === null ? [] : [...pick(choice, miss, port, whole)];
  if (hit === null) return bound;
  // One port alone is taken whether it is free or not.
  if (from === to) return [...bound, unchanged(choice, hit)];
  for (const kept of vacancies(choice, hit)) {
    if (kept.isFree) bound.push(unchanged(choice, kept.p));
    else bound.push(...pick(choice, kept.p, port, whole));
  }
  return bound;
}

/** `--to-destination A:FROM-TO/BASE`: ports from BASE on are laid over the range. */
function shifted<P>(
  choice: Choice<P>,
  p: P,
  { from, to }: PortRange,
  base: number,
): readonly Bound<P>[] {
  const { traffic } = choice.tracker.run;
  const count = to - from + 1;
  const parts = traffic.cases(p, allBits(SHIFTED), MOST_PORTS);
  if (parts === null) return pick(choice, p, SHIFTED, { from, to });
  return parts.map(({ value, p: part }) => {
    const wanted = from + (((value - base) & 0xffff) % count);
    return unchanged(choice, traffic.set(part, assignment(SHIFTED, BigInt(wanted))));
  });
}

/**
 * Looks for a free port of a range: a source's may be any, a destination's is the first one.
 * The last one tried stands when none is free.
 */
function pick<P>(
  choice: Choice<P>,
  p: P,
  port: Field,
  { from, to }: PortRange,
  attempt = 0,
): readonly Bound<P>[] {
  const { tracker, request } = choice;
  const { traffic } = tracker.run;
  const attempts = Math.min(ATTEMPTS, to - from + 1);
  const first = from + attempt;
  const last = request.manip === 'dst' && !request.random ? first : to;
  const chosen = traffic.choose(p, allBits(port), BigInt(first), BigInt(last));
  const anyOf = from === to || last === first ? {} : { anyOf: { from, to } };
  return vacancies(choice, chosen, attempts - attempt).flatMap(({ p: part, isFree }) => {
    if (isFree || attempt + 1 >= attempts) return [{ ...unchanged(choice, part), ...anyOf }];
    return pick(choice, part, port, { from, to }, attempt + 1);
  });
}

interface Vacancy<P> {
  readonly p: P;
  readonly isFree: boolean;
}

/** nf_nat_used_tuple(): whether the answer's tuple is that of another connection. */
function vacancies<P>(choice: Choice<P>, after: P, left = ATTEMPTS): readonly Vacancy<P>[] {
  const { tracker, cls, zone, own } = choice;
  const { traffic } = tracker.run;
  const answer = invert(traffic, traffic.fork(after), cls);
  const parts: Vacancy<P>[] = [];
  for (const one of find(tracker, answer, answerClass(cls), zone)) {
    const p = traffic.within(traffic.fork(after), one.p);
    if (p === null) continue;
    const known = occupies(zone, one) ? one.connection : null;
    const makesRoom = known !== null && left <= HARDER && gives(choice, known, one.reply);
    if (known !== null && makesRoom) changed(tracker, known, p, { alive: false });
    const free = known === null || known === own || makesRoom || mayClash(choice, known, one.reply);
    parts.push({ p, isFree: free });
  }
  return parts;
}

/**
 * nf_nat_used_tuple_new(): a datagram against an untranslated connection keeps its port; whether
 * both can be is decided when it is confirmed.
 */
function mayClash<P>(
  { cls, own, request }: Choice<P>,
  known: Connection<P>,
  isReply: boolean,
): boolean {
  const nat = STATUS.src_nat | STATUS.dst_nat | STATUS.seq_adjust;
  if (cls.kind !== 'udp' || isReply || request.random) return false;
  return ((own.status | known.status) & nat) === 0;
}

/** nf_nat_may_kill(): a closing connection with a translated source gives way to a new one. */
function gives<P>(
  { cls, own, tracker }: Choice<P>,
  known: Connection<P>,
  isReply: boolean,
): boolean {
  if (cls.kind !== 'tcp' || tracker.sets || !isReply) return false;
  if (own.state.kind !== 'tcp' || own.state.tcp.state !== 'SYN_SENT') return false;
  if (known.state.kind !== 'tcp' || (known.status & STATUS.src_nat) === 0) return false;
  return ['TIME_WAIT', 'CLOSE', 'SYN_SENT2'].includes(known.state.tcp.state);
}

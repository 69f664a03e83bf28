/**
 * Address translation as the userspace datapath decides it (lib/conntrack.c
 * nat_get_unique_tuple()), where it differs from the kernel: which ports are tried, and tuples of
 * ended connections that nobody has swept yet.
 */
import { allBits, type Field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { range } from '../../traffic/match.ts';
import { type Zone } from './connection.ts';
import { type Bound, type NatRequest, toAddress } from './nat.ts';
import { answerClass, F, hasPorts, invert, type PacketClass } from './protocols.ts';
import { answersUnswept, find, type Tracker } from './tracker.ts';

/** Ports tried one by one; the real switch tries all of the range. */
const ATTEMPTS = 4096;
/** With more ports than this in a packet set, the next one is not told from others of the range. */
const TOLD_APART = 64;

/** Privileged ports stay privileged (set_sport_range()). */
const CLASSES = [
  { from: 1, to: 511, guard: guard(range(F.tpSrc, 0n, 511n)) },
  { from: 600, to: 1023, guard: guard(range(F.tpSrc, 512n, 1023n)) },
  { from: 1024, to: 65_535, guard: guard(range(F.tpSrc, 1024n, 65_535n)) },
] as const;

interface Ports {
  readonly of: Field;
  readonly from: number;
  readonly to: number;
}

/**
 * Decides the translation of a first packet; `after` is consumed. A destination that is taken
 * makes the switch look for another *source* port.
 *
 * Simplification: where in an explicit range of ports or addresses the switch starts is a hash
 * with a random seed; one packet takes the first that is free.
 */
export function chooseUserspacePort<P>(
  tracker: Tracker<P>,
  after: P,
  cls: PacketClass,
  zone: Zone,
  request: NatRequest,
): readonly Bound<P>[] {
  const moved = toAddress(tracker.run.traffic, after, cls, request);
  if (!hasPorts(cls.kind)) return vacant(tracker, moved, cls, zone);
  if (request.ports === null) return sourcePort(tracker, moved, cls, zone);
  const of = request.manip === 'src' ? F.tpSrc : F.tpDst;
  const wanted = { of, ...request.ports };
  return oneOf(tracker, moved, cls, zone, wanted).flatMap((bound) =>
    bound.after === null && request.manip === 'dst'
      ? sourcePort(tracker, bound.p, cls, zone)
      : [bound],
  );
}

/** Keeps the source port when the tuple is vacant, else takes the next one that is. */
function sourcePort<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  return vacant(tracker, p, cls, zone).flatMap((bound) => {
    if (bound.after !== null) return [bound];
    const results: Bound<P>[] = [];
    let rest: P | null = bound.p;
    for (const { from, to, guard: inside } of CLASSES) {
      if (rest === null) break;
      const { hit, miss }: { hit: P | null; miss: P | null } = traffic.split(rest, inside);
      if (hit !== null) results.push(...nextOf(tracker, hit, cls, zone, { of: F.tpSrc, from, to }));
      rest = miss;
    }
    return results;
  });
}

function nextOf<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
  ports: Ports,
): readonly Bound<P>[] {
  const cases = tracker.run.traffic.cases(p, allBits(ports.of), TOLD_APART);
  if (cases === null) return oneOf(tracker, p, cls, zone, ports);
  return cases.flatMap(({ value, p: part }) =>
    oneOf(tracker, part, cls, zone, { ...ports, from: value + 1 }).flatMap((bound) =>
      bound.after === null
        ? oneOf(tracker, bound.p, cls, zone, { ...ports, to: value - 1 })
        : [bound],
    ),
  );
}

/** Any vacant port of the range, upwards from its lower end. */
function oneOf<P>(
  tracker: Tracker<P>,
  start: P,
  cls: PacketClass,
  zone: Zone,
  { of, from, to }: Ports,
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  const results: Bound<P>[] = [];
  let rest: P[] = [start];
  for (let port = from; port <= to && port < from + ATTEMPTS && rest.length > 0; port++) {
    const taken: P[] = [];
    for (const p of rest) {
      const chosen = traffic.choose(traffic.fork(p), allBits(of), BigInt(port), BigInt(to));
      for (const bound of vacant(tracker, chosen, cls, zone)) {
        if (bound.after !== null) results.push(bound);
        else taken.push(bound.p);
      }
    }
    rest = taken;
  }
  results.push(...rest.map((p): Bound<P> => ({ p, after: null })));
  return results;
}

/** Whether the answer's tuple belongs to no connection, ended ones that stand included. */
function vacant<P>(
  tracker: Tracker<P>,
  after: P,
  cls: PacketClass,
  zone: Zone,
): readonly Bound<P>[] {
  const { traffic } = tracker.run;
  const answer = invert(traffic, traffic.fork(after), cls);
  return find(tracker, answer, answerClass(cls), zone).flatMap((one): Bound<P>[] => {
    const part = traffic.within(traffic.fork(after), one.p);
    if (part === null) return [];
    if (one.connection !== null) return [{ p: part, after: null }];
    const { hit, miss } = answersUnswept(tracker, one.p, answerClass(cls), zone);
    const bounds: Bound<P>[] = [];
    for (const [answered, taken] of [
      [hit, true],
      [miss, false],
    ] as const) {
      const mine = answered === null ? null : traffic.within(traffic.fork(part), answered);
      if (mine !== null) bounds.push({ p: mine, after: taken ? null : traffic.fork(mine) });
    }
    return bounds;
  });
}

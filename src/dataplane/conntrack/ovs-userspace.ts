/**
 * OVS's ct action on the userspace datapath (lib/conntrack.c process_one()), as Open vSwitch
 * 3.1 does it. It differs from the kernel in what is new, what is picked up and in NAT.
 */
import { allBits, field } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { and, type Match, or, test } from '../../traffic/match.ts';
import { bothWays, type Connection, NO_HELP, STATUS } from './connection.ts';
import { type CtRequest, type CtResult } from './ct-action.ts';
import { relatedTo } from './errors.ts';
import { expectedBy, expectTftp } from './expect.ts';
import { advance, open } from './machine.ts';
import { originalOf, remembered, show, stateBits } from './marks.ts';
import {
  type Manip,
  type NatRequest,
  noteChoices,
  other,
  translate,
  translateError,
  translatePort,
} from './nat.ts';
import { chooseUserspacePort } from './nat-userspace.ts';
import { classify, F, type PacketClass } from './protocols.ts';
import { answersUnswept, changed, find, insert, type Tracker } from './tracker.ts';

const STATE = field('ct_state');

function has(bits: number): Match {
  return test(STATE, BigInt(bits), BigInt(bits));
}

/** Tracked by this zone before: then ct_state still says what was found and done. */
function trackedIn(zone: number): Guard {
  return guard(and(has(stateBits('trk')), test(F.ctZone, BigInt(zone))));
}

/** The connection is at hand: the machine does not move twice for one packet. */
const FOUND = guard(or(has(stateBits('est')), has(stateBits('rel')), has(stateBits('new'))));
const TRANSLATED = guard(or(has(stateBits('snat')), has(stateBits('dnat'))));

/** A packet on its way through one ct action. */
interface Work<P> {
  readonly p: P;
  readonly cls: PacketClass;
  /** ct_state bits so far. */
  readonly bits: number;
  /** Tracked by this zone already, and possibly translated already. */
  readonly seen: boolean;
  readonly translated: boolean;
}

/** Executes one ct action; the parts together are `p`. */
export function executeUserspaceCt<P>(
  tracker: Tracker<P>,
  p: P,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  const { traffic } = tracker.run;
  const { hit, miss } = traffic.split(p, trackedIn(request.zone));
  const results: CtResult<P>[] = [];
  if (miss !== null) results.push(...process(tracker, miss, request, false, false));
  if (hit === null) return results;
  const before = traffic.split(hit, FOUND);
  for (const [part, seen] of [
    [before.hit, true],
    [before.miss, false],
  ] as const) {
    if (part === null) continue;
    const done = traffic.split(part, TRANSLATED);
    if (done.hit !== null) results.push(...process(tracker, done.hit, request, seen, true));
    if (done.miss !== null) results.push(...process(tracker, done.miss, request, seen, false));
  }
  return results;
}

function process<P>(
  tracker: Tracker<P>,
  p: P,
  request: CtRequest<P>,
  seen: boolean,
  translated: boolean,
): readonly CtResult<P>[] {
  const { traffic } = tracker.run;
  const zone = bothWays(request.zone);
  return classify(traffic, p, tracker.personality).flatMap(
    ({ cls, p: part }): readonly CtResult<P>[] => {
      const work: Work<P> = { p: part, cls, bits: 0, seen, translated };
      if (cls.treatment === 'error') {
        return relatedTo(tracker, part, cls.version, zone).map((one) =>
          related(tracker, { ...work, p: one.p }, request, one.connection, one.reply),
        );
      }
      if (cls.treatment !== 'track') return [invalid(tracker, work, request)];
      return find(tracker, part, cls, zone).flatMap(({ p: here, connection, reply }) => {
        const found = { ...work, p: here };
        if (connection === null) return strange(tracker, found, request);
        if (request.force && reply) {
          changed(tracker, connection, here, { alive: false, expires_us: tracker.run.now_us });
          return begin(tracker, found, request);
        }
        return known(tracker, found, request, connection, reply);
      });
    },
  );
}

function invalid<P>(tracker: Tracker<P>, work: Work<P>, request: CtRequest<P>): CtResult<P> {
  return finish(tracker, { ...work, bits: stateBits('trk', 'inv') }, request, null);
}

/** What the switch does not even look at (lib/ipf.c: too short a fragment) is invalid. */
export function refuseUserspaceCt<P>(
  tracker: Tracker<P>,
  p: P,
  { zone }: CtRequest<P>,
): CtResult<P> {
  const state = stateBits('trk', 'inv');
  return { p: show(tracker, p, { state, zone, connection: null, cls: null }), connection: null };
}

/** write_ct_md(), then set_mark() and set_label(). */
function finish<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
  connection: Connection<P> | null,
): CtResult<P> {
  const tuple = work.cls.treatment === 'track' && (work.bits & stateBits('inv')) === 0;
  let p = show(tracker, work.p, {
    state: work.bits | stateBits('trk'),
    zone: request.zone,
    connection,
    cls: tuple ? work.cls : null,
  });
  if (connection === null || request.exec === null) return { p, connection };
  p = request.exec(p);
  const memo = remembered(tracker, connection, p);
  return { p, connection: changed(tracker, connection, p, { memo }) };
}

function related<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
  connection: Connection<P> | null,
  reply: boolean,
): CtResult<P> {
  if (connection === null) return invalid(tracker, work, request);
  const bits = stateBits('rel') | (reply ? stateBits('rpl') : 0);
  const told = { ...work, bits };
  if (request.nat === null) return finish(tracker, told, request, connection);
  return finish(tracker, apply(tracker, told, connection, reply, true), request, connection);
}

/** conn_update_state(), then handle_nat(). */
function known<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
  connection: Connection<P>,
  reply: boolean,
): readonly CtResult<P>[] {
  const steps = work.seen
    ? [{ p: work.p, verdict: 'seen' as const, connection }]
    : advance(tracker, work.p, connection, reply);
  return steps.flatMap((step): readonly CtResult<P>[] => {
    const moved = { ...work, p: step.p };
    if (step.verdict === 'restart') return begin(tracker, moved, request);
    if (step.verdict === 'invalid') {
      // A packet that the machine refuses is translated all the same.
      const refused = { ...moved, bits: stateBits('inv') };
      const out =
        request.nat === null ? refused : apply(tracker, refused, step.connection, reply, false);
      return [finish(tracker, out, request, step.connection)];
    }
    if (step.verdict === 'seen') return seenBefore(tracker, moved, request, connection, reply);
    let bits = step.connection.master === null ? 0 : stateBits('rel');
    if (step.verdict === 'new') bits |= stateBits('new');
    else bits |= stateBits('est') | (reply ? stateBits('rpl') : 0);
    const told = { ...moved, bits };
    const out = request.nat === null ? told : apply(tracker, told, step.connection, reply, false);
    return [finish(tracker, out, request, step.connection)];
  });
}

/** process_one_fast(): ct_state stays as it is. */
function seenBefore<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
  connection: Connection<P>,
  reply: boolean,
): readonly CtResult<P>[] {
  const { traffic } = tracker.run;
  const cases = traffic.cases(work.p, allBits(STATE), 256);
  if (cases === null) return [finish(tracker, work, request, connection)];
  return cases.map(({ value, p }) => {
    const told = { ...work, p, bits: value };
    const out =
      request.nat === null || work.translated
        ? told
        : apply(tracker, told, connection, reply, false);
    return finish(tracker, out, request, connection);
  });
}

/** nat_packet() and un_nat_packet(), with the ct_state bits of what was done. */
function apply<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  connection: Connection<P>,
  reply: boolean,
  error: boolean,
): Work<P> {
  const { traffic } = tracker.run;
  let { p, bits } = work;
  for (const manip of ['src', 'dst'] as const) {
    const end: Manip = reply ? other(manip) : manip;
    const bit = end === 'src' ? STATUS.src_nat : STATUS.dst_nat;
    if ((connection.status & bit) === 0) continue;
    p = error
      ? translateError(traffic, p, connection, reply, manip)
      : translate(traffic, p, connection, reply, manip);
    // The search for a vacant tuple may have moved the source port (pat_packet()).
    if (!error && end === 'dst') p = translatePort(traffic, p, connection, reply, other(manip));
    bits |= stateBits(manip === 'src' ? 'snat' : 'dnat');
  }
  return { ...work, p, bits };
}

/** Of no connection; what answers one that has ended and still has its reverse tuple is invalid. */
function strange<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  const { hit, miss } = answersUnswept(tracker, work.p, work.cls, bothWays(request.zone));
  const results: CtResult<P>[] = [];
  if (hit !== null) results.push(invalid(tracker, { ...work, p: hit }, request));
  if (miss !== null) results.push(...unknown(tracker, { ...work, p: miss }, request));
  return results;
}

/** A tuple that is not in the table: translated by an earlier ct action (check_orig_tuple()), or new. */
function unknown<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  if (!work.translated) return begin(tracker, work, request);
  const { traffic } = tracker.run;
  const first = originalOf(traffic, work.p, work.cls);
  const zone = bothWays(request.zone);
  return find(tracker, first, work.cls, zone).flatMap(({ p: found, connection, reply }) => {
    const part = traffic.within(traffic.fork(work.p), found);
    if (part === null) return [];
    const here = { ...work, p: part };
    return connection === null
      ? begin(tracker, here, request)
      : known(tracker, here, request, connection, reply);
  });
}

/** conn_not_found(): new, and remembered when the action commits. */
function begin<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  return open(tracker, work.p, work.cls).flatMap(({ p, state, expires_us }) => {
    const here = { ...work, p };
    if (state === null) return [invalid(tracker, here, request)];
    return expectedBy(tracker, p, work.cls, request.zone).flatMap(({ p: part, expectation }) => {
      const master = expectation?.master ?? null;
      const { traffic } = tracker.run;
      const bits = stateBits('new') | (master === null ? 0 : stateBits('rel'));
      const fresh = { ...here, p: part, bits };
      if (!request.commit) return [finish(tracker, fresh, request, null)];
      const connection: Connection<P> = {
        identity: {},
        cls: work.cls,
        zone: bothWays(request.zone),
        before: traffic.fork(part),
        after: traffic.fork(part),
        memo: master === null ? traffic.blank(part) : traffic.fork(master.memo),
        status: STATUS.confirmed,
        state,
        expires_us,
        ...NO_HELP,
        helper: request.alg,
        master,
        alive: true,
        entry: null,
      };
      return commit(tracker, fresh, request, connection);
    });
  });
}

function commit<P>(
  tracker: Tracker<P>,
  work: Work<P>,
  request: CtRequest<P>,
  connection: Connection<P>,
): readonly CtResult<P>[] {
  const { traffic } = tracker.run;
  const manip = request.nat?.manip ?? null;
  const keep = (one: Connection<P>): void => {
    insert(tracker, one);
    if (one.helper === 'tftp') expectTftp(tracker, one);
  };
  if (request.nat === null || manip === null) {
    keep(connection);
    return [finish(tracker, work, request, connection)];
  }
  const wanted: NatRequest = { ...request.nat, manip };
  const { cls, zone, after } = connection;
  return chooseUserspacePort(tracker, traffic.fork(after), cls, zone, wanted).flatMap((bound) => {
    const part = traffic.within(traffic.fork(work.p), bound.p);
    if (part === null) return [];
    const here = { ...work, p: noteChoices(traffic, part, bound, wanted) };
    // Every tuple is taken: the packet goes on as new and is not remembered.
    if (bound.after === null) return [finish(tracker, here, request, null)];
    const bit = manip === 'src' ? STATUS.src_nat : STATUS.dst_nat;
    const made = { ...connection, after: bound.after, status: connection.status | bit };
    keep(made);
    return [finish(tracker, apply(tracker, here, made, false, false), request, made)];
  });
}

/**
 * Connection tracking at Linux's hooks (net/netfilter/nf_conntrack_core.c, nf_nat_core.c):
 * `track` at -200 in PREROUTING and OUTPUT, `wantsRule`, `bind` and `applyNat` at -100 and 100,
 * `confirm` behind the last chain. OVS's kernel datapath (`ovs-kernel.ts`) uses the same steps.
 */
import { allBits, type FieldBits, field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
import { type Split, type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Drop } from '../outcome.ts';
import { type Connection, NO_HELP, STATUS, type Zone } from './connection.ts';
import { relatedTo } from './errors.ts';
import { expectedBy, expectTftp, useUp } from './expect.ts';
import { advance, open } from './machine.ts';
import { clear, loadMarks, remembered, show, stateBits } from './marks.ts';
import {
  type Manip,
  type NatRequest,
  noteChoices,
  other,
  translate,
  translateError,
} from './nat.ts';
import { choosePort } from './nat-kernel.ts';
import {
  allAddressBits,
  answerClass,
  classify,
  F,
  invert,
  type Kind,
  type PacketClass,
  tuplePairs,
} from './protocols.ts';
import { takeRoom } from './room.ts';
import { changed, type Expectation, find, insert, occupies, type Tracker } from './tracker.ts';

/** What a packet carries from hook to hook (skb->_nfct). */
export interface Handle<P> {
  readonly state: 'new' | 'established' | 'related' | 'invalid' | 'untracked';
  /** Travels against the connection's first packet. */
  readonly reply: boolean;
  /** An ICMP error about the connection, not a packet of it. */
  readonly error: boolean;
  readonly connection: Connection<P> | null;
  readonly cls: PacketClass;
  /** Of the connection, but not counted as one of its packets. */
  readonly passedOver?: boolean;
}

/** Traffic with its handle. */
export interface Tracked<P> {
  readonly p: P;
  readonly handle: Handle<P>;
  /** Set where it ends here: the table has no room for its connection. */
  readonly refused?: Drop;
}

const SOME_CLASS: PacketClass = {
  version: 4,
  kind: 'other',
  treatment: 'none',
  icmpType: 0,
  replyType: 0,
  opens: false,
};

/** The handle of packets that `CT --notrack` took out of tracking. */
export function untracked<P>(): Handle<P> {
  return { state: 'untracked', reply: false, error: false, connection: null, cls: SOME_CLASS };
}

const BAD_CHECKSUM = guard(test(field('tp_csum_bad'), 1n));
const VERIFIED: ReadonlySet<Kind> = new Set(['tcp', 'udp', 'sctp', 'icmp']);

/**
 * nf_conntrack_in(): finds or begins the connection of every part of the traffic.
 *
 * @param verify packets that came in with a wrong checksum are invalid; what the host itself
 *   sends is not looked at (nf_conntrack_checksum)
 */
export function track<P>(
  tracker: Tracker<P>,
  p: P,
  zone: Zone,
  verify = true,
): readonly Tracked<P>[] {
  const { traffic } = tracker.run;
  return classify(traffic, p, tracker.personality).flatMap(({ cls, p: part }) => {
    if (!verify || !VERIFIED.has(cls.kind)) return trackClass(tracker, part, cls, zone);
    const { hit, miss } = traffic.split(part, BAD_CHECKSUM);
    const good = miss === null ? [] : trackClass(tracker, miss, cls, zone);
    if (hit === null) return good;
    return [
      ...good,
      finish(tracker, hit, without<P>('invalid', { ...cls, treatment: 'none' }), zone),
    ];
  });
}

function trackClass<P>(
  tracker: Tracker<P>,
  part: P,
  cls: PacketClass,
  zone: Zone,
): readonly Tracked<P>[] {
  const { traffic } = tracker.run;
  if (cls.treatment === 'discovery') {
    return [{ p: clear(traffic, part), handle: without<P>('untracked', cls) }];
  }
  if (cls.treatment === 'none') {
    return [finish(tracker, part, without<P>('invalid', cls), zone)];
  }
  if (cls.treatment === 'error') {
    return relatedTo(tracker, part, cls.version, zone).map((one) => {
      const state = one.connection === null ? 'invalid' : 'related';
      const { connection, reply } = one;
      return finish(tracker, one.p, { state, reply, error: true, connection, cls }, zone);
    });
  }
  return find(tracker, part, cls, zone).flatMap(({ p: here, connection, reply }) =>
    connection === null
      ? first(tracker, here, cls, zone)
      : proceed(tracker, here, cls, zone, connection, reply),
  );
}

function without<P>(state: 'invalid' | 'untracked', cls: PacketClass): Handle<P> {
  return { state, reply: false, error: false, connection: null, cls };
}

/** A packet of no connection where the table has room, or not. */
function first<P>(tracker: Tracker<P>, p: P, cls: PacketClass, zone: Zone): readonly Tracked<P>[] {
  const refused = takeRoom(tracker);
  if (refused === null) return begin(tracker, p, cls, zone);
  return [{ p, handle: without<P>('invalid', cls), refused }];
}

/** A packet of no connection begins one, or is invalid (init_conntrack()). */
function begin<P>(tracker: Tracker<P>, p: P, cls: PacketClass, zone: Zone): readonly Tracked<P>[] {
  return open(tracker, p, cls).flatMap(({ p: part, state, expires_us }) => {
    if (state === null) return [finish(tracker, part, without<P>('invalid', cls), zone)];
    return expectedBy(tracker, part, cls, zone.original).map(({ p: first, expectation }) => {
      const { traffic } = tracker.run;
      const master = expectation?.master ?? null;
      const begun = followed(traffic, first, expectation);
      const connection: Connection<P> = {
        identity: {},
        cls,
        zone,
        before: traffic.fork(first),
        after: begun.after,
        memo: master === null ? traffic.blank(first) : traffic.fork(master.memo),
        status: begun.status,
        state,
        expires_us,
        ...NO_HELP,
        master,
        alive: true,
        entry: null,
      };
      const related = master === null ? 'new' : 'related';
      const handle = { state: related, reply: false, error: false, connection, cls } as const;
      return finish(tracker, first, handle, zone);
    });
  });
}

/** nf_nat_follow_master(): an expected connection is translated like the one that announced it. */
function followed<P>(
  traffic: Traffic<P>,
  first: P,
  expectation: Expectation<P> | null,
): { readonly after: P; readonly status: number } {
  let after = traffic.fork(first);
  if (expectation === null) return { after, status: 0 };
  const { master, follow, cls } = expectation;
  if (follow === null) return { after, status: STATUS.expected };
  const { src, dst } = allAddressBits(cls.version);
  const known = follow.reply ? master.after : master.before;
  const [speaker, listener] = follow.reply ? [dst, src] : [src, dst];
  after = traffic.copy(after, src, known, listener);
  after = traffic.copy(after, dst, known, speaker);
  after = traffic.set(after, assignment(F.tpDst, BigInt(follow.port)));
  const moved = (...bits: readonly FieldBits[]): boolean =>
    bits.some((one) => traffic.same(traffic.fork(after), first, [[one, one]]).hit === null);
  let status = STATUS.expected | STATUS.src_nat_done | STATUS.dst_nat_done;
  if (moved(src)) status |= STATUS.src_nat;
  if (moved(dst, allBits(F.tpDst))) status |= STATUS.dst_nat;
  return { after, status };
}

/** A packet of a known connection (resolve_normal_ct(), nf_conntrack_handle_packet()). */
function proceed<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
  known: Connection<P>,
  reply: boolean,
): readonly Tracked<P>[] {
  const answered = (known.status & STATUS.seen_reply) !== 0;
  const expected = (known.status & STATUS.expected) !== 0;
  const state = reply || answered ? 'established' : expected ? 'related' : 'new';
  return advance(tracker, p, known, reply).flatMap((advanced) => {
    const { p: part, verdict, connection } = advanced;
    if (verdict === 'invalid') return [finish(tracker, part, without<P>('invalid', cls), zone)];
    if (verdict === 'restart') return begin(tracker, part, cls, zone);
    const handle: Handle<P> = { state, reply, error: false, connection, cls };
    const passed = advanced.passedOver === true ? { ...handle, passedOver: true } : handle;
    return [finish(tracker, part, passed, zone)];
  });
}

/** Writes what the handle says into the packet's ct_* fields. */
function finish<P>(tracker: Tracker<P>, p: P, handle: Handle<P>, zone: Zone): Tracked<P> {
  const { connection, cls } = handle;
  const id = handle.reply ? zone.reply : zone.original;
  const shown = show(tracker, p, {
    state: handleBits(handle),
    zone: connection?.zone.original ?? id,
    connection,
    cls: cls.treatment === 'track' && connection !== null ? cls : null,
  });
  return { p: shown, handle };
}

/** The ct_state bits of a handle, NAT bits from the connection's status included. */
export function handleBits<P>(handle: Handle<P>): number {
  const { state, connection } = handle;
  if (state === 'untracked') return 0;
  let bits = stateBits('trk');
  if (state === 'new') bits |= stateBits('new');
  if (state === 'established') bits |= stateBits('est');
  if (state === 'related') bits |= stateBits('rel');
  if (state === 'invalid') bits |= stateBits('inv');
  if (handle.reply) bits |= stateBits('rpl');
  const status = connection?.status ?? 0;
  if ((status & STATUS.src_nat) !== 0) bits |= stateBits('snat');
  if ((status & STATUS.dst_nat) !== 0) bits |= stateBits('dnat');
  return bits;
}

function doneBit(manip: Manip): number {
  return manip === 'src' ? STATUS.src_nat_done : STATUS.dst_nat_done;
}

/** Whether the nat chains are asked: once per connection and end, by its first packet. */
export function wantsRule<P>(handle: Handle<P>, manip: Manip): boolean {
  const { connection, error, state } = handle;
  if (connection === null || error || (state !== 'new' && state !== 'related')) return false;
  return (connection.status & doneBit(manip)) === 0;
}

/** nf_nat_setup_info(): a confirmed connection's tuples stay as they are, whatever a rule says. */
export function mayBind<P>({ connection }: Handle<P>): boolean {
  return connection !== null && (connection.status & STATUS.confirmed) === 0;
}

/**
 * nf_nat_setup_info(): what the rule asks for, or, with `addresses` and `ports` null, the null
 * binding, which still moves the source port away from a tuple that is taken.
 */
export function bind<P>(
  tracker: Tracker<P>,
  p: P,
  handle: Handle<P>,
  request: NatRequest,
): readonly Tracked<P>[] {
  const { traffic } = tracker.run;
  const { connection, cls } = handle;
  if (connection === null) return [{ p, handle }];
  const wanted = traffic.fork(connection.after);
  const own = traffic.within(wanted, p) ?? wanted;
  return choosePort(tracker, own, connection, request).flatMap((bound) => {
    const part = traffic.within(traffic.fork(p), bound.p);
    if (part === null || bound.after === null) return [];
    const kept = traffic.same(bound.after, connection.after, tuplePairs(cls).forward);
    const results: Tracked<P>[] = [];
    const settle = (after: P | null, bit: number): void => {
      if (after === null) return;
      const taken = traffic.within(traffic.fork(part), after);
      if (taken === null) return;
      const here = noteChoices(traffic, taken, bound, request);
      const status = connection.status | doneBit(request.manip) | bit;
      const next = changed(tracker, connection, here, { after, status });
      const later = { ...handle, connection: next };
      results.push(finish(tracker, here, later, next.zone));
    };
    settle(kept.miss, request.manip === 'src' ? STATUS.src_nat : STATUS.dst_nat);
    settle(kept.hit, 0);
    return results;
  });
}

/** nf_nat_masquerade_ipv4(): the connection is tied to the interface its packet leaves by. */
export function masquerade<P>(tracker: Tracker<P>, { p, handle }: Tracked<P>): Tracked<P> {
  const { connection } = handle;
  if (connection === null) return { p, handle };
  const masqueradedBy = tracker.run.traffic.fork(p);
  return {
    p,
    handle: { ...handle, connection: changed(tracker, connection, p, { masqueradedBy }) },
  };
}

/**
 * nf_nat_oif_changed(): a packet of a masqueraded connection that would leave by another
 * interface ends it. `hit` may go on.
 */
export function byMasqueraded<P>(tracker: Tracker<P>, { p, handle }: Tracked<P>): Split<P> {
  const { connection, reply, error } = handle;
  const tied = connection?.masqueradedBy;
  if (connection === null || tied === undefined || reply || error) return { hit: p, miss: null };
  const split = tracker.run.traffic.same(p, tied, [[OUTPUT, OUTPUT]]);
  if (split.miss !== null) changed(tracker, connection, split.miss, { alive: false });
  return split;
}

const OUTPUT = allBits(field('meta_oif'));

/** nf_nat_packet(): rewrites the end of the packet that belongs to this hook. */
export function applyNat<P>(tracker: Tracker<P>, p: P, handle: Handle<P>, manip: Manip): P {
  const { connection, reply } = handle;
  if (connection === null) return p;
  const end = reply ? other(manip) : manip;
  const bit = end === 'src' ? STATUS.src_nat : STATUS.dst_nat;
  if ((connection.status & bit) === 0) return p;
  const { traffic } = tracker.run;
  return handle.error
    ? translateError(traffic, p, connection, reply, manip)
    : translate(traffic, p, connection, reply, manip);
}

/** CONNMARK and connlabel: the connection takes the mark and labels in the fields of `p`. */
export function saveMark<P>(tracker: Tracker<P>, p: P, handle: Handle<P>): Handle<P> {
  const { connection } = handle;
  if (connection === null) return handle;
  const memo = remembered(tracker, connection, p);
  return { ...handle, connection: changed(tracker, connection, p, { memo }) };
}

/** `CT --helper`: the helper of a connection that is not confirmed yet. */
export function setHelper<P>(handle: Handle<P>, helper: string): void {
  const { connection } = handle;
  if (connection === null || (connection.status & STATUS.confirmed) !== 0) return;
  connection.helper = helper;
  connection.status |= STATUS.helper;
}

/** What becomes of a packet at the end: confirmed (or nothing to do), or dropped for a clash. */
export interface Confirmed<P> {
  readonly kept: Tracked<P> | null;
  readonly clashed: P | null;
}

/** nf_conntrack_confirm(): the connection enters the table, unless one of its tuples is there. */
export function confirm<P>(tracker: Tracker<P>, p: P, handle: Handle<P>): readonly Confirmed<P>[] {
  const { connection, cls } = handle;
  if (connection === null || handle.error || !connection.alive) {
    return [{ kept: { p, handle }, clashed: null }];
  }
  if ((connection.status & STATUS.confirmed) !== 0) return [{ kept: { p, handle }, clashed: null }];
  const { traffic } = tracker.run;
  const own = traffic.within(traffic.fork(connection.after), p) ?? traffic.fork(connection.after);
  const answer = invert(traffic, own, cls);
  return find(tracker, answer, answerClass(cls), connection.zone).flatMap(
    (found): Confirmed<P>[] => {
      const part = traffic.within(traffic.fork(p), found.p);
      if (part === null) return [];
      if (occupies(connection.zone, found)) return [{ kept: null, clashed: part }];
      const status = connection.status | STATUS.confirmed;
      const next = changed(tracker, connection, part, { status });
      insert(tracker, next);
      useUp(tracker, next);
      if (next.helper === 'tftp') expectTftp(tracker, next);
      return [{ kept: { p: part, handle: { ...handle, connection: next } }, clashed: null }];
    },
  );
}

/** The mark of the connection, written into the packet's ct_mark field (again). */
export function loadMark<P>(tracker: Tracker<P>, p: P, handle: Handle<P>): P {
  const { connection } = handle;
  if (connection === null) return p;
  return loadMarks(tracker.run.traffic, p, connection.memo);
}

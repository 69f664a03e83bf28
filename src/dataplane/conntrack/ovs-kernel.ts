/**
 * OVS's ct action on the kernel datapath (net/openvswitch/conntrack.c ovs_ct_execute()): the
 * steps of nf_conntrack, one after the other, in one action.
 */
import { field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { assignment } from '../../traffic/words.ts';
import { bothWays, STATUS } from './connection.ts';
import { type CtNat, type CtRequest, type CtResult } from './ct-action.ts';
import { originalOf, stateBits } from './marks.ts';
import { type Manip, type NatRequest, other } from './nat.ts';
import {
  applyNat,
  bind,
  confirm,
  type Handle,
  saveMark,
  setHelper,
  type Tracked,
  track,
} from './netfilter.ts';
import { answerClass, classify, F, type PacketClass } from './protocols.ts';
import { changed, find, type Tracker } from './tracker.ts';

const CT_STATE_FIELD = field('ct_state');

const TRK = stateBits('trk');
const ANSWER = guard(test(CT_STATE_FIELD, BigInt(stateBits('rpl')), BigInt(stateBits('rpl'))));

/** Executes one ct action; the parts together are `p`, less those that a clash drops. */
export function executeKernelCt<P>(
  tracker: Tracker<P>,
  p: P,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  const { traffic } = tracker.run;
  const zone = bothWays(request.zone);
  const inZone = assignment(F.ctZone, BigInt(request.zone));
  return lookUp(tracker, p, request.zone)
    .flatMap(({ p: part, handle, refused }): readonly CtResult<P>[] => {
      // Whatever nf_conntrack_in() does not accept ends in the action (__ovs_ct_lookup()).
      if (refused !== undefined) return [{ p: part, connection: null, refused }];
      if (handle.reply && request.force && handle.connection !== null && !handle.error) {
        changed(tracker, handle.connection, part, { alive: false });
        return track(tracker, part, zone).flatMap((again) =>
          again.refused === undefined
            ? perform(tracker, again, request)
            : [{ p: again.p, connection: null, refused: again.refused }],
        );
      }
      return perform(tracker, { p: part, handle }, request);
    })
    .map((result) => ({ ...result, p: traffic.set(result.p, inZone) }));
}

/**
 * skb_nfct_cached(): a packet that this zone has tracked keeps its connection, and the protocol's
 * machine does not move twice for it.
 */
function lookUp<P>(tracker: Tracker<P>, p: P, zone: number): readonly Tracked<P>[] {
  const { traffic } = tracker.run;
  const valid = test(CT_STATE_FIELD, BigInt(TRK), BigInt(TRK | stateBits('inv')));
  const known = guard(and(valid, test(F.ctZone, BigInt(zone))));
  const { hit, miss } = traffic.split(p, known);
  const found: Tracked<P>[] = miss === null ? [] : [...track(tracker, miss, bothWays(zone))];
  if (hit === null) return found;
  for (const { cls, p: part } of classify(traffic, hit, tracker.personality)) {
    if (cls.treatment !== 'track') {
      found.push(...track(tracker, part, bothWays(zone)));
      continue;
    }
    const { hit: answers, miss: asks } = traffic.split(part, ANSWER);
    if (asks !== null) found.push(...again(tracker, asks, cls, zone, false));
    if (answers !== null) found.push(...again(tracker, answers, cls, zone, true));
  }
  return found;
}

/** Finds the connection by the original tuple that the first ct action left on the packet. */
function again<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: number,
  reply: boolean,
): readonly Tracked<P>[] {
  const { traffic } = tracker.run;
  const first = originalOf(traffic, p, cls);
  const original = reply ? answerClass(cls) : cls;
  const asked =
    reply && cls.kind === 'icmp'
      ? traffic.set(first, assignment(F.icmpType, BigInt(cls.replyType)))
      : first;
  return find(tracker, asked, original, bothWays(zone)).flatMap((one): readonly Tracked<P>[] => {
    const part = traffic.within(traffic.fork(p), one.p);
    if (part === null) return [];
    const { connection } = one;
    if (connection === null) return track(tracker, part, bothWays(zone));
    const answered = (connection.status & STATUS.seen_reply) !== 0;
    const state = reply || answered ? 'established' : 'new';
    return [{ p: part, handle: { state, reply, error: false, connection, cls } }];
  });
}

/** __ovs_ct_lookup() behind nf_conntrack_in(), then ovs_ct_commit(). */
function perform<P>(
  tracker: Tracker<P>,
  tracked: Tracked<P>,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  return translated(tracker, tracked, request).flatMap(({ p, handle }) => {
    const { connection } = handle;
    if (connection === null) return [{ p: withState(tracker, p, handle, request), connection }];
    let part = withState(tracker, p, handle, request);
    if (!request.commit) return [{ p: part, connection }];
    if (request.alg !== null) setHelper(handle, request.alg);
    let saved = handle;
    if (request.exec !== null) {
      part = request.exec(part);
      saved = saveMark(tracker, part, handle);
    }
    return confirm(tracker, part, saved).flatMap(({ kept }) =>
      kept === null ? [] : [{ p: kept.p, connection: kept.handle.connection }],
    );
  });
}

/** ovs_ct_update_key(): unconfirmed is NEW, a connection with a master stays RELATED. */
function withState<P>(tracker: Tracker<P>, p: P, handle: Handle<P>, request: CtRequest<P>): P {
  const { traffic } = tracker.run;
  const { connection } = handle;
  const invalid = connection === null;
  let bits = stateBits('trk');
  if (invalid) bits |= stateBits('inv');
  if (handle.state === 'new') bits |= stateBits('new');
  if (handle.state === 'established') bits |= stateBits('est');
  if (handle.state === 'related' || (connection?.master ?? null) !== null) bits |= stateBits('rel');
  if (handle.reply) bits |= stateBits('rpl');
  if (connection !== null && (connection.status & STATUS.confirmed) === 0) bits |= stateBits('new');
  for (const manip of natOrder(handle, request)) {
    if (isTranslated(handle, manip)) bits |= stateBits(manip === 'src' ? 'snat' : 'dnat');
  }
  return traffic.set(p, assignment(CT_STATE_FIELD, BigInt(bits)));
}

/** Whether this end of this packet is rewritten by the connection's translation. */
function isTranslated<P>({ connection, reply }: Handle<P>, manip: Manip): boolean {
  const end = reply ? other(manip) : manip;
  const bit = end === 'src' ? STATUS.src_nat : STATUS.dst_nat;
  return ((connection?.status ?? 0) & bit) !== 0;
}

/** Which ends the action touches, in the kernel's order (nf_ct_nat()). */
function natOrder<P>(handle: Handle<P>, { nat, commit }: CtRequest<P>): readonly Manip[] {
  const { connection, state } = handle;
  if (nat === null || connection === null) return [];
  const confirmed = (connection.status & STATUS.confirmed) !== 0;
  if (!confirmed && !commit) return [];
  const known = (connection.status & (STATUS.src_nat | STATUS.dst_nat)) !== 0;
  if (known && (state !== 'new' || confirmed) && (state !== 'related' || commit || handle.error)) {
    return handle.reply ? ['src', 'dst'] : ['dst', 'src'];
  }
  return nat.manip === null ? [] : [nat.manip, other(nat.manip)];
}

function translated<P>(
  tracker: Tracker<P>,
  tracked: Tracked<P>,
  request: CtRequest<P>,
): readonly Tracked<P>[] {
  const { handle } = tracked;
  const { nat } = request;
  if (nat === null || handle.connection === null) return [tracked];
  const decides =
    request.commit &&
    nat.manip !== null &&
    !handle.error &&
    (handle.connection.status & STATUS.confirmed) === 0;
  const parts = decides ? decide(tracker, tracked, nat, nat.manip) : [tracked];
  return parts.map((part) => {
    let { p } = part;
    for (const manip of natOrder(part.handle, request))
      p = applyNat(tracker, p, part.handle, manip);
    return { p, handle: part.handle };
  });
}

/** A first packet: the asked end, then the null binding of a source behind a DNAT. */
function decide<P>(
  tracker: Tracker<P>,
  tracked: Tracked<P>,
  nat: CtNat,
  manip: Manip,
): readonly Tracked<P>[] {
  const wanted: NatRequest = { ...nat, manip };
  const rest: NatRequest = { manip: 'src', addresses: null, ports: null, random: false };
  const first = bind(tracker, tracked.p, tracked.handle, wanted);
  if (manip === 'src') return first;
  return first.flatMap((one) => bind(tracker, one.p, one.handle, rest));
}

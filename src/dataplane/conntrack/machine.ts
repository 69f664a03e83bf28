/**
 * The protocol's machine of a connection moves on with a packet, in either personality. Traffic
 * is told apart by TCP flags here; the machines themselves are pure (`tcp-*.ts`).
 */
import { field, TCP_FLAGS } from '../../packet/fields.ts';
import { linearTable } from '../../traffic/linear.ts';
import { type Match, or, test } from '../../traffic/match.ts';
import { type Table } from '../../traffic/table.ts';
import { type TcpSegment } from '../../traffic/traffic.ts';
import { type Connection, type ProtocolState, STATUS } from './connection.ts';
import { type PacketClass } from './protocols.ts';
import { type KernelSctp, type SctpStateName, type SctpVerdict, trackSctp } from './sctp-kernel.ts';
import { shiftAt } from './sequence.ts';
import { kernelFlagsAreValid, openKernel, type Refresh, updateKernel } from './tcp-kernel.ts';
import { type Flags, flagsAreValid, openUserspace, updateUserspace } from './tcp-userspace.ts';
import { timeout_us } from './timeouts.ts';
import { changed, type Tracker } from './tracker.ts';
import { transportOf } from './transport-bytes.ts';
import { type Personality } from './types.ts';

const LOOKED_AT = 0x3f;

/** One rule for each set of flags that a machine treats alike; all refused ones together. */
function flagTable(personality: Personality): Table<Flags> {
  const groups = new Map<string, { flags: Flags; matches: Match[] }>();
  for (let bits = 0; bits <= LOOKED_AT; bits++) {
    const has = (bit: number): boolean => (bits & bit) !== 0;
    const bare = {
      syn: has(TCP_FLAGS.syn),
      ack: has(TCP_FLAGS.ack),
      fin: has(TCP_FLAGS.fin),
      rst: has(TCP_FLAGS.rst),
    };
    const urgent = has(TCP_FLAGS.urg);
    const valid =
      personality === 'kernel'
        ? kernelFlagsAreValid(bare, urgent)
        : flagsAreValid(bare, urgent || has(TCP_FLAGS.psh));
    const key = valid ? JSON.stringify(bare) : 'invalid';
    const group = groups.get(key) ?? { flags: { ...bare, valid }, matches: [] };
    group.matches.push(test(field('tcp_flags'), BigInt(bits), BigInt(LOOKED_AT)));
    groups.set(key, group);
  }
  return linearTable(
    [...groups.values()].map(({ flags, matches }, rank) => ({
      match: or(...matches),
      rank,
      decisive: true,
      entry: flags,
    })),
  );
}

const FLAGS = { kernel: flagTable('kernel'), userspace: flagTable('userspace') };
const NO_FLAGS: Flags = { syn: false, ack: false, fin: false, rst: false, valid: false };

function byFlags<P>(tracker: Tracker<P>, p: P): readonly { p: P; flags: Flags }[] {
  const found = tracker.run.traffic.lookup(p, FLAGS[tracker.personality]);
  return found.map((part) => ({ p: part.p, flags: part.entries[0]?.entry ?? NO_FLAGS }));
}

/** What a first packet opens: a state and its end, or nothing. */
export interface Opened<P> {
  readonly p: P;
  readonly state: ProtocolState | null;
  readonly expires_us: number;
}

/** The state that a first packet begins with; `state` null when it may not begin a connection. */
export function open<P>(tracker: Tracker<P>, p: P, cls: PacketClass): readonly Opened<P>[] {
  const { run, personality, timeouts } = tracker;
  const after = (name: string): number => run.now_us + timeout_us(timeouts, name);
  if (!cls.opens || cls.treatment !== 'track') return [{ p, state: null, expires_us: 0 }];
  if (cls.kind === 'tcp') {
    return byFlags(tracker, p).map((part) =>
      personality === 'kernel'
        ? openKernelTcp(tracker, part.p, part.flags)
        : openUserspaceTcp(tracker, part.p, part.flags),
    );
  }
  if (personality === 'userspace') {
    const name = cls.kind === 'icmp' ? 'icmp_first' : 'udp_first';
    return [{ p, state: { kind: 'steps', step: 'first' }, expires_us: after(name) }];
  }
  if (cls.kind === 'sctp') return [openKernelSctp(tracker, p, cls)];
  if (cls.kind === 'udp') {
    const stream_us = run.now_us + 2_000_000;
    return [{ p, state: { kind: 'udp', stream_us }, expires_us: after('udp') }];
  }
  const name = cls.kind === 'other' ? 'generic' : cls.kind;
  return [{ p, state: { kind: 'plain' }, expires_us: after(name) }];
}

function openKernelTcp<P>(tracker: Tracker<P>, p: P, flags: Flags): Opened<P> {
  const segment = tracker.run.traffic.segment(p);
  const fresh = openKernel(flags, segment, tracker.tcp);
  if (fresh === null) return { p, state: null, expires_us: 0 };
  const facts = { seenReply: false, assured: false };
  const first = updateKernel(fresh, false, flags, segment, tracker.tcp, facts);
  if (first.verdict !== 'accept') return { p, state: null, expires_us: 0 };
  const expires_us = refreshed(tracker, first.refresh ?? [first.tcp.state]);
  return { p, state: { kind: 'tcp', tcp: first.tcp }, expires_us };
}

/** Where its chunks are not known (a set of packets), an SCTP packet is taken for valid. */
function openKernelSctp<P>(tracker: Tracker<P>, p: P, cls: PacketClass): Opened<P> {
  const verdict = sctpVerdict(tracker, p, cls, null, false);
  if (verdict === null) {
    const expires_us = tracker.run.now_us + timeout_us(tracker.timeouts, 'sctp_established');
    return { p, state: { kind: 'plain' }, expires_us };
  }
  if (!verdict.valid || verdict.sctp === null) return { p, state: null, expires_us: 0 };
  const expires_us = tracker.run.now_us + sctpTimeout_us(tracker, verdict.sctp.state);
  return { p, state: { kind: 'sctp', sctp: verdict.sctp }, expires_us };
}

function sctpTimeout_us<P>({ timeouts }: Tracker<P>, state: SctpStateName): number {
  return timeout_us(timeouts, `sctp_${state === 'NONE' ? 'closed' : state.toLowerCase()}`);
}

function sctpVerdict<P>(
  { run }: Tracker<P>,
  p: P,
  { version }: PacketClass,
  known: KernelSctp | null,
  reply: boolean,
): SctpVerdict | null {
  const content = run.traffic.content(p);
  const place = content === null ? null : transportOf(content.bytes, version);
  if (content === null || place === null || content.known < place.end) return null;
  return trackSctp(known, reply, content.bytes, place.at, place.end);
}

function advanceSctp<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  known: KernelSctp,
  reply: boolean,
): Advanced<P> | null {
  const verdict = sctpVerdict(tracker, p, connection.cls, known, reply);
  if (verdict === null) return null;
  const sctp = verdict.sctp ?? known;
  const state: ProtocolState = { kind: 'sctp', sctp };
  const assured = verdict.assured ? STATUS.assured : 0;
  if (!verdict.valid) {
    const status = connection.status | assured;
    return {
      p,
      verdict: 'invalid',
      connection: changed(tracker, connection, p, { state, status }),
    };
  }
  const status = connection.status | assured | (reply ? STATUS.seen_reply : 0);
  const expires_us = verdict.refreshed
    ? tracker.run.now_us + sctpTimeout_us(tracker, sctp.state)
    : connection.expires_us;
  const after = changed(tracker, connection, p, { state, status, expires_us });
  return { p, verdict: 'valid', connection: after, passedOver: !verdict.refreshed };
}

function openUserspaceTcp<P>(tracker: Tracker<P>, p: P, flags: Flags): Opened<P> {
  const tcp = openUserspace(flags, tracker.run.traffic.segment(p));
  if (tcp === null) return { p, state: null, expires_us: 0 };
  const expires_us = tracker.run.now_us + timeout_us(tracker.timeouts, 'tcp_syn_sent');
  return { p, state: { kind: 'tcp-peers', tcp }, expires_us };
}

/** When a kernel TCP entry ends: the smallest of the timeouts that bound it. */
function refreshed<P>(tracker: Tracker<P>, names: Refresh): number {
  const all = names.map((name) => timeout_us(tracker.timeouts, `tcp_${name.toLowerCase()}`));
  return tracker.run.now_us + Math.min(...all);
}

/** Entries that would live for two minutes and longer live as with unacknowledged data. */
function hastened<P>(tracker: Tracker<P>, { expires_us }: Connection<P>): number {
  if (expires_us - tracker.run.now_us < 120_000_000) return expires_us;
  return Math.min(expires_us, refreshed(tracker, ['UNACK']));
}

export interface Advanced<P> {
  readonly p: P;
  /**
   * `new`: belongs to a connection that has not been answered (userspace); `restart`: the
   * connection is over and this packet begins another one; it was deleted.
   */
  readonly verdict: 'valid' | 'new' | 'invalid' | 'restart';
  readonly connection: Connection<P>;
  /** Let through without being counted or keeping the connection alive (nf_ct_refresh_acct()). */
  readonly passedOver?: boolean;
}

/** A packet of a known connection. */
export function advance<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
): readonly Advanced<P>[] {
  if (connection.state.kind === 'tcp' || connection.state.kind === 'tcp-peers') {
    return byFlags(tracker, p).map((part) =>
      tracker.personality === 'kernel'
        ? advanceKernelTcp(tracker, part.p, part.flags, connection, reply)
        : advanceUserspaceTcp(tracker, part.p, part.flags, connection, reply),
    );
  }
  return [
    tracker.personality === 'kernel'
      ? advanceKernel(tracker, p, connection, reply)
      : advanceUserspace(tracker, p, connection, reply),
  ];
}

function advanceKernelTcp<P>(
  tracker: Tracker<P>,
  p: P,
  flags: Flags,
  connection: Connection<P>,
  reply: boolean,
): Advanced<P> {
  if (connection.state.kind !== 'tcp') return { p, verdict: 'valid', connection };
  const facts = {
    seenReply: (connection.status & STATUS.seen_reply) !== 0,
    assured: (connection.status & STATUS.assured) !== 0,
  };
  const segment = acknowledged(connection, reply, tracker.run.traffic.segment(p));
  const next = updateKernel(connection.state.tcp, reply, flags, segment, tracker.tcp, facts);
  if (next.verdict === 'restart' || next.verdict === 'gone') {
    // The packet itself still belongs to it, and a reset is an answer.
    const seen = reply && next.verdict === 'gone' ? STATUS.seen_reply : 0;
    const status = connection.status | seen;
    const gone = changed(tracker, connection, p, { alive: false, status });
    return { p, verdict: next.verdict === 'gone' ? 'valid' : 'restart', connection: gone };
  }
  const state: ProtocolState = { kind: 'tcp', tcp: next.tcp };
  if (next.verdict === 'invalid') {
    const expires_us =
      next.hastens === true ? hastened(tracker, connection) : connection.expires_us;
    const after = changed(tracker, connection, p, { state, expires_us });
    return { p, verdict: 'invalid', connection: after };
  }
  const assured = next.assured ? STATUS.assured : 0;
  const answered = reply ? STATUS.seen_reply : 0;
  const status = connection.status | assured | answered;
  const expires_us =
    next.refresh === null ? connection.expires_us : refreshed(tracker, next.refresh);
  const after = changed(tracker, connection, p, { state, status, expires_us });
  return { p, verdict: 'valid', connection: after, passedOver: next.refresh === null };
}

/** tcp_in_window(): what was acknowledged, in the numbers of the one who sent it. */
function acknowledged<P>(
  { shifts }: Connection<P>,
  reply: boolean,
  segment: TcpSegment | null,
): TcpSegment | null {
  if (shifts === null || segment === null) return segment;
  const shift = shiftAt(shifts[reply ? 0 : 1], segment.ack - 1);
  return { ...segment, ack: (segment.ack - shift) >>> 0 };
}

function advanceUserspaceTcp<P>(
  tracker: Tracker<P>,
  p: P,
  flags: Flags,
  connection: Connection<P>,
  reply: boolean,
): Advanced<P> {
  if (connection.state.kind !== 'tcp-peers') return { p, verdict: 'valid', connection };
  const segment = tracker.run.traffic.segment(p);
  const next = updateUserspace(connection.state.tcp, reply, flags, segment);
  if (next.verdict === 'invalid') return { p, verdict: 'invalid', connection };
  if (next.verdict === 'restart') {
    const ended = { alive: false, expires_us: tracker.run.now_us };
    return { p, verdict: 'restart', connection: changed(tracker, connection, p, ended) };
  }
  const expires_us =
    next.timer === null
      ? connection.expires_us
      : tracker.run.now_us + timeout_us(tracker.timeouts, next.timer);
  const state: ProtocolState = { kind: 'tcp-peers', tcp: next.tcp };
  const after = changed(tracker, connection, p, { state, expires_us });
  return { p, verdict: next.verdict, connection: after };
}

/**
 * UDP becomes a stream, and ASSURED, when it goes both ways for two seconds.
 */
function advanceKernel<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
): Advanced<P> {
  const { run, timeouts } = tracker;
  if (connection.state.kind === 'sctp') {
    const next = advanceSctp(tracker, p, connection, connection.state.sctp, reply);
    if (next !== null) return next;
  }
  const seen = (connection.status & STATUS.seen_reply) !== 0;
  let status = connection.status | (reply ? STATUS.seen_reply : 0);
  const { kind } = connection.cls;
  let name: string = kind === 'other' ? 'generic' : kind;
  if (connection.state.kind === 'udp' && seen && run.now_us > connection.state.stream_us) {
    name = 'udp_stream';
    status |= STATUS.assured;
  } else if (kind === 'gre' && seen) {
    name = 'gre_stream';
    status |= STATUS.assured;
  } else if (kind === 'sctp') {
    // Its chunks are not known: it lives as it did when it was opened.
    name = 'sctp_established';
  }
  const expires_us = run.now_us + timeout_us(timeouts, name);
  return {
    p,
    verdict: 'valid',
    connection: changed(tracker, connection, p, { status, expires_us }),
  };
}

/** lib/conntrack-other.c and conntrack-icmp.c: what was not answered is still new. */
function advanceUserspace<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
): Advanced<P> {
  if (connection.state.kind !== 'steps') return { p, verdict: 'valid', connection };
  const icmp = connection.cls.kind === 'icmp';
  let { step } = connection.state;
  let verdict: 'valid' | 'new' = 'valid';
  if (reply) {
    step = 'both';
  } else if (step !== 'both') {
    verdict = 'new';
    if (!icmp) step = 'multiple';
  }
  const names = icmp
    ? { first: 'icmp_first', multiple: 'icmp_first', both: 'icmp_reply' }
    : { first: 'udp_first', multiple: 'udp_single', both: 'udp_multiple' };
  const expires_us = tracker.run.now_us + timeout_us(tracker.timeouts, names[step]);
  const state: ProtocolState = { kind: 'steps', step };
  return { p, verdict, connection: changed(tracker, connection, p, { state, expires_us }) };
}

/**
 * TCP as Linux tracks it (net/netfilter/nf_conntrack_proto_tcp.c, nf_conntrack_tcp_packet()):
 * a table of states, exceptions to it, then the window. Pure: one segment in, a verdict and
 * the next state out.
 */
import { type TcpSegment } from '../../traffic/traffic.ts';
import { type Flags } from './tcp-userspace.ts';
import { freshEnd, inWindow, type WindowEnd } from './tcp-window.ts';

/** In the order of `enum tcp_conntrack`: the table's columns. */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

export type KernelState = (typeof TCP_STATES)[number];
type Segment = 'syn' | 'synack' | 'fin' | 'ack' | 'rst' | 'none';
type Cell = KernelState | 'invalid' | 'ignore';

/** What the machine remembers beside the ends: the last segment and what to make of it. */
export interface KernelTcp {
  readonly state: KernelState;
  readonly ends: readonly [WindowEnd, WindowEnd];
  readonly last: LastSegment;
  readonly retransmissions: number;
  readonly simultaneous: boolean;
  /** False when sequence numbers are not known (a set of packets). */
  readonly numbered: boolean;
}

export interface LastSegment {
  readonly segment: Segment;
  readonly reply: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly end: number;
  readonly window: number;
  readonly scale: number | null;
  readonly sack: boolean;
  readonly challenge: boolean;
}

/** Sysctls of the namespace that the machine obeys. */
export interface TcpSettings {
  /** nf_conntrack_tcp_loose: pick connections up in the middle. */
  readonly loose: boolean;
  readonly beLiberal: boolean;
  readonly ignoreInvalidRst: boolean;
  readonly maxRetransmissions: number;
}

export const TCP_DEFAULTS: TcpSettings = {
  loose: true,
  beLiberal: false,
  ignoreInvalidRst: false,
  maxRetransmissions: 3,
};

export type KernelVerdict =
  /** Valid. `refresh` null: the timeout stays (the kernel let the segment through as it is). */
  | {
      readonly verdict: 'accept';
      readonly tcp: KernelTcp;
      readonly refresh: Refresh | null;
      readonly assured: boolean;
    }
  /** `hastens`: the entry ends at the latest when unacknowledged data would end it. */
  | { readonly verdict: 'invalid'; readonly tcp: KernelTcp; readonly hastens?: boolean }
  /** The entry goes; the packet itself is valid. */
  | { readonly verdict: 'gone' }
  /** The entry goes, and the packet begins a new connection. */
  | { readonly verdict: 'restart' };

/** Which timeouts bound the next life of the entry: the smallest of them counts. */
export type Refresh = readonly (KernelState | 'RETRANS' | 'UNACK')[];

const X = 'invalid';
const I = 'ignore';
const SS = 'SYN_SENT';
const SR = 'SYN_RECV';
const ES = 'ESTABLISHED';
const FW = 'FIN_WAIT';
const CW = 'CLOSE_WAIT';
const LA = 'LAST_ACK';
const TW = 'TIME_WAIT';
const CL = 'CLOSE';
const S2 = 'SYN_SENT2';

/** [original, reply]; rows by segment, columns by state as in `TCP_STATES`. */
const TABLE: readonly [Record<Segment, readonly Cell[]>, Record<Segment, readonly Cell[]>] = [
  {
    syn: [SS, SS, I, I, I, I, I, SS, SS, S2],
    synack: [X, X, SR, X, X, X, X, X, X, SR],
    fin: [X, X, FW, FW, LA, LA, LA, TW, CL, X],
    ack: [ES, X, ES, ES, CW, CW, TW, TW, CL, X],
    rst: [X, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    none: [X, X, X, X, X, X, X, X, X, X],
  },
  {
    syn: [X, S2, X, X, X, X, X, SS, X, S2],
    synack: [X, SR, I, I, I, I, I, I, I, SR],
    fin: [X, X, FW, FW, LA, LA, LA, TW, CL, X],
    ack: [X, I, SR, ES, CW, CW, TW, TW, CL, I],
    rst: [X, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    none: [X, X, X, X, X, X, X, X, X, X],
  },
];

/** The valid combinations without PSH, ECE and CWR (tcp_valid_flags[]). */
export function kernelFlagsAreValid(flags: Omit<Flags, 'valid'>, urgent: boolean): boolean {
  const { syn, ack, fin, rst } = flags;
  if (syn) return !fin && !rst && !(ack && urgent);
  if (rst) return !fin && !urgent;
  return ack;
}

function segmentKind(flags: Flags): Segment {
  if (flags.rst) return 'rst';
  if (flags.syn) return flags.ack ? 'synack' : 'syn';
  if (flags.fin) return 'fin';
  return flags.ack ? 'ack' : 'none';
}

function endOf(flags: Flags, segment: TcpSegment): number {
  return (segment.seq + segment.length + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0)) >>> 0;
}

const NO_LAST: LastSegment = {
  segment: 'none',
  reply: false,
  seq: 0,
  ack: 0,
  end: 0,
  window: 0,
  scale: null,
  sack: false,
  challenge: false,
};

/** The state that a first segment begins with, or null when it may not begin one (tcp_new()). */
export function openKernel(
  flags: Flags,
  segment: TcpSegment | null,
  settings: TcpSettings,
): KernelTcp | null {
  const cell = TABLE[0][segmentKind(flags)][0];
  if (!flags.valid || cell === undefined || cell === X || cell === I) return null;
  if (cell !== SS && !settings.loose) return null;
  const end = segment === null ? 0 : endOf(flags, segment);
  const window = Math.max(segment?.window ?? 1, 1);
  const picked = cell !== SS;
  const sender: WindowEnd = {
    ...freshEnd(),
    end,
    maxWindow: window,
    maxEnd: picked ? (end + window) >>> 0 : end,
    sack: picked || segment?.sackPermitted === true,
    scale: picked ? 0 : Math.min(segment?.windowScale ?? 0, 14),
    scaling: !picked && segment?.windowScale !== undefined,
    liberal: picked,
  };
  const receiver: WindowEnd = { ...freshEnd(), sack: picked, liberal: picked };
  return {
    state: 'NONE',
    ends: [sender, receiver],
    last: NO_LAST,
    retransmissions: 0,
    simultaneous: false,
    numbered: segment !== null,
  };
}

/** The state of a connection that a dump shows: windows are taken from the next segments. */
export function dumpedKernel(state: string): KernelTcp {
  const known = TCP_STATES.find((name) => name === state);
  const end = { ...freshEnd(), liberal: true, sack: true };
  return {
    state: known ?? 'ESTABLISHED',
    ends: [end, end],
    last: NO_LAST,
    retransmissions: 0,
    simultaneous: false,
    numbered: true,
  };
}

/** What the machine must know about the entry itself. */
export interface EntryFacts {
  readonly seenReply: boolean;
  readonly assured: boolean;
}

/** A segment of a connection, the first one included (after `openKernel`). */
export function updateKernel(
  tcp: KernelTcp,
  reply: boolean,
  flags: Flags,
  segment: TcpSegment | null,
  settings: TcpSettings,
  facts: EntryFacts,
): KernelVerdict {
  if (!flags.valid) return { verdict: 'invalid', tcp };
  const kind = segmentKind(flags);
  const column = TCP_STATES.indexOf(tcp.state);
  const cell = TABLE[reply ? 1 : 0][kind][column] ?? X;
  if (cell === X) return { verdict: 'invalid', tcp };
  const numbers = tcp.numbered ? segment : null;
  const seen: Seen = { tcp, reply, flags, kind, segment: numbers, settings, facts };
  if (cell === SS && column >= TCP_STATES.indexOf(TW)) {
    const closing = tcp.ends[0].closeInit || tcp.ends[1].closeInit;
    const aborted = tcp.last.reply === reply && tcp.last.segment === 'rst';
    return closing || aborted ? { verdict: 'restart' } : ignore(seen);
  }
  if (cell === I) return ignore(seen);
  if (cell === TW && isChallengeAnswer(seen)) {
    const last = { ...tcp.last, challenge: false };
    return { verdict: 'accept', tcp: { ...tcp, last }, refresh: null, assured: false };
  }
  if (cell === S2) return window(seen, { ...tcp, simultaneous: true }, S2);
  if (cell === SR && reply && kind === 'ack' && tcp.simultaneous) return window(seen, tcp, ES);
  return cell === CL && kind === 'rst' ? reset(seen) : window(seen, tcp, cell);
}

interface Seen {
  readonly tcp: KernelTcp;
  readonly reply: boolean;
  readonly flags: Flags;
  readonly kind: Segment;
  readonly segment: TcpSegment | null;
  readonly settings: TcpSettings;
  readonly facts: EntryFacts;
}

/** RFC 5961 §4: an ACK that answers a SYN out of nowhere does not acknowledge the last FIN. */
function isChallengeAnswer({ tcp, reply, kind }: Seen): boolean {
  const { last } = tcp;
  return (
    tcp.state === LA &&
    kind === 'ack' &&
    last.reply !== reply &&
    last.segment === 'syn' &&
    last.challenge
  );
}

/** Segments that show the entry may be out of step: let through, and noted. */
function ignore(seen: Seen): KernelVerdict {
  const { tcp, reply, flags, kind, segment } = seen;
  const { last } = tcp;
  if (segment === null) return { verdict: 'accept', tcp, refresh: null, assured: false };
  if (kind === 'synack' && last.segment === 'syn' && last.reply !== reply) {
    if (segment.ack === last.end) return inStepAgain(seen);
  }
  const asks = kind === 'syn' && !reply;
  const noted: LastSegment = {
    ...last,
    segment: kind,
    reply,
    seq: segment.seq,
    end: endOf(flags, segment),
    window: segment.window,
    scale: asks ? (segment.windowScale ?? null) : last.scale,
    sack: asks ? segment.sackPermitted : last.sack,
    challenge: asks ? tcp.state === LA : last.challenge,
    ack: tcp.state === SS && kind === 'ack' && reply ? segment.ack : last.ack,
  };
  const simultaneous = tcp.simultaneous && !asks;
  const after = { ...tcp, last: noted, simultaneous };
  return { verdict: 'accept', tcp: after, refresh: null, assured: false };
}

/** A SYN/ACK that answers the SYN which was let through: both hosts are in step, follow them. */
function inStepAgain(seen: Seen): KernelVerdict {
  const { tcp, reply } = seen;
  const { last } = tcp;
  const asked: WindowEnd = {
    ...freshEnd(),
    end: last.end,
    maxEnd: last.end,
    maxWindow: Math.max(last.window, 1),
    scale: Math.min(last.scale ?? 0, 14),
    scaling: last.scale !== null,
    sack: last.sack,
  };
  // nf_ct_tcp_state_reset(): who answers keeps the leniency of a connection picked up midway.
  const answers: WindowEnd = { ...freshEnd(), liberal: tcp.ends[reply ? 1 : 0].liberal };
  const ends: [WindowEnd, WindowEnd] = last.reply ? [answers, asked] : [asked, answers];
  const synced: KernelTcp = { ...tcp, state: SS, ends, last: { ...last, challenge: false } };
  return window({ ...seen, tcp: synced, reply }, synced, SR);
}

/** A reset closes only when it fits; see RFC 5961 §3. */
function reset(seen: Seen): KernelVerdict {
  const { tcp, reply, segment, facts, settings } = seen;
  const { last } = tcp;
  if (segment === null) return window(seen, tcp, CL);
  if ([FW, LA, TW, CL, CW].includes(tcp.state)) return settle(seen, tcp, CL);
  const other = tcp.ends[reply ? 0 : 1];
  const established = tcp.state === ES && facts.assured;
  if (other.maxAck !== null && last.segment !== 'syn') {
    if (segment.seq === 0 && !established) return window(seen, tcp, CL);
    const behind = ((segment.seq - other.maxAck) | 0) < 0;
    if (behind && !settings.ignoreInvalidRst) return { verdict: 'invalid', tcp };
    if (!established || segment.seq === other.maxAck) return window(seen, tcp, CL);
    const train = last.segment === 'ack' && last.reply === reply && segment.seq === last.end;
    if (train) return window(seen, tcp, CL);
    return window(seen, tcp, tcp.state);
  }
  const answersIgnored =
    (facts.seenReply && last.segment === 'syn' && last.reply !== reply) ||
    (!facts.assured && last.segment === 'ack');
  if (answersIgnored && segment.ack === last.end) return settle(seen, tcp, CL);
  const answersChallenge = tcp.state === SS && last.segment === 'ack' && last.reply;
  if (answersChallenge && segment.seq === last.ack) return settle(seen, tcp, CL);
  return window(seen, tcp, CL);
}

function window(seen: Seen, tcp: KernelTcp, next: KernelState): KernelVerdict {
  const { reply, flags, segment, settings } = seen;
  if (segment === null) return settle(seen, tcp, next);
  const checked = inWindow(tcp, reply, flags, segment, settings.beLiberal);
  const moved = { ...tcp, ...checked.tcp };
  if (checked.place === 'invalid') return outside(seen, moved);
  if (checked.place === 'ignore') {
    return { verdict: 'accept', tcp: moved, refresh: null, assured: false };
  }
  return settle(seen, moved, next);
}

/**
 * nf_tcp_handle_invalid(): ends that say goodbye outside of the window are probably gone, so that
 * the entry of an assured connection shall not wait for days.
 */
function outside({ reply, kind, facts }: Seen, tcp: KernelTcp): KernelVerdict {
  const ends = (segment: Segment): boolean => segment === 'fin' || segment === 'rst';
  if (!facts.assured || !ends(kind)) return { verdict: 'invalid', tcp };
  const { last } = tcp;
  if (last.reply !== reply && ends(last.segment)) return { verdict: 'invalid', tcp, hastens: true };
  return { verdict: 'invalid', tcp: { ...tcp, last: { ...last, segment: kind, reply } } };
}

/** The segment counts: the state moves on and the timeout is set. */
function settle(seen: Seen, tcp: KernelTcp, next: KernelState): KernelVerdict {
  const { reply, kind, flags, facts, settings } = seen;
  const old = tcp.state;
  const ends: [WindowEnd, WindowEnd] = [tcp.ends[0], tcp.ends[1]];
  const mine = reply ? 1 : 0;
  if (old !== next && next === FW) ends[mine] = { ...ends[mine], closeInit: true };
  const after: KernelTcp = {
    ...tcp,
    state: next,
    ends,
    last: { ...tcp.last, segment: kind, reply },
  };
  if (!facts.seenReply && flags.rst) return { verdict: 'gone' };
  const refresh: (KernelState | 'RETRANS' | 'UNACK')[] = [next];
  if (tcp.retransmissions >= settings.maxRetransmissions) refresh.push('RETRANS');
  else if (kind === 'rst') refresh.splice(0, 1, CL);
  else if (ends[0].unacknowledged || ends[1].unacknowledged) refresh.push('UNACK');
  else if (tcp.last.window === 0) refresh.push('RETRANS');
  if (!facts.seenReply) {
    if (kind === 'syn' && old === SS)
      return { verdict: 'accept', tcp: after, refresh: null, assured: false };
    if (next === ES) refresh.push('UNACK');
    return { verdict: 'accept', tcp: after, refresh, assured: false };
  }
  const assured = !facts.assured && (old === SR || old === ES) && next === ES;
  return { verdict: 'accept', tcp: after, refresh, assured };
}

/**
 * TCP as the Open vSwitch userspace datapath tracks it (lib/conntrack-tcp.c): two peers with a
 * state and a window each, in the manner of OpenBSD's pf. Pure: one segment in, a verdict and
 * the next state out.
 */
import { type TcpSegment } from '../../traffic/traffic.ts';

/** In the order of ct-dpif.h `ct_dpif_tcp_state`: comparisons below depend on it. */
export const PEER_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
] as const;

const SYN_SENT = 2;
const ESTABLISHED = 4;
const CLOSING = 7;
const FIN_WAIT_2 = 9;
const TIME_WAIT = 10;

export interface Peer {
  /** Index into `PEER_STATES`. */
  readonly state: number;
  readonly seqLow: number;
  readonly seqHigh: number;
  readonly maxWindow: number;
  /** Shift of the window; null when the peer did not offer scaling. */
  readonly scale: number | null;
  /** Picked up in the middle: the scale is not known. */
  readonly scaleUnknown: boolean;
}

export interface UserspaceTcp {
  readonly peers: readonly [Peer, Peer];
  /** False when sequence numbers are not known (read from a dump, or a set of packets). */
  readonly numbered: boolean;
}

/** Flags of a segment that the machine looks at. */
export interface Flags {
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly valid: boolean;
}

export type UserspaceTimer =
  | 'tcp_syn_sent'
  | 'tcp_syn_recv'
  | 'tcp_established'
  | 'tcp_fin_wait'
  | 'tcp_time_wait'
  | 'tcp_close';

export interface UserspaceAccepted {
  /** `new`: a SYN of a connection that was not answered. */
  readonly verdict: 'valid' | 'new';
  readonly tcp: UserspaceTcp;
  /** Null: the timeout stays. */
  readonly timer: UserspaceTimer | null;
}

export type UserspaceVerdict =
  | UserspaceAccepted
  | { readonly verdict: 'invalid' }
  /** The old connection is over; this SYN begins another one. */
  | { readonly verdict: 'restart' };

/** Which flag combinations are refused whatever the state is (tcp_invalid_flags()). */
export function flagsAreValid(flags: Omit<Flags, 'valid'>, pushOrUrgent: boolean): boolean {
  if (flags.syn ? flags.rst || flags.fin : !flags.ack && !flags.rst) return false;
  return flags.ack || (!flags.fin && !pushOrUrgent);
}

/** Sequence numbers wrap: a is behind b (RFC 9293 §3.4). */
function greater(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

function notLess(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** A distance between sequence numbers, as a signed number. */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

function scaleOf(segment: TcpSegment): number | null {
  return segment.windowScale === undefined ? null : Math.min(segment.windowScale, 14);
}

/** The state after a first segment, or null when it may not begin a connection. */
export function openUserspace(flags: Flags, segment: TcpSegment | null): UserspaceTcp | null {
  if (!flags.valid || (flags.syn && flags.ack)) return null;
  const scale = segment !== null && flags.syn ? scaleOf(segment) : null;
  const window = Math.max(segment?.window ?? 1, 1);
  const length = (segment?.length ?? 0) + 1 + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0);
  const sender: Peer = {
    state: SYN_SENT,
    seqLow: segment?.seq ?? 0,
    seqHigh: ((segment?.seq ?? 0) + length) >>> 0,
    maxWindow: Math.ceil(window / 2 ** (scale ?? 0)),
    scale,
    scaleUnknown: !flags.syn,
  };
  const receiver: Peer = {
    state: 0,
    seqLow: 0,
    seqHigh: 1,
    maxWindow: 1,
    scale: null,
    scaleUnknown: !flags.syn,
  };
  return { peers: [sender, receiver], numbered: segment !== null };
}

/** The state of a connection that a dump shows. */
export function dumpedUserspace(original: string, reply: string): UserspaceTcp {
  const peer = (name: string): Peer => ({
    state: Math.max(0, (PEER_STATES as readonly string[]).indexOf(name)),
    seqLow: 0,
    seqHigh: 0,
    maxWindow: 0,
    scale: null,
    scaleUnknown: true,
  });
  return { peers: [peer(original), peer(reply)], numbered: false };
}

const MAX_ACK_WINDOW = 0xffff + 1500;

/** A segment of a known connection (tcp_conn_update()). */
export function updateUserspace(
  before: UserspaceTcp,
  reply: boolean,
  flags: Flags,
  segment: TcpSegment | null,
): UserspaceVerdict {
  if (!flags.valid) return { verdict: 'invalid' };
  const from = reply ? 1 : 0;
  const sender = { ...before.peers[from] };
  const receiver = { ...before.peers[(1 - from) as 0 | 1] };
  const after = (): UserspaceTcp => ({
    peers: reply ? [receiver, sender] : [sender, receiver],
    numbered: before.numbered && segment !== null,
  });
  if (flags.syn && !flags.ack) {
    if (receiver.state >= FIN_WAIT_2 && sender.state >= FIN_WAIT_2) return { verdict: 'restart' };
    if (sender.state <= SYN_SENT) {
      const first = { ...sender, state: SYN_SENT };
      const peers: [Peer, Peer] = reply ? [receiver, first] : [first, receiver];
      return { verdict: 'new', tcp: { ...before, peers }, timer: 'tcp_syn_sent' };
    }
  }
  const place =
    segment === null || !before.numbered ? 'unknown' : slide(sender, receiver, flags, segment);
  if (place === 'outside') return { verdict: 'invalid' };
  if (place === 'unknown' && sender.state < SYN_SENT) sender.state = SYN_SENT;
  if (flags.fin && sender.state < CLOSING) sender.state = CLOSING;
  if (place === 'near') {
    if (flags.rst) sender.state = receiver.state = TIME_WAIT;
    return { verdict: 'valid', tcp: after(), timer: null };
  }
  if (flags.ack && receiver.state === SYN_SENT) receiver.state = ESTABLISHED;
  else if (flags.ack && receiver.state === CLOSING) receiver.state = FIN_WAIT_2;
  if (flags.rst) sender.state = receiver.state = TIME_WAIT;
  return { verdict: 'valid', tcp: after(), timer: timerOf(sender.state, receiver.state) };
}

type Changing = { -readonly [K in keyof Peer]: Peer[K] };

/**
 * Whether the segment lies in the window, near it in a situation that is forgiven, or outside;
 * slides the windows unless it is outside (van Rooij, "Real stateful TCP packet filtering").
 */
function slide(
  sender: Changing,
  receiver: Changing,
  flags: Flags,
  segment: TcpSegment,
): 'inside' | 'near' | 'outside' {
  const shifts = shiftsOf(sender, receiver, flags);
  let { window } = segment;
  let sequence = segment.seq;
  let end = (sequence + segment.length + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0)) >>> 0;
  let strictAck = true;
  if (sender.state < SYN_SENT) {
    if (flags.syn && receiver.scale !== null) {
      sender.scale = scaleOf(segment);
      if (sender.scale !== null) {
        shifts.sender = sender.scale;
        shifts.receiver = receiver.scale;
        window = Math.ceil(window / 2 ** sender.scale);
      } else {
        receiver.maxWindow *= 2 ** receiver.scale;
        receiver.scale = null;
      }
    }
    sender.seqLow = sequence;
    sender.state = SYN_SENT;
    const high = (end + Math.max(1, receiver.maxWindow * 2 ** shifts.receiver)) >>> 0;
    if (sender.seqHigh === 1 || notLess(high, sender.seqHigh)) {
      sender.seqHigh = high;
      strictAck = false;
    }
    sender.maxWindow = Math.max(sender.maxWindow, window);
  }
  const acknowledged =
    !flags.ack || (segment.ack === 0 && flags.rst) ? receiver.seqLow : segment.ack;
  if (sequence === end) {
    sequence = sender.seqLow;
    end = sequence;
  }
  const skew = strictAck ? distance(receiver.seqLow, acknowledged) : 0;
  const resetFits = !flags.rst || Math.abs(distance(segment.seq, sender.seqLow)) <= 1;
  const inside =
    notLess(sender.seqHigh, end) &&
    notLess(sequence, sender.seqLow - receiver.maxWindow * 2 ** shifts.receiver) &&
    skew >= -MAX_ACK_WINDOW &&
    skew <= MAX_ACK_WINDOW * 2 ** shifts.sender &&
    resetFits;
  const near =
    !inside &&
    (receiver.state < SYN_SENT || receiver.state >= FIN_WAIT_2 || sender.state >= FIN_WAIT_2) &&
    notLess(sender.seqHigh + MAX_ACK_WINDOW, end) &&
    notLess(sequence, sender.seqLow - MAX_ACK_WINDOW);
  if (!inside && !near) return 'outside';
  sender.maxWindow = Math.max(sender.maxWindow, window);
  if (greater(end, sender.seqLow)) sender.seqLow = end;
  const open = window * 2 ** shifts.sender;
  if (notLess(acknowledged + open, receiver.seqHigh)) {
    receiver.seqHigh = (acknowledged + Math.max(open, 1)) >>> 0;
  }
  return inside ? 'inside' : 'near';
}

function shiftsOf(
  sender: Peer,
  receiver: Peer,
  flags: Flags,
): { sender: number; receiver: number } {
  if (flags.syn) return { sender: 0, receiver: 0 };
  if (sender.scale !== null && receiver.scale !== null) {
    return { sender: sender.scale, receiver: receiver.scale };
  }
  return sender.scaleUnknown && receiver.scaleUnknown
    ? { sender: 14, receiver: 14 }
    : { sender: 0, receiver: 0 };
}

function timerOf(a: number, b: number): UserspaceTimer {
  const [low, high] = a < b ? [a, b] : [b, a];
  if (low >= FIN_WAIT_2) return 'tcp_close';
  if (low >= CLOSING) return 'tcp_time_wait';
  if (low < ESTABLISHED) return 'tcp_syn_recv';
  return high >= CLOSING ? 'tcp_fin_wait' : 'tcp_established';
}

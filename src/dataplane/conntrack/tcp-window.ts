/**
 * Whether a TCP segment lies in the window of its connection, as Linux sees it
 * (nf_conntrack_proto_tcp.c tcp_in_window()), and what both ends have said so far.
 */
import { type TcpSegment } from '../../traffic/traffic.ts';
import { type KernelTcp } from './tcp-kernel.ts';
import { type Flags } from './tcp-userspace.ts';

/** What one end has sent and may send (struct ip_ct_tcp_state). */
export interface WindowEnd {
  /** Behind the last octet sent. */
  readonly end: number;
  /** Behind the last octet it may send. */
  readonly maxEnd: number;
  /** The largest window it offered; 0 while it has said nothing. */
  readonly maxWindow: number;
  /** The highest acknowledgement it sent; null while there is none. */
  readonly maxAck: number | null;
  readonly scale: number;
  readonly scaling: boolean;
  readonly sack: boolean;
  readonly liberal: boolean;
  readonly closeInit: boolean;
  readonly unacknowledged: boolean;
}

export function freshEnd(): WindowEnd {
  return {
    end: 0,
    maxEnd: 0,
    maxWindow: 0,
    maxAck: null,
    scale: 0,
    scaling: false,
    sack: false,
    liberal: false,
    closeInit: false,
    unacknowledged: false,
  };
}

type Changing = { -readonly [K in keyof WindowEnd]: WindowEnd[K] };

export interface Placed {
  readonly place: 'inside' | 'ignore' | 'invalid';
  readonly tcp: Pick<KernelTcp, 'ends' | 'last' | 'retransmissions'>;
}

/** Sequence numbers wrap (RFC 9293 §3.4). */
function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

function behind(a: number, b: number): boolean {
  return before(b, a);
}

/** The smallest window that acknowledgements may lag behind (MAXACKWINCONST). */
const ACK_LAG = 66000;

/** Simplification: SACK blocks are not read, so `sack` equals the acknowledgement number. */
export function inWindow(
  tcp: KernelTcp,
  reply: boolean,
  flags: Flags,
  segment: TcpSegment,
  beLiberal: boolean,
): Placed {
  const mine = reply ? 1 : 0;
  const sender: Changing = { ...tcp.ends[mine] };
  const receiver: Changing = { ...tcp.ends[reply ? 0 : 1] };
  const done = (place: Placed['place'], more?: Partial<Placed['tcp']>): Placed => ({
    place,
    tcp: {
      ends: reply ? [receiver, sender] : [sender, receiver],
      last: tcp.last,
      retransmissions: tcp.retransmissions,
      ...more,
    },
  });
  let { seq } = segment;
  let end = (seq + segment.length + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0)) >>> 0;
  let { ack } = segment;
  const first = sender.maxWindow === 0;
  const opening = tcp.state === 'SYN_SENT' || tcp.state === 'SYN_RECV';
  if (flags.syn && (first || (opening && behind(end, sender.end)))) {
    introduce(sender, receiver, reply, segment, end);
    if (!flags.ack && (first || reply)) return done('inside');
  } else if (sender.maxWindow === 0) {
    joinMidstream(sender, receiver, segment, end, ack);
  }
  if (!flags.ack || (flags.rst && ack === 0)) ack = receiver.end;
  if (flags.rst && seq === 0 && tcp.state === 'SYN_SENT') {
    seq = sender.end;
    end = sender.end;
  }
  const place = placeOf(sender, receiver, seq, end, ack);
  if (place !== 'inside' && !(beLiberal || tcp.ends[mine].liberal || sender.liberal)) {
    return done(place);
  }
  if (place !== 'inside') return done('inside');
  slide(sender, receiver, flags, segment, end, ack);
  if (flags.syn || flags.fin || flags.rst || !flags.ack) return done('inside');
  return done('inside', retransmission(tcp, reply, segment, { seq, ack, end }));
}

/** A SYN or SYN/ACK tells where an end begins and its options (tcp_init_sender()). */
function introduce(
  sender: Changing,
  receiver: Changing,
  reply: boolean,
  segment: TcpSegment,
  end: number,
): void {
  sender.end = end;
  sender.maxEnd = end;
  sender.maxWindow = Math.max(segment.window, 1);
  // Options begin an end anew but for its leniency; without any nothing is forgotten.
  if (segment.hasOptions) {
    sender.scaling = segment.windowScale !== undefined;
    sender.scale = Math.min(segment.windowScale ?? 0, 14);
    sender.sack = segment.sackPermitted;
    sender.closeInit = false;
    sender.unacknowledged = false;
    sender.maxAck = null;
  }
  if (reply && !(sender.scaling && receiver.scaling)) {
    sender.scale = 0;
    receiver.scale = 0;
  }
}

/** The history is not known: what the segment says is taken as the beginning. */
function joinMidstream(
  sender: Changing,
  receiver: Changing,
  segment: TcpSegment,
  end: number,
  ack: number,
): void {
  sender.end = end;
  sender.maxWindow = Math.max(segment.window * 2 ** sender.scale, 1);
  sender.maxEnd = (end + sender.maxWindow) >>> 0;
  if (receiver.maxWindow === 0) {
    receiver.end = ack;
    receiver.maxEnd = ack;
  } else if (ack === (receiver.end + 1) >>> 0) {
    receiver.end = (receiver.end + 1) >>> 0;
  }
}

/** The four bounds of the window; may note more data than the window allowed. */
function placeOf(
  sender: Changing,
  receiver: Changing,
  seq: number,
  end: number,
  ack: number,
): Placed['place'] {
  const lag = Math.max(sender.maxWindow, ACK_LAG);
  const ackInReach = behind(ack, receiver.end - lag - 1);
  const endInReach = behind(end, sender.end - receiver.maxWindow - 1);
  const ackSeen = before(ack, receiver.end + 1);
  if (!before(seq, sender.maxEnd + 1)) {
    const overshot = (end - sender.maxEnd + 1) >>> 0;
    if (endInReach && ackInReach && overshot <= receiver.maxWindow && ackSeen) {
      sender.end = end;
      sender.unacknowledged = true;
      return 'ignore';
    }
    return 'invalid';
  }
  if (!ackSeen) return 'invalid';
  if (receiver.maxWindow !== 0 && !endInReach) return 'ignore';
  return ackInReach ? 'inside' : 'ignore';
}

function slide(
  sender: Changing,
  receiver: Changing,
  flags: Flags,
  segment: TcpSegment,
  end: number,
  ack: number,
): void {
  const open = flags.syn ? segment.window : segment.window * 2 ** sender.scale;
  sender.maxWindow = Math.max(sender.maxWindow, open);
  if (behind(end, sender.end)) {
    sender.end = end;
    sender.unacknowledged = true;
  }
  if (flags.ack && (sender.maxAck === null || behind(ack, sender.maxAck))) sender.maxAck = ack;
  if (receiver.maxWindow !== 0 && behind(end, sender.maxEnd)) {
    receiver.maxWindow += (end - sender.maxEnd) >>> 0;
  }
  if (behind(ack + open, receiver.maxEnd - 1)) {
    receiver.maxEnd = (ack + open + (open === 0 ? 1 : 0)) >>> 0;
  }
  if (ack === receiver.end) receiver.unacknowledged = false;
}

/** Three equal ACKs in a row shorten the timeout. */
function retransmission(
  tcp: KernelTcp,
  reply: boolean,
  segment: TcpSegment,
  now: { readonly seq: number; readonly ack: number; readonly end: number },
): Pick<KernelTcp, 'last' | 'retransmissions'> {
  const { last } = tcp;
  const again =
    last.reply === reply &&
    last.seq === now.seq &&
    last.ack === now.ack &&
    last.end === now.end &&
    last.window === segment.window;
  return {
    last: again ? last : { ...last, ...now, reply, window: segment.window },
    retransmissions: again ? tcp.retransmissions + 1 : 0,
  };
}

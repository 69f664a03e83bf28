/**
 * What a Linux host writes into a packet of its own once the route is known: TCP's options and
 * window, how much of a stream fits into a segment, and whether the packet may be fragmented
 * (net/ipv4/tcp_output.c tcp_connect(), tcp_make_synack(); net/ipv4/ip_output.c). Guests are
 * taken to be Linux with its defaults: timestamps, SACK, window scaling, path MTU discovery.
 */
import { field, TCP_FLAGS } from '../packet/fields.ts';
import { get16, get32, put16, put32 } from '../packet/wire/bytes.ts';
import { parseTcpOptions } from '../packet/wire/tcp.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { numberOf, type Packet } from '../traffic/packet.ts';
import { assignment } from '../traffic/words.ts';

const F = {
  ethType: field('eth_type'),
  protocol: field('ip_proto'),
  df: field('ip_df'),
  length: field('ip_len'),
  type: field('tp_src'),
  flags: field('tcp_flags'),
  window: field('tcp_window'),
} as const;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
const ECHO_REQUEST = 8;
const TCP_HEADER = 20;
/** What timestamps take of every segment, padding included (TCPOLEN_TSTAMP_ALIGNED). */
const TIMESTAMPS = 12;
/** Default of a receive buffer as a window (net.ipv4.tcp_rmem, half of 131072). */
const WINDOW_SPACE = 65_536;
/** Shift of the window with Linux's default buffers (tcp_select_initial_window()). */
const WINDOW_SCALE = 7;
const OPTION = { mss: 2, timestamps: 8 } as const;

/** Completes a packet that the host made; `mtu` is that of its route, in bytes. */
export function completeByRoute(p: Packet, mtu: number): Packet {
  // What carries another frame was made by a tunnel device.
  if (p.inner !== null) return p;
  const protocol = numberOf(p, F.protocol);
  if (protocol === PROTOCOL.tcp) return segmentFor(p, mtu);
  const isAsking = protocol === PROTOCOL.icmp && numberOf(p, F.type) === ECHO_REQUEST;
  if (isSix(p) || (protocol !== PROTOCOL.udp && !isAsking)) return p;
  // IP_PMTUDISC_WANT: no fragments on the way of what fits, fragments at once of what does not.
  // What was asked for with DF (IP_PMTUDISC_DO) keeps it.
  return numberOf(p, F.length) > mtu ? p : onePacket.set(p, assignment(F.df, 1n));
}

/** Whether every segment of the connection carries timestamps, as the received one does. */
export function hasTimestamps(received: Packet): boolean {
  return timestampsOf(received) !== null;
}

/** The timestamps of a segment in answer to `received`: its own clock stands still. */
export function timestampsFor(received: Packet): Uint8Array {
  return timestampOption(1, timestampsOf(received)?.value ?? 0);
}

/** Window of a segment of an established connection, as its header has it. */
export const SCALED_WINDOW = WINDOW_SPACE >> WINDOW_SCALE;

function segmentFor(p: Packet, mtu: number): Packet {
  const flags = numberOf(p, F.flags);
  if ((flags & TCP_FLAGS.rst) !== 0) return p;
  const room = mtu - ipHeader(p) - TCP_HEADER;
  if ((flags & TCP_FLAGS.syn) === 0) return cut(p, room);
  const isAnswer = (flags & TCP_FLAGS.ack) !== 0;
  const segment = isAnswer ? room - TIMESTAMPS : room;
  const window = Math.min(0xffff, WINDOW_SPACE - (WINDOW_SPACE % Math.max(1, segment)));
  onePacket.set(p, assignment(F.window, BigInt(window)));
  return withOptions(p, synOptions(room));
}

/** A stream is sent in segments that fit; of one that does not, the first. */
function cut(p: Packet, room: number): Packet {
  const { payload, tcpOptions } = p.body;
  const most = Math.max(0, room - tcpOptions.length);
  if (payload.length <= most) return p;
  p.body = { ...p.body, payload: payload.subarray(0, most) };
  return measured(p);
}

function withOptions(p: Packet, tcpOptions: Uint8Array): Packet {
  p.body = { ...p.body, tcpOptions };
  return measured(p);
}

function measured(p: Packet): Packet {
  const { payload, tcpOptions } = p.body;
  const length = ipHeader(p) + TCP_HEADER + tcpOptions.length + payload.length;
  return onePacket.set(p, assignment(F.length, BigInt(length)));
}

/** MSS, SACK permitted, timestamps, one filler, window scale: tcp_options_write()'s order. */
function synOptions(mss: number): Uint8Array {
  const options = new Uint8Array(20);
  options.set([OPTION.mss, 4, 0, 0, 4, 2, OPTION.timestamps, 10]);
  put16(options, 2, Math.max(0, Math.min(0xffff, mss)));
  put32(options, 8, 1);
  options.set([1, 3, 3, WINDOW_SCALE], 16);
  return options;
}

function timestampOption(value: number, echo: number): Uint8Array {
  const option = new Uint8Array(TIMESTAMPS);
  option.set([1, 1, OPTION.timestamps, 10]);
  put32(option, 4, value);
  put32(option, 8, echo);
  return option;
}

function timestampsOf({ body }: Packet): { readonly value: number } | null {
  const found = parseTcpOptions(body.tcpOptions).find(({ kind }) => kind === OPTION.timestamps);
  return found === undefined || found.data.length < 8 ? null : { value: get32(found.data, 0) };
}

/** The largest segment that the sender of a SYN takes, in bytes; null when it does not say. */
export function largestSegment(syn: Packet): number | null {
  const found = parseTcpOptions(syn.body.tcpOptions).find(({ kind }) => kind === OPTION.mss);
  return found === undefined || found.data.length < 2 ? null : get16(found.data, 0);
}

function isSix(p: Packet): boolean {
  return numberOf(p, F.ethType) === 0x86dd;
}

function ipHeader(p: Packet): number {
  return isSix(p) ? 40 : 20 + p.body.ipOptions.length;
}

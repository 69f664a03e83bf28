/** Builds the packet that a question is about, as the sender's program hands it to its stack. */

import { type PortChoiceStep } from '../dataplane/conntrack/steps.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { allBits, type Field, type FieldBits, field, TCP_FLAGS } from '../packet/fields.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { blankPacket, type Packet } from '../traffic/packet.ts';
import { type Traffic } from '../traffic/traffic.ts';
import { assignment, readField } from '../traffic/words.ts';
import { hasTimestamps, largestSegment, SCALED_WINDOW, timestampsFor } from './transport.ts';
import { type PacketQuestion } from './types.ts';

const NO_OPTIONS = new Uint8Array(0);

const F = {
  ethType: field('eth_type'),
  protocol: field('ip_proto'),
  ttl: field('nw_ttl'),
  df: field('ip_df'),
  sourcePort: field('tp_src'),
  destinationPort: field('tp_dst'),
  tcpFlags: field('tcp_flags'),
  tcpSeq: field('tcp_seq'),
  tcpAck: field('tcp_ack'),
  tcpWindow: field('tcp_window'),
  icmpId: field('icmp_id'),
  icmpSeq: field('icmp_seq'),
  ipLength: field('ip_len'),
  frameLength: field('frame_len'),
} as const;

const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17 } as const;
/** Ports a client's kernel would pick from; a trace takes the first. */
const FIRST_EPHEMERAL_PORT = 32768;

/** Header bytes behind the IP header. */
const TRANSPORT_BYTES = { icmp: 8, tcp: 20, udp: 8 } as const;

/** The first packet of the exchange; a zero source is filled in by the sender's stack. */
export function requestPacket(question: PacketQuestion, to: IpAddress): Packet {
  const p = blankPacket();
  const { flow } = question;
  const other = question.protocol === 'flow' ? (flow?.protocol ?? null) : null;
  const { protocol: asked } = question;
  const protocol = asked === 'tcp' || asked === 'udp' ? asked : 'icmp';
  const six = to.version === 6;
  const write = (of: Field, value: number | bigint): void => {
    onePacket.set(p, assignment(of, BigInt(value)));
  };
  write(F.ethType, six ? 0x86dd : 0x0800);
  write(field(six ? 'ipv6_dst' : 'ip_dst'), to.value);
  if (question.source !== null) write(field(six ? 'ipv6_src' : 'ip_src'), question.source.value);
  write(F.protocol, other ?? (six && protocol === 'icmp' ? 58 : PROTOCOLS[protocol]));
  write(F.ttl, 64);
  if (!six && (question.dontFragment || protocol === 'tcp')) write(F.df, 1);
  if (other !== null) {
    // Whatever is behind the IP header stands in the question's own fields.
  } else if (protocol === 'icmp') {
    write(F.sourcePort, six ? 128 : 8);
    write(F.icmpId, question.icmpId ?? 1);
    write(F.icmpSeq, 1);
  } else {
    write(F.sourcePort, question.sourcePort ?? FIRST_EPHEMERAL_PORT);
    write(F.destinationPort, question.destinationPort ?? 0);
  }
  if (protocol === 'tcp') {
    write(F.tcpFlags, TCP_FLAGS.syn);
  }
  // A SYN carries no data: the size asked for is that of the segment that follows.
  const data = protocol === 'tcp' ? 0 : question.size;
  setLength(p, six, (other === null ? TRANSPORT_BYTES[protocol] : 0) + data);
  p.body = { ...p.body, payload: new Uint8Array(data) };
  for (const { field: of, value, mask } of flow?.inner ?? []) {
    onePacket.set(p, assignment(of, value, mask));
  }
  p.diary = null;
  return p;
}

/**
 * Data in answer to a SYN,ACK, or an answer to data: addresses and numbers exchanged. Of more
 * data than the other end takes at once this is the first segment.
 */
export function nextSegment(received: Packet, wanted: number): Packet {
  const p = turned(received);
  const words = received.words;
  const set = (of: Field, value: number): void => {
    onePacket.set(p, assignment(of, BigInt(value >>> 0)));
  };
  const syn = (words[F.tcpFlags.word] ?? 0) & TCP_FLAGS.syn;
  set(F.tcpSeq, words[F.tcpAck.word] ?? 0);
  set(F.tcpAck, (words[F.tcpSeq.word] ?? 0) + (syn === 0 ? received.body.payload.length : 1));
  set(F.tcpFlags, TCP_FLAGS.ack | TCP_FLAGS.psh);
  set(F.tcpWindow, SCALED_WINDOW);
  const six = words[F.ethType.word] === 0x86dd;
  const tcpOptions = hasTimestamps(received) ? timestampsFor(received) : NO_OPTIONS;
  const most = largestSegment(received) ?? Number.POSITIVE_INFINITY;
  const data = Math.min(wanted, Math.max(1, most - tcpOptions.length));
  setLength(p, six, TRANSPORT_BYTES.tcp + tcpOptions.length + data);
  p.body = { ...p.body, payload: new Uint8Array(data), tcpOptions };
  return p;
}

/** A datagram back to the sender. */
export function datagramBack(received: Packet): Packet {
  return turned(received);
}

/**
 * The first segment of a connection that a program opens because of what it received. Its port
 * is any free one of the host: that of the client, so that no two connections at a time have the
 * same. A null source is left to the stack.
 */
export function openingSegment(
  because: Packet,
  to: IpAddress,
  port: number,
  source: IpAddress | null,
): Packet {
  const client = readField(because.words, F.sourcePort);
  const question: PacketQuestion = {
    protocol: 'tcp',
    sourcePort: client < 1024n ? null : Number(client),
    destinationPort: port,
    source,
    icmpId: null,
    size: 0,
    dontFragment: true,
    flow: null,
  };
  const p = requestPacket(question, to);
  p.diary = onePacket.blank(because).diary;
  const step: PortChoiceStep = { kind: 'port-choice', end: 'src', from: 1024, to: 65535 };
  return onePacket.note(p, () => step);
}

/** Whether `p` comes back on the connection that `opened` opens; its source may be open. */
export function sameConnection(opened: Packet, p: Packet): boolean {
  const six = p.words[F.ethType.word] === 0x86dd;
  const all = (name: string): FieldBits => allBits(field(name));
  const [source, destination] = six ? ['ipv6_src', 'ipv6_dst'] : ['ip_src', 'ip_dst'];
  return (
    onePacket.same(p, opened, [
      [all(source ?? ''), all(destination ?? '')],
      [all('tp_src'), all('tp_dst')],
      [all('tp_dst'), all('tp_src')],
    ]).hit !== null
  );
}

/** A fresh packet in the other direction, made because of `received`: the diary goes on. */
function turned(received: Packet): Packet {
  const version = received.words[F.ethType.word] === 0x86dd ? 6 : 4;
  const p = turnedHeader(onePacket, received, version);
  p.body = { ...received.body };
  return p;
}

const KEPT = ['eth_type', 'ip_proto', 'ip_len', 'frame_len', 'tcp_window', 'ip_df'].map(field);

/** The header of `turned`, of one packet or of sets of them. */
export function turnedHeader<P>(traffic: Traffic<P>, received: P, version: 4 | 6): P {
  const names = version === 6 ? ['ipv6_src', 'ipv6_dst'] : ['ip_src', 'ip_dst'];
  const [source, destination] = names.map(field);
  const move = (p: P, to: Field, from: Field): P =>
    traffic.copy(p, allBits(to), received, allBits(from));
  let p = traffic.blank(received);
  for (const of of KEPT) p = move(p, of, of);
  p = move(p, source!, destination!);
  p = move(p, destination!, source!);
  p = move(p, F.sourcePort, F.destinationPort);
  p = move(p, F.destinationPort, F.sourcePort);
  return traffic.set(p, TTL);
}

const TTL = assignment(F.ttl, 64n);

/** IP total length; the Ethernet header's 14 bytes come on top. */
function setLength(p: Packet, six: boolean, behindIp: number): void {
  const total = (six ? 40 : 20) + behindIp;
  onePacket.set(p, assignment(F.ipLength, BigInt(total)));
  onePacket.set(p, assignment(F.frameLength, BigInt(14 + total)));
}

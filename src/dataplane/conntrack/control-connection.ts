/**
 * Helpers at work (net/netfilter/nf_conntrack_ftp.c help(), nf_nat_ftp.c; nf_confirm()): behind
 * the last chain they read packets of their connection, expect others, and rewrite addresses
 * that stand in the payload of a translated connection.
 */
import { assignment } from '../../traffic/words.ts';
import { type Connection, STATUS } from './connection.ts';
import { expect } from './expect.ts';
import { type FtpAnnouncement, findAnnouncement, writeAnnouncement } from './ftp.ts';
import { allAddressBits, F } from './protocols.ts';
import { grown, NO_SHIFTS, shiftSegment } from './sequence.ts';
import { changed, type Tracker } from './tracker.ts';
import { sealed, type TransportBytes, transportOf } from './transport-bytes.ts';

/** A packet behind its helper; null when the helper dropped it. */
export function help<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  established: boolean,
): P | null {
  const helped =
    connection.helper === 'ftp' && established ? helpFtp(tracker, p, connection, reply) : p;
  if (helped === null || connection.shifts === null) return helped;
  return shiftSegment(tracker.run.traffic, connection.shifts, reply, helped);
}

function helpFtp<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
): P | null {
  const { traffic } = tracker.run;
  const { version } = connection.cls;
  const content = traffic.content(p);
  const segment = traffic.segment(p);
  const place = content === null ? null : transportOf(content.bytes, version);
  if (content === null || segment === null || place === null) {
    tracker.run.assume('UNSUPPORTED_ACTION', 'the FTP helper cannot read a set of packets');
    return p;
  }
  const from = place.at + ((content.bytes[place.at + 12] ?? 0) >> 4) * 4;
  const data = content.bytes.subarray(from, place.end);
  if (data.length === 0) return p;
  const way = reply ? 1 : 0;
  let out: P = p;
  // A command counts where a line was seen to end in front of it.
  if (connection.lines[way].includes(segment.seq)) {
    const found = findAnnouncement(data, reply, version);
    if (found === 'partial') return null;
    if (found !== null) {
      const edit = { bytes: content.bytes, place, from, seq: segment.seq };
      out = announced(tracker, p, connection, reply, found, edit);
    }
  }
  if (data.at(-1) === NEWLINE) noteLine(connection, way, (segment.seq + data.length) >>> 0);
  return out;
}

const NEWLINE = 10;

/** update_nl_seq(): the two newest ends of lines of each direction. */
function noteLine<P>(connection: Connection<P>, way: 0 | 1, seq: number): void {
  const known = connection.lines[way];
  if (known.includes(seq)) return;
  const [first = 0, second = 0] = known;
  const oldest = ((first - second) | 0) < 0 ? [seq, second] : [first, seq];
  const now = known.length < 2 ? [...known, seq] : oldest;
  connection.lines = way === 0 ? [now, connection.lines[1]] : [connection.lines[0], now];
}

interface Edit {
  readonly bytes: Uint8Array;
  readonly place: TransportBytes;
  /** Where the data begins. */
  readonly from: number;
  readonly seq: number;
}

/** Expects the announced connection, and translates the announcement like its packet. */
function announced<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  found: FtpAnnouncement,
  edit: Edit,
): P {
  const { traffic } = tracker.run;
  const { src, dst } = allAddressBits(connection.cls.version);
  // Who announces, as it is known on its own side; and how it is seen from the other side.
  const own = reply ? traffic.fork(connection.after) : traffic.fork(connection.before);
  const ownEnd = reply ? dst : src;
  if (found.address !== null) {
    const said = traffic.set(traffic.fork(own), assignment(ownEnd.field, found.address));
    // Another host than the speaker is not believed (the module's parameter `loose`).
    if (traffic.same(said, own, [[ownEnd, ownEnd]]).hit === null) return p;
  }
  const seen = reply ? connection.before : connection.after;
  const [seenEnd, otherEnd] = reply ? [dst, src] : [src, dst];
  let first = traffic.blank(connection.before);
  first = traffic.set(
    first,
    assignment(F.ethType, connection.cls.version === 4 ? 0x0800n : 0x86ddn),
  );
  first = traffic.set(first, assignment(F.proto, 6n));
  first = traffic.copy(first, src, seen, otherEnd);
  first = traffic.copy(first, dst, seen, seenEnd);
  first = traffic.set(first, assignment(F.tpDst, BigInt(found.port)));
  const translated = (connection.status & (STATUS.src_nat | STATUS.dst_nat)) !== 0;
  const follow = translated ? { reply, port: found.port } : null;
  expect(tracker, connection, connection.cls, first, false, follow);
  if (!translated) return p;
  return rewritten(tracker, p, connection, reply, found, edit);
}

/** nf_nat_mangle_tcp_packet(): the translated address in place of the announced one. */
function rewritten<P>(
  tracker: Tracker<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  found: FtpAnnouncement,
  { bytes, place, from, seq }: Edit,
): P {
  const { traffic } = tracker.run;
  const { version } = connection.cls;
  const seen = traffic.content(reply ? connection.before : connection.after);
  if (seen === null) return p;
  const address = addressAt(seen.bytes, version, reply ? 'dst' : 'src');
  const text = writeAnnouncement(found.kind, address, found.port, version);
  const at = from + found.at;
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(at + found.length, place.end);
  const made = new Uint8Array(head.length + text.length + tail.length);
  made.set(head);
  made.set(new TextEncoder().encode(text), at);
  made.set(tail, at + text.length);
  const growth = text.length - found.length;
  if (growth !== 0) {
    const shifts = grown(connection.shifts ?? NO_SHIFTS, reply, seq, growth);
    const status = connection.status | STATUS.seq_adjust;
    changed(tracker, connection, p, { shifts, status });
  }
  return traffic.withContent(p, sealed(made, version), traffic.pieces(p));
}

function addressAt(bytes: Uint8Array, version: 4 | 6, end: 'src' | 'dst'): bigint {
  const [from, length] = version === 4 ? [12, 4] : [8, 16];
  const at = end === 'src' ? from : from + length;
  return bytes.subarray(at, at + length).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

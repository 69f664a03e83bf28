/**
 * Classic pcap files → frames (draft-ietf-opsawg-pcap). pcap-parser does the framing; around it
 * stands what it lacks: the nanosecond magic, the version check, cut files and absurd lengths.
 * The parser is handed only whole records, through the few methods it asks of a stream.
 */
import { type Parser, parse } from 'pcap-parser';
import { type Parsed, type Problem } from '../text/problem.ts';
import { type CapturedFrame, MAX_CAPTURED_LENGTH } from './captured-frame.ts';
import { toHex } from './wire/bytes.ts';

const GLOBAL_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;
const MICROSECONDS = 0xa1b2_c3d4;
const NANOSECONDS = 0xa1b2_3c4d;

/** How the numbers of a file are to be read. */
interface Format {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
}

/** A capture while it is read. Bytes may arrive in any pieces. */
interface Reading {
  readonly file: string;
  readonly frames: CapturedFrame[];
  readonly problems: Problem[];
  /** Null until the global header is there. */
  format: Format | null;
  /** Takes whole records, and before them the global header. */
  feed: (bytes: Uint8Array) => void;
  /** Bytes of a record that is not complete yet. */
  rest: Uint8Array;
  /** Bytes and frames read so far. */
  offset: number;
  count: number;
  /** True after a problem behind which nothing can be found. */
  isBroken: boolean;
}

/** All frames of a file. What stands before a damaged place is kept. */
export function readPcap(bytes: Uint8Array, file: string): Parsed<readonly CapturedFrame[]> {
  const reading = begin(file);
  push(reading, bytes);
  end(reading);
  return { value: reading.frames, problems: reading.problems };
}

/** The frames of a file that arrives in pieces; holds one piece and one unfinished frame. */
export async function* readPcapChunks(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Parsed<readonly CapturedFrame[]>> {
  const reading = begin(file);
  for await (const chunk of chunks) {
    push(reading, chunk);
    yield { value: reading.frames.splice(0), problems: reading.problems.splice(0) };
    if (reading.isBroken) return;
  }
  end(reading);
  yield { value: reading.frames.splice(0), problems: reading.problems.splice(0) };
}

function begin(file: string): Reading {
  return {
    file,
    frames: [],
    problems: [],
    format: null,
    feed: () => {},
    rest: new Uint8Array(0),
    offset: 0,
    count: 0,
    isBroken: false,
  };
}

function push(reading: Reading, bytes: Uint8Array): void {
  if (reading.isBroken) return;
  let all = joined(reading.rest, bytes);
  if (reading.format === null) {
    if (all.length < GLOBAL_HEADER_LENGTH) {
      reading.rest = all;
      return;
    }
    const format = formatOf(all);
    if (typeof format === 'string') {
      fail(reading, format, all);
      return;
    }
    reading.format = format;
    reading.feed = feedParser(format, reading);
    reading.feed(withMicrosecondMagic(all.subarray(0, GLOBAL_HEADER_LENGTH), format));
    reading.offset = GLOBAL_HEADER_LENGTH;
    all = all.subarray(GLOBAL_HEADER_LENGTH);
  }
  readRecords(reading, all, reading.format);
}

/** Hands the whole records to the parser and keeps the rest. */
function readRecords(reading: Reading, bytes: Uint8Array, format: Format): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let absurd = 0;
  while (at + RECORD_HEADER_LENGTH <= bytes.length) {
    const captured = view.getUint32(at + 8, format.littleEndian);
    if (captured > MAX_CAPTURED_LENGTH) absurd = captured;
    if (absurd > 0 || at + RECORD_HEADER_LENGTH + captured > bytes.length) break;
    at += RECORD_HEADER_LENGTH + captured;
    reading.count++;
  }
  if (at > 0) reading.feed(bytes.subarray(0, at));
  reading.offset += at;
  reading.rest = bytes.slice(at);
  if (absurd > 0) fail(reading, `captured length ${absurd} of a frame is absurd`, reading.rest);
}

function end(reading: Reading): void {
  if (reading.isBroken) return;
  if (reading.format === null)
    fail(reading, 'the file is shorter than a pcap header', reading.rest);
  else if (reading.rest.length > 0) fail(reading, 'the file ends inside of a frame', reading.rest);
}

function fail(reading: Reading, message: string, bytes: Uint8Array): void {
  reading.isBroken = true;
  reading.problems.push({
    file: reading.file,
    line: reading.count + 1,
    column: reading.offset + 1,
    text: toHex(bytes.subarray(0, RECORD_HEADER_LENGTH)),
    message,
  });
}

/** The format a global header announces, or what is wrong with it. */
function formatOf(bytes: Uint8Array): Format | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic !== MICROSECONDS && magic !== NANOSECONDS) continue;
    const major = view.getUint16(4, littleEndian);
    const minor = view.getUint16(6, littleEndian);
    if (major !== 2 || minor !== 4) return `pcap version ${major}.${minor}, not 2.4`;
    return { littleEndian, nanoseconds: magic === NANOSECONDS };
  }
  return 'not a pcap file: unknown magic number';
}

/** pcap-parser knows the microsecond magic only. */
function withMicrosecondMagic(header: Uint8Array, format: Format): Uint8Array {
  const copy = header.slice();
  new DataView(copy.buffer).setUint32(0, MICROSECONDS, format.littleEndian);
  return copy;
}

/** A parser that appends the frames of what is pushed into the returned function. */
function feedParser(format: Format, reading: Reading): (bytes: Uint8Array) => void {
  let handler: (data: Uint8Array) => void = () => {};
  const parser: Parser = parse({
    pause() {},
    resume() {},
    on(event, handle) {
      if (event === 'data') handler = handle;
    },
  });
  let linkType = 0;
  let number = 0;
  parser.on('error', (error) => fail(reading, error.message, reading.rest));
  parser.on('globalHeader', (header) => {
    // The upper half says whether frames end with a checksum (FCS), the lower is the type.
    linkType = header.linkLayerType & 0xffff;
  });
  parser.on('packet', ({ header, data }) => {
    const fraction = header.timestampMicroseconds;
    reading.frames.push({
      number: ++number,
      time_s: header.timestampSeconds,
      time_ns: format.nanoseconds ? fraction : fraction * 1000,
      linkType,
      wireLength: Math.max(header.originalLength, data.length),
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.length),
    });
  });
  return (bytes) => handler(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

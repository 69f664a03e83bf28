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
interface Reader {
  /** Takes more bytes. */
  push(bytes: Uint8Array): void;
  /** Says that no more bytes come. */
  end(): void;
  readonly frames: CapturedFrame[];
  readonly problems: Problem[];
  /** True after a problem behind which nothing can be found. */
  readonly isBroken: () => boolean;
}

/** All frames of a file. What stands before a damaged place is kept. */
export function readPcap(bytes: Uint8Array, file: string): Parsed<readonly CapturedFrame[]> {
  const reader = pcapReader(file);
  reader.push(bytes);
  reader.end();
  return { value: reader.frames, problems: reader.problems };
}

/** The frames of a file that arrives in pieces, in as much memory as one piece and one frame need. */
export async function* readPcapChunks(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Parsed<readonly CapturedFrame[]>> {
  const reader = pcapReader(file);
  for await (const chunk of chunks) {
    reader.push(chunk);
    yield { value: reader.frames.splice(0), problems: reader.problems.splice(0) };
    if (reader.isBroken()) return;
  }
  reader.end();
  yield { value: reader.frames.splice(0), problems: reader.problems.splice(0) };
}

function pcapReader(file: string): Reader {
  const frames: CapturedFrame[] = [];
  const problems: Problem[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  let format: Format | null = null;
  let source: ((bytes: Uint8Array) => void) | null = null;
  let offset = 0;
  let count = 0;
  let broken = false;

  const fail = (message: string, bytes: Uint8Array) => {
    broken = true;
    const text = toHex(bytes.subarray(0, RECORD_HEADER_LENGTH));
    problems.push({ file, line: count + 1, column: offset + 1, text, message });
  };
  const start = (bytes: Uint8Array): void => {
    const found = formatOf(bytes);
    if (typeof found === 'string') return fail(found, bytes);
    format = found;
    source = feed(found, frames, (message) => fail(message, bytes));
    source(withMicrosecondMagic(bytes.subarray(0, GLOBAL_HEADER_LENGTH), found));
    offset = GLOBAL_HEADER_LENGTH;
    records(bytes.subarray(GLOBAL_HEADER_LENGTH), found);
  };
  const records = (bytes: Uint8Array, of: Format) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + RECORD_HEADER_LENGTH <= bytes.length) {
      const captured = view.getUint32(at + 8, of.littleEndian);
      if (captured > MAX_CAPTURED_LENGTH) {
        source?.(bytes.subarray(0, at));
        offset += at;
        return fail(`captured length ${captured} of a frame is absurd`, bytes.subarray(at));
      }
      if (at + RECORD_HEADER_LENGTH + captured > bytes.length) break;
      at += RECORD_HEADER_LENGTH + captured;
      count++;
    }
    if (at > 0) source?.(bytes.subarray(0, at));
    offset += at;
    rest = bytes.slice(at);
  };

  return {
    frames,
    problems,
    isBroken: () => broken,
    push(bytes) {
      if (broken) return;
      const all = joined(rest, bytes);
      if (format !== null) records(all, format);
      else if (all.length >= GLOBAL_HEADER_LENGTH) start(all);
      else rest = all;
    },
    end() {
      if (broken) return;
      if (format === null) fail('the file is shorter than a pcap header', rest);
      else if (rest.length > 0) fail('the file ends inside of a frame', rest);
    },
  };
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

/** A parser that appends to `frames` what is pushed into the returned function. */
function feed(
  format: Format,
  frames: CapturedFrame[],
  fail: (message: string) => void,
): (bytes: Uint8Array) => void {
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
  parser.on('error', (error) => fail(error.message));
  parser.on('globalHeader', (header) => {
    // The upper half says whether frames end with a checksum (FCS), the lower is the type.
    linkType = header.linkLayerType & 0xffff;
  });
  parser.on('packet', ({ header, data }) => {
    const fraction = header.timestampMicroseconds;
    frames.push({
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

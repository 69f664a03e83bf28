/**
 * pcapng files → frames (draft-ietf-opsawg-pcapng): section, interface, enhanced and simple packet
 * blocks with their options. The way back is pcapng-write.ts.
 */
import { type Parsed, type Problem } from '../text/problem.ts';
import { type CapturedFrame, MAX_CAPTURED_LENGTH } from './captured-frame.ts';
import { padded4, toHex } from './wire/bytes.ts';

export const BLOCK = {
  section: 0x0a0d_0d0a,
  interface: 1,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;
export const BYTE_ORDER = 0x1a2b_3c4d;
export const OPTION = {
  comment: 1,
  interfaceName: 2,
  packetFlags: 2,
  interfaceDescription: 3,
  application: 4,
  packetId: 5,
  resolution: 9,
  timeOffset: 14,
} as const;

/** A place where frames were seen. */
export interface CaptureInterface {
  readonly linkType: number;
  /** 0: no limit. */
  readonly snapLength: number;
  readonly name?: string;
  readonly description?: string;
}

export interface PcapngFrame extends CapturedFrame {
  /** Index into `interfaces`. */
  readonly interfaceIndex: number;
  /** The same packet seen at several places has the same id. */
  readonly packetId?: bigint;
  /** Bits 0-1: inbound 1, outbound 2. */
  readonly flags?: number;
  readonly comments: readonly string[];
}

export interface Pcapng {
  readonly interfaces: readonly CaptureInterface[];
  readonly frames: readonly PcapngFrame[];
}

export function isPcapng(bytes: Uint8Array): boolean {
  return toHex(bytes.subarray(0, 4)) === '0a0d0d0a';
}

/** An interface of the section that is being read. */
interface Described {
  readonly index: number;
  readonly linkType: number;
  readonly snapLength: number;
  /** Ticks in a second. */
  readonly resolution: bigint;
  readonly offset_s: bigint;
}

/** A file while it is read. */
interface Reading {
  readonly interfaces: CaptureInterface[];
  readonly frames: PcapngFrame[];
  /** Interfaces of the current section; packet blocks count from zero in each section. */
  section: Described[];
  littleEndian: boolean;
}

/** All interfaces and frames of a file. What stands before a damaged place is kept. */
export function readPcapng(bytes: Uint8Array, file: string): Parsed<Pcapng> {
  const reading: Reading = { interfaces: [], frames: [], section: [], littleEndian: true };
  const problems: Problem[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const length = blockLength(view, at, reading);
    const message = typeof length === 'string' ? length : readBlock(view, at, length, reading);
    if (message !== null) {
      const text = toHex(bytes.subarray(at, at + 16));
      problems.push({ file, line: reading.frames.length + 1, column: at + 1, text, message });
    }
    // Without a length there is no next block.
    if (typeof length === 'string') break;
    at += length;
  }
  return { value: { interfaces: reading.interfaces, frames: reading.frames }, problems };
}

/** The length of the block at `at`, or what is wrong with it. A section may turn the byte order. */
function blockLength(view: DataView, at: number, reading: Reading): number | string {
  if (at + 12 > view.byteLength) return 'the file ends inside of a block header';
  const isSection = view.getUint32(at, true) === BLOCK.section;
  if (isSection) {
    if (view.getUint32(at + 8, true) === BYTE_ORDER) reading.littleEndian = true;
    else if (view.getUint32(at + 8, false) === BYTE_ORDER) reading.littleEndian = false;
    else return 'unknown byte order of a pcapng section';
  } else if (at === 0) {
    return 'not a pcapng file: no section header';
  }
  const length = view.getUint32(at + 4, reading.littleEndian);
  if (length < 12 || length % 4 !== 0) return `block length ${length} is impossible`;
  if (at + length > view.byteLength) return 'the file ends inside of a block';
  if (view.getUint32(at + length - 4, reading.littleEndian) !== length) {
    return 'the lengths before and behind a block differ';
  }
  return length;
}

/** Reads one block; other kinds than these say nothing about frames. */
function readBlock(view: DataView, at: number, length: number, reading: Reading): string | null {
  const end = at + length - 4;
  switch (view.getUint32(at, reading.littleEndian)) {
    case BLOCK.section:
      if (length < 28) return 'section header cut short';
      if (view.getUint16(at + 12, reading.littleEndian) !== 1) return 'unknown pcapng version';
      reading.section = [];
      return null;
    case BLOCK.interface:
      return length < 20 ? 'interface block cut short' : readInterface(view, at + 8, end, reading);
    case BLOCK.enhancedPacket:
      return length < 32 ? 'packet block cut short' : readEnhanced(view, at + 8, end, reading);
    case BLOCK.simplePacket:
      return length < 16 ? 'packet block cut short' : readSimple(view, at + 8, end, reading);
    default:
      return null;
  }
}

type Options = readonly { readonly code: number; readonly data: DataView }[];

function readOptions(view: DataView, start: number, end: number, littleEndian: boolean): Options {
  const options: { code: number; data: DataView }[] = [];
  for (let at = start; at + 4 <= end; ) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === 0 || at + 4 + length > end) break;
    options.push({ code, data: new DataView(view.buffer, view.byteOffset + at + 4, length) });
    at += 4 + padded4(length);
  }
  return options;
}

const decoder = new TextDecoder();

function textOption(options: Options, code: number): string | undefined {
  const found = options.find((option) => option.code === code);
  return found === undefined ? undefined : decoder.decode(found.data);
}

function readInterface(view: DataView, at: number, end: number, reading: Reading): null {
  const { littleEndian } = reading;
  const options = readOptions(view, at + 8, end, littleEndian);
  const linkType = view.getUint16(at, littleEndian);
  const snapLength = view.getUint32(at + 4, littleEndian);
  const unit = options.find(({ code }) => code === OPTION.resolution)?.data;
  const offset = options.find(({ code }) => code === OPTION.timeOffset)?.data;
  const isOffset = offset !== undefined && offset.byteLength === 8;
  const name = textOption(options, OPTION.interfaceName);
  const description = textOption(options, OPTION.interfaceDescription);
  reading.section.push({
    index: reading.interfaces.length,
    linkType,
    snapLength,
    resolution: resolutionOf(unit === undefined || unit.byteLength === 0 ? 6 : unit.getUint8(0)),
    offset_s: isOffset ? offset.getBigInt64(0, littleEndian) : 0n,
  });
  reading.interfaces.push({
    linkType,
    snapLength,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  });
  return null;
}

/** if_tsresol: a negative power of ten, or of two when the top bit is set. */
function resolutionOf(unit: number): bigint {
  return (unit & 0x80) === 0 ? 10n ** BigInt(unit) : 1n << BigInt(unit & 0x7f);
}

function readEnhanced(view: DataView, at: number, end: number, reading: Reading): string | null {
  const { littleEndian } = reading;
  const on = reading.section[view.getUint32(at, littleEndian)];
  const captured = view.getUint32(at + 12, littleEndian);
  if (on === undefined) return 'the frame names an interface that the section does not have';
  if (captured > MAX_CAPTURED_LENGTH || at + 20 + captured > end) {
    return `captured length ${captured} of a frame is absurd`;
  }
  const high = BigInt(view.getUint32(at + 4, littleEndian));
  const ticks = (high << 32n) | BigInt(view.getUint32(at + 8, littleEndian));
  const options = readOptions(view, at + 20 + padded4(captured), end, littleEndian);
  const flags = options.find(({ code }) => code === OPTION.packetFlags)?.data;
  const id = options.find(({ code }) => code === OPTION.packetId)?.data;
  reading.frames.push({
    number: reading.frames.length + 1,
    interfaceIndex: on.index,
    linkType: on.linkType,
    time_s: Number(ticks / on.resolution + on.offset_s),
    time_ns: Number(((ticks % on.resolution) * 1_000_000_000n) / on.resolution),
    wireLength: Math.max(view.getUint32(at + 16, littleEndian), captured),
    bytes: new Uint8Array(view.buffer, view.byteOffset + at + 20, captured),
    comments: options
      .filter(({ code }) => code === OPTION.comment)
      .map(({ data }) => decoder.decode(data)),
    ...(flags?.byteLength === 4 ? { flags: flags.getUint32(0, littleEndian) } : {}),
    ...(id?.byteLength === 8 ? { packetId: id.getBigUint64(0, littleEndian) } : {}),
  });
  return null;
}

/** A simple packet has neither time nor captured length: the snap length says what is there. */
function readSimple(view: DataView, at: number, end: number, reading: Reading): string | null {
  const on = reading.section[0];
  if (on === undefined) return 'a frame stands before any interface';
  const wireLength = view.getUint32(at, reading.littleEndian);
  const captured = on.snapLength === 0 ? wireLength : Math.min(wireLength, on.snapLength);
  if (captured > MAX_CAPTURED_LENGTH || at + 4 + captured > end) {
    return `length ${wireLength} of a frame is absurd`;
  }
  reading.frames.push({
    number: reading.frames.length + 1,
    interfaceIndex: on.index,
    linkType: on.linkType,
    time_s: 0,
    time_ns: 0,
    wireLength,
    bytes: new Uint8Array(view.buffer, view.byteOffset + at + 4, captured),
    comments: [],
  });
  return null;
}

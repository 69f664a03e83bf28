/**
 * Frames → a pcapng file (draft-ietf-opsawg-pcapng): a trace becomes a capture with one interface
 * per place the packet passed. The way back is pcapng.ts.
 */
import { BLOCK, BYTE_ORDER, type CaptureInterface, OPTION, type PcapngFrame } from './pcapng.ts';
import { padded4 } from './wire/bytes.ts';

const encoder = new TextEncoder();

/** A frame to write: what `readPcapng` gives back, without what the file itself says. */
export type FrameToWrite = Omit<PcapngFrame, 'number' | 'linkType'>;

/** A file of one section, little-endian, times in nanoseconds. */
export function writePcapng(
  interfaces: readonly CaptureInterface[],
  frames: readonly FrameToWrite[],
): Uint8Array {
  const section = new Uint8Array(16);
  const view = new DataView(section.buffer);
  view.setUint32(0, BYTE_ORDER, true);
  view.setUint16(4, 1, true);
  // The section's length is not known (-1).
  view.setBigInt64(8, -1n, true);
  return concatenated([
    block(BLOCK.section, [section, option(OPTION.application, encoder.encode('hopwise')), END]),
    ...interfaces.map(interfaceBlock),
    ...frames.map(packetBlock),
  ]);
}

const END = new Uint8Array(4);
/** The longest text an option can hold, less what keeps it a whole number of words. */
const MAX_OPTION_LENGTH = 65_532;

function interfaceBlock(of: CaptureInterface): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint16(0, of.linkType, true);
  view.setUint32(4, of.snapLength, true);
  const options = [option(OPTION.resolution, Uint8Array.of(9))];
  const { name, description } = of;
  if (name !== undefined) options.push(option(OPTION.interfaceName, encoder.encode(name)));
  if (description !== undefined) {
    options.push(option(OPTION.interfaceDescription, encoder.encode(description)));
  }
  return block(BLOCK.interface, [head, ...options, END]);
}

function packetBlock(frame: FrameToWrite): Uint8Array {
  const head = new Uint8Array(20);
  const view = new DataView(head.buffer);
  const time = BigInt(frame.time_s) * 1_000_000_000n + BigInt(frame.time_ns);
  view.setUint32(0, frame.interfaceIndex, true);
  view.setUint32(4, Number(time >> 32n), true);
  view.setUint32(8, Number(time & 0xffff_ffffn), true);
  view.setUint32(12, frame.bytes.length, true);
  view.setUint32(16, frame.wireLength, true);
  const options = frame.comments.map((text) => option(OPTION.comment, encoder.encode(text)));
  if (frame.flags !== undefined) {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, frame.flags, true);
    options.push(option(OPTION.packetFlags, data));
  }
  if (frame.packetId !== undefined) {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setBigUint64(0, frame.packetId, true);
    options.push(option(OPTION.packetId, data));
  }
  const end = options.length === 0 ? [] : [END];
  return block(BLOCK.enhancedPacket, [head, frame.bytes, ...options, ...end]);
}

function option(code: number, data: Uint8Array): Uint8Array {
  const length = Math.min(data.length, MAX_OPTION_LENGTH);
  const out = new Uint8Array(4 + padded4(length));
  const view = new DataView(out.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, length, true);
  out.set(data.subarray(0, length), 4);
  return out;
}

/** A block: type, length, parts filled up to whole words, length again. */
function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + padded4(part.length), 12);
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of parts) {
    out.set(part, at);
    at += padded4(part.length);
  }
  view.setUint32(length - 4, length, true);
  return out;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

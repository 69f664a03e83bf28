/** One packet: its fields in one array of words, what no field shows, and its diary. */
import { type Field, PACKET_WORDS } from '../packet/fields.ts';
import { type Frame } from '../packet/wire/frame.ts';
import { type Page } from './diary.ts';
import { readNumber } from './words.ts';

export interface Packet {
  /** All fields. Written through `ownWords` only: forks share them until one of them changes. */
  words: Uint32Array;
  /** Whether another packet may have the same words. */
  shared: boolean;
  /** The frame inside a tunnel header. */
  readonly inner: Packet | null;
  /** The original packet inside an ICMP error. */
  quoted: Packet | null;
  /** What no field shows: bytes behind the last header, options, the frame it was read from. */
  body: Body;
  /** The newest page of the diary. */
  diary: Page | null;
}

/** The part of a packet that no field describes. */
export interface Body {
  /** Bytes behind the last understood header. */
  readonly payload: Uint8Array;
  readonly tcpOptions: Uint8Array;
  readonly ipOptions: Uint8Array;
  /** Lengths of the fragments it was put together from; absent when it came whole. */
  readonly pieces?: readonly number[];
  /** Lengths by which it would be cut again; absent when they are those of `pieces`. */
  readonly cuts?: readonly number[];
  /** The frame it was read from, header by header; absent when it was built from fields. */
  readonly asRead?: Frame;
}

const NO_BYTES = new Uint8Array(0);
export const EMPTY_BODY: Body = { payload: NO_BYTES, tcpOptions: NO_BYTES, ipOptions: NO_BYTES };

/** A packet with all fields zero. */
export function blankPacket(): Packet {
  return {
    words: zeroWords(),
    shared: false,
    inner: null,
    quoted: null,
    body: EMPTY_BODY,
    diary: null,
  };
}

/** How many packets lie in one allocation: an array buffer of its own costs ten times the copy. */
const TOGETHER = 16;
let buffer = new ArrayBuffer(0);
let used = TOGETHER;

function zeroWords(): Uint32Array {
  if (used === TOGETHER) {
    buffer = new ArrayBuffer(4 * PACKET_WORDS * TOGETHER);
    used = 0;
  }
  return new Uint32Array(buffer, 4 * PACKET_WORDS * used++, PACKET_WORDS);
}

/** An independent copy; the words are copied when one of the two changes, the diary never. */
export function forkPacket(p: Packet): Packet {
  const { words, inner, quoted, body, diary } = p;
  p.shared = true;
  return { words, shared: true, inner, quoted, body, diary };
}

/** The words of a packet, to be written: from here on no other packet has them. */
export function ownWords(p: Packet): Uint32Array {
  if (!p.shared) return p.words;
  const copy = zeroWords();
  copy.set(p.words);
  p.words = copy;
  p.shared = false;
  return copy;
}

/** The frame that carries `p` in a tunnel: all fields zero. */
export function carrierOf(p: Packet, diary: Page): Packet {
  return {
    words: zeroWords(),
    shared: false,
    inner: p,
    quoted: null,
    body: EMPTY_BODY,
    diary,
  };
}

/** Reads up to 32 low bits of a field of one packet: for tests and printing, never for elements. */
export function numberOf(p: Packet, of: Field): number {
  return readNumber(p.words, of, 0, Math.min(of.width, 32));
}

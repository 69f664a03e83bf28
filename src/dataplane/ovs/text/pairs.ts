/**
 * KEY=VALUE, KEY:VALUE, KEY(VALUE) and lone KEYs, separated by commas or blanks: the grammar
 * under all of flow text (lib/ofp-parse.c ofputil_parse_key_value). It works on bytes and never
 * copies; brackets protect commas inside values, and one that is never closed ends with the text.
 */
import { textOf } from '../../../text/byte-memo.ts';

/** Where the scanner stands, and the pair it read last as byte offsets. */
export interface PairCursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
  /** The byte behind the key: `=`, `:`, `(`, or 0 when there is no value. */
  mark: number;
}

export const EQUALS = 0x3d;
export const COLON = 0x3a;
export const OPEN = 0x28;
export const CLOSE = 0x29;
export const COMMA = 0x2c;
export const SPACE = 0x20;

export function pairCursor(bytes: Uint8Array, start: number, end: number): PairCursor {
  return { bytes, at: start, end, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, mark: 0 };
}

/** Comma, blank, tabulator, carriage return, line feed. */
function isSeparator(byte: number): boolean {
  return byte === COMMA || byte === SPACE || byte === 0x0a || byte === 0x09 || byte === 0x0d;
}

/** Reads the next pair; false at the end. */
export function nextPair(cursor: PairCursor): boolean {
  const { bytes, end } = cursor;
  let at = cursor.at;
  while (at < end && isSeparator(bytes[at] ?? 0)) at++;
  cursor.keyStart = at;
  if (at >= end) {
    cursor.at = at;
    return false;
  }
  let byte = bytes[at] ?? 0;
  while (at < end && byte !== EQUALS && byte !== COLON && byte !== OPEN && !isSeparator(byte)) {
    byte = bytes[++at] ?? 0;
  }
  cursor.keyEnd = at;
  cursor.mark = at < end && !isSeparator(byte) ? byte : 0;
  if (at < end) at++;
  cursor.valueStart = cursor.mark === 0 ? cursor.keyEnd : at;
  if (cursor.mark === 0) {
    cursor.valueEnd = cursor.keyEnd;
    cursor.at = at;
    return true;
  }
  let stop = valueEnd(bytes, at, end, cursor.mark === OPEN);
  const arrow = bytes[stop + 1] === 0x2d && bytes[stop + 2] === 0x3e && stop + 2 < end;
  if (cursor.mark === OPEN && stop < end && arrow) {
    // `check_pkt_larger(1500)->reg0[0]`: the value goes on behind the bracket.
    stop = valueEnd(bytes, stop, end, false);
  }
  cursor.valueEnd = stop;
  cursor.at = stop < end ? stop + 1 : stop;
  return true;
}

function valueEnd(bytes: Uint8Array, start: number, end: number, bracket: boolean): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (bracket ? byte === CLOSE : isSeparator(byte)) return at;
    if (byte !== OPEN) {
      at++;
      continue;
    }
    let level = 0;
    do {
      if (at >= end) return end;
      const inner = bytes[at] ?? 0;
      if (inner === OPEN) level++;
      else if (inner === CLOSE) level--;
      at++;
    } while (level > 0);
  }
  return end;
}

export function keyText(cursor: PairCursor): string {
  return textOf(cursor.bytes, cursor.keyStart, cursor.keyEnd);
}

export function valueText(cursor: PairCursor): string {
  return textOf(cursor.bytes, cursor.valueStart, cursor.valueEnd);
}

/** The bytes of a text given as a string; characters beyond one byte become `?`. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code < 256 ? code : 0x3f;
  }
  return bytes;
}

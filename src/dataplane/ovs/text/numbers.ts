/**
 * Numbers as ovs-ofctl reads them: C's strtoull() with any base, and hexadecimal numbers of
 * any length for wide fields (lib/util.c parse_int_string). Values are `bigint`s because they
 * are read once per distinct word, never per packet.
 */

/** A text that was not understood: the sentence for the problem. */
export interface Fault {
  readonly fault: string;
  /** Words that would have been right here, for "did you mean". */
  readonly known?: Iterable<string>;
  /** The word that was not known, when it is only a part of the text. */
  readonly word?: string;
}

export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'fault' in value;
}

export function fault(sentence: string, word?: string, known?: Iterable<string>): Fault {
  return {
    fault: sentence,
    ...(word === undefined ? {} : { word }),
    ...(known === undefined ? {} : { known }),
  };
}

const U64 = 0xffff_ffff_ffff_ffffn;
const C_NUMBER = /^[ \t\r\n]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;

/** strtoull(text, &end, 0): the value, and how many characters it took; `undefined` for none. */
export function scanNumber(text: string): { value: bigint; length: number } | undefined {
  const found = C_NUMBER.exec(text);
  const digits = found?.[2];
  if (found === null || digits === undefined) return undefined;
  const octal = digits.length > 1 && digits[0] === '0' && !/^0[xX]/.test(digits);
  let value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  if (found[1] === '-') value = -value & U64;
  return { value, length: found[0].length };
}

/** A whole text of at most nine decimal digits or 0x and eight, as a number; else -1. */
export function smallNumber(text: string): number {
  const { length } = text;
  const hexadecimal = length > 2 && text.charCodeAt(1) === 0x78;
  if (length === 0 || length > (hexadecimal ? 10 : 9)) return -1;
  const zero = text.charCodeAt(0) === 0x30;
  if (zero !== hexadecimal && length > 1) return -1;
  let value = 0;
  for (let i = hexadecimal ? 2 : 0; i < length; i++) {
    const code = text.charCodeAt(i);
    let digit = code - 0x30;
    if (digit < 0) return -1;
    if (digit > 9) {
      digit = (code | 0x20) - 0x57;
      if (!hexadecimal || digit < 10 || digit > 15) return -1;
    }
    value = value * (hexadecimal ? 16 : 10) + digit;
  }
  return value;
}

/** A whole number at the start of a text that must fit `bytes` bytes, and what follows it. */
export function scanInteger(text: string, bytes: number): { value: bigint; rest: string } | Fault {
  const number = smallNumber(text);
  if (number >= 0 && (bytes >= 4 || number < 2 ** (8 * bytes))) {
    return { value: big(number), rest: '' };
  }
  if (/^0[xX]/.test(text)) {
    const digits = /^[0-9a-fA-F]*/.exec(text.slice(2))?.[0] ?? '';
    const value = digits === '' ? 0n : BigInt(`0x${digits}`);
    if (value >> BigInt(8 * bytes)) return fault(`value too large for ${bytes} bytes`);
    return { value, rest: text.slice(2 + digits.length) };
  }
  const found = scanNumber(text);
  if (found === undefined) return fault('not a number');
  if (found.value > U64 || found.value >> BigInt(8 * bytes)) {
    return fault(`value too large for ${bytes} bytes`);
  }
  return { value: found.value, rest: text.slice(found.length) };
}

/** A number that is the whole text, from 0 to `limit`. */
export function wholeNumber(text: string, limit: number, what: string): number | Fault {
  const found = scanNumber(text);
  if (found === undefined || found.length !== text.length || found.value > BigInt(limit)) {
    return fault(`${what} is not a number from 0 to ${limit}`);
  }
  return Number(found.value);
}

/** str_to_u32(): longer numbers lose their upper half, as in C. */
export function number32(text: string, what: string): number | Fault {
  const found = scanNumber(text);
  if (found === undefined || found.length !== text.length || found.value > U64) {
    return fault(`${what} is not a number`);
  }
  return Number(found.value & 0xffff_ffffn);
}

export function number64(text: string, what: string): bigint | Fault {
  const found = scanNumber(text);
  if (found === undefined || found.length !== text.length || found.value > U64) {
    return fault(`${what} is not a 64-bit number`);
  }
  return found.value;
}

/** atoi(): what digits there are, else 0; the result is cut to `bits`. */
export function looseNumber(text: string, bits: number): number {
  const digits = /^[ \t]*([+-]?[0-9]{1,18})/.exec(text)?.[1];
  return digits === undefined ? 0 : Number(BigInt.asUintN(bits, BigInt(digits)));
}

const small: bigint[] = [];
/** The `bigint` of a small number, without making a new one each time. */
export function big(value: number): bigint {
  if (value >= 0 && value < 4096) {
    small[value] ??= BigInt(value);
    return small[value] ?? 0n;
  }
  return BigInt(value);
}

const ALL_ONES = Array.from({ length: 129 }, (_, bits) => (1n << BigInt(bits)) - 1n);
/** As many one bits, from the lowest up. */
export function ones(bits: number): bigint {
  return ALL_ONES[bits] ?? (1n << BigInt(bits)) - 1n;
}

/** 0x5, and 0 for zero: C's %#x. */
export function hex(value: bigint | number): string {
  return value === 0n || value === 0 ? '0' : `0x${value.toString(16)}`;
}

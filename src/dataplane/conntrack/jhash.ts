/** Bob Jenkins' hash as the kernel has it (include/linux/jhash.h jhash2()). */

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Hashes 32-bit words; the result is unsigned. */
export function jhash2(words: readonly number[], initial: number): number {
  let a = (0xdeadbeef + (words.length << 2) + initial) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; words.length - at > 3; at += 3) {
    a = (a + words[at]!) | 0;
    b = (b + words[at + 1]!) | 0;
    c = (c + words[at + 2]!) | 0;
    a = ((a - c) | 0) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  const left = words.length - at;
  if (left === 0) return c >>> 0;
  if (left === 3) c = (c + words[at + 2]!) | 0;
  if (left >= 2) b = (b + words[at + 1]!) | 0;
  a = (a + words[at]!) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

/** A big-endian word as a little-endian machine reads it. */
export function swapped(word: number): number {
  const low = ((word & 0xff) << 24) | ((word & 0xff00) << 8);
  return (low | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** A hash brought down to 0 … count - 1 (reciprocal_scale()). */
export function scaled(hash: number, count: bigint): bigint {
  return (BigInt(hash) * count) >> 32n;
}

/**
 * A memory of byte ranges: the hot path of every line reader. Dumps repeat the same few
 * thousand words a million times, so a word is understood once and found again by its bytes.
 */

/** How far a lookup probes before it gives up; keeps crafted collisions from going quadratic. */
const PROBES = 24;

/** The hash of `bytes[start..end)` (FNV-1a); callers that scan anyway compute it as they go. */
export function hashRange(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_START;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), HASH_PRIME);
  return hash;
}

export const HASH_START = 0x811c9dc5;
export const HASH_PRIME = 0x01000193;

/** Numbers kept for each place of the table: which value, the hash, where the bytes stand. */
const STRIDE = 4;
const FEWEST_PLACES = 64;

/**
 * A memory over one buffer. `make` is called once for every distinct range (more often only
 * when the table is crowded by collisions) and must not depend on where the range stands.
 */
export class ByteMemo<T> {
  private mask = FEWEST_PLACES - 1;
  /** A lookup mostly touches one place, and so one line of the processor's cache. */
  private places = new Int32Array(FEWEST_PLACES * STRIDE);
  private readonly values: T[] = [];
  private readonly bytes: Uint8Array;
  private readonly make: (start: number, end: number) => T;

  constructor(bytes: Uint8Array, make: (start: number, end: number) => T) {
    this.bytes = bytes;
    this.make = make;
  }

  /** What `make` gave for these bytes the first time. */
  find(start: number, end: number, hash: number): T {
    const { bytes, places, mask } = this;
    const length = end - start;
    let place = spread(hash) & mask;
    for (let probe = 0; probe < PROBES; probe++) {
      const at = place * STRIDE;
      const id = places[at] ?? 0;
      if (id === 0) break;
      if (places[at + 1] === hash && places[at + 3] === length) {
        const other = places[at + 2] ?? 0;
        let i = 0;
        while (i < length && bytes[other + i] === bytes[start + i]) i++;
        if (i === length) return this.values[id - 1] as T;
      }
      place = (place + 1) & mask;
    }
    return this.remember(start, length, hash);
  }

  private remember(start: number, length: number, hash: number): T {
    const made = this.make(start, start + length);
    if (!this.put(this.values.length + 1, hash, start, length)) return made;
    this.values.push(made);
    if (this.values.length * 2 > this.mask) this.grow();
    return made;
  }

  /** False when the places around are taken. */
  private put(id: number, hash: number, start: number, length: number): boolean {
    const { places, mask } = this;
    let place = spread(hash) & mask;
    for (let probe = 0; probe < PROBES; probe++) {
      const at = place * STRIDE;
      if (places[at] === 0) {
        places[at] = id;
        places[at + 1] = hash;
        places[at + 2] = start;
        places[at + 3] = length;
        return true;
      }
      place = (place + 1) & mask;
    }
    return false;
  }

  private grow(): void {
    const before = this.places;
    this.mask = this.mask * 4 + 3;
    this.places = new Int32Array((this.mask + 1) * STRIDE);
    for (let at = 0; at < before.length; at += STRIDE) {
      const id = before[at] ?? 0;
      if (id !== 0) this.put(id, before[at + 1] ?? 0, before[at + 2] ?? 0, before[at + 3] ?? 0);
    }
  }
}

/** FNV's low bits are weak; fold the high half in. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

const latin1 = new TextDecoder('latin1');

/**
 * The bytes as a string, one character a byte: flow text is ASCII, and nothing else is lost.
 * Short words are put together here; a decoder needs longer to begin than they to be read.
 */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > MOST_JOINED) return latin1.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === undefined) break;
    if (byte > 0x7f) return latin1.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

const MOST_JOINED = 14;

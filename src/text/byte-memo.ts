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

export interface ByteMemo<T> {
  /** What `make` gave for these bytes the first time. */
  readonly find: (start: number, end: number, hash: number) => T;
}

/**
 * A memory over one buffer. `make` is called once for every distinct range (more often only
 * when the table is crowded by collisions) and must not depend on where the range stands.
 */
export function byteMemo<T>(
  bytes: Uint8Array,
  make: (start: number, end: number) => T,
): ByteMemo<T> {
  let mask = 1023;
  let slots = new Int32Array(mask + 1);
  const starts: number[] = [0];
  const lengths: number[] = [0];
  const hashes: number[] = [0];
  const values: (T | undefined)[] = [undefined];

  function grow(): void {
    mask = mask * 2 + 1;
    slots = new Int32Array(mask + 1);
    for (let id = 1; id < values.length; id++) {
      let at = spread(hashes[id] ?? 0) & mask;
      for (let probe = 0; probe < PROBES; probe++) {
        if (slots[at] === 0) {
          slots[at] = id;
          break;
        }
        at = (at + 1) & mask;
      }
    }
  }

  function same(id: number, start: number, length: number): boolean {
    const other = starts[id] ?? 0;
    for (let i = 0; i < length; i++) {
      if (bytes[other + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  return {
    find(start, end, hash) {
      const length = end - start;
      let at = spread(hash) & mask;
      for (let probe = 0; probe < PROBES; probe++) {
        const id = slots[at] ?? 0;
        if (id === 0) {
          const made = make(start, end);
          // `make` may have come back here for a part of this range and filled the slot.
          if (slots[at] !== 0) return made;
          slots[at] = values.length;
          starts.push(start);
          lengths.push(length);
          hashes.push(hash);
          values.push(made);
          if (values.length * 2 > mask) grow();
          return made;
        }
        if (hashes[id] === hash && lengths[id] === length && same(id, start, length)) {
          return values[id] as T;
        }
        at = (at + 1) & mask;
      }
      return make(start, end);
    },
  };
}

/** FNV's low bits are weak; fold the high half in. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

const latin1 = new TextDecoder('latin1');

/** The bytes as a string, one character a byte: flow text is ASCII, and nothing else is lost. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1.decode(bytes.subarray(start, end));
}

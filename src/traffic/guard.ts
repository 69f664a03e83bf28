/**
 * A guard is a match prepared for the hot path: compiled once where an element is built,
 * evaluated on words. It is the branch condition that `Traffic.split` takes.
 */
import { type Field } from '../packet/fields.ts';
import { type Match, type Range, sortedRanges } from './match.ts';
import { wordBits } from './words.ts';

/** Three-valued: 1 matches, 0 does not, -1 depends on something that was not understood. */
export type Truth = 1 | 0 | -1;

export interface Guard {
  readonly match: Match;
  /** Evaluates the match on one packet's words. */
  readonly test: (words: Uint32Array) => Truth;
  /** False when some part is opaque: then a split may not be trusted without saying so. */
  readonly certain: boolean;
}

/** Prepares a match. */
export function guard(match: Match): Guard {
  return { match, test: evaluator(match), certain: isCertain(match) };
}

function isCertain(match: Match): boolean {
  switch (match.kind) {
    case 'opaque':
      return false;
    case 'and':
    case 'or':
      return match.of.every(isCertain);
    case 'not':
      return isCertain(match.of);
    default:
      return true;
  }
}

function evaluator(match: Match): (words: Uint32Array) => Truth {
  switch (match.kind) {
    case 'any':
      return () => 1;
    case 'none':
      return () => 0;
    case 'opaque':
      return () => -1;
    case 'test': {
      const tests = wordBits(match.field, match.value, match.mask);
      const [only] = tests;
      if (only !== undefined && tests.length === 1) {
        const { word, mask, value } = only;
        return (words) => (((words[word] ?? 0) & mask) >>> 0 === value ? 1 : 0);
      }
      return (words) => {
        for (const { word, mask, value } of tests) {
          if (((words[word] ?? 0) & mask) >>> 0 !== value) return 0;
        }
        return 1;
      };
    }
    case 'within': {
      const inside = insideOf(match.field, match.ranges);
      return (words) => (inside(words) ? 1 : 0);
    }
    case 'and': {
      const parts = match.of.map(evaluator);
      return (words) => {
        let truth: Truth = 1;
        for (const part of parts) {
          const here = part(words);
          if (here === 0) return 0;
          if (here === -1) truth = -1;
        }
        return truth;
      };
    }
    case 'or': {
      const parts = match.of.map(evaluator);
      return (words) => {
        let truth: Truth = 0;
        for (const part of parts) {
          const here = part(words);
          if (here === 1) return 1;
          if (here === -1) truth = -1;
        }
        return truth;
      };
    }
    case 'not': {
      const inner = evaluator(match.of);
      return (words) => {
        const here = inner(words);
        return here === -1 ? -1 : here === 1 ? 0 : 1;
      };
    }
  }
}

type Inside = (words: Uint32Array) => boolean;

/** Searches by ranges and field: rules that share an address set share its search. */
const searches = new WeakMap<readonly Range[], Map<Field, Inside>>();

function insideOf(of: Field, ranges: readonly Range[]): Inside {
  let known = searches.get(ranges);
  if (known === undefined) {
    known = new Map();
    searches.set(ranges, known);
  }
  let inside = known.get(of);
  if (inside === undefined) {
    inside = withinRanges(of, sortedRanges(ranges));
    known.set(of, inside);
  }
  return inside;
}

/**
 * Whether a field lies in one of many sorted ranges: a binary search for the first range that
 * does not end below it. Address sets have thousands of ranges.
 */
function withinRanges(of: Field, ranges: readonly Range[]): Inside {
  const count = Math.ceil(of.width / 32);
  const low = new Uint32Array(count * ranges.length);
  const high = new Uint32Array(count * ranges.length);
  ranges.forEach(({ from, to }, k) => {
    for (let i = 0; i < count; i++) {
      const down = BigInt(32 * (count - 1 - i));
      low[count * k + i] = Number(BigInt.asUintN(32, from >> down));
      high[count * k + i] = Number(BigInt.asUintN(32, to >> down));
    }
  });
  const first = of.width % 32 === 0 ? 0xffff_ffff : 2 ** (of.width % 32) - 1;
  return (words) => {
    let from = 0;
    let upTo = ranges.length;
    while (from < upTo) {
      const middle = (from + upTo) >>> 1;
      if (compare(words, of, first, high, count * middle) > 0) from = middle + 1;
      else upTo = middle;
    }
    return from < ranges.length && compare(words, of, first, low, count * from) >= 0;
  };
}

/** Compares a packet's field with a bound, word by word; `first` masks the field's first word. */
function compare(
  words: Uint32Array,
  of: Field,
  first: number,
  bounds: Uint32Array,
  at: number,
): number {
  const count = (of.width + 31) >>> 5;
  for (let i = 0; i < count; i++) {
    const value = (((words[of.word + i] ?? 0) >>> of.shift) & (i === 0 ? first : -1)) >>> 0;
    const bound = bounds[at + i]!;
    if (value !== bound) return value < bound ? -1 : 1;
  }
  return 0;
}

/**
 * A guard is a match prepared for the hot path: compiled once where an element is built,
 * evaluated on words. It is the branch condition that `Traffic.split` takes.
 */
import { type Match } from './match.ts';
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
      const tests = match.ranges.map(({ from, to }) => withinRange(match.field, from, to));
      return (words) => (tests.some((inside) => inside(words)) ? 1 : 0);
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

/** Lexicographic comparison of a field's words with both ends of a range. */
function withinRange(
  field: { word: number; width: number; shift: number },
  from: bigint,
  to: bigint,
): (words: Uint32Array) => boolean {
  const count = Math.ceil(field.width / 32);
  const low: number[] = [];
  const high: number[] = [];
  const masks: number[] = [];
  for (let i = 0; i < count; i++) {
    const down = BigInt(32 * (count - 1 - i));
    low.push(Number((from >> down) & 0xffff_ffffn));
    high.push(Number((to >> down) & 0xffff_ffffn));
    const bits = i === 0 && field.width % 32 !== 0 ? field.width % 32 : 32;
    masks.push(bits === 32 ? 0xffff_ffff : (1 << bits) - 1);
  }
  return (words) => {
    let aboveLow = false;
    let belowHigh = false;
    for (let i = 0; i < count; i++) {
      const value = (((words[field.word + i] ?? 0) >>> field.shift) & (masks[i] ?? 0)) >>> 0;
      if (!aboveLow) {
        if (value < (low[i] ?? 0)) return false;
        aboveLow = value > (low[i] ?? 0);
      }
      if (!belowHigh) {
        if (value > (high[i] ?? 0)) return false;
        belowHigh = value < (high[i] ?? 0);
      }
      if (aboveLow && belowHigh) return true;
    }
    return true;
  };
}

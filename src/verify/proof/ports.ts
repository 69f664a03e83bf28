/** Ports as people write them: `22`, `80-90`, `22,443`, `all`. */
import { type Range } from '../../traffic/match.ts';
import { EVERY_PORT } from './source.ts';

/** The ranges of a word; null when it is none. */
export function portRanges(word: string): readonly Range[] | null {
  if (word === 'all' || word === 'any') return EVERY_PORT;
  const ranges: Range[] = [];
  for (const part of word.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    const low = Number(match?.[1] ?? Number.NaN);
    const high = match?.[2] === undefined ? low : Number(match[2]);
    if (!(low <= high && high <= 65535)) return null;
    ranges.push({ from: BigInt(low), to: BigInt(high) });
  }
  return ranges;
}

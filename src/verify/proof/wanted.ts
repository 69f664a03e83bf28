/**
 * Which packets a question is about, and the words for it. The command line reads them before any
 * command is chosen, so nothing that proofs need is loaded here.
 */
import { type Range } from '../../traffic/match.ts';

/** Which packets a question is about: none of them named means all. */
export interface Wanted {
  readonly icmp: boolean;
  /** Destination ports; null: no packet of that protocol is asked about. */
  readonly tcp: readonly Range[] | null;
  readonly udp: readonly Range[] | null;
  /** IP protocols of which nothing else is looked at. */
  readonly others: boolean;
}

export const EVERY_PORT: readonly Range[] = [{ from: 0n, to: 65535n }];
export const ALL_WANTED: Wanted = {
  icmp: true,
  tcp: EVERY_PORT,
  udp: EVERY_PORT,
  others: true,
};

/** Ports as people write them, `22`, `80-90`, `22,443`, `all`, as ranges; null for anything else. */
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

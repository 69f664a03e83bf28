/** What a set says of one input: is its packet here, and what do its words hold. */
import { type PacketSet } from './packet-set.ts';
import { isInput } from './space.ts';
import { type Word } from './symbols.ts';

/** Values of variables that no field of the input shows. */
export type Choices = ReadonlyMap<number, number>;

/** Whether the packet that came in as `words` is in the set. */
export function holds(p: PacketSet, words: Uint32Array, choices: Choices = new Map()): boolean {
  return isInput(p.space, p.where, words, choices);
}

/** The words of the packet in the set that came in as `words`. */
export function imageOf(
  { space, words }: PacketSet,
  input: Uint32Array,
  choices: Choices = new Map(),
): Uint32Array {
  const valueOf = (variable: number): number => {
    const place = space.places[variable];
    if (place === undefined) return choices.get(variable) ?? space.firsts.get(variable) ?? 0;
    return ((input[place.word]! >>> place.shift) & space.regions.tops[variable]!) >>> 0;
  };
  return Uint32Array.from(words, (word) => wordValue(word, valueOf, space.regions.tops));
}

function wordValue(
  word: Word,
  valueOf: (variable: number) => number,
  tops: readonly number[],
): number {
  let value = 0;
  for (const piece of word) {
    if (piece.variable === null) value |= piece.value << piece.from;
    else {
      const moved = ((valueOf(piece.variable) + piece.add) & tops[piece.variable]!) >>> 0;
      const mask = piece.width === 32 ? -1 : 2 ** piece.width - 1;
      value |= ((moved >>> piece.low) & mask) << piece.from;
    }
  }
  return value >>> 0;
}

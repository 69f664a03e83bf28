/** Entries of `track_interface`, `track_script` and their kin: a name with a weight. */
import { type Tracked } from '../types.ts';
import { type Complaints, complain, type Line, quoted, type Word } from './lexer.ts';

/** `NAME [weight N [reverse]]`. */
export const TRACKED = {
  read(line: Line, complaints: Complaints): Tracked | undefined {
    const [name, ...rest] = line.words;
    if (name === undefined) return undefined;
    return { name: name.text, ...readWeight(rest, complaints) };
  },

  write({ name, weight, reverse }: Tracked): readonly string[] {
    return [quoted(name), ...(weight === null ? [] : ['weight', ...writeWeight(weight, reverse)])];
  },
};

const KNOWN = ['weight', 'reverse', 'noreverse', 'no_reverse'];

function readWeight(
  words: readonly Word[],
  complaints: Complaints,
): { weight: number | null; reverse: boolean } {
  let weight: number | null = null;
  let reverse = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word?.text === 'weight') {
      const value = words[++at];
      weight = weightOf(value ?? word, complaints);
    } else if (word?.text === 'reverse') reverse = true;
    else if (word?.text === 'noreverse' || word?.text === 'no_reverse') reverse = false;
    else if (word !== undefined) complain(complaints, word, 'unknown word', KNOWN);
  }
  return { weight, reverse };
}

/** A weight from -254 to 254; null with a complaint when it is none. */
export function weightOf(word: Word, complaints: Complaints): number | null {
  const value = Number(word.text);
  if (/^[-+]?\d+$/.test(word.text) && Math.abs(value) <= 254) return value;
  complain(complaints, word, 'expected a weight from -254 to 254');
  return null;
}

/** The words behind `weight`. */
export function writeWeight(weight: number, reverse: boolean): readonly string[] {
  return reverse ? [String(weight), 'reverse'] : [String(weight)];
}

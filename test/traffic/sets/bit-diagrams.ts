/**
 * The twin that intervals are measured and checked against: reduced ordered binary decision
 * diagrams over single bits of a packet's words (Bryant, IEEE ToC 1986). Written for tests alone,
 * it shares nothing with the sets beside the field table.
 */
import { type Field } from '../../../src/packet/fields.ts';
import { type Match } from '../../../src/traffic/match.ts';
import { type Rule } from '../../../src/traffic/table.ts';

/** Names a function of bits; equal functions of one store have equal names. */
export type Bits = number;

export const FALSE: Bits = 0;
export const TRUE: Bits = 1;
const LEAF = 0x7fff_ffff;

export class BitDiagrams {
  private readonly level: number[] = [LEAF, LEAF];
  private readonly low: Bits[] = [FALSE, TRUE];
  private readonly high: Bits[] = [FALSE, TRUE];
  private readonly known = new Map<string, Bits>();
  private readonly done = new Map<string, Bits>();

  get size(): number {
    return this.level.length;
  }

  /** One bit: `level` says how early it is asked. */
  bit(level: number): Bits {
    return this.node(level, FALSE, TRUE);
  }

  and(a: Bits, b: Bits): Bits {
    return this.choose(a, b, FALSE);
  }

  or(a: Bits, b: Bits): Bits {
    return this.choose(a, TRUE, b);
  }

  not(a: Bits): Bits {
    return this.choose(a, FALSE, TRUE);
  }

  /** if f then g else h */
  choose(f: Bits, g: Bits, h: Bits): Bits {
    if (f === TRUE || g === h) return g;
    if (f === FALSE) return h;
    if (g === TRUE && h === FALSE) return f;
    const key = `${f} ${g} ${h}`;
    const found = this.done.get(key);
    if (found !== undefined) return found;
    const level = Math.min(this.level[f]!, this.level[g]!, this.level[h]!);
    const low = this.choose(this.at(f, level, 0), this.at(g, level, 0), this.at(h, level, 0));
    const high = this.choose(this.at(f, level, 1), this.at(g, level, 1), this.at(h, level, 1));
    const made = this.node(level, low, high);
    this.done.set(key, made);
    return made;
  }

  private at(f: Bits, level: number, value: 0 | 1): Bits {
    if (this.level[f] !== level) return f;
    return value === 0 ? this.low[f]! : this.high[f]!;
  }

  private node(level: number, low: Bits, high: Bits): Bits {
    if (low === high) return low;
    const key = `${level} ${low} ${high}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const made = this.level.push(level) - 1;
    this.low.push(low);
    this.high.push(high);
    this.known.set(key, made);
    return made;
  }
}

/** Bits of words, the most significant bit of a word first: level 32 * word + place from the top. */
export function wordBit(word: number, bit: number): number {
  return 32 * word + 31 - bit;
}

/** The places of a field's bits, lowest first: word and bit within it. */
export function placesOf(of: Field): readonly { readonly word: number; readonly bit: number }[] {
  const last = of.word + Math.ceil(of.width / 32) - 1;
  return Array.from({ length: of.width }, (_, i) => {
    const at = of.shift + i;
    return { word: last - Math.floor(at / 32), bit: at % 32 };
  });
}

/** A match as a function of bits; `opaque` has no meaning and must not be asked for. */
export function bitsOf(store: BitDiagrams, match: Match): Bits {
  switch (match.kind) {
    case 'any':
      return TRUE;
    case 'none':
      return FALSE;
    case 'test':
      return placesOf(match.field).reduceRight((all, { word, bit }, i) => {
        if (((match.mask >> BigInt(i)) & 1n) === 0n) return all;
        const one = store.bit(wordBit(word, bit));
        return store.and(all, ((match.value >> BigInt(i)) & 1n) === 1n ? one : store.not(one));
      }, TRUE);
    case 'within':
      return match.ranges.reduce((all, { from, to }) => {
        const above = atLeast(store, match.field, from);
        const beyond = atLeast(store, match.field, to + 1n);
        return store.or(all, store.and(above, store.not(beyond)));
      }, FALSE);
    case 'not':
      return store.not(bitsOf(store, match.of));
    case 'and':
      return match.of.reduce((all, each) => store.and(all, bitsOf(store, each)), TRUE);
    case 'or':
      return match.of.reduce((all, each) => store.or(all, bitsOf(store, each)), FALSE);
    case 'opaque':
      throw new Error(`no meaning: ${match.text}`);
  }
}

/** field >= bound, decided from the lowest bit upwards. */
function atLeast(store: BitDiagrams, of: Field, bound: bigint): Bits {
  if (bound >= 1n << BigInt(of.width)) return FALSE;
  return placesOf(of).reduce((below, { word, bit }, i) => {
    const one = store.bit(wordBit(word, bit));
    return ((bound >> BigInt(i)) & 1n) === 1n ? store.and(one, below) : store.or(one, below);
  }, TRUE);
}

/** Where a lookup takes each rule: its match without decisive rules of lower ranks. */
export function taken(
  store: BitDiagrams,
  rules: readonly Rule<unknown>[],
): ReadonlyMap<Rule<unknown>, Bits> {
  const found = new Map<Rule<unknown>, Bits>();
  let open: Bits = TRUE;
  const sorted = [...rules].sort((a, b) => a.rank - b.rank);
  for (let i = 0; i < sorted.length; ) {
    const { rank } = sorted[i]!;
    let decided: Bits = FALSE;
    for (; sorted[i]?.rank === rank; i++) {
      const rule = sorted[i]!;
      const match = bitsOf(store, rule.match);
      found.set(rule, store.and(open, match));
      if (rule.decisive) decided = store.or(decided, match);
    }
    open = store.and(open, store.not(decided));
  }
  return found;
}

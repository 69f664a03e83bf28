/**
 * The operations of `Traffic` on sets of packets. Each says for every input of a set what
 * `one-packet.ts` says for the packet of that input; a test compares the two.
 */
import { allBits, type FieldBits } from '../../packet/fields.ts';
import { notePage } from '../diary.ts';
import { intersect } from '../intervals.ts';
import { type Case, type FieldPairs, type Hash, type Split, type Traffic } from '../traffic.ts';
import { type WordBits } from '../words.ts';
import { runWithin, truthsOf } from './conditions.ts';
import { popHeader, pushHeader } from './headers.ts';
import { lookUpSet } from './lookup.ts';
import {
  anyRun,
  blankSet,
  constantRuns,
  doubted,
  narrowed,
  type PacketSet,
  readRun,
  writeRuns,
} from './packet-set.ts';
import { EVERYWHERE, NOWHERE, type Region } from './regions.ts';
import { alikeChoices } from './space.ts';
import { addTo } from './sums.ts';
import {
  clip,
  constant,
  constantOf,
  ones,
  type Piece,
  replaced,
  type Shown,
  samePiece,
  sameWord,
  type Word,
  widthOf,
} from './symbols.ts';

/** Two variables are compared value by value up to so many values. */
const MOST_EQUALS = 512;

function parted(p: PacketSet, inside: Region): Split<PacketSet> {
  const { regions } = p.space;
  const hit = regions.and(p.where, inside);
  const miss = regions.minus(p.where, inside);
  return {
    hit: hit === NOWHERE ? null : narrowed(p, hit),
    miss: miss === NOWHERE ? null : narrowed(p, miss),
  };
}

/** Where two runs show the same bits; null when it cannot be said exactly. */
function equalRuns(p: PacketSet, mine: Word, other: Word): Region | null {
  const { regions } = p.space;
  const ends = new Set<number>();
  for (const piece of [...mine, ...other]) ends.add(piece.from + piece.width);
  let region: Region = EVERYWHERE;
  let start = 0;
  for (const end of [...ends].sort((a, b) => a - b)) {
    const [a, b] = [clip(mine, start, end), clip(other, start, end)];
    start = end;
    const [one] = a ?? [];
    const [two] = b ?? [];
    if (one === undefined || two === undefined) return null;
    const here = equalPieces(p, one, two);
    if (here === null) return null;
    region = regions.and(region, here);
    if (region === NOWHERE) return NOWHERE;
  }
  return region;
}

function equalPieces(p: PacketSet, a: Piece, b: Piece): Region | null {
  if (samePiece(a, b)) return EVERYWHERE;
  if (a.variable === null && b.variable === null) return NOWHERE;
  if (a.variable === null) return runWithin(p.space, [b], Uint32Array.of(a.value, a.value));
  if (b.variable === null) return runWithin(p.space, [a], Uint32Array.of(b.value, b.value));
  const { tops } = p.space.regions;
  const whole = ({ low, width, variable }: Shown): boolean =>
    low === 0 && tops[variable] === ones(width);
  if (a.width <= 8 && whole(a) && whole(b)) {
    if (a.variable === b.variable)
      return ((a.add - b.add) & ones(a.width)) === 0 ? EVERYWHERE : NOWHERE;
    return p.space.regions.equal(a.variable, b.variable, a.add - b.add);
  }
  if (whole(a) && whole(b) && a.add === b.add && isChoice(p, a) && isChoice(p, b)) {
    const { regions } = p.space;
    const both = intersect(
      regions.values(p.where, a.variable),
      regions.values(p.where, b.variable),
    );
    return both.length === 0 ? NOWHERE : alikeChoices(p.space, a.variable, b.variable);
  }
  const values = valuesOf(p, [a], MOST_EQUALS) ?? valuesOf(p, [b], MOST_EQUALS);
  if (values === null) return null;
  const { regions } = p.space;
  let region: Region = NOWHERE;
  for (const { value } of values) {
    const one = runWithin(p.space, [a], Uint32Array.of(value, value));
    const two = runWithin(p.space, [b], Uint32Array.of(value, value));
    if (one === null || two === null) return null;
    region = regions.or(region, regions.and(one, two));
  }
  return region;
}

/** Whether a piece is no bit of the input, but what was chosen on the way. */
function isChoice({ space }: PacketSet, { variable }: Shown): boolean {
  return space.places[variable] === undefined;
}

/** The values of a run and where each is taken; null when there are more than `limit`. */
function valuesOf(p: PacketSet, run: Word, limit: number): readonly Valued[] | null {
  let found: readonly Valued[] = [{ value: 0, where: p.where }];
  for (const piece of [...run].reverse()) {
    const next: Valued[] = [];
    for (const { value, where } of found) {
      const here = pieceValues(p, piece, where, limit - next.length);
      if (here === null) return null;
      for (const one of here) {
        next.push({ value: (value | (one.value << piece.from)) >>> 0, where: one.where });
      }
      if (next.length > limit) return null;
    }
    found = next;
  }
  return found;
}

interface Valued {
  readonly value: number;
  readonly where: Region;
}

function pieceValues(
  p: PacketSet,
  piece: Piece,
  where: Region,
  limit: number,
): readonly Valued[] | null {
  if (piece.variable === null) return [{ value: piece.value, where }];
  const { regions } = p.space;
  const top = regions.tops[piece.variable]!;
  const shown = ones(piece.width);
  const taken = regions.values(where, piece.variable);
  const values = new Set<number>();
  for (let i = 0; i < taken.length; i += 2) {
    if (shown === top && taken[i + 1]! - taken[i]! >= limit) return null;
    for (let value = taken[i]!; value <= taken[i + 1]!; value++) {
      const moved = ((value + piece.add) & top) >>> 0;
      values.add(((moved >>> piece.low) & shown) >>> 0);
      if (values.size > limit) return null;
    }
  }
  const found: Valued[] = [];
  for (const value of values) {
    const inside = runWithin(p.space, [{ ...piece, from: 0 }], Uint32Array.of(value, value));
    if (inside === null) return null;
    const part = regions.and(where, inside);
    if (part !== NOWHERE) found.push({ value, where: part });
  }
  return found;
}

function same(p: PacketSet, seen: PacketSet, pairs: FieldPairs): Split<PacketSet> {
  const { regions } = p.space;
  // What was seen was seen in runs with those inputs only.
  const both = regions.and(p.where, seen.where);
  if (both === NOWHERE) return { hit: null, miss: p };
  const common = narrowed(p, both);
  let region: Region = both;
  const runs = pairs.map((pair) => [readRun(p, pair[0]), readRun(seen, pair[1]), pair[0]] as const);
  // What differs for every input needs no further look.
  if (runs.some(([mine, other]) => neverEqual(mine, other))) return { hit: null, miss: p };
  for (const [mine, other, here] of runs) {
    const part = mine === null || other === null ? null : equalParts(common, mine, other);
    if (part === null) {
      const doubt = `${here.field.name} is compared with what depends on another input`;
      return { hit: doubted(common, doubt), miss: doubted(p, doubt) };
    }
    region = regions.and(region, part);
    if (region === NOWHERE) return { hit: null, miss: p };
  }
  return parted(p, region);
}

/** Whether two runs are constants, and different ones. */
function neverEqual(mine: Runs | null, other: Runs | null): boolean {
  if (mine === null || other === null) return false;
  for (const { at, run } of mine) {
    const there = other.find((one) => one.at === at)?.run;
    const [a, b] = [constantOf(run), there === undefined ? null : constantOf(there)];
    if (a !== null && b !== null && there !== undefined && widthOf(run) === widthOf(there)) {
      if (a !== b) return true;
    }
  }
  return false;
}

type Runs = readonly { readonly at: number; readonly run: Word }[];

function equalParts(p: PacketSet, mine: Runs, other: Runs): Region | null {
  const ends = new Set<number>();
  for (const { at, run } of [...mine, ...other]) ends.add(at + widthOf(run));
  let region: Region = EVERYWHERE;
  let start = 0;
  for (const end of [...ends].sort((a, b) => a - b)) {
    const [a, b] = [cut(mine, start, end), cut(other, start, end)];
    start = end;
    const here = a === null || b === null ? null : equalRuns(p, a, b);
    if (here === null) return null;
    region = p.space.regions.and(region, here);
  }
  return region;
}

function cut(runs: Runs, start: number, end: number): Word | null {
  const holder = runs.find(({ at, run }) => at <= start && end <= at + widthOf(run));
  return holder === undefined ? null : clip(holder.run, start - holder.at, end - holder.at);
}

function cases(p: PacketSet, bits: FieldBits, limit: number): readonly Case<PacketSet>[] | null {
  const run = wholeRun(readRun(p, bits));
  if (run === null) return null;
  const values = valuesOf(p, run, limit);
  if (values === null) return null;
  return values.map(({ value, where }) => ({ value, p: narrowed(p, where) }));
}

/** A run of up to 32 bits that may cross a word's end, as one. */
function wholeRun(runs: Runs | null): Word | null {
  if (runs === null) return null;
  return runs.flatMap(({ at, run }) => run.map((piece) => ({ ...piece, from: piece.from + at })));
}

function join(parts: readonly PacketSet[]): readonly PacketSet[] {
  const out: PacketSet[] = [];
  for (const part of parts) {
    const at = out.findIndex((each) => looksLike(each, part));
    const found = out[at];
    if (found === undefined) out.push(part);
    else {
      const doubts = [...new Set([...found.doubts, ...part.doubts])];
      const where = part.space.regions.or(found.where, part.where);
      out[at] = { ...found, where, doubts };
    }
  }
  return out;
}

function looksLike(a: PacketSet | null, b: PacketSet | null): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  for (let i = 0; i < a.words.length; i++) if (!sameWord(a.words[i]!, b.words[i]!)) return false;
  return looksLike(a.inner, b.inner) && looksLike(a.quoted, b.quoted);
}

const WHOLE: readonly number[] = [];

/** Constants for bits of words; the set itself where nothing becomes another. */
function writeWords(p: PacketSet, writes: readonly WordBits[], what: string): PacketSet {
  let words: Word[] | null = null;
  let cut = false;
  for (const { word, value, mask } of writes) {
    const before = (words ?? p.words)[word]!;
    const made = maskedWord(before, value, mask);
    if (made === before) continue;
    words ??= p.words.slice();
    cut ||= made === null;
    words[word] = made ?? anyRun(p.space, 32);
  }
  if (words === null) return p;
  const written = { ...p, words };
  return cut ? doubted(written, `${what} depends on a part of a sum`) : written;
}

/** A word with the bits of the mask as in `value`; null when a sum would be cut. */
function maskedWord(before: Word, value: number, mask: number): Word | null {
  const [only] = before;
  if (only?.variable === null && only.width === 32) {
    const now = ((only.value & ~mask) | value) >>> 0;
    return now === only.value ? before : [constant(0, 32, now)];
  }
  if (mask === 0xffff_ffff) return [constant(0, 32, value)];
  let made: Word | null = before;
  for (let from = 0; from < 32 && made !== null; ) {
    const bit = (mask >>> from) & 1;
    let end = from + 1;
    while (end < 32 && ((mask >>> end) & 1) === bit) end++;
    if (bit === 1) made = replaced(made, from, [constant(0, end - from, value >>> from)]);
    from = end;
  }
  return made;
}

/** Any value for a hash of some fields, and the same one wherever these are the same. */
function hashed(
  { space }: PacketSet,
  to: FieldBits,
  from: bigint,
  { whose, of, fields }: Hash<PacketSet>,
): Word {
  const words = fields.map((each) => readRun(of, allBits(each)));
  if (words.includes(null)) return anyRun(space, to.width, Number(from));
  const known = space.hashes.get(whose) ?? new Map<string, Word>();
  space.hashes.set(whose, known);
  const key = JSON.stringify(words);
  const run = known.get(key) ?? anyRun(space, to.width, Number(from));
  known.set(key, run);
  return run;
}

/** The operations of `Traffic` on sets of packets of one space. */
export const packetSets: Traffic<PacketSet> = {
  split(p, guard) {
    const { yes, maybe, inexact } = truthsOf(p.space, p.words, guard.match);
    if (!inexact) return parted(p, yes);
    const unsure = doubted(p, 'a condition looks at bits that are not told apart');
    return { hit: parted(unsure, maybe).hit, miss: parted(unsure, yes).miss };
  },
  lookup: lookUpSet,
  same,
  cases,
  set: (p, { field: of, words }) => writeWords(p, words, of.name),
  copy(p, to, source, from) {
    const runs = readRun(source, from);
    if (runs !== null) return writeRuns(p, to, runs);
    const any = [{ at: 0, run: anyRun(p.space, Math.min(32, to.width)) }];
    return doubted(writeRuns(p, to, any), `${from.field.name} is copied in part from a sum`);
  },
  setAll: (p, { words }) => writeWords(p, words, 'a field'),
  copyAll(p, source, { each }) {
    return each.reduce((written, bits) => packetSets.copy(written, bits, source, bits), p);
  },
  add: addTo,
  choose(p, to, from, upTo, hash) {
    if (to.width > 32) {
      const runs = constantRuns(to.width, from);
      const written = writeRuns(p, to, runs);
      return from === upTo ? written : doubted(written, `any ${to.field.name} of a range`);
    }
    const run =
      hash === undefined ? anyRun(p.space, to.width, Number(from)) : hashed(p, to, from, hash);
    const inside = runWithin(p.space, run, Uint32Array.of(Number(from), Number(upTo)));
    const where = p.space.regions.and(p.where, inside ?? EVERYWHERE);
    return writeRuns(narrowed(p, where), to, [{ at: 0, run }]);
  },
  push: pushHeader,
  pop: popHeader,
  encapsulate(p) {
    return { ...blankSet(p), inner: p };
  },
  decapsulate(p) {
    if (p.inner === null) return null;
    const doubts = [...new Set([...p.doubts, ...p.inner.doubts])];
    return { ...p.inner, where: p.where, doubts, diary: p.diary };
  },
  blank: blankSet,
  quoted(p) {
    return p.quoted === null ? null : narrowed(p.quoted, p.where);
  },
  quote(p, original) {
    return { ...p, quoted: original };
  },
  segment: () => null,
  content: () => null,
  withContent: (p) => doubted(p, 'bytes of a set of packets are rewritten'),
  pieces: () => WHOLE,
  cuts: () => WHOLE,
  fork: (p) => p,
  within(p, survivor) {
    const where = p.space.regions.and(p.where, survivor.where);
    return where === NOWHERE ? null : narrowed(p, where);
  },
  join,
  note(p, step) {
    return { ...p, diary: notePage(p.diary, step) };
  },
};

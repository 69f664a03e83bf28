/**
 * A set of packets: the inputs it stands for, and what each word of a packet holds as a function
 * of the input. Nothing is changed in place; sets share what did not change.
 */
import { type Field, type FieldBits } from '../../packet/fields.ts';
import { type Page } from '../diary.ts';
import { EVERYWHERE, type Region } from './regions.ts';
import { freshVariable, type Space } from './space.ts';
import { chunks, clip, constant, replaced, type Word, widthOf, ZERO } from './symbols.ts';

export interface PacketSet {
  readonly space: Space;
  /** The inputs whose packet is here. */
  readonly where: Region;
  readonly words: readonly Word[];
  /** The frames inside of a tunnel header. */
  readonly inner: PacketSet | null;
  /** The packets quoted in ICMP errors. */
  readonly quoted: PacketSet | null;
  /** What could not be said exactly: the set may hold packets that never get here. */
  readonly doubts: readonly string[];
  /** What was noted; sets of one place share what they have in common. */
  readonly diary: Page | null;
}

/** Every packet there is: each field is an input of its own. */
export function everyPacket(space: Space): PacketSet {
  const { words } = space;
  return { space, where: EVERYWHERE, words, inner: null, quoted: null, doubts: [], diary: null };
}

/** The same inputs with a frame whose fields are all zero. */
export function blankSet({ space, where, doubts, diary }: PacketSet): PacketSet {
  const words = space.words.map(() => ZERO);
  return { space, where, words, inner: null, quoted: null, doubts, diary };
}

export function narrowed(p: PacketSet, where: Region): PacketSet {
  return where === p.where ? p : { ...p, where };
}

export function doubted(p: PacketSet, doubt: string): PacketSet {
  return p.doubts.includes(doubt) ? p : { ...p, doubts: [...p.doubts, doubt] };
}

/** The bits of a run as pieces from 0 on, word by word; null when a sum would be cut. */
export function readRun(
  { words }: PacketSet,
  { field: of, start, width }: FieldBits,
): readonly { readonly at: number; readonly run: Word }[] | null {
  const out = [];
  for (const chunk of chunks(of, start, width)) {
    const run = clip(words[chunk.word]!, chunk.low, chunk.low + chunk.width);
    if (run === null) return null;
    out.push({ at: chunk.at, run });
  }
  return out;
}

/** Writes runs of up to 32 bits each into a run of bits; a sum that is cut becomes any value. */
export function writeRuns(
  p: PacketSet,
  { field: of, start }: { readonly field: Field; readonly start: number },
  runs: readonly { readonly at: number; readonly run: Word }[],
): PacketSet {
  const words = p.words.slice();
  let doubt: string | null = null;
  for (const { at, run } of runs) {
    for (const chunk of chunks(of, start + at, widthOf(run))) {
      const part = clip(run, chunk.at, chunk.at + chunk.width);
      const made = part === null ? null : replaced(words[chunk.word]!, chunk.low, part);
      if (made === null) doubt = `${of.name} depends on a part of a sum`;
      words[chunk.word] = made ?? anyWord(p.space);
    }
  }
  const written = { ...p, words };
  return doubt === null ? written : doubted(written, doubt);
}

/** A run that may hold anything. */
export function anyRun(space: Space, width: number, first = 0): Word {
  const variable = freshVariable(space, width, first);
  return [{ from: 0, width, variable, low: 0, add: 0 }];
}

function anyWord(space: Space): Word {
  return anyRun(space, 32);
}

/** Constants for a run of bits. */
export function constantRuns(
  width: number,
  value: bigint,
): readonly { readonly at: number; readonly run: Word }[] {
  const runs = [];
  for (let at = 0; at < width; at += 32) {
    const part = Math.min(32, width - at);
    const bits = Number(BigInt.asUintN(32, value >> BigInt(at)));
    runs.push({ at, run: [constant(0, part, bits)] });
  }
  return runs;
}

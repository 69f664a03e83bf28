/**
 * From the words of a match to its tests: prerequisites stand explicitly, members that several
 * words wrote are merged, and what the protocol does not have is thrown away, as the switch does.
 */
import { type FieldTest } from '../types/flow.ts';
import { type Kind, kindOf, type PlacedTest, placedTest, type SlotSet } from './slots.ts';
import { testsOf, type Word } from './words.ts';

/** Gathers the words of one match; made once and used for every line. */
export interface MatchBuilder {
  /** The first `count` are this match's. */
  readonly words: Word[];
  count: number;
  etherType: number;
  protocol: number;
  type: number;
  merges: boolean;
}

export function matchBuilder(): MatchBuilder {
  return { words: [], count: 0, etherType: -1, protocol: -1, type: -1, merges: false };
}

export function clearMatch(builder: MatchBuilder): void {
  builder.count = 0;
  builder.etherType = -1;
  builder.protocol = -1;
  builder.type = -1;
  builder.merges = false;
}

export function addWord(builder: MatchBuilder, word: Word): void {
  builder.words[builder.count++] = word;
  if (word.etherType >= 0) builder.etherType = word.etherType;
  if (word.protocol >= 0) builder.protocol = word.protocol;
  if (word.type >= 0) builder.type = word.type;
  if (word.merges) builder.merges = true;
}

/** The words gathered so far. */
export function matchWords(builder: MatchBuilder): readonly Word[] {
  return builder.words.slice(0, builder.count);
}

const placed: PlacedTest[] = [];

/** The tests of the gathered words, in the order of the field table. */
export function matchTests(builder: MatchBuilder): FieldTest[] {
  if (builder.merges) return mergedTests(matchWords(builder)).tests;
  const kind = kindOf(builder.etherType, builder.protocol, builder.type);
  let count = 0;
  for (let w = 0; w < builder.count; w++) {
    const word = builder.words[w];
    if (word === undefined) continue;
    const own = testsOf(word, kind);
    for (let i = 0; i < own.length; i++) {
      const test = own[i];
      if (test === undefined) continue;
      let at = count++;
      // Insertion sort: a match has a handful of tests and comes nearly sorted.
      for (; at > 0; at--) {
        const before = placed[at - 1];
        if (before === undefined || before.order < test.order) break;
        if (before.order === test.order) return mergedTests(matchWords(builder)).tests;
        placed[at] = before;
      }
      placed[at] = test;
    }
  }
  const tests = new Array<FieldTest>(count);
  for (let i = 0; i < count; i++) {
    const test = placed[i];
    if (test !== undefined) tests[i] = test.test;
  }
  return tests;
}

/** The members of a match after all words, in the order they were first written. */
export function mergedSlots(words: readonly Word[]): Map<string, SlotSet> {
  const slots = new Map<string, SlotSet>();
  for (const word of words) {
    for (const next of word.sets) {
      const before = slots.get(next.slot);
      const kept = before === undefined ? 0n : before.mask & next.keep;
      const mask = kept | next.mask;
      const value = ((before?.value ?? 0n) & next.keep) | next.value;
      slots.set(next.slot, { ...next, value: value & mask, mask });
    }
  }
  return slots;
}

/** The same with every word merged into its member; also says which members were dropped. */
export function mergedTests(words: readonly Word[]): {
  readonly tests: FieldTest[];
  readonly dropped: readonly string[];
  readonly kind: Kind;
} {
  const slots = mergedSlots(words);
  const number = (slot: string): number => {
    const found = slots.get(slot);
    return found === undefined || found.mask === 0n ? -1 : Number(found.value);
  };
  const packetType = number('packet_type');
  const bare = packetType > 0xffff ? packetType & 0xffff : number('eth_type');
  const kind = kindOf(bare, number('nw_proto'), number('tp_src'));
  const found: PlacedTest[] = [];
  const dropped: string[] = [];
  for (const slot of slots.values()) {
    const test = placedTest(slot, kind);
    if (test !== null) found.push(test);
    else if (slot.mask !== 0n) dropped.push(slot.slot);
  }
  found.sort((a, b) => a.order - b.order);
  return { tests: found.map((of) => of.test), dropped, kind };
}

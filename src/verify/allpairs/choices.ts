/**
 * What a table still may do to frames of which only the destination is not given yet: the flows
 * that match all else, with what they ask of the destination. Two senders with the same choices go
 * the same ways. Before: `flow-index.ts`. After: `tails.ts`.
 */
import { EVERYWHERE, NOWHERE, type Regions } from '../../traffic/sets/regions.ts';
import { actionsOf, type FlowIndex, isUnicastBit, type Tuple } from './flow-index.ts';
import { type Frame, LATER, type Mac, NEEDS_MORE, NotCarried, W } from './frame.ts';
import { type Rule, regionOf } from './rule-region.ts';

/** A flow that frames to some destinations hit. */
export interface Choice {
  readonly rule: Rule;
  /** Asked of the two words of the destination; a mask of zero asks nothing. */
  readonly high: Bits;
  readonly low: Bits;
}

interface Bits {
  readonly mask: number;
  readonly value: number;
}

const NO_BITS: Bits = { mask: 0, value: 0 };

/** The flows for all destinations, the highest priority first, none below one that takes all. */
export function choicesOf(regions: Regions, index: FlowIndex, frame: Frame): readonly Choice[] {
  index.probes?.note(frame.words);
  const all: Choice[] = [];
  for (const type of [0, frame.words[W.ethType]!]) {
    for (const tuple of index.tuples.get(type) ?? []) gather(tuple, frame.words, all);
  }
  all.sort((a, b) => b.rule.priority - a.rule.priority);
  const out: Choice[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const choice of all) {
    const { rule, high, low } = choice;
    if (rule.priority < last) break;
    if (rule.clauses.length > 0) throw new NotCarried('a clause before the destination');
    const where = regionOf(regions, rule, frame);
    if (where === NOWHERE) continue;
    if (where !== EVERYWHERE) throw new NotCarried('ports decide before the destination');
    out.push(choice);
    if (high.mask === 0 && low.mask === 0) last = rule.priority;
  }
  return out;
}

/** What tells choices apart; equal texts do the same to every destination. */
export function textOfChoices(choices: readonly Choice[]): string {
  let text = '';
  for (const { rule, high, low } of choices) {
    text += `${rule.priority} ${actionsOf(rule.flow)} ${high.mask} ${high.value} ${low.mask} ${low.value},`;
  }
  return text;
}

/** The choice for one destination; null: none, the frame is dropped. */
export function choiceFor(choices: readonly Choice[], to: Mac): Choice | null {
  const [high, low] = [Math.floor(to / 0x1_0000_0000), to >>> 0];
  let found: Choice | null = null;
  for (const one of choices) {
    if (found !== null && one.rule.priority < found.rule.priority) break;
    if (!asks(one.high, high) || !asks(one.low, low)) continue;
    if (found === null) found = one;
    else if (actionsOf(found.rule.flow) !== actionsOf(one.rule.flow)) {
      throw new NotCarried('flows of one priority overlap');
    }
  }
  return found;
}

function asks({ mask, value }: Bits, word: number): boolean {
  return (word & mask) >>> 0 === value;
}

function gather({ slots, buckets }: Tuple, words: readonly number[], out: Choice[]): void {
  for (const first of buckets.values()) {
    for (let one: typeof first | null = first; one !== null; one = one.next) {
      const { values, rules } = one;
      if (rules.length === 0) continue;
      let [high, low] = [NO_BITS, NO_BITS];
      let open = false;
      let i = 0;
      for (; i < slots.length; i++) {
        const { word, mask } = slots[i]!;
        const held = words[word]!;
        const value = values[i]!;
        if (held >= 0) {
          if ((held & mask) >>> 0 !== value) break;
        } else if (isUnicastBit(held, word, mask)) {
          if (value !== 0) break;
        } else if (held === LATER && word === W.ethDst) high = { mask, value };
        else if (held === LATER && word === W.ethDst + 1) low = { mask, value };
        else open = true;
      }
      if (i < slots.length) continue;
      if (open) throw NEEDS_MORE;
      for (const rule of rules) out.push({ rule, high, low });
    }
  }
}

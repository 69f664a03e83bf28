/** The order in which a table's diagram asks the sub-fields: one order for all of its paths. */
import { FIRST_WIRE_WORD } from '../packet/fields.ts';
import { type Box, type Cut } from './boxes.ts';
import { type Flat } from './flatten.ts';
import { hash } from './nodes.ts';

/** Rules looked at to choose the order of sub-fields. */
const SAMPLE = 512;
/** Distinct values are counted by marks, which is near enough and needs no sets. */
const MARKS = 1024;

/** How a sample of the rules uses one sub-field. */
interface Use {
  rules: number;
  exact: number;
  distinct: number;
}

/**
 * Which sub-field to ask first: those that most rules look at with many distinct exact values
 * (in_port, registers, VLAN, addresses); what the switch remembers beside the packet before
 * what is on the wire, because it stands for the place where the packet is.
 */
export function orderOf<E>(
  flat: Flat<E>,
  cut: Cut,
  boxes: Map<number, readonly Box[] | null>,
): readonly number[] {
  const seen = cut.subfields.map((): Use => ({ rules: 0, exact: 0, distinct: 0 }));
  const marks = new Uint8Array(MARKS * seen.length);
  const note = (index: number, value: number, exact: boolean) => {
    const use = seen[index]!;
    use.rules++;
    if (exact) use.exact++;
    const mark = index * MARKS + (hash(value) & (MARKS - 1));
    use.distinct += 1 - marks[mark]!;
    marks[mark] = 1;
  };
  const stride = Math.max(1, Math.floor(flat.rules.length / SAMPLE));
  for (let i = 0; i < flat.rules.length; i += stride) {
    for (let k = flat.start[i]!; k < flat.start[i + 1]!; k++) {
      const pieces = cut.ofWord[flat.word[k]!]!;
      for (let j = 0; j < pieces.length; j++) {
        const { shift, top } = cut.subfields[pieces[j]!]!;
        const portion = ((flat.mask[k]! >>> shift) & top) >>> 0;
        if (portion === 0) continue;
        note(pieces[j]!, ((flat.value[k]! >>> shift) & top) >>> 0, portion === top);
      }
    }
    for (const [index, set] of boxes.get(i)?.[0]?.sets ?? []) {
      note(index, set[0] ?? 0, set.length === 2 && set[0] === set[1]);
    }
  }
  const score = seen.map(({ rules, exact, distinct }, index) => {
    const beside = cut.subfields[index]!.word < FIRST_WIRE_WORD ? 2 : 1;
    return Math.log2(1 + distinct) * (rules + exact) * beside;
  });
  return score.map((_, index) => index).sort((a, b) => score[b]! - score[a]! || a - b);
}

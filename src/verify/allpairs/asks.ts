/**
 * What flows ask of frames, in slots of frames: worked out once for each test, which the flows of
 * a dump share. Before: `dataplane/ovs/types/flow.ts`. After: `flow-index.ts`.
 */
import { type FieldTest, type Flow } from '../../dataplane/ovs/types/flow.ts';
import { field } from '../../packet/fields.ts';
import { wordBits } from '../../traffic/words.ts';
import { NotCarried, slotOf, W } from './frame.ts';
import { type Ask, isCoordinate } from './rule-region.ts';

/** Masked slots that frames hold concretely, interned: equal ones are one object. */
export interface Slot {
  readonly id: number;
  readonly word: number;
  readonly mask: number;
}

/** One test in slots. */
interface Part {
  /** null: the Ethernet type, a conjunction or a coordinate. */
  readonly slot: Slot | null;
  readonly value: number;
  readonly kind: 'slot' | 'type' | 'conjunction' | 'coordinate';
  /** The coordinate that is asked, alone in a list. */
  readonly asks: readonly Ask[];
}

/** What one flow asks; filled anew for every flow, so that arranging makes no objects. */
export interface Asked {
  /** Tests in slots; forgotten with this when all is arranged. */
  readonly parts: Map<FieldTest, readonly Part[]>;
  /** 0 where no Ethernet type is asked. */
  ethType: number;
  /** 0 where no conjunction is asked. */
  conjunction: number;
  count: number;
  readonly slots: Slot[];
  readonly values: number[];
  coordinates: readonly Ask[];
}

/** Neutron's flows keep here which conjunction was met, and nobody asks. */
const REG7 = slotOf(field('reg7').word);
const NO_ASKS: readonly Ask[] = [];

const interned = new Map<number, Map<number, Slot>>();
let slotCount = 0;

function slotFor(word: number, mask: number): Slot {
  let byMask = interned.get(word);
  if (byMask === undefined) {
    byMask = new Map();
    interned.set(word, byMask);
  }
  let slot = byMask.get(mask);
  if (slot === undefined) {
    slot = { id: slotCount++, word, mask };
    byMask.set(mask, slot);
  }
  return slot;
}

function partsOf({ parts }: Asked, test: FieldTest): readonly Part[] {
  let found = parts.get(test);
  if (found === undefined) {
    found = wordBits(test.field, test.value, test.mask).map(partOf);
    parts.set(test, found);
  }
  return found;
}

function partOf({ word: at, mask, value }: Ask): Part {
  const word = slotOf(at);
  if (word === REG7) throw new NotCarried('a flow asks which conjunction was met');
  if (word === W.ethType) return { slot: null, value, kind: 'type', asks: NO_ASKS };
  if (word === W.conjId) return { slot: null, value, kind: 'conjunction', asks: NO_ASKS };
  if (isCoordinate(word)) {
    const asks = [whole({ word, mask, value })];
    return { slot: null, value, kind: 'coordinate', asks };
  }
  return { slot: slotFor(word, mask), value, kind: 'slot', asks: NO_ASKS };
}

/** An ICMP type or code has its word to itself: that of echo requests is all there is. */
function whole(ask: Ask): Ask {
  const port = ask.word === W.tpSrc || ask.word === W.tpDst;
  return port && ask.mask === 0xff ? { ...ask, mask: 0xffff } : ask;
}

export function emptyAsked(): Asked {
  return {
    parts: new Map(),
    ethType: 0,
    conjunction: 0,
    count: 0,
    slots: [],
    values: [],
    coordinates: NO_ASKS,
  };
}

/** Fills in what a flow asks. */
export function ask(into: Asked, { tests }: Flow): void {
  into.ethType = 0;
  into.conjunction = 0;
  into.count = 0;
  into.coordinates = NO_ASKS;
  for (let i = 0; i < tests.length; i++) {
    const of = partsOf(into, tests[i]!);
    for (let k = 0; k < of.length; k++) {
      const { kind, slot, value, asks } = of[k]!;
      if (kind === 'slot') {
        into.slots[into.count] = slot!;
        into.values[into.count++] = value;
      } else if (kind === 'coordinate') {
        into.coordinates = into.coordinates.length === 0 ? asks : [...into.coordinates, ...asks];
      } else if (kind === 'type') into.ethType = value;
      else into.conjunction = value;
    }
  }
}

/**
 * Flows of equal priority that match the same packet: which of them wins is undefined
 * (ovs-ofctl(8) add-flow, OpenFlow 1.5.1 §5.3). It only matters when they do different things.
 */
import { FIELDS, type Field, type FieldBits } from '../../../packet/fields.ts';
import { printActions } from '../text/actions.ts';
import { type Action, type Flow } from '../types/flow.ts';
import { type Bridge } from '../types/switch.ts';

/** The flows that match beside the one that was taken. */
export interface Overlap {
  /** They do what the taken one does. */
  readonly alike: readonly Flow[];
  /** They do something else: the switch may do that. */
  readonly ambiguous: readonly Flow[];
}

export const NO_OVERLAP: Overlap = { alike: [], ambiguous: [] };

const REGISTERS: ReadonlySet<number> = new Set(
  [...FIELDS.values()].filter(({ name }) => /^reg\d+$/.test(name)).map(({ word }) => word),
);

/** Tells the others apart by whether their actions differ in anything that can show. */
export function overlapOf(bridge: Bridge, taken: Flow, others: readonly Flow[]): Overlap {
  if (others.length === 0) return NO_OVERLAP;
  const read = readRegisters(bridge);
  const does = (flow: Flow): string => {
    let text = deeds.get(flow);
    if (text === undefined) {
      text = printActions(flow.actions.filter((one) => shows(one, read)));
      deeds.set(flow, text);
    }
    return text;
  };
  const mine = does(taken);
  const alike = others.filter((flow) => does(flow) === mine);
  return { alike, ambiguous: others.filter((flow) => !alike.includes(flow)) };
}

/** What flows do, as far as it can show; lookups meet the same overlaps again and again. */
const deeds = new WeakMap<Flow, string>();

/** A write to a register that no flow of the bridge reads shows nowhere. */
function shows(action: Action, read: ReadonlySet<number>): boolean {
  const to =
    action.kind === 'set-field' ? action.field : action.kind === 'move' ? action.to.field : null;
  return to === null || wordsOf(to).some((word) => !REGISTERS.has(word) || read.has(word));
}

function wordsOf({ word, width }: Field): number[] {
  return Array.from({ length: Math.ceil(width / 32) }, (_, i) => word + i);
}

const cache = new WeakMap<Bridge, ReadonlySet<number>>();

/** Words of the registers that some flow or group of the bridge looks at. */
function readRegisters(bridge: Bridge): ReadonlySet<number> {
  let read = cache.get(bridge);
  if (read === undefined) {
    read = new Set(
      [
        ...bridge.flows.flatMap((flow) => [
          ...flow.tests.map((test) => test.field),
          ...(flow.opaque.length > 0 ? registers() : []),
          ...flow.actions.flatMap(readBy),
        ]),
        ...bridge.groups.flatMap(({ buckets, selection }) => [
          ...selection.fields.map((test) => test.field),
          ...buckets.flatMap(({ actions }) => actions.flatMap(readBy)),
        ]),
      ].flatMap(wordsOf),
    );
    cache.set(bridge, read);
  }
  return read;
}

function registers(): Field[] {
  return [...FIELDS.values()].filter(({ name }) => /^reg\d+$/.test(name));
}

/** Fields whose values an action uses. */
function readBy(action: Action): readonly Field[] {
  const of = ({ field }: FieldBits): Field => field;
  switch (action.kind) {
    case 'move':
    case 'output-field':
    case 'push':
      return [of(action.from)];
    case 'ct':
      return [
        ...(action.ct.zone.kind === 'field' ? [of(action.ct.zone.from)] : []),
        ...action.ct.exec.flatMap(readBy),
      ];
    case 'learn':
      return action.learn.specs.flatMap((spec) => {
        if (spec.kind === 'output') return [of(spec.from)];
        const source = spec.source.kind === 'field' ? [of(spec.source.from)] : [];
        return spec.kind === 'match' ? [of(spec.to), ...source] : source;
      });
    case 'clone':
    case 'write-actions':
      return action.actions.flatMap(readBy);
    case 'opaque':
      return registers();
    default:
      return [];
  }
}

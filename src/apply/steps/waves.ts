/**
 * In which order steps of all hosts run. Without constraints it is the order of the phases, each
 * done everywhere before the next begins. A constraint that a search has found puts one step behind
 * another; whatever needs that step then waits as well.
 */
import { type Constraint, PHASES, type PhaseName, stepKey } from '../types.ts';
import { type Draft } from './draft.ts';

/** A step and its host. */
export interface Placed {
  readonly host: string;
  readonly draft: Draft;
}

/** Steps that run at one time; those of one host one after the other. */
export type Waves = readonly (readonly Placed[])[];

/** Phases whose steps change nothing but flows. */
const OF_FLOWS: ReadonlySet<PhaseName> = new Set(['accept', 'send', 'flush', 'drop']);
/** What is done to a host's devices, ports and daemons. */
const OF_DEVICES: ReadonlySet<PhaseName> = new Set(['connect', 'disconnect']);

/**
 * @param drafts steps of each host in the order in which it alone would take them
 * @returns null when the constraints contradict each other, or what steps need
 */
export function orderedWaves(
  drafts: ReadonlyMap<string, readonly Draft[]>,
  constraints: readonly Constraint[],
): Waves | null {
  const all = [...drafts].flatMap(([host, own]) => own.map((draft): Placed => ({ host, draft })));
  const byKey = new Map(all.map((one) => [keyOf(one), one]));
  const before = new Map<Placed, Set<Placed>>(all.map((one) => [one, new Set()]));
  for (const [host, own] of drafts) {
    const placed = all.filter((one) => one.host === host);
    for (const [i, later] of own.entries()) {
      for (const [k, earlier] of own.slice(0, i).entries()) {
        if (needs(earlier, later)) before.get(placed[i]!)!.add(placed[k]!);
      }
    }
  }
  for (const [first, then] of constraints) {
    const [a, b] = [byKey.get(first), byKey.get(then)];
    if (a !== undefined && b !== undefined) before.get(b)!.add(a);
  }
  const waves: Placed[][] = [];
  const done = new Set<Placed>();
  while (done.size < all.length) {
    const wave = nextWave(all, before, done);
    if (wave.length === 0) return null;
    waves.push(wave);
    for (const one of wave) done.add(one);
  }
  return waves;
}

/** All that is ready in the earliest phase in which something is; on one host also what follows. */
function nextWave(
  all: readonly Placed[],
  before: ReadonlyMap<Placed, ReadonlySet<Placed>>,
  done: ReadonlySet<Placed>,
): Placed[] {
  const ready = all.filter((one) => !done.has(one) && isReady(before.get(one)!, done));
  const phase = PHASES.find((name) => ready.some(({ draft }) => draft.phase === name));
  const wave = new Set<Placed>();
  for (const one of all) {
    if (done.has(one) || one.draft.phase !== phase) continue;
    const open = [...before.get(one)!].filter((each) => !done.has(each));
    // Another host's step of this wave is done at no known time.
    if (open.every((each) => wave.has(each) && each.host === one.host)) wave.add(one);
  }
  return [...wave];
}

function isReady(before: ReadonlySet<Placed>, done: ReadonlySet<Placed>): boolean {
  return [...before].every((one) => done.has(one));
}

/** Whether a step of a host needs another that its order has earlier. */
export function needs(
  earlier: Pick<Draft, 'phase' | 'forward'>,
  later: Pick<Draft, 'phase' | 'forward'>,
): boolean {
  const [a, b] = [earlier.phase, later.phase];
  if (OF_FLOWS.has(a) && OF_FLOWS.has(b)) return shareBridge(earlier, later);
  // What is forgotten is forgotten at any time; what is learned then is another matter.
  if (a === 'forget' || b === 'forget') return false;
  // Flows are there or not without the ports they name.
  if (OF_FLOWS.has(a) && OF_DEVICES.has(b)) return false;
  return !(OF_DEVICES.has(a) && OF_FLOWS.has(b));
}

function shareBridge(a: Pick<Draft, 'forward'>, b: Pick<Draft, 'forward'>): boolean {
  const of = ({ forward }: Pick<Draft, 'forward'>): readonly string[] =>
    forward.flatMap((action) =>
      action.kind === 'flows' || action.kind === 'bundle' || action.kind === 'forget'
        ? [action.bridge]
        : ['namespace' in action ? `namespace ${action.namespace}` : ''],
    );
  return of(a).some((bridge) => of(b).includes(bridge));
}

function keyOf({ host, draft }: Placed): string {
  return stepKey({ host, phase: draft.phase, title: draft.title });
}

/**
 * Why a packet does not get there. The first blocker is the trace's own. What would stop the
 * packet behind it is found by making the change that helps in a copy of the network and asking
 * again, until the packet passes or nobody knows a change that helps.
 */
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { type TracingOptions } from '../trace/compiled-network.ts';
import { type Blocker, type Question, type Trace } from '../trace/types.ts';
import { type Attempt, type Stuck } from './attempt.ts';
import { effectsOf } from './effects.ts';
import { proposed } from './proposals.ts';
import { changed, openSituation, type Situation } from './situation.ts';
import { type Change, type TriedFix, type Why, type WhyBlocker } from './types.ts';

export interface WhyOptions extends TracingOptions {
  /** Neutron's objects and hosts; null where the snapshot holds none, and then agents are unknown. */
  readonly cloud: Cloud | null;
  /** Look behind the first blocker. */
  readonly allBlockers: boolean;
  /** Try changes. */
  readonly fixes: boolean;
  /** How many pairs of ends are proved again for what a change does to others; 0 is none. */
  readonly effectPairs: number;
}

export type Explained =
  | { readonly kind: 'explained'; readonly why: Why }
  | { readonly kind: 'impossible'; readonly why: string };

/** Blockers behind blockers: more are a cloud that was never configured. */
const DEEPEST = 12;
/** Ways to get rid of one blocker that are told. */
const OFFERED = 3;

/** Explains a question over a network. */
export function explainWhy(network: Network, question: Question, options: WhyOptions): Explained {
  const { connections } = options;
  const tracing = connections === undefined ? {} : { connections };
  const start = openSituation(network, options.cloud, tracing);
  const first = start.tracer.trace(question);
  if (first.kind === 'impossible') return first;
  const { trace } = first;
  const search = searchFrom(start, question, trace, options);
  return { kind: 'explained', why: { trace, ...search } };
}

/** A change that helped, with the situation in which it was made. */
interface Helped {
  readonly attempt: Attempt;
  readonly after: Situation;
  readonly trace: Trace;
  readonly fix: TriedFix;
}

function searchFrom(
  start: Situation,
  question: Question,
  first: Trace,
  options: WhyOptions,
): Omit<Why, 'trace'> {
  const blockers: WhyBlocker[] = [];
  const chosen: Helped[] = [];
  const met = new Set<string>();
  let [situation, trace] = [start, first];
  let openEnd: string | null = null;
  for (;;) {
    const [blocker] = trace.blockers;
    if (trace.verdict === 'REACHABLE' || blocker === undefined) break;
    met.add(keyOf(blocker));
    if (!options.fixes) {
      blockers.push({ blocker, fixes: [], tried: 0, noFix: 'no fix tried' });
      openEnd = 'what lies behind the first blocker was not asked for';
      break;
    }
    const stuck: Stuck = { situation, question, trace, blocker };
    const { helped, tried } = tryAll(stuck, met, options, situation === start);
    const [best] = helped;
    const fixes = helped.slice(0, OFFERED).map(({ fix }) => fix);
    blockers.push({
      blocker,
      fixes,
      tried,
      noFix: best === undefined ? noFixText(options, tried) : null,
    });
    if (best === undefined) {
      openEnd =
        'what lies behind the last blocker is not known, as no change is known that removes it';
      break;
    }
    chosen.push(best);
    if (!options.allBlockers && best.trace.verdict !== 'REACHABLE') {
      openEnd = `behind it stops ${best.fix.next ?? 'nothing'} (--all-blockers)`;
      break;
    }
    [situation, trace] = [best.after, best.trace];
    if (chosen.length >= DEEPEST) {
      openEnd = `more than ${DEEPEST} blockers stand one behind the other`;
      break;
    }
  }
  const last = chosen.at(-1);
  const passes = last?.trace.verdict === 'REACHABLE';
  return {
    blockers,
    together: passes ? fewest(start, question, chosen) : [],
    afterAll: last?.trace.verdict ?? null,
    openEnd,
  };
}

function noFixText({ cloud }: WhyOptions, tried: number): string {
  if (tried > 0) return `none of ${tried} changes that were tried removes it`;
  return cloud === null
    ? 'no fix tried: the snapshot holds no objects of Neutron (api/) from which one could be made'
    : 'no fix tried: no change is known that could remove it';
}

/** Where and why, so that a blocker is known again. */
function keyOf({ code, host, component, evidence, direction }: Blocker): string {
  return [code, host, component, evidence, direction].join('\n');
}

/** Makes every proposed change alone; those after which the blocker is gone, the best first. */
function tryAll(
  stuck: Stuck,
  met: ReadonlySet<string>,
  options: WhyOptions,
  isFirst: boolean,
): { readonly helped: readonly Helped[]; readonly tried: number } {
  const helped: Helped[] = [];
  let tried = 0;
  for (const attempt of proposed(stuck)) {
    tried++;
    const after = changed(stuck.situation, attempt.makes);
    const traced = after.tracer.trace(stuck.question);
    if (traced.kind === 'impossible') continue;
    const { trace } = traced;
    if (trace.verdict !== 'REACHABLE' && !isFurther(trace, met)) continue;
    helped.push({ attempt, after, trace, fix: fixOf(stuck, attempt, after, trace, null) });
    const passing = helped.filter((one) => one.trace.verdict === 'REACHABLE');
    if (passing.length >= OFFERED) break;
  }
  const passes = ({ trace }: Helped): number => (trace.verdict === 'REACHABLE' ? 0 : 1);
  helped.sort((a, b) => passes(a) - passes(b));
  const shown = isFirst && options.effectPairs > 0 ? OFFERED : 1;
  const told = helped.map((one, i): Helped => {
    if (i >= shown || options.effectPairs === 0) return one;
    const effects = effectsOf(stuck, one.after, options.effectPairs);
    return { ...one, fix: { ...one.fix, effects } };
  });
  return { helped: told, tried };
}

/** Another blocker stops the packet then, which did not before. */
function isFurther({ blockers: [then] }: Trace, met: ReadonlySet<string>): boolean {
  return then !== undefined && !met.has(keyOf(then));
}

function fixOf(
  _stuck: Stuck,
  { change }: Attempt,
  _after: Situation,
  trace: Trace,
  effects: TriedFix['effects'],
): TriedFix {
  return { change, verdict: trace.verdict, next: trace.blockers[0]?.code ?? null, effects };
}

/** Without those that are not needed: each is left out once, the first first. */
function fewest(
  start: Situation,
  question: Question,
  chosen: readonly Helped[],
): readonly Change[] {
  let needed = chosen;
  for (const one of chosen) {
    if (needed.length === 1) break;
    const rest = needed.filter((other) => other !== one);
    const without = rest.reduce((so, { attempt }) => changed(so, attempt.makes), start);
    const traced = without.tracer.trace(question);
    if (traced.kind === 'traced' && traced.trace.verdict === 'REACHABLE') needed = rest;
  }
  return needed.map(({ attempt }) => attempt.change);
}

/**
 * The search for everything that stops a packet: the change that helps against the first blocker is
 * made in a copy of the network, and the packet asked for again, until it passes or nobody knows a
 * change that helps.
 */
import { type Cloud } from '../model/cloud.ts';
import { type TracingOptions } from '../trace/compiled-network.ts';
import { type Blocker, type Question, type Trace } from '../trace/types.ts';
import { type Attempt, type PortRange, type Stuck, sentAfter } from './attempt.ts';
import { effectsOf } from './effects.ts';
import { natureOf } from './natures.ts';
import { proposed } from './proposals.ts';
import { isElected, type Settled, settled } from './settling.ts';
import { changed, NOTHING, type Situation } from './situation.ts';
import { type TriedFix, type Why, type WhyBlocker } from './types.ts';

export interface WhyOptions extends TracingOptions {
  /** Neutron's objects and hosts; null where the snapshot holds none, and then agents are unknown. */
  readonly cloud: Cloud | null;
  /** Look behind the first blocker. */
  readonly allBlockers: boolean;
  /** Try changes. */
  readonly fixes: boolean;
  /** How many pairs of ends are proved again for what a change does to others; 0 is none. */
  readonly effectPairs: number;
  /** Destination ports that are meant together with the packet's own; without it that one alone. */
  readonly ports?: PortRange | null;
}

/** Blockers behind blockers: more are a cloud that was never configured. */
const DEEPEST = 12;
/** Ways to get rid of one blocker that are told. */
const OFFERED = 3;

/** A change that helped, with the situation in which it was made. */
export interface Helped {
  readonly attempt: Attempt;
  readonly after: Situation;
  readonly trace: Trace;
  readonly fix: TriedFix;
}

/** What a search found, and the network in which all that was found to help is made. */
export interface Search extends Omit<Why, 'trace' | 'small'> {
  readonly needed: readonly Helped[];
  readonly after: Situation;
}

/** Searches from a situation whose trace is known. */
export function searchFrom(
  start: Situation,
  question: Question,
  first: Trace,
  options: WhyOptions,
): Search {
  const blockers: WhyBlocker[] = [];
  const chosen: Helped[] = [];
  const met = new Set<string>();
  let [situation, trace] = [start, first];
  let sent = question;
  let openEnd: string | null = null;
  // From the first election on, packets are sent when the routers have agreed.
  let elected = false;
  for (;;) {
    const [blocker] = trace.blockers;
    if (trace.verdict === 'REACHABLE' || blocker === undefined) break;
    met.add(keyOf(blocker));
    elected ||= isElected(blocker.code);
    if (!options.fixes) {
      blockers.push({ blocker, fixes: [], tried: 0, noFix: 'no fix tried' });
      openEnd = 'what lies behind the first blocker was not asked for';
      break;
    }
    const stuck: Stuck = {
      situation,
      question: sent,
      trace,
      blocker,
      ports: options.ports ?? null,
    };
    const { helped, tried } = tryAll(stuck, met, options, {
      isFirst: situation === start,
      elected,
    });
    const [best] = helped;
    const fixes = helped.slice(0, OFFERED).map(({ fix }) => fix);
    blockers.push({
      blocker,
      fixes,
      tried,
      noFix: best === undefined ? noFixText(options, tried, stuck) : null,
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
    sent = sentAfter(sent, [best.attempt]);
    if (chosen.length >= DEEPEST) {
      openEnd = `more than ${DEEPEST} blockers stand one behind the other`;
      break;
    }
  }
  const last = chosen.at(-1);
  const passes = last?.trace.verdict === 'REACHABLE';
  const needed = passes ? fewest(start, question, chosen, elected) : [];
  return {
    blockers,
    together: needed.map(({ attempt }) => attempt.change),
    afterAll: last?.trace.verdict ?? null,
    openEnd,
    needed,
    after: situation,
  };
}

function noFixText({ cloud }: WhyOptions, tried: number, stuck: Stuck): string {
  const nature = natureOf(stuck);
  if (nature !== null) return `no setting mends it: ${nature}`;
  if (tried > 0) return `none of ${tried} changes that were tried removes it`;
  return cloud === null
    ? 'no fix tried: the snapshot holds no objects of Neutron (api/) from which one could be made'
    : 'no fix tried: no change is known that could remove it';
}

/** Where and why, so that a blocker is known again. */
function keyOf({ code, host, component, evidence, direction }: Blocker): string {
  return [code, host, component, evidence, direction].join('\n');
}

/** The packet in a situation, or once its routers have agreed; null where it cannot be sent. */
function ask(
  situation: Situation,
  question: Question,
  elected: boolean,
): (Pick<Settled, 'trace'> & { readonly words: string | null }) | null {
  const then = elected ? settled(situation, question) : null;
  if (then !== null) return then;
  const traced = situation.tracer.trace(question);
  return traced.kind === 'impossible' ? null : { trace: traced.trace, words: null };
}

/** Makes every proposed change alone; those after which the blocker is gone, the best first. */
function tryAll(
  stuck: Stuck,
  met: ReadonlySet<string>,
  options: WhyOptions,
  { isFirst, elected }: { readonly isFirst: boolean; readonly elected: boolean },
): { readonly helped: readonly Helped[]; readonly tried: number } {
  const helped: Helped[] = [];
  let tried = 0;
  // Time alone may bring another blocker, too: that is no merit of a change.
  const waited = elected
    ? ask(stuck.situation, stuck.question, true)?.trace.blockers[0]
    : undefined;
  const known = waited === undefined ? met : new Set([...met, keyOf(waited)]);
  for (const attempt of proposed(stuck)) {
    // Plans come with the least first: one that does more is not asked for.
    if (attempt.change.kind === 'plan' && helped.some(passesByPlan)) continue;
    // Where time alone mends it, every change would seem to.
    if (attempt.change.kind !== 'agent' && helped.some(passesByTime)) continue;
    tried++;
    const after = changed(stuck.situation, attempt.makes);
    const asked = ask(after, sentAfter(stuck.question, [attempt]), elected);
    if (asked === null) continue;
    const { trace } = asked;
    if (trace.verdict !== 'REACHABLE' && !isFurther(trace, known)) continue;
    // Whoever arrives in no way any more was not helped: before, there was one.
    if (stuck.trace.verdict === 'AMBIGUOUS' && trace.verdict === 'UNREACHABLE') continue;
    const { change } = attempt;
    const next = trace.blockers[0]?.code ?? null;
    helped.push({
      attempt,
      after,
      trace,
      fix: { change, verdict: trace.verdict, next, settles: asked.words, effects: null },
    });
    const passing = helped.filter((one) => one.trace.verdict === 'REACHABLE');
    if (passing.length >= OFFERED) break;
  }
  const passes = ({ trace }: Helped): number => (trace.verdict === 'REACHABLE' ? 0 : 1);
  helped.sort((a, b) => passes(a) - passes(b));
  const some = helped[0]?.trace.verdict === 'REACHABLE';
  const useful = helped.filter(
    (one) => !some || passes(one) === 0 || one.fix.change.kind !== 'plan',
  );
  const shown = isFirst && options.effectPairs > 0 ? OFFERED : 1;
  const told = useful.map((one, i): Helped => {
    if (i >= shown || options.effectPairs === 0) return one;
    const effects = effectsOf(stuck, one.after, options.effectPairs);
    return { ...one, fix: { ...one.fix, effects } };
  });
  return { helped: told, tried };
}

function passesByTime({ attempt, trace }: Helped): boolean {
  return attempt.makes === NOTHING && trace.verdict === 'REACHABLE';
}

function passesByPlan({ attempt, trace }: Helped): boolean {
  return attempt.change.kind === 'plan' && trace.verdict === 'REACHABLE';
}

/** Another blocker stops the packet then, which did not before. */
function isFurther({ blockers: [then] }: Trace, met: ReadonlySet<string>): boolean {
  return then !== undefined && !met.has(keyOf(then));
}

/** Without those that are not needed: each is left out once, the first first. */
function fewest(
  start: Situation,
  question: Question,
  chosen: readonly Helped[],
  elected: boolean,
): readonly Helped[] {
  let needed = chosen;
  for (const one of chosen) {
    if (needed.length === 1) break;
    const rest = needed.filter((other) => other !== one);
    const attempts = rest.map(({ attempt }) => attempt);
    const without = attempts.reduce((so, { makes }) => changed(so, makes), start);
    if (ask(without, sentAfter(question, attempts), elected)?.trace.verdict === 'REACHABLE')
      needed = rest;
  }
  return needed;
}

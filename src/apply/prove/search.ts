/**
 * Looks for an order of steps in which nothing is lost and nothing opened. First come the orders of
 * the phases. Where they fail, steps are taken one by one, each time the earliest that leads to a
 * state in which the pairs that fared badly so far fare well, going back where none does. The order
 * that comes of it is proved as a whole; a failure adds its pair or forbids its state, and the search
 * begins again (counterexamples as in McClurg et al., PLDI 2015, and Snowcap, SIGCOMM 2021).
 */
import { type Network } from '../../dataplane/network.ts';
import { type Planned } from '../plan.ts';
import { type FlowOrder } from '../steps/flow-order.ts';
import { type Move, movesOf } from '../steps/moved.ts';
import { needs } from '../steps/waves.ts';
import { type Constraint, PHASES, type Plan, type Step, stepKey } from '../types.ts';
import { type Bad } from './check.ts';
import { type PlanProof } from './prove.ts';
import { type Pair, Proving } from './proving.ts';
import { type Ends, networkOfStages, stagesOf } from './stages.ts';
import { type View, viewsOf } from './views.ts';

/** One order that was tried. */
export interface Tried {
  readonly planned: Planned;
  readonly proof: PlanProof;
}

export interface Searched {
  /** The first order that fails nowhere; null when none was found. */
  readonly found: Tried | null;
  /** All that were tried, in turn. */
  readonly tried: readonly Tried[];
  /** Whether all were tried that the failures allow; else the search was given up. */
  readonly complete: boolean;
}

export interface SearchInput {
  readonly make: (order: FlowOrder, constraints: readonly Constraint[]) => Planned;
  readonly prove: (planned: Planned) => PlanProof;
  readonly ends: Ends;
  readonly orders: readonly FlowOrder[];
  /** Orders to be proved at most; beside those without constraints. */
  readonly most: number;
}

/** Orders that are usually proved at most. */
export const MOST_ORDERS = 16;
/** States that are looked at for one order at most. */
const MOST_STATES = 2000;

export function searchOrder({ make, prove, ends, orders, most }: SearchInput): Searched {
  const tried: Tried[] = [];
  const attempt = (order: FlowOrder, constraints: readonly Constraint[]): Tried => {
    const planned = make(order, constraints);
    const one = { planned, proof: prove(planned) };
    tried.push(one);
    return one;
  };
  for (const order of orders) {
    const one = attempt(order, []);
    if (isGood(one)) return { found: one, tried, complete: true };
  }
  let complete = true;
  for (const first of [...tried]) {
    const { order } = first.planned.plan;
    const path = new Path(first.planned, ends);
    for (let last = first; ; ) {
      if (!path.learn(last)) {
        // It fails in a way that no order of these steps changes, or that is not understood.
        complete &&= last === first;
        break;
      }
      const sequence = path.find();
      if (sequence === null) {
        complete &&= path.complete;
        break;
      }
      // Steps of one phase that follow each other may as well run at one time.
      for (const groups of [grouped(sequence), sequence.map((step) => [step])]) {
        if (tried.length >= most) return { found: null, tried, complete: false };
        last = attempt(order, constraintsOf(groups));
        if (isGood(last)) return { found: last, tried, complete };
      }
    }
  }
  return { found: null, tried, complete };
}

function isGood({ proof }: Tried): boolean {
  return proof.checked.bad.length === 0;
}

function grouped(sequence: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of sequence) {
    if (groups.at(-1)?.[0]?.phase === step.phase) groups.at(-1)!.push(step);
    else groups.push([step]);
  }
  return groups;
}

function constraintsOf(groups: readonly (readonly Step[])[]): readonly Constraint[] {
  return groups
    .slice(1)
    .flatMap((after, i) =>
      groups[i]!.flatMap((first) =>
        after.map((then): Constraint => [stepKey(first), stepKey(then)]),
      ),
    );
}

/** Orders of single steps through states in which some pairs fare well. */
class Path {
  complete = true;
  readonly #steps: readonly Step[];
  /** Steps of its host that each needs, by index. */
  readonly #needs: readonly (readonly number[])[];
  readonly #plan: Plan;
  readonly #tracked: Planned['tracked'];
  readonly #ends: Ends;
  readonly #pairs = new Map<string, Pair>();
  readonly #forbidden = new Set<string>();
  /** Sets of steps behind which the pairs fare well, or do not. */
  #known = new Map<string, boolean>();
  #moves: readonly Move[] | null = null;
  readonly #proving = new Proving();

  constructor({ plan, tracked }: Planned, ends: Ends) {
    this.#plan = plan;
    this.#tracked = tracked;
    this.#ends = ends;
    const order = ({ phase }: Step): number => PHASES.indexOf(phase);
    this.#steps = [...plan.steps].sort((a, b) => order(a) - order(b));
    this.#needs = this.#steps.map((step, i) =>
      this.#steps.slice(0, i).flatMap((earlier, k) => {
        return earlier.host === step.host && needs(earlier, step) ? [k] : [];
      }),
    );
  }

  /** Takes a failure into account; false when it tells nothing new. */
  learn({ planned, proof }: Tried): boolean {
    const bad = proof.checked.bad.find(({ kind }) => kind !== 'outlives');
    if (bad === undefined) return false;
    const pair = proof.checked.pairs.find(({ from, to }) => from === bad.from && to === bad.to);
    const name = `${bad.from} ${bad.to}`;
    if (pair !== undefined && !this.#pairs.has(name)) {
      this.#pairs.set(name, pair);
      this.#known = new Map();
      if (bad.remembered.length === 0) return true;
    }
    const done = new Set(stepsTo(planned.plan, bad).map(stepKey));
    const key = this.#steps.map((step) => (done.has(stepKey(step)) ? '1' : '0')).join('');
    const isNew = !this.#forbidden.has(key);
    this.#forbidden.add(key);
    return isNew;
  }

  /** The steps in an order; null when there is none. */
  find(): readonly Step[] | null {
    const none = '0'.repeat(this.#steps.length);
    const dead = new Set<string>();
    const states = { left: MOST_STATES };
    const go = (state: string, taken: readonly number[]): readonly number[] | null => {
      if (taken.length === this.#steps.length) return taken;
      for (const i of this.#steps.keys()) {
        if (state[i] === '1' || !this.#needs[i]!.every((k) => state[k] === '1')) continue;
        const next = `${state.slice(0, i)}1${state.slice(i + 1)}`;
        if (dead.has(next)) continue;
        if (states.left-- <= 0) {
          this.complete = false;
          return null;
        }
        const found = this.#isFine(next) ? go(next, [...taken, i]) : null;
        if (found !== null) return found;
        dead.add(next);
      }
      return null;
    };
    return go(none, [])?.map((i) => this.#steps[i]!) ?? null;
  }

  /** Whether the pairs fare well when just these steps are done. */
  #isFine(state: string): boolean {
    if (this.#forbidden.has(state)) return false;
    // What changes nothing but memory leads to the same state.
    const key = this.#steps.map(({ changes }, i) => (changes.length > 0 ? state[i] : '')).join('');
    let fine = this.#known.get(key);
    if (fine === undefined) {
      fine = this.#proving.compare(this.#view(state), [...this.#pairs.values()]).length === 0;
      this.#known.set(key, fine);
    }
    return fine;
  }

  #view(state: string): View {
    const done = new Set(this.#steps.filter((_, i) => state[i] === '1').map(({ id }) => id));
    const steps = this.#plan.steps;
    const first = steps.filter(({ id }) => done.has(id)).map((step) => ({ ...step, wave: 0 }));
    const then = steps.filter(({ id }) => !done.has(id)).map((step) => ({ ...step, wave: 1 }));
    const plan = { ...this.#plan, steps: [...first, ...then] };
    const stages = stagesOf(plan, this.#ends, this.#tracked);
    const at = (waves: number) => stages.hosts.map((host) => stages.of(host, waves));
    const of = (waves: number): Network => networkOfStages(at(waves), this.#ends, new Map());
    this.#moves ??= movesOf(of(0), of(stages.waves.length));
    return viewsOf(
      stages.hosts,
      this.#ends,
      this.#moves,
    )(at(first.length === 0 ? 0 : 1), new Map());
  }
}

/** Steps that are done in a bad state. */
export function stepsTo({ steps }: Plan, bad: Bad): readonly Step[] {
  return steps.filter((step) => isDone(step, bad));
}

function isDone(step: Step, { wave, done, behind }: Bad): boolean {
  if (step.wave !== wave) return step.wave < wave;
  if (done.includes(step.host)) return true;
  const [host, number] = behind?.split(/ (?=\d+$)/) ?? [];
  return step.host === host && Number(step.id.slice(host.length + 1)) <= Number(number);
}

/**
 * Where more than one order of things is possible, a run asks which to take. Exploring runs again
 * and again with other answers, until every one was taken or the budget is used up.
 */

/** One place where things could go another way. */
export interface Choice {
  readonly at_us: number;
  /** What is open, in words. */
  readonly about: string;
  /** The possibilities in words; the first is taken unless somebody explores. */
  readonly options: readonly string[];
}

/** A choice and what was taken. */
export interface Taken extends Choice {
  readonly taken: number;
}

/** Answers the questions of one run: first as told, then always the first possibility. */
export class Choices {
  readonly taken: Taken[] = [];
  /** False when something was left out of what could be chosen. */
  exhaustive = true;
  private readonly told: readonly number[];

  constructor(told: readonly number[] = []) {
    this.told = told;
  }

  /** Which possibility to take. */
  choose(choice: Choice): number {
    const told = this.told[this.taken.length] ?? 0;
    const taken = Math.min(told, choice.options.length - 1);
    this.taken.push({ ...choice, taken });
    return taken;
  }
}

export interface Explored<T> {
  readonly outcome: T;
  readonly taken: readonly Taken[];
}

export interface Exploration<T> {
  /** The first run is the one where every choice took its first possibility. */
  readonly runs: readonly Explored<T>[];
  /** False when the budget did not suffice for all, or a run left something out. */
  readonly complete: boolean;
}

/** Runs with every combination of answers, those that differ least from the first run first. */
export function explore<T>(budget: number, run: (choices: Choices) => T): Exploration<T> {
  const runs: Explored<T>[] = [];
  const waiting: (readonly number[])[] = [[]];
  let complete = true;
  for (let next = 0; next < waiting.length; next++) {
    const told = waiting[next] ?? [];
    if (runs.length >= budget) return { runs, complete: false };
    const choices = new Choices(told);
    runs.push({ outcome: run(choices), taken: choices.taken });
    complete &&= choices.exhaustive;
    for (let i = told.length; i < choices.taken.length; i++) {
      const before = choices.taken.slice(0, i).map(({ taken }) => taken);
      const others = (choices.taken[i]?.options.length ?? 1) - 1;
      for (let other = 1; other <= others; other++) waiting.push([...before, other]);
    }
  }
  return { runs, complete };
}

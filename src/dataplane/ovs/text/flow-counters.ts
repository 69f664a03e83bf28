/**
 * What differs on every line of a dump: duration, packets, bytes, ages and the line's number.
 * Few ask for them and a host has a million, so they lie in columns beside the flows and become
 * objects only where somebody looks.
 */
import { type Origin } from '../../../text/problem.ts';
import { type Action, type FieldTest, type Flow, type FlowStatistics } from '../types/flow.ts';
import { type Settings } from './flow-settings.ts';

/** Numbers of one line in the columns. */
const COUNTERS = 3;
const AGES = 2;

/** The counters of one dump, a row for each line that has some. */
export class FlowCounters {
  readonly file: string;
  private rows = 0;
  private counters = new Float64Array(8 * COUNTERS);
  /** Idle and hard age, -1 for none; empty until a line has one. */
  private ages = new Float64Array(0);

  constructor(file: string) {
    this.file = file;
  }

  /** Keeps what the line at hand says; gives its row. */
  add({ duration, packets, bytes, idleAge, hardAge }: Settings): number {
    const row = this.rows++;
    const at = row * COUNTERS;
    if (at === this.counters.length) this.counters = longer(this.counters, 2 * at);
    this.counters[at] = duration;
    this.counters[at + 1] = packets;
    this.counters[at + 2] = bytes;
    if (idleAge >= 0 || hardAge >= 0) {
      if ((row + 1) * AGES > this.ages.length) {
        this.ages = longer(this.ages, (this.counters.length / COUNTERS) * AGES);
      }
      this.ages[row * AGES] = idleAge;
      this.ages[row * AGES + 1] = hardAge;
    }
    return row;
  }

  /** The counters of a row; ages that old switches do not print are null. */
  at(row: number): FlowStatistics {
    const at = row * COUNTERS;
    return {
      duration_s: this.counters[at] ?? 0,
      packets: this.counters[at + 1] ?? 0,
      bytes: this.counters[at + 2] ?? 0,
      idle_age_s: age(this.ages[row * AGES]),
      hard_age_s: age(this.ages[row * AGES + 1]),
    };
  }
}

/** The same numbers with room behind them, filled with "none". */
function longer(numbers: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const more = new Float64Array(length).fill(-1);
  more.set(numbers);
  return more;
}

function age(seconds = -1): number | null {
  return seconds < 0 ? null : seconds;
}

/** A flow that was read from a line. */
export class ReadFlow implements Flow {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly tests: readonly FieldTest[];
  readonly opaque: readonly string[];
  readonly actions: readonly Action[];
  readonly idle_timeout_s: number;
  readonly hard_timeout_s: number;
  readonly importance: number;
  readonly flags: readonly string[];
  // Not even a spread sees these.
  readonly #line: number;
  readonly #counters: FlowCounters;
  /** Where its counters stand, -1 for none. */
  readonly #row: number;

  constructor(
    settings: Settings,
    tests: readonly FieldTest[],
    actions: readonly Action[],
    counters: FlowCounters,
    line: number,
  ) {
    this.table = settings.table < 0 || settings.table === 255 ? 0 : settings.table;
    this.priority = settings.priority;
    this.cookie = settings.cookie;
    this.tests = tests;
    this.opaque = settings.opaque;
    this.actions = actions;
    this.idle_timeout_s = settings.idle;
    this.hard_timeout_s = settings.hard;
    this.importance = settings.importance;
    this.flags = settings.flags;
    this.#line = line;
    this.#counters = counters;
    this.#row = settings.duration < 0 ? -1 : counters.add(settings);
  }

  get statistics(): FlowStatistics | null {
    return this.#row < 0 ? null : this.#counters.at(this.#row);
  }

  get origin(): Origin {
    return { file: this.#counters.file, line: this.#line };
  }
}

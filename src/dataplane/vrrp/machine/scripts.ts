/** A script that an instance watches: how often it ran well or not until that counts (vrrp_track.c). */
import { type VrrpScript } from '../types.ts';

export interface ScriptState {
  /** Null until the first result. */
  readonly well: boolean | null;
  /** Results in a row that speak against `well`. */
  readonly against: number;
}

/** A script that has not run yet; `init_fail` takes it for failed. */
export function freshScript(script: VrrpScript): ScriptState {
  return { well: script.initiallyFailed === true ? false : null, against: 0 };
}

const SECOND_US = 1_000_000;

/** Time between two runs of a script in microseconds. */
export function scriptInterval_us(script: VrrpScript): number {
  return script.interval_us ?? SECOND_US;
}

/** Counts a result; the first one counts at once. */
export function countResult(script: VrrpScript, state: ScriptState, well: boolean): ScriptState {
  if (state.well === null) return { well, against: 0 };
  if (state.well === well) return { well, against: 0 };
  const against = state.against + 1;
  const enough = well ? (script.rise ?? 1) : (script.fall ?? 1);
  return against >= enough ? { well, against: 0 } : { well: state.well, against };
}

/**
 * Timers of one virtual router that run out at nearly the same time. Who sends first may silence
 * the others before their own timers fire, or not: both happens on real hosts.
 */
import { type Choices } from '../clock/choices.ts';

/** One whose timer is about to run out. */
export interface Racer {
  readonly id: string;
  readonly due_us: number;
  readonly priority: number;
  readonly address: bigint;
}

/** How a race goes. */
export interface Heat {
  /** They send before they hear anybody. */
  readonly prompt: readonly string[];
  /** They hear the others first. */
  readonly late: readonly string[];
  /** Of two that send, this one's announcements are the last ones; null leaves that open. */
  readonly slow: string | null;
}

/**
 * Every racer doubles the possibilities.
 *
 * Simplification: of more than eight VRRP routers whose timers run out together, those beyond the
 * eighth are taken to send before they hear anybody; the answer then says that there are more ways.
 */
const RACERS_MAX = 8;

/**
 * All ways the race may go; the first has everybody prompt and the best one last. Those in which
 * one is prompt alone come next, so that a small budget tries each winner first.
 */
export function heatsOf(racers: readonly Racer[]): readonly Heat[] {
  const few = racers.slice(0, RACERS_MAX);
  const rest = racers.slice(RACERS_MAX).map(({ id }) => id);
  const heats: Heat[] = [];
  const all = (1 << few.length) - 1;
  const sets = Array.from({ length: all }, (_, i) => i + 1);
  const weight = (set: number): number => (set === all ? 0 : bitsIn(set));
  for (const set of sets.sort((a, b) => weight(a) - weight(b) || b - a)) {
    const prompt = few.filter((_one, i) => (set & (1 << i)) !== 0);
    const late = few.filter((_one, i) => (set & (1 << i)) === 0).map(({ id }) => id);
    const ids = [...prompt.map(({ id }) => id), ...rest];
    heats.push({ prompt: ids, late, slow: null });
    const loser = [...prompt].sort(byRank).at(-1);
    if (prompt.length > 1 && loser !== undefined) heats.push({ prompt: ids, late, slow: loser.id });
  }
  return heats;
}

function bitsIn(set: number): number {
  let count = 0;
  for (let left = set; left > 0; left >>= 1) count += left & 1;
  return count;
}

/** Best first: higher priority, then higher address (RFC 5798 §6.4.3). */
function byRank(a: Racer, b: Racer): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.address > b.address ? -1 : 1;
}

/** Lets the race go one way. */
export function chooseHeat(choices: Choices, at_us: number, racers: readonly Racer[]): Heat {
  const heats = heatsOf(racers);
  if (racers.length > RACERS_MAX) choices.exhaustive = false;
  const taken = choices.choose({
    at_us,
    about: `${racers.map(({ id }) => id).join(', ')} stop waiting at nearly the same time`,
    options: heats.map(heatText),
  });
  return heats[taken] ?? { prompt: racers.map(({ id }) => id), late: [], slow: null };
}

function heatText({ prompt, late, slow }: Heat): string {
  const first = prompt.join(' and ');
  if (late.length > 0 && prompt.length === 1)
    return `${first} sends before the others stop waiting`;
  const last = slow === null ? '' : `, announcements of ${slow} last`;
  return `${first} send before they hear each other${last}`;
}

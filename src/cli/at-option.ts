/** `--at TIME --event WORDS`: a question about the state that a network has at a virtual time. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { type Outcome } from '../simulate/render/outcomes.ts';
import { type Question } from '../trace/types.ts';
import { UsageError } from './exit-codes.ts';
import { gathered, timeOf } from './time-options.ts';

export interface AtFlags {
  readonly at?: number;
  readonly event: readonly string[];
  readonly outcome?: number;
}

/** How many ways of races are tried out to see whether the answer depends on them. */
const WAYS = 16;

/** Adds the options to a command. */
export function addAtOptions(command: Command, what: string): Command {
  return command
    .option('--at <time>', `${what} at this virtual time, after the events until then`, timeOf)
    .option(
      '--event <words>',
      'with --at: what has happened (hopwise simulate --help), once for every event',
      gathered,
      [],
    )
    .option('--outcome <n>', 'with --at: which outcome, where real routers race', countOf);
}

/** Whether a time is asked for; events without one are a slip. */
export function isAtTime(flags: AtFlags): flags is AtFlags & { readonly at: number } {
  if (flags.at !== undefined) return true;
  if (flags.event.length > 0) throw new UsageError('--event needs --at: at which time?');
  if (flags.outcome !== undefined) throw new UsageError('--outcome needs --at and its events');
  return false;
}

/** What the network has come to at that time: the only outcome, or the one that was asked for. */
export async function outcomeAt(
  network: Network,
  { at, event, outcome }: AtFlags & { readonly at: number },
  question?: Question,
): Promise<Outcome> {
  const [{ simulate }, { outcomesOf }, { seconds }, { SIMULATION_FILES }] = await Promise.all([
    import('../simulate/simulation.ts'),
    import('../simulate/render/outcomes.ts'),
    import('../simulate/words.ts'),
    import('./simulation-files.ts'),
  ]);
  const asked = question === undefined ? {} : { question };
  const done = simulate(network, {
    events: event,
    probes: [],
    until_us: at,
    seed: 1,
    ways: WAYS,
    ...SIMULATION_FILES,
    ...asked,
  });
  if (done.kind === 'wrong') {
    const [first = '', ...rest] = done.problems;
    throw new UsageError(first, ...rest);
  }
  const found = outcomesOf(done.ways);
  const chosen = found[(outcome ?? 1) - 1];
  const lines = found.map(
    ({ conditions, summary }, i) =>
      `${i + 1}. ${summary}, when ${conditions[0] ?? 'nothing races'}`,
  );
  if (chosen === undefined) throw new UsageError(`there are ${found.length} outcomes`, ...lines);
  if (found.length > 1 && outcome === undefined) {
    throw new UsageError(
      `real routers race: at ${seconds(at)} there are ${found.length} outcomes, choose with --outcome`,
      ...lines,
    );
  }
  return chosen;
}

/** The network at that time, for proofs: what no configuration shows is refused. */
export async function networkAt(
  network: Network,
  flags: AtFlags & { readonly at: number },
): Promise<Network> {
  const { way } = await outcomeAt(network, flags);
  if (way.unseen.length > 0) {
    throw new UsageError('no proof can take account of this; trace --at does', ...way.unseen);
  }
  return way.end;
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a number from 1 on is wanted');
  return Number(text);
}

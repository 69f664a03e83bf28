/** Asks the live switch and the emulation the same, and lists where they differ. */
import { type Run } from '../../../../src/dataplane/outcome.ts';
import {
  type PreparedSwitch,
  prepareSwitch,
} from '../../../../src/dataplane/ovs/pipeline/prepared.ts';
import { switchState } from '../../../../src/dataplane/ovs/pipeline/state.ts';
import { type OvsStep } from '../../../../src/dataplane/ovs/pipeline/steps.ts';
import { parseCtNext } from '../../../../src/dataplane/ovs/text/trace-flow.ts';
import { compileTable } from '../../../../src/traffic/compiled.ts';
import { onePacket, type Packet } from '../../../../src/traffic/one-packet.ts';
import { type Traffic } from '../../../../src/traffic/traffic.ts';
import { tracePacket } from '../cases.ts';
import { AMBIGUOUS, compareTrace } from '../compare-trace.ts';
import { effectsOfText } from '../datapath-text.ts';
import { parseTranscript } from '../trace-text.ts';
import { type LiveCase } from './case.ts';
import { executedFeatures } from './executed.ts';
import { PLAIN, type Spelling, switchOf, type World } from './world.ts';

/** What became of the traces of a case. */
export interface Tally {
  traces: number;
  passes: number;
  ambiguous: number;
  /** The emulation said that something on the way is not emulated. */
  unsupported: number;
  /** The real translation ended because of the size of what it had composed. */
  oversized: number;
  /** The answer hangs on the OpenFlow version of a flow, and the emulation said so. */
  versionAssumed: number;
  /** The real datapath had lost its offsets and wrote to the wrong bytes. */
  spoiled: number;
  /** Traces in which the feature was really executed and nothing differed. */
  readonly executed: Map<string, number>;
  readonly differences: string[];
}

export function newTally(): Tally {
  return {
    traces: 0,
    passes: 0,
    ambiguous: 0,
    unsupported: 0,
    oversized: 0,
    spoiled: 0,
    versionAssumed: 0,
    executed: new Map(),
    differences: [],
  };
}

/** Choices up to this many are all tried; a larger range (a source port) is no question of the way. */
const MOST_CHOICES = 64;
const MOST_RUNS = 2000;

/** A choice that came up: what asked for it (a group, a bundle) and among how many. */
interface Choice {
  readonly asker: string;
  readonly span: number;
}

/** Which one to take, for the `n`th choice of a run. */
type Choose = (n: number, choice: Choice) => number;

/** One packet with these choices; `made` grows with every one, asked by what `asker` says. */
function choosing(
  choose: Choose,
  asker: () => string,
): { traffic: Traffic<Packet>; made: Choice[] } {
  const made: Choice[] = [];
  const traffic: Traffic<Packet> = {
    ...onePacket,
    choose(p, to, from, upTo) {
      const span = Number(upTo - from) + 1;
      if (span > MOST_CHOICES) return onePacket.choose(p, to, from, upTo);
      const choice = { asker: `${asker()} of ${span}`, span };
      const index = choose(made.length, choice);
      made.push(choice);
      return onePacket.choose(p, to, from + BigInt(index), upTo);
    },
  };
  return { traffic, made };
}

/** The next setting of an odometer whose wheels have that many digits; null after the last one. */
function following(digits: readonly number[], sizes: readonly number[]): number[] | null {
  for (let i = sizes.length - 1; i >= 0; i--) {
    const digit = (digits[i] ?? 0) + 1;
    if (digit >= (sizes[i] ?? 0)) continue;
    return [...Array.from({ length: i }, (_, j) => digits[j] ?? 0), digit];
  }
  return null;
}

interface Outcome {
  readonly differences: readonly string[];
  readonly assumed: readonly string[];
  readonly steps: readonly OvsStep[];
}

type Go = (run: Run<Packet>, onStep: (step: OvsStep) => void) => readonly string[];

function attempt(go: Go, choose: Choose): Outcome & { readonly made: readonly Choice[] } {
  const assumed: string[] = [];
  const steps: OvsStep[] = [];
  // Whoever leaves something to a hash says so first.
  const { traffic, made } = choosing(choose, () => assumed.at(-1) ?? '');
  const run: Run<Packet> = {
    traffic,
    now_us: 0,
    assume: (reason, detail) => void assumed.push(`${reason} ${detail}`),
  };
  return { differences: go(run, (step) => steps.push(step)), assumed, steps, made };
}

/**
 * The emulation with choices that agree with the real switch, if there are such. A group mostly
 * hashes one packet to the same bucket again, so that is tried first; then sequences of choices.
 */
export function anyChoice(go: Go): Outcome {
  const agrees = ({ differences }: Outcome) =>
    differences.length === 0 || differences.includes(AMBIGUOUS);
  const first = attempt(go, () => 0);
  if (agrees(first)) return first;
  const askers = new Map<string, number>();
  const meet = (made: readonly Choice[]) => {
    for (const { asker, span } of made) askers.set(asker, span);
  };
  meet(first.made);
  let digits = following([], [...askers.values()]);
  for (let i = 0; digits !== null && i < MOST_RUNS; i++) {
    const wheel = digits;
    const names = [...askers.keys()];
    const tried = attempt(go, (_, { asker }) => wheel[names.indexOf(asker)] ?? 0);
    if (agrees(tried)) return tried;
    meet(tried.made);
    digits = following(wheel, [...askers.values()]);
  }
  let script = following(
    [],
    first.made.map(({ span }) => span),
  );
  for (let i = 0; script !== null && i < MOST_RUNS; i++) {
    const sequence = script;
    const tried = attempt(go, (n, { span }) => Math.min(sequence[n] ?? 0, span - 1));
    if (agrees(tried)) return tried;
    script = following(
      sequence,
      tried.made.map(({ span }) => span),
    );
  }
  return first;
}

/** A case with the transcripts of the real switch; enough to compare without that switch. */
export interface TracesCase {
  readonly id: string;
  /** Dumps of the switch that holds the case, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly packets: readonly {
    readonly flow: string;
    readonly states: readonly string[];
    readonly transcript: string;
  }[];
}

/**
 * Loads the case and traces every packet.
 * @returns null when the switch itself refuses a flow; a text when ovs-ofctl does.
 */
export async function askTraces(
  world: World,
  one: LiveCase,
  spelling: Spelling = PLAIN,
): Promise<TracesCase | string | null> {
  const refused = await world.loadCase(one);
  // What the switch itself refuses, behind ovs-ofctl, is no question of reading texts.
  if (refused !== '') return refused.includes('Error OFP') ? null : `${one.id}: ${refused}`;
  const files = await world.dumps(spelling);
  const packets: TracesCase['packets'][number][] = [];
  for (const { flow, states } of one.packets) {
    const options = states.flatMap((words) => ['--ct-next', words]);
    const ask = ['ofproto/trace', 'br0', flow, ...options, '--names'] as const;
    const transcript = await world.live.appctl(...ask);
    packets.push({ flow, states, transcript });
  }
  return { id: one.id, files, packets };
}

/** Traces the packets with the emulation, reading the switch from its dumps, and compares. */
export function compareTraces({ id, files, packets }: TracesCase, tally: Tally): void {
  const { sw, problems } = switchOf(files);
  tally.differences.push(...problems.map((text) => `${id}: ${text}`));
  const prepared = prepareSwitch(sw, compileTable);
  for (const [i, { flow, states, transcript }] of packets.entries()) {
    compareOne(prepared, `${id} packet ${i}`, flow, states, transcript, tally);
  }
}

function compareOne(
  sw: PreparedSwitch,
  name: string,
  flow: string,
  states: readonly string[],
  text: string,
  tally: Tally,
): void {
  const bridge = sw.bridges.get('br0');
  if (bridge === undefined) throw new Error('no br0');
  // How many bytes of datapath actions there are is not computed; only loops of floods get there.
  if (text.includes('over 64 kB of actions')) {
    tally.oversized++;
    return;
  }
  const passes = parseTranscript(text);
  const real = passes.map(({ hits, unordered, error, finalFlow, actions }) => ({
    hits,
    unordered,
    error,
    finalFlow,
    effects: (start: Packet) => effectsOfText(actions, start, (word) => word),
  }));
  const ports = [...bridge.source.ports];
  const { differences, assumed, steps } = anyChoice((run, onStep) =>
    compareTrace(
      {
        sw,
        bridge,
        p: tracePacket(flow, ports, bridge.source.tlvMap),
        states: states.map((words) => Number(parseCtNext(words))),
        leaveOut: () => false,
        state: switchState<Packet>(sw, 0, { learns: false, onStep }),
        run,
      },
      real,
    ),
  );
  tally.traces++;
  tally.passes += passes.length;
  if (assumed.some((one) => one.startsWith('ASSUME_OPENFLOW_VERSION'))) tally.versionAssumed++;
  if (differences.includes(AMBIGUOUS)) tally.ambiguous++;
  else if (assumed.some((one) => one.startsWith('UNSUPPORTED'))) tally.unsupported++;
  else if (differences.length > 0) {
    tally.differences.push(`${name} ${flow} ${states.join(' ')}\n${differences.join('\n')}`);
  } else {
    for (const feature of executedFeatures(sw, steps)) {
      tally.executed.set(feature, (tally.executed.get(feature) ?? 0) + 1);
    }
  }
}

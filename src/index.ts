/**
 * hopwise as a library: open what was captured, ask questions, read the answers as data or text.
 *
 * ```ts
 * import { openSnapshot, trace, traceText } from 'hopwise';
 *
 * const network = openSnapshot('./dumps');
 * const answer = trace(network, { from: 'web-1', to: 'db-1', protocol: 'tcp', port: 5432 });
 * if (answer.kind === 'traced') console.log(answer.trace.verdict, traceText(answer.trace));
 * else console.error(answer.message, ...answer.details);
 * ```
 *
 * Nothing here throws for what stands in a snapshot or in a question; only a path that cannot be
 * opened does, with the system's own error. Text of tenants stands unescaped in data and escaped
 * in what `traceText`, `replayText` and `jsonText` give.
 */
import { type Network } from './dataplane/network.ts';
import { openFolder } from './snapshot/collect/folder.ts';
import { type Folder } from './snapshot/read/folder.ts';
import { openSnapshot as openFolderAsNetwork } from './snapshot/read/open.ts';
import { type Asked, askedQuestion } from './trace/ask.ts';
import { type TracingOptions } from './trace/compiled-network.ts';
import { replayLines } from './trace/render/replay.ts';
import { shortLines } from './trace/render/short.ts';
import { PLAIN_PAGE } from './trace/render/style.ts';
import { verboseLines } from './trace/render/verbose.ts';
import { type ReplayRun } from './trace/replay-run.ts';
import { prepareTracing, type Tracer } from './trace/tracer.ts';
import { type Trace } from './trace/types.ts';

export type { Missing, Network } from './dataplane/network.ts';
export { type Explanation, explain } from './reasons/catalogue.ts';
export { REASONS, type Reason } from './reasons/codes.ts';
export type { Folder } from './snapshot/read/folder.ts';
export { jsonText } from './text/escape.ts';
export { type Origin, type Parsed, type Problem, problemLine } from './text/problem.ts';
export type { Asked, Understood } from './trace/ask.ts';
export type { TracingOptions } from './trace/compiled-network.ts';
export type { NeutronRef } from './trace/objects.ts';
export { type ProbeRecord, parseProbeRecords } from './trace/probe-record.ts';
export { TRACE_VERSION, traceJson } from './trace/render/json.ts';
export { REPLAY_SCHEMA, type Schema, TRACE_SCHEMA } from './trace/render/schema.ts';
export type { Prediction, ReplayTotals } from './trace/replay.ts';
export { type ReplayRun, replay } from './trace/replay-run.ts';
export { type Sighting, sightingBytes, sightingsOf } from './trace/sightings.ts';
export type {
  Alternative,
  Assumption,
  Blocker,
  Content,
  Fix,
  Hop,
  Journey,
  JourneyEnd,
  NearMiss,
  Observation,
  Question,
  Remark,
  Trace,
  TraceEnd,
  Verdict,
} from './trace/types.ts';
export {
  added,
  anyPacket,
  apart,
  BuiltChange,
  BuiltReach,
  change,
  changed,
  type Expectation,
  type InvariantOptions,
  icmp,
  invariant,
  keeps,
  type Ports,
  property,
  propertyFile,
  removed,
  tcp,
  udp,
} from './verify/properties/builder.ts';
export { type CheckOptions, checkProperties } from './verify/properties/check.ts';
export { CoverageMeter, type CoverageReport } from './verify/properties/coverage.ts';
export { readProperties } from './verify/properties/read.ts';
export type { Checked, Property, PropertyFile } from './verify/properties/types.ts';

/**
 * Opens a dump folder, an sos report or a `.tar.gz` of either. Files are read when a question
 * first needs them; what could not be read is in `network.problems`, what is not there in
 * `network.missing`. A folder that is neither has no hosts.
 * @param at a path, or a folder of your own (an archive in memory, a store elsewhere).
 * @throws the system's error when the path cannot be opened.
 */
export function openSnapshot(at: string | Folder): Network {
  return openFolderAsNetwork(typeof at === 'string' ? openFolder(at) : at);
}

/** What became of a question. */
export type Answer =
  | { readonly kind: 'traced'; readonly trace: Trace }
  /** The question was not understood or cannot be asked; `details` has candidates or the place. */
  | { readonly kind: 'refused'; readonly message: string; readonly details: readonly string[] };

/** Tracers keep what they compiled, so that many questions to one network cost little. */
const tracers = new WeakMap<Network, Map<string, Tracer>>();

/**
 * Asks one question: sends the packet through the emulated hosts and reads the verdict, the way,
 * and whatever stopped it, off its end.
 */
export function trace(network: Network, asked: Asked, options: TracingOptions = {}): Answer {
  const question = askedQuestion(network, asked);
  if (question.kind === 'wrong') return { ...question, kind: 'refused' };
  const known = tracers.get(network) ?? new Map<string, Tracer>();
  tracers.set(network, known);
  const key = JSON.stringify(options);
  const tracer = known.get(key) ?? prepareTracing(network, options);
  known.set(key, tracer);
  const traced = tracer.trace(question.value);
  if (traced.kind === 'traced') return traced;
  return { kind: 'refused', message: traced.why, details: [] };
}

/** How much of a trace is told, and how wide. */
export interface TextOptions {
  /** Name of the snapshot, for the first line. */
  readonly snapshot?: string;
  /** Show the way of the answer as well. */
  readonly reply?: boolean;
  /** Every table, flow and rule with its source line. */
  readonly verbose?: boolean;
  /** Columns; 100 without it. */
  readonly width?: number;
}

/** A trace as `hopwise trace` prints it: plain text, escaped, without a final line break. */
export function traceText(of: Trace, options: TextOptions = {}): string {
  const { snapshot = '', reply = false, verbose = false, width = PLAIN_PAGE.width } = options;
  const page = { ...PLAIN_PAGE, width };
  const context = { snapshot, took_ms: null, withReply: reply, everything: verbose };
  const long = verbose ? verboseLines(of, page) : [];
  return [...shortLines(of, context, page), ...long].join('\n');
}

/** A replay as `hopwise replay` prints it. */
export function replayText(run: ReplayRun, { width = PLAIN_PAGE.width }: TextOptions = {}): string {
  return replayLines(run, { withTraces: true }, { ...PLAIN_PAGE, width }).join('\n');
}

/** Runs records of what really happened over the snapshots it happened on. */
import { type Network } from '../dataplane/network.ts';
import { type ProbeFile, type ProbeRecord } from './probe-record.ts';
import { failoverReplay } from './records/failover.ts';
import { RECORD_KINDS } from './records/kinds.ts';
import { outsideNames } from './records/sender.ts';
import { compareTrace, type ReplayedProbe, type ReplayTotals, totalsOf } from './replay.ts';
import { prepareTracing, type Tracer } from './tracer.ts';
import { type Question, type Trace } from './types.ts';

export interface ReplayRun {
  readonly probes: readonly (ReplayedProbe & {
    readonly record: ProbeRecord;
    readonly trace: Trace | null;
  })[];
  readonly totals: ReplayTotals;
  /** Records that could not be asked, and why. */
  readonly notAsked: readonly { readonly index: number; readonly why: string }[];
}

/**
 * Traces every record whose phase has a snapshot. `networkOf` returns null for a phase without
 * one. `file` is what the records were chosen from: all of it tells what people outside are called,
 * and what of it could not be read is not asked.
 */
export function replay(
  records: readonly ProbeRecord[],
  networkOf: (phase: string) => Network | null,
  onProgress: (done: number, all: number) => void = () => {},
  file: Pick<ProbeFile, 'value' | 'unreadable'> = { value: records, unreadable: [] },
): ReplayRun {
  const tracers = new Map<Network, Tracer>();
  const probes: ReplayRun['probes'][number][] = [];
  const notAsked: { index: number; why: string }[] = [...file.unreadable];
  const failovers = failoverReplay();
  for (const [done, record] of records.entries()) {
    onProgress(done, records.length);
    const { index } = record;
    const network = networkOf(record.phase);
    if (network === null) {
      notAsked.push({ index, why: `no snapshot of phase "${record.phase}"` });
      continue;
    }
    if (record.kind === 'failover') {
      const compared = failovers.compare(network, record);
      if (typeof compared === 'string') notAsked.push({ index, why: compared });
      else probes.push({ ...compared, record, trace: null });
      continue;
    }
    const asked = questionOf(network, record);
    if (typeof asked === 'string') {
      notAsked.push({ index, why: asked });
      continue;
    }
    let tracer = tracers.get(network);
    if (tracer === undefined) {
      tracer = prepareTracing(network, { outsideNames: outsideNames(network, file.value) });
      tracers.set(network, tracer);
    }
    const traced = tracer.trace(asked);
    if (traced.kind === 'impossible') {
      notAsked.push({ index, why: traced.why });
      continue;
    }
    const kind = RECORD_KINDS.get(record.kind);
    const compared = kind?.compare(record, traced.trace) ?? compareTrace(record, traced.trace);
    // Diaries of thousands of traces would fill the memory; nobody reads them here.
    probes.push({ ...compared, record, trace: { ...traced.trace, copies: [] } });
  }
  return { probes, totals: totalsOf(probes, notAsked.length), notAsked };
}

/** The question a record asks, or why it cannot be asked. */
export function questionOf(network: Network, record: ProbeRecord): Question | string {
  if (record.invalid) return 'its recorder marked it as invalid';
  const kind = RECORD_KINDS.get(record.kind);
  return kind?.question(network, record) ?? `records of kind ${record.kind} are not traced`;
}

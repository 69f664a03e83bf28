/** Runs recorded probes over the snapshots they were sent on. */
import { type Network } from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { prefixCovers } from '../packet/prefix.ts';
import { resolveEnd } from './ends.ts';
import { type OutsideName } from './outside.ts';
import { type ProbeRecord } from './probe-record.ts';
import { compareTrace, type ReplayedProbe, type ReplayTotals, totalsOf } from './replay.ts';
import { prepareTracing, type Tracer } from './tracer.ts';
import { type Question, type Trace, type TraceEnd } from './types.ts';

export interface ReplayRun {
  readonly probes: readonly (ReplayedProbe & {
    readonly record: ProbeRecord;
    readonly trace: Trace | null;
  })[];
  readonly totals: ReplayTotals;
  /** Records that could not be asked, and why. */
  readonly notAsked: readonly { readonly index: number; readonly why: string }[];
}

/** Traces every record whose phase has a snapshot. `networkOf` returns null for a phase without one. */
export function replay(
  records: readonly ProbeRecord[],
  networkOf: (phase: string) => Network | null,
  onProgress: (done: number, all: number) => void = () => {},
): ReplayRun {
  const tracers = new Map<Network, Tracer>();
  const probes: ReplayRun['probes'][number][] = [];
  const notAsked: { index: number; why: string }[] = [];
  for (const [done, record] of records.entries()) {
    onProgress(done, records.length);
    const network = networkOf(record.phase);
    const asked =
      network === null ? `no snapshot of phase "${record.phase}"` : questionOf(network, record);
    if (network === null || typeof asked === 'string') {
      notAsked.push({ index: record.index, why: String(asked) });
      continue;
    }
    let tracer = tracers.get(network);
    if (tracer === undefined) {
      tracer = prepareTracing(network, { outsideNames: outsideNames(network, records) });
      tracers.set(network, tracer);
    }
    const traced = tracer.trace(asked);
    if (traced.kind === 'impossible') {
      notAsked.push({ index: record.index, why: traced.why });
      continue;
    }
    const compared = compareTrace(record, traced.trace);
    // Diaries of thousands of traces would fill the memory; nobody reads them here.
    probes.push({ ...compared, record, trace: { ...traced.trace, copies: [] } });
  }
  return { probes, totals: totalsOf(probes, notAsked.length), notAsked };
}

/** The question a record asks, or why it cannot be asked. */
export function questionOf(network: Network, record: ProbeRecord): Question | string {
  if (record.invalid) return 'its recorder marked it as invalid';
  if (record.kind !== 'probe') return `records of kind ${record.kind} are not traced`;
  const { protocol } = record;
  if (protocol !== 'icmp' && protocol !== 'tcp' && protocol !== 'udp') {
    return `protocol ${protocol} is not traced`;
  }
  const from = senderOf(network, record);
  if (typeof from === 'string') return from;
  if (record.destination === null) return `its destination ${record.to} is no address`;
  const to: TraceEnd = {
    label: record.to,
    kind: 'address',
    host: null,
    namespace: null,
    port: null,
    address: record.destination,
  };
  return {
    from,
    to,
    packet: {
      protocol,
      sourcePort: record.sourcePort,
      destinationPort: record.destinationPort,
      source: record.source,
      icmpId: record.icmpId,
      size: record.size ?? (protocol === 'icmp' ? 32 : 16),
      dontFragment: record.dontFragment,
      flow: null,
    },
  };
}

/** Senders that the snapshot does not know, with the addresses they sent from. */
function outsideNames(network: Network, records: readonly ProbeRecord[]): readonly OutsideName[] {
  return records.flatMap(({ from, source }) =>
    source === null || isTenants(network, source) || resolveEnd(network, from).kind !== 'unknown'
      ? []
      : [{ name: from, address: source }],
  );
}

/** Whether the address is of a subnet that only tenants are on: nobody outside has it. */
function isTenants({ neutron }: Network, address: IpAddress): boolean {
  return neutron.subnets.some(({ prefix, networkId }) => {
    const network = neutron.networks.find(({ id }) => id === networkId);
    return network?.external !== true && prefixCovers(prefix, address);
  });
}

function senderOf(network: Network, record: ProbeRecord): TraceEnd | string {
  const { from, fromHost, source } = record;
  const resolution = resolveEnd(network, from);
  if (resolution.kind === 'found') return resolution.resolved.end;
  const state = fromHost === null ? undefined : network.namespace(fromHost, 'root');
  if (from === fromHost && state !== undefined) {
    return { label: from, kind: 'host', host: from, namespace: 'root', port: null, address: null };
  }
  if (resolution.kind === 'ambiguous') return `${from} is ambiguous`;
  if (source === null || isTenants(network, source)) return resolution.message;
  return {
    label: from,
    kind: 'external',
    host: null,
    namespace: null,
    port: null,
    address: source,
  };
}

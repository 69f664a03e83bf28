/**
 * Entries of connection tracking that were there before: NAT and security groups decide about a
 * connection's first packet only (nf_nat_inet_fn(), `ESTABLISHED` in rules), so whoever sends with
 * the addresses and ports of an old entry fares as the rules of that time said. The same question
 * is walked without the dumped entries as well; where that ends otherwise, the entry is to blame.
 */
import { type DumpedConnectionStep } from '../dataplane/conntrack/steps.ts';
import { printConntrackLine } from '../dataplane/conntrack/text/conntrack.ts';
import { type ConnectionEntry } from '../dataplane/conntrack/types.ts';
import { readSteps } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { inNamespace, onHost } from './diagnosis/commands.ts';
import { eachStep } from './lineage.ts';
import { type TraceOptions } from './opening.ts';
import { type EnterStep } from './steps.ts';
import { type Traced } from './trace.ts';
import { type Blocker, type Question, type Remark, type Trace } from './types.ts';
import { traceWorlds } from './worlds.ts';

/** An entry that took the request for a packet of its own first direction. */
interface Met {
  readonly host: string;
  readonly device: string;
  readonly entry: ConnectionEntry;
}

/** Traces a question; with dumped connections it is said what hangs on one of them. */
export function traceRemembered(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const traced = traceWorlds(compiled, question, options);
  if (compiled.connections === 'none' || traced.kind === 'impossible') return traced;
  const met = metBy(traced.trace.copies);
  const [first] = met;
  if (first === undefined) return traced;
  const fresh = traceWorlds({ ...compiled, connections: 'none' }, question, options);
  if (fresh.kind === 'impossible') return traced;
  return { kind: 'traced', trace: told(traced.trace, fresh.trace, met) };
}

function told(old: Trace, fresh: Trace, met: readonly Met[]): Trace {
  const [first] = met;
  if (first === undefined || sameFate(old, fresh)) return old;
  const without =
    fresh.verdict === 'REACHABLE'
      ? `a new connection would be received by ${fresh.receivedBy ?? 'its destination'}`
      : `a new connection would not pass: ${fresh.blockers[0]?.code ?? fresh.verdict}`;
  const text = `an earlier connection decides at ${first.device} on ${first.host} (${whose(first)}); ${without}`;
  const passesOnly = old.verdict === 'REACHABLE' && fresh.verdict !== 'REACHABLE';
  const bothFail = old.verdict !== 'REACHABLE' && fresh.verdict !== 'REACHABLE';
  if (passesOnly || bothFail) {
    const warning: Remark = { kind: 'warning', code: 'CT_STALE', text };
    return { ...old, remarks: [...old.remarks, warning] };
  }
  const verdict = old.verdict === 'UNDETERMINED' ? 'UNDETERMINED' : 'UNREACHABLE';
  return { ...old, verdict, blockers: [blocker(old, first, text), ...old.blockers] };
}

/** Whether the packet fares alike: to the same receiver, or stopped by the same. */
function sameFate(a: Trace, b: Trace): boolean {
  const [x, y] = [a.blockers[0], b.blockers[0]];
  return (
    a.verdict === b.verdict &&
    a.receivedBy === b.receivedBy &&
    x?.code === y?.code &&
    x?.host === y?.host &&
    x?.component === y?.component
  );
}

function blocker(trace: Trace, { host, device, entry }: Met, text: string): Blocker {
  return {
    code: 'CT_STALE',
    host,
    component: `${device} conntrack`,
    evidence: printConntrackLine(entry),
    origin: entry.origin,
    nearMisses: [],
    direction: trace.requestDelivered ? 'reply' : 'request',
    because: [text],
    neutron: [],
    fix: { summary: 'delete the entry with conntrack -D, or let it run out', commands: [] },
    confirm: [
      device === 'ovs'
        ? onHost(host, 'ovs-appctl dpctl/dump-conntrack')
        : inNamespace(host, device, 'conntrack -L'),
    ],
  };
}

function whose({ entry }: Met): string {
  return `${entry.origin.file} line ${entry.origin.line}`;
}

/** Dumped entries that the request met on its way, those that translate first. */
function metBy(copies: readonly Packet[]): readonly Met[] {
  const met = new Map<ConnectionEntry, Met>();
  for (const copy of copies) {
    let place: EnterStep | null = null;
    eachStep(readSteps(copy), (step, { role }) => {
      if (step.kind === 'enter') place = step as EnterStep;
      if (step.kind !== 'dumped-connection' || place === null) return;
      const { entry, reply } = step as DumpedConnectionStep;
      // What comes back on an earlier connection is what its entry is for.
      if (reply || role === 'resolution') return;
      if (!met.has(entry)) met.set(entry, { host: place.host, device: place.device, entry });
    });
  }
  return [...met.values()].sort(
    (a, b) => Number(translates(b.entry)) - Number(translates(a.entry)),
  );
}

function translates({ original, reply }: ConnectionEntry): boolean {
  return (
    original.source.value !== reply.destination.value ||
    original.destination.value !== reply.source.value
  );
}

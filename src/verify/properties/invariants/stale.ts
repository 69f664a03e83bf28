/**
 * Connections that live on although the rules of now would not let them begin: their packets pass
 * because a tracker remembers them. Each remembered connection is asked again as a new one; where
 * that is stopped and the same packet passes with what the trackers remember, the memory is stale.
 */
import { type ConnectionEntry, type Tuple } from '../../../dataplane/conntrack/types.ts';
import { type Host, type Network } from '../../../dataplane/network.ts';
import { writeIp } from '../../../text/address-text.ts';
import { askedQuestion } from '../../../trace/ask.ts';
import { prepareTracing, type Tracer } from '../../../trace/tracer.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';

const PROTOCOLS: ReadonlyMap<number, 'icmp' | 'tcp' | 'udp'> = new Map([
  [1, 'icmp'],
  [58, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
]);

export function* checkStale(checking: Checking, property: InvariantProperty): Generator<Checked> {
  const { network } = checking;
  const tracers = {
    fresh: prepareTracing(network, { connections: 'none' }),
    remembering: prepareTracing(network, { connections: 'dumped' }),
  };
  let remembered = 0;
  const asked = new Set<string>();
  for (const [name, host] of network.hosts) {
    if (property.among !== null && !property.among.includes(name)) continue;
    for (const entry of entriesOf(host)) {
      remembered++;
      const text = tupleText(entry.original);
      // The zones of one way remember the same connection.
      if (asked.has(text)) continue;
      asked.add(text);
      const found = checkEntry(network, tracers, property, name, entry);
      if (found !== null) yield found;
    }
  }
  if (remembered === 0) {
    const because = ['says nothing: no connection was captured'];
    yield plain(property, property.among?.join(', ') ?? 'all hosts', 'fails', because);
  } else if (asked.size > 0) {
    const subject = `${asked.size} remembered connections`;
    yield plain(property, subject, 'holds');
  }
}

interface Tracers {
  readonly fresh: Tracer;
  readonly remembering: Tracer;
}

function entriesOf({ switchConnections, namespaces }: Host): readonly ConnectionEntry[] {
  const own = [...namespaces.values()].flatMap(({ connections }) => connections);
  return [...switchConnections, ...own].filter(
    ({ original, status }) => PROTOCOLS.has(original.protocol) && !status.includes('unreplied'),
  );
}

/** Null for what passes as a new connection, and for ends that are no servers of the snapshot. */
function checkEntry(
  network: Network,
  { fresh, remembering }: Tracers,
  property: InvariantProperty,
  host: string,
  { original, origin }: ConnectionEntry,
): Checked | null {
  const [from, to] = [writeIp(original.source), writeIp(original.destination)];
  const senders = network.find(from).filter(({ role }) => role === 'vm');
  const [sender] = senders;
  if (senders.length !== 1 || sender === undefined) return null;
  const protocol = PROTOCOLS.get(original.protocol) ?? 'tcp';
  const question = askedQuestion(network, {
    from: sender.port?.id ?? sender.name,
    to: network.find(to).length === 0 ? `external:${to}` : to,
    version: original.source.version,
    protocol,
    ...(protocol === 'icmp'
      ? {}
      : { port: original.destinationPort, sourcePort: original.sourcePort }),
  });
  if (question.kind === 'wrong') return null;
  const { packet } = question.value;
  const icmpId = protocol === 'icmp' ? original.icmpId : null;
  const asked = { ...question.value, packet: { ...packet, icmpId } };
  const traced = fresh.trace(asked);
  if (traced.kind !== 'traced' || traced.trace.requestDelivered) return null;
  const again = remembering.trace(asked);
  if (again.kind !== 'traced' || !again.trace.requestDelivered) return null;
  const subject = `${tupleText(original)} at ${host}`;
  const place = { file: origin.file, line: origin.line };
  const [blocker] = traced.trace.blockers;
  if (traced.trace.verdict !== 'UNREACHABLE' || blocker === undefined) {
    return { ...plain(property, subject, 'unsure', ['nobody can say']), origin: place };
  }
  if (property.except.includes(blocker.code)) return null;
  const because = [
    `is remembered (${place.file}:${place.line}); a new one is stopped: ${blocker.code} at ${blocker.host}, ${blocker.component}`,
  ];
  return { ...plain(property, subject, 'fails', because), origin: place, code: blocker.code };
}

function tupleText({ protocol, source, destination, sourcePort, destinationPort }: Tuple): string {
  const name = PROTOCOLS.get(protocol) ?? String(protocol);
  const ends = [writeIp(source), writeIp(destination)];
  return name === 'icmp'
    ? `${name} ${ends.join(' → ')}`
    : `${name} ${ends[0]}:${sourcePort} → ${ends[1]}:${destinationPort}`;
}

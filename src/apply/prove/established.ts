/**
 * Connections that began when they were allowed and are not any more. Behind the last step every
 * tracker may still remember them, except for what the plan forgets; a packet of such a connection
 * must fare as a new one does.
 *
 * Simplification: of connections that outlive a plan only those between servers without address
 * translation are asked, over TCP and UDP.
 *
 * Simplification: an answer that is on its way while connections are forgotten begins one of its own
 * where the server may send, and that lives as long as it is used; it is not looked for.
 */
import { type ConnectionEntry, type Tuple } from '../../dataplane/conntrack/types.ts';
import { type Host, type NamespaceState, type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { readIp } from '../../text/address-text.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { prepareTracing } from '../../trace/tracer.ts';
import { type Question } from '../../trace/types.ts';
import { groupOf } from '../../verify/proof/prove.ts';
import { type Chosen, choose } from '../probes/choose.ts';
import { type Plan } from '../types.ts';
import { type Bad } from './check.ts';
import { type Pair } from './proving.ts';

/** Classes of packets that are asked, of all pairs in turn. */
const MOST = 96;
const CLIENT_PORT = 40_000;
const NUMBERS = { tcp: 6, udp: 17 } as const;

/** What still gets through by connections that stood before. */
export function outliving(plan: Plan, end: Network, pairs: readonly Pair[]): readonly Bad[] {
  const closed = choose(pairs, MOST).filter(({ change }) => change === 'closed');
  const asked = closed.flatMap((chosen) => questionOf(end, chosen) ?? []);
  if (asked.length === 0) return [];
  const network = remembering(
    end,
    plan,
    asked.map(({ entry }) => entry),
  );
  const tracer = prepareTracing(network, { connections: 'dumped' });
  const last = plan.steps.at(-1);
  const [phase, wave] = [last?.phase ?? 'clean', last?.wave ?? 0];
  return asked.flatMap(({ chosen, question }): readonly Bad[] => {
    const traced = tracer.trace(question);
    if (traced.kind === 'impossible' || !traced.trace.requestDelivered) return [];
    const { from, to } = chosen;
    const pair = pairs.find((each) => each.from === from && each.to === to)!;
    const { regions } = pair.space;
    const group = groupOf(pair.space, regions.minus(pair.before, pair.after));
    if (group === null) return [];
    const done = plan.hosts.map(({ name }) => name);
    const remembered = ['the connection stood before'];
    return [
      {
        phase,
        wave,
        done,
        behind: null,
        remembered,
        from,
        to,
        kind: 'outlives',
        group,
        lasts: 'blackhole',
      },
    ];
  });
}

interface Asking {
  readonly chosen: Chosen;
  readonly question: Question;
  readonly entry: ConnectionEntry;
}

function questionOf(network: Network, chosen: Chosen): Asking | null {
  const { from, to, protocol, port } = chosen;
  if (protocol === 'icmp') return null;
  const sourcePort = chosen.sourcePort ?? CLIENT_PORT;
  const asked = askedQuestion(network, { from, to, protocol, port, sourcePort });
  if (asked.kind === 'wrong') return null;
  const { address: source } = asked.value.from;
  const { address: destination } = asked.value.to;
  if (source === null || destination === null) return null;
  const ports = { sourcePort, destinationPort: port };
  const entry = entryOf(NUMBERS[protocol], source, destination, ports);
  return { chosen, question: asked.value, entry };
}

function entryOf(
  protocol: number,
  source: IpAddress,
  destination: IpAddress,
  { sourcePort, destinationPort }: Pick<Tuple, 'sourcePort' | 'destinationPort'>,
): ConnectionEntry {
  const icmp = { icmpId: 0, icmpType: 0, icmpCode: 0 };
  const original = { source, destination, protocol, sourcePort, destinationPort, ...icmp };
  const reply: Tuple = {
    ...original,
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
  return {
    zone: 0,
    zoneReply: null,
    original,
    reply,
    state: protocol === 6 ? 'ESTABLISHED' : null,
    status: ['confirmed', 'assured', 'seen_reply'],
    mark: 0,
    labels: 0n,
    timeout_s: 3600,
    helper: null,
    stateReply: null,
    extra: {},
    origin: { file: 'plan', line: 0 },
  };
}

/** The network whose trackers remember the connections in every zone, less what the plan forgets. */
function remembering(network: Network, plan: Plan, entries: readonly ConnectionEntry[]): Network {
  const hosts = new Map(
    [...network.hosts].map(([name, host]) => {
      const namespaces = new Map(
        [...host.namespaces].map(([space, state]) => {
          const forgotten = selectionsOf(plan, name, space);
          const kept = zonesOf(state)
            .flatMap((zone) => entries.map((entry) => ({ ...entry, zone })))
            .filter((entry) => !forgotten.some((is) => is(entry)));
          const connections = { value: kept };
          return [space, Object.create(state, { connections }) as NamespaceState] as const;
        }),
      );
      return [name, Object.create(host, { namespaces: { value: namespaces } }) as Host] as const;
    }),
  );
  const namespace = (host: string, space: string): NamespaceState | undefined =>
    hosts.get(host)?.namespaces.get(space);
  return Object.create(network, {
    hosts: { value: hosts },
    namespace: { value: namespace },
  }) as Network;
}

/** The usual zone and those that rules put packets into. */
function zonesOf(state: NamespaceState): readonly number[] {
  const text = (state.source('iptables-save') ?? state.source('iptables-save.txt'))?.text ?? '';
  return [...new Set([0, ...[...text.matchAll(/ --zone (\d+)/g)].map(([, zone]) => Number(zone))])];
}

/** What the plan's steps delete from the tracker of a namespace. */
function selectionsOf(
  { steps }: Plan,
  host: string,
  space: string,
): readonly ((entry: ConnectionEntry) => boolean)[] {
  return steps
    .filter((step) => step.host === host)
    .flatMap(({ forward }) => forward)
    .flatMap((action) =>
      action.kind === 'connections' && action.namespace === space ? action.lines : [],
    )
    .map(selectionOf);
}

/** A line of `conntrack -D` as what it selects. */
function selectionOf(line: string): (entry: ConnectionEntry) => boolean {
  const words = new Map(
    (line.match(/\S+ \S+/g) ?? []).map((pair) => pair.split(' ') as [string, string]),
  );
  const covers = (name: string, address: IpAddress): boolean => {
    const word = words.get(name);
    if (word === undefined) return true;
    const [text = '', length] = word.split('/');
    const of = readIp(text);
    if (of === undefined || of.version !== address.version) return false;
    const whole = of.version === 4 ? 32 : 128;
    return prefixCovers({ address: of, length: Number(length ?? whole) }, address);
  };
  const is = (name: string, value: number): boolean => {
    const word = words.get(name);
    return word === undefined || Number(word) === value;
  };
  return ({ original, reply, zone }) => {
    const protocol = words.get('-p');
    const named = protocol === undefined || PROTOCOLS[protocol] === original.protocol;
    return (
      named &&
      covers('-s', original.source) &&
      covers('-d', original.destination) &&
      covers('-q', reply.destination) &&
      is('--dport', original.destinationPort) &&
      is('-w', zone)
    );
  };
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, sctp: 132 };

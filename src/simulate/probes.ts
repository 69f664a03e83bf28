/** Packets sent again and again while time goes on, and the windows in which they were lost. */

import { type Network } from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type Reason } from '../reasons/codes.ts';
import { nearest } from '../text/suggest.ts';
import { type Asked, askedQuestion } from '../trace/ask.ts';
import { fromOutside } from '../trace/opening.ts';
import { traceOpened } from '../trace/trace.ts';
import { type Question, type Trace } from '../trace/types.ts';
import { readTime_us } from './events/table.ts';
import { type Age } from './network/neighbours.ts';
import { type Stage } from './network/stage.ts';

/** A probe as it was asked for. */
export interface PlannedProbe {
  /** `vm-a -> external:8.8.8.8 icmp`. */
  readonly text: string;
  readonly every_us: number;
  readonly question: Question;
  readonly address: IpAddress;
}

export interface ProbeProblem {
  readonly text: string;
  readonly message: string;
}

/** One packet that was sent, and whether its answer came back. */
export interface Shot {
  readonly at_us: number;
  readonly delivered: boolean;
  /** What stopped it, as the trace of this very packet says; null when nothing did. */
  readonly blocker: ShotBlocker | null;
  /** Devices that it or its answer came through, as `HOST NAME`. */
  readonly visited: ReadonlySet<string>;
  /** Neighbours by which it was sent on its way. */
  readonly by: readonly Age[];
}

export interface ShotBlocker {
  readonly code: Reason;
  readonly host: string;
  readonly component: string;
  readonly evidence: string;
}

const EVERY_US = 100_000;
const USAGE = 'FROM -> TO [icmp|tcp:PORT|udp:PORT] [ipv4|ipv6] [every TIME]';
const WORDS = ['icmp', 'tcp:PORT', 'udp:PORT', 'ipv4', 'ipv6', 'every'];
const VERSIONS: Readonly<Record<string, 4 | 6>> = { ipv4: 4, ipv6: 6 };

/**
 * Reads `vm-a -> external:8.8.8.8 icmp every 100ms` over the network as it is at the start.
 * @param outside the same network with somebody outside of it
 */
export function readProbe(
  text: string,
  network: Network,
  outside: Network,
): PlannedProbe | ProbeProblem {
  const [from = '', arrow, to = '', ...rest] = text.trim().split(/\s+/);
  if (arrow !== '->' && arrow !== '→') return { text, message: `a probe is written ${USAGE}` };
  let every_us: number | null = EVERY_US;
  let asked: Asked = { from, to };
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? '';
    const [protocol, port] = word.split(':');
    if (word === 'every') every_us = readTime_us(rest[++i] ?? '');
    else if (word === 'icmp') asked = { ...asked, protocol: 'icmp' };
    else if (VERSIONS[word] !== undefined) asked = { ...asked, version: VERSIONS[word] };
    else if ((protocol === 'tcp' || protocol === 'udp') && isPort(port)) {
      asked = { ...asked, protocol, port: Number(port) };
    } else return { text, message: unknownWord(word) };
  }
  if (every_us === null || every_us < 1000) {
    return { text, message: 'a probe is sent every 1ms at most often, as in `every 100ms`' };
  }
  const understood = askedQuestion(network, asked);
  if (understood.kind === 'wrong') {
    return { text, message: [understood.message, ...understood.details].join('\n') };
  }
  const question = fromOutside(outside, understood.value);
  const { address } = question.to;
  if (address === null) return { text, message: `${to} has no address` };
  return { text: text.trim(), every_us, question, address };
}

function isPort(text: string | undefined): text is string {
  return /^\d{1,5}$/.test(text ?? '') && Number(text) > 0 && Number(text) < 65_536;
}

function unknownWord(word: string): string {
  if (/^(tcp|udp)(:|$)/.test(word)) return `${word} has no port from 1 to 65535: ${USAGE}`;
  const near = nearest(
    word.split(':')[0] ?? '',
    WORDS.map((one) => one.split(':')[0] ?? ''),
  );
  const meant = WORDS.find((one) => one.split(':')[0] === near);
  return `${word} was not understood${meant === undefined ? '' : `; did you mean ${meant}?`} (${USAGE})`;
}

/** What happened to a server that has no address any more says more than that it has none. */
function toldBy({ cuts }: Stage, evidence: string): string | null {
  return [...cuts.leaseless.values()].includes(evidence) ? evidence : null;
}

/** Each connection is a new one, from another port. */
function numbered({ question }: PlannedProbe, stage: Stage): Question {
  const { packet } = question;
  const connects = packet.protocol === 'tcp' || packet.protocol === 'udp';
  if (!connects || packet.sourcePort !== null) return question;
  return { ...question, packet: { ...packet, sourcePort: stage.freePort() } };
}

/** Sends the probe once, now. */
export function shoot(stage: Stage, probe: PlannedProbe, at_us: number): Shot {
  const visited = new Set<string>();
  stage.cuts.visited = visited;
  stage.neighbours.usedLately();
  const trace = traceNow(stage, numbered(probe, stage));
  stage.cuts.visited = null;
  const by = stage.neighbours.usedLately();
  if (trace === null) {
    return { at_us, delivered: false, blocker: silence(stage, probe), visited, by };
  }
  if (trace.delivered) return { at_us, delivered: true, blocker: null, visited, by };
  const [first] = trace.blockers;
  const blocker =
    first === undefined
      ? {
          code: 'SNAPSHOT_INCOMPLETE' as const,
          host: probe.question.from.host ?? '',
          component: probe.question.from.namespace ?? '',
          evidence: 'no answer has come, and nothing that was walked tells why',
        }
      : {
          code: first.code,
          host: first.host,
          component: first.component,
          evidence: toldBy(stage, first.evidence) ?? first.because[0] ?? first.evidence,
        };
  return { at_us, delivered: false, blocker, visited, by };
}

/**
 * An answer tells its sender's kernel that the next hop hears it: TCP by what was acknowledged,
 * ping(8) by MSG_CONFIRM. Routers on the way and senders of datagrams learn nothing from it.
 */
export function confirmedBy(
  { question: { from, packet } }: PlannedProbe,
  { by }: Shot,
): readonly Age[] {
  if (packet.protocol !== 'icmp' && packet.protocol !== 'tcp') return [];
  return by.filter(({ host, namespace }) => host === from.host && namespace === from.namespace);
}

/** Why nobody is there to send a probe, where that is known. */
function silence(
  { cuts, hostOf }: Stage,
  { question: { from } }: PlannedProbe,
): ShotBlocker | null {
  if (from.host === null || from.namespace === null) return null;
  const host = hostOf(from.host, from.namespace);
  const place = `${host} ${from.namespace}`;
  const evidence = cuts.deadHosts.has(host)
    ? 'the host of the sender is down'
    : (cuts.leaseless.get(place) ??
      (cuts.deadGuests.has(place) ? 'the sender stands still: it is moved to another host' : null));
  if (evidence === null) return null;
  const code = cuts.leaseless.has(place) ? 'NOT_FOR_ME' : 'INTERFACE_DOWN';
  return { code, host, component: from.namespace, evidence };
}

/** Traces a question in the world as it is at this moment; null when nobody is there to send. */
export function traceNow(stage: Stage, question: Question): Trace | null {
  const { address } = question.to;
  const opening = stage.open(question);
  if (opening === null || address === null) return null;
  const { host, name } = opening.sender;
  const { deadHosts, deadGuests, leaseless } = stage.cuts;
  const place = `${host} ${name}`;
  if (deadHosts.has(host) || deadGuests.has(place) || leaseless.has(place)) return null;
  return traceOpened(stage.compiled, opening, address);
}

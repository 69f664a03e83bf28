/** Reads the verdict off the endings of a walk: what arrived where, what came back, what blocked. */

import { type Network } from '../dataplane/network.ts';
import { type FlowStep } from '../dataplane/ovs/pipeline/steps.ts';
import { type Reason } from '../reasons/codes.ts';
import { someNote } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { blockersOf, blockingRead } from './blame.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { tupleOf } from './diagnosis/case.ts';
import { splitBrains } from './diagnosis/split-brain.ts';
import { journeyOf } from './journey.ts';
import { lackingOnTheWay } from './lacking.ts';
import { lazily } from './lazily.ts';
import { type Read, readEndings } from './lineage.ts';
import { addressOf, observationOf } from './observation.ts';
import { receiverOf } from './receiver.ts';
import { missingOnTheWay, remarksOf } from './remarks.ts';
import { type EnterStep } from './steps.ts';
import {
  type Assumption,
  type Blocker,
  type Journey,
  type Question,
  type Trace,
  type Verdict,
} from './types.ts';
import { unreadOnTheWay } from './unread.ts';
import { type Ending } from './walk.ts';

const NO_VERDICT: readonly Reason[] = [
  'SNAPSHOT_INCOMPLETE',
  'UNSUPPORTED_ACTION',
  'UNSUPPORTED_MATCH',
];

const DOUBTS: readonly Reason[] = ['SNAPSHOT_INCOMPLETE', 'UNSUPPORTED_MATCH'];

/** Makes the trace out of everything that happened. */
export function conclude(
  compiled: CompiledNetwork,
  question: Question,
  endings: readonly Ending<Packet>[],
  assumptions: readonly Assumption[],
): Trace {
  const { network } = compiled;
  const reads = readEndings(endings);
  const tcp = question.packet.protocol === 'tcp';
  // What a balancer passes on arrives where it leads to: the balancer itself is on the way.
  const relays = reads.reduce((most, { lineage }) => Math.max(most, lineage.relays), 0);
  const isLast = ({ lineage }: Read): boolean => lineage.relays === relays;
  const answered = reads.find((read) => isAnswerArrival(read, question, tcp));
  // Of several who got it (a broadcast) the one is meant that answered.
  const home = answered === undefined ? null : answererOf(answered);
  const nearest = (wanted: (read: Read) => boolean): Read | undefined => {
    const found = reads.filter((read) => isLast(read) && wanted(read));
    return found.find(({ ending }) => isDevice(ending.device, home)) ?? found[0];
  };
  const arrived = nearest((read) => isRequestArrival(read, tcp && !compiled.oneWay));
  const opened = nearest((read) => isDelivered(read) && read.lineage.role === 'request');
  const error = reads.find((read) => read.lineage.role === 'error' && atSender(read, question));
  const delivered = arrived !== undefined && (answered !== undefined || compiled.oneWay);
  const split = splitBrains(network, question, reads, opened === undefined ? 'request' : 'reply');
  // Whether the answer came is chance then, in this walk as in the world.
  const blockers =
    delivered || split.length > 0 ? split : blockersOf({ compiled, question, reads, opened });
  const request = opened ?? blockingRead(question, reads, ['request']);
  const reply = answered ?? blockingRead(question, reads, ['answer', 'data']);
  const deciding = delivered ? [request, reply].filter((read) => read !== undefined) : reads;
  const unread = unreadOnTheWay(compiled, deciding, question.to.address?.version ?? 4);
  const unmodelled = [
    ...assumptions.filter(({ code }) => !code.startsWith('ASSUME_')),
    ...unread.doubts,
    ...(hangsOnUnseen(delivered, blockers) ? lackingDoubts(network, [request, reply]) : []),
  ];
  const plain = {
    question,
    verdict: split.length > 0 ? 'AMBIGUOUS' : verdictOf(delivered, blockers, reads, unmodelled),
    requestDelivered: arrived !== undefined,
    delivered,
    receivedBy: arrived === undefined ? null : receiverOf(compiled, arrived.ending).name,
    receiverRole: arrived === undefined ? null : receiverOf(compiled, arrived.ending).role,
    observed: arrived === undefined ? null : observationOf(arrived.ending.p, arrived.steps),
    answerFrom: answered === undefined ? null : addressOf(answered.ending.p, 'src'),
    icmpError: error === undefined ? null : icmpErrorOf(error),
    blockers,
    assumptions: assumptions.filter(({ code }) => code.startsWith('ASSUME_')),
    problems: unread.problems,
    unmodelled,
    copies: endings.map(({ p }) => p),
    alternatives: [],
    content: null,
  } satisfies Partial<Trace>;
  // Many questions only want the verdict: the ways are told when somebody looks.
  return lazily<typeof plain, Pick<Trace, 'request' | 'reply' | 'remarks' | 'missing'>>(plain, {
    request: () => (request === undefined ? null : requestJourney(network, request)),
    reply: () => (reply === undefined ? null : replyJourney(network, reply)),
    remarks: () => remarksOf({ compiled, question, opened, arrived }),
    missing: () => missingOnTheWay(network, [request, reply]),
  });
}

/** A blocker that is itself a missing file has said so already. */
function hangsOnUnseen(delivered: boolean, [first]: readonly Blocker[]): boolean {
  return delivered || (first !== undefined && first.origin !== null);
}

/** What the way there or back may hang on and is not in the snapshot: then nothing is reachable. */
function lackingDoubts(
  network: Network,
  reads: readonly (Read | undefined)[],
): readonly Assumption[] {
  const known = reads.filter((read) => read !== undefined);
  const [first] = known;
  const version = first === undefined ? 4 : (tupleOf(first.ending.p.words)?.version ?? 4);
  const ways = known.map(({ steps }) => steps);
  return lackingOnTheWay(network, ways, version).map(({ file, consequence }) => {
    return { code: 'SNAPSHOT_INCOMPLETE', detail: `${file} is missing: ${consequence}` };
  });
}

/** The hop in which an answer was made. */
function answererOf(read: Read): EnterStep | null {
  const since = beforeRelays(read, read.lineage.since);
  const step = read.steps.slice(0, since + 1).findLast(({ kind }) => kind === 'enter');
  return step === undefined ? null : (step as EnterStep);
}

function isDevice(
  { host, name }: { readonly host: string; readonly name: string },
  hop: EnterStep | null,
): boolean {
  return hop?.host === host && hop.device === name;
}

function isDelivered({ ending }: Read): boolean {
  return ending.outcome.kind === 'delivered';
}

function atSender({ ending }: Read, { from }: Question): boolean {
  return ending.device.host === from.host && ending.device.name === from.namespace;
}

/** A TCP listener's program sees the connection with its first data, not with the SYN. */
function isRequestArrival(read: Read, tcp: boolean): boolean {
  return isDelivered(read) && read.lineage.role === (tcp ? 'data' : 'request');
}

function isAnswerArrival(read: Read, question: Question, tcp: boolean): boolean {
  if (!isDelivered(read) || read.lineage.role !== 'answer' || !atSender(read, question))
    return false;
  return !tcp || read.lineage.answer?.what !== 'syn-ack';
}

function verdictOf(
  delivered: boolean,
  blockers: readonly Blocker[],
  reads: readonly Read[],
  unmodelled: readonly Assumption[],
): Verdict {
  const asked = reads.filter(({ lineage }) => lineage.role !== 'resolution');
  const ambiguous = someNote(
    asked.map(({ ending }) => ending.p),
    isAmbiguous,
  );
  if (ambiguous) return 'AMBIGUOUS';
  // A rule or a line that nobody understands may have decided otherwise.
  if (unmodelled.some(({ code }) => DOUBTS.includes(code))) return 'UNDETERMINED';
  if (delivered) return 'REACHABLE';
  const [first] = blockers;
  return first === undefined || NO_VERDICT.includes(first.code) ? 'UNDETERMINED' : 'UNREACHABLE';
}

function isAmbiguous(step: { readonly kind: string }): boolean {
  return step.kind === 'flow' && (step as FlowStep).ambiguous.length > 0;
}

function icmpErrorOf({ ending, lineage }: Read): Trace['icmpError'] {
  const { answer } = lineage;
  if (answer?.what !== 'icmp-error') return null;
  return { from: addressOf(ending.p, 'src'), type: answer.type ?? 0, code: answer.code ?? 0 };
}

/** The request's own way; one that was passed on is shown from the client on. */
function requestJourney(network: Network, read: Read): Journey | null {
  const own = read.steps.findLastIndex(({ kind }) => kind === 'made');
  const start = beforeRelays(read, own);
  return start === own ? journeyOf(network, read.diary) : journeyFrom(network, read, start);
}

/** The way back begins where the answer was made, by whomever a balancer asked. */
function replyJourney(network: Network, read: Read): Journey | null {
  return journeyFrom(network, read, beforeRelays(read, read.lineage.since));
}

/** Where the story begins that led to a step: packets that were passed on are one story. */
function beforeRelays({ steps }: Read, since: number): number {
  let start = since;
  while (start > 0 && steps[start - 1]?.kind === 'relay') {
    start = steps.slice(0, start).findLastIndex(({ kind }) => kind === 'made');
  }
  return start;
}

/** The way from where a packet was made; the hop it was made in is opened again. */
function journeyFrom(network: Network, { diary }: Read, since: number): Journey | null {
  const made = diary.slice(0, since + 1).findLast(({ step }) => step.kind === 'enter');
  const rest = diary.slice(since + 1);
  if (made === undefined) return journeyOf(network, rest);
  const opening: EnterStep = { ...(made.step as EnterStep), port: null };
  const words = rest[0]?.words ?? made.words;
  return journeyOf(network, [{ ...made, step: opening, words }, ...rest]);
}

/**
 * Who is to blame: of all copies of a packet and of the ARP packets on its way, the one whose end
 * explains why the question failed.
 */
import { type Reason } from '../reasons/codes.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { meaningOf } from './diagnose.ts';
import { type Lineage, type Read } from './lineage.ts';
import { type Blocker, type Question } from './types.ts';

/** All that happened because of one question. */
export interface Scene {
  readonly compiled: CompiledNetwork;
  readonly question: Question;
  readonly reads: readonly Read[];
  /** The request where it was delivered; undefined when it was not. */
  readonly opened: Read | undefined;
}

/** Copies that end like this are no news: everybody who is not meant does so. */
const NOISE: readonly Reason[] = ['NOT_FOR_ME'];

/** First what stopped the request, else what stopped the answer. */
export function blockersOf({ question, reads, opened }: Scene): readonly Blocker[] {
  const stopped =
    opened === undefined
      ? deepest(question, reads)
      : (blockingRead(question, reads, ['answer', 'data']) ?? deepest(question, reads));
  if (stopped === undefined || stopped.ending.outcome.kind !== 'dropped') return [];
  const { drop } = stopped.ending.outcome;
  return [
    {
      code: meaningOf(drop),
      host: stopped.ending.device.host,
      component: drop.where,
      evidence: drop.evidence,
      origin: drop.origin,
      nearMisses: [],
      direction: opened === undefined ? 'request' : 'reply',
      neutron: {},
    },
  ];
}

/** A request that waited in vain for a neighbour was stopped by what stopped the ARP packets. */
function deepest(question: Question, reads: readonly Read[]): Read | undefined {
  const request = blockingRead(question, reads, ['request']);
  if (request === undefined || request.ending.outcome.kind !== 'dropped') return request;
  const { reason } = request.ending.outcome.drop;
  if (reason !== 'NO_NEIGHBOR' && reason !== 'ARP_UNANSWERED') return request;
  const cause = blockingRead(question, reads, ['resolution']);
  if (cause === undefined || cause.ending.outcome.kind !== 'dropped') return request;
  return NOISE.includes(cause.ending.outcome.drop.reason) ? request : cause;
}

/** Of several copies the one that came nearest: at the destination's host, then the longest way. */
export function blockingRead(
  question: Question,
  reads: readonly Read[],
  roles: readonly Lineage['role'][],
): Read | undefined {
  const goal = roles.includes('answer') ? question.from.host : question.to.host;
  let best: Read | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const read of reads) {
    const { outcome, device } = read.ending;
    if (outcome.kind !== 'dropped' || !roles.includes(read.lineage.role)) continue;
    const noise = NOISE.includes(outcome.drop.reason) ? -1000 : 0;
    const near = device.host === goal ? 100 : 0;
    const score = noise + near + hopCount(read);
    if (score > bestScore) [best, bestScore] = [read, score];
  }
  return best;
}

function hopCount({ diary }: Read): number {
  return diary.filter(({ step }) => step.kind === 'enter').length;
}

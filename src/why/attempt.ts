/** One change that may help, before anybody knows whether it does. */
import { type Blocker, type Question, type Trace } from '../trace/types.ts';
import { type Makes, type Situation } from './situation.ts';
import { type Change } from './types.ts';

/** What somebody who proposes a change may look at. */
export interface Stuck {
  readonly situation: Situation;
  readonly question: Question;
  readonly trace: Trace;
  readonly blocker: Blocker;
  /** Destination ports that are meant together with the packet's own; null: that one alone. */
  readonly ports: PortRange | null;
}

/** Both ends included. */
export type PortRange = readonly [low: number, high: number];

export interface Attempt {
  readonly change: Change;
  readonly makes: Makes;
  /** What is sent then, where the change makes the sender itself send otherwise. */
  readonly sends?: (question: Question) => Question;
}

/** The question as it is sent once all of these are made. */
export function sentAfter(question: Question, attempts: readonly Attempt[]): Question {
  return attempts.reduce((before, { sends }) => sends?.(before) ?? before, question);
}

/** Proposes changes of one family; none when the blocker is of no such kind. */
export type Proposal = (stuck: Stuck) => readonly Attempt[];

/** The hosts on the packet's ways, the blocker's first. */
export function hostsOnTheWay({ blocker, trace }: Stuck): readonly string[] {
  const hops = [...(trace.request?.hops ?? []), ...(trace.reply?.hops ?? [])];
  return [...new Set([blocker.host, ...hops.map(({ host }) => host)])];
}

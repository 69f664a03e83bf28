/** What a person lets happen in a simulation: words, and what they do. */

import { type Network } from '../../dataplane/network.ts';
import { nearest } from '../../text/suggest.ts';
import { type HostAgents } from '../agents/agents.ts';
import { type Choices } from '../clock/choices.ts';
import { type Clock } from '../clock/clock.ts';
import { type HealthChecks } from '../network/health.ts';
import { type Leases } from '../network/leases.ts';
import { type Stage } from '../network/stage.ts';
import { type NetworkRouters } from '../vrrp/on-network.ts';

/** Everything that an event may touch. */
export interface Play {
  readonly clock: Clock;
  readonly choices: Choices;
  readonly stage: Stage;
  readonly vrrp: NetworkRouters;
  readonly agents: HostAgents;
  readonly leases: Leases;
  readonly health: HealthChecks;
  /** A file that an event names; null when there is none. */
  readFile(path: string): string | null;
  /** Another snapshot or cloud that an event names, or what is wrong with it. */
  openNetwork(path: string): Network | string;
}

/** An event that was understood. */
export interface PlannedEvent {
  readonly at_us: number;
  /** As it was written. */
  readonly text: string;
  apply(play: Play): void;
}

/** What a row of the table makes of its words: what to do, or what is wrong with them. */
export type Understood =
  | { readonly kind: 'understood'; readonly apply: (play: Play) => void }
  | { readonly kind: 'wrong'; readonly message: string };

/** One kind of event: how it is written, and what it does. */
export interface EventRow {
  /** The words it begins with. */
  readonly begins: readonly string[];
  readonly usage: string;
  /** Reads the words behind those it begins with. */
  read(words: readonly string[], play: Play): Understood;
}

export function understood(apply: (play: Play) => void): Understood {
  return { kind: 'understood', apply };
}

/** A name that is not known, and the one that was probably meant. */
export function unknown(what: string, word: string, known: Iterable<string>): Understood {
  const all = [...known];
  const near = nearest(word, all);
  if (near !== undefined) return wrong(`there is no ${what} ${word}; did you mean ${near}?`);
  const some = all.slice(0, SOME).join(', ');
  return wrong(`there is no ${what} ${word}; there are ${some === '' ? 'none' : some}`);
}

/** Names that are listed where none is near. */
const SOME = 8;

export function wrong(message: string): Understood {
  return { kind: 'wrong', message };
}

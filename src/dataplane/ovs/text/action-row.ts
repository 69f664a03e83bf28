/**
 * What the tables of actions are made of: a row holds the words of one kind of action, how it
 * is read and how it is written, so that the two cannot drift apart. `ovs-actions(7)` has the
 * same order of chapters as the tables beside this file.
 */
import { textOf } from '../../../text/byte-memo.ts';
import { type Action } from '../types/flow.ts';
import { type Fault } from './numbers.ts';
import { type Reading } from './words.ts';

/** What stands behind the word of an action. */
export interface Argument {
  /** The word as written, in lower case. */
  readonly word: string;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly reading: ActionReading;
}

/** Bounds and gatherers of one list of actions and those inside it. */
export interface ActionReading extends Reading {
  /** Protocols that can carry what was read so far. */
  protocols: number;
  depth: number;
  /** Reads a list inside brackets. */
  readonly nested: (argument: Argument, place: Place) => readonly Action[] | Fault;
}

/** Where a list of actions stands; not everything may stand everywhere. */
export type Place = 'flow' | 'ct' | 'clone' | 'write_actions' | 'bucket';

export interface ActionRow<K extends Action['kind']> {
  readonly kind: K;
  readonly words: readonly string[];
  readonly read: (argument: Argument) => Action | Fault;
  /** `list` writes the actions inside this one. */
  readonly write: (action: Extract<Action, { kind: K }>, list: WriteList) => string;
}

export type WriteList = (actions: readonly Action[]) => string;

/** A row of any kind: what the registry keeps. */
export interface AnyRow {
  readonly kind: Action['kind'];
  readonly words: readonly string[];
  readonly read: (argument: Argument) => Action | Fault;
  readonly write: (action: Action, list: WriteList) => string;
}

/** Checks a row's types and hides its kind, so that rows can share one table. */
export function row<K extends Action['kind']>(of: ActionRow<K>): AnyRow {
  // The registry hands a row only actions of its own kind.
  return { ...of, write: (action, list) => of.write(action as Extract<Action, { kind: K }>, list) };
}

export function argumentText(argument: Argument): string {
  return textOf(argument.bytes, argument.start, argument.end);
}

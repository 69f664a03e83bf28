/**
 * Lists of actions: behind `actions=` of a flow, in buckets, and inside ct(), clone() and
 * write_actions(). All kinds of actions come together here; what stands in the order the switch
 * would refuse is said here as well (lib/ofp-actions.c ofpacts_parse, ofpacts_verify).
 */
import { ByteMemo, hashRange, textOf } from '../../../text/byte-memo.ts';
import { type Action } from '../types/flow.ts';
import { orderFault } from './action-order.ts';
import {
  type ActionReading,
  type AnyRow,
  type Argument,
  argumentText,
  type Place,
  row,
} from './action-row.ts';
import { CONTROL_ROWS } from './actions-control.ts';
import { CT_ROWS } from './actions-ct.ts';
import { HEADER_ROWS } from './actions-header.ts';
import { LEARN_ROWS } from './actions-learn.ts';
import { OUTPUT_ROWS, outputTo } from './actions-output.ts';
import { SET_ROWS } from './actions-set.ts';
import { type Fault, fault, isFault } from './numbers.ts';
import { bytesOf, CLOSE, keyText, nextPair, OPEN, pairCursor } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';
import { readPort } from './values.ts';
import { type Reading } from './words.ts';

const OTHER_ROWS: readonly AnyRow[] = [
  row({ kind: 'drop', words: ['drop'], read: () => ({ kind: 'drop' }), write: () => 'drop' }),
  row({
    kind: 'opaque',
    words: [],
    read: (argument) => ({ kind: 'opaque', text: argumentText(argument) }),
    write: ({ text }) => text,
  }),
];

const ROWS: readonly AnyRow[] = [
  ...OUTPUT_ROWS,
  ...HEADER_ROWS,
  ...SET_ROWS,
  ...CONTROL_ROWS,
  ...CT_ROWS,
  ...LEARN_ROWS,
  ...OTHER_ROWS,
];

const byWord = new Map(ROWS.flatMap((of) => of.words.map((word) => [word, of] as const)));
const byKind = new Map(ROWS.map((of) => [of.kind, of] as const));

/** The words of actions, for "did you mean". */
const ACTION_WORDS: readonly string[] = [...byWord.keys()];

/** How deep actions may stand in actions (lib/ofp-actions.c MAX_OFPACT_PARSE_DEPTH). */
const MOST_DEEP = 100;

/** A list of actions as it was read. */
export interface ReadActions {
  readonly actions: readonly Action[];
  /** Each part that was not understood, and where it stands behind the start of the list. */
  readonly faults: readonly {
    readonly fault: Fault;
    readonly start: number;
    readonly end: number;
  }[];
  readonly protocols: number;
}

interface ReadAction {
  readonly action: Action | null;
  readonly fault: Fault | null;
  readonly protocols: number;
}

/** Reads lists of actions in one buffer; equal texts give the same (shared) result. */
export function actionLists(bytes: Uint8Array, reading: Reading): ByteMemo<ReadActions> {
  const here = listReading(reading);
  const single = new ByteMemo(bytes, (start, end) => readSingle(bytes, start, end, here));
  return new ByteMemo(bytes, (start, end) => readList(bytes, start, end, single));
}

/** One action as a whole; its word decides which row reads the rest. */
function readSingle(
  bytes: Uint8Array,
  start: number,
  end: number,
  here: ActionReading,
): ReadAction {
  here.protocols = PROTOCOLS.any;
  here.depth = 0;
  const cursor = pairCursor(bytes, start, end);
  nextPair(cursor);
  const word = keyText(cursor);
  const read = readWordAction(word, {
    word: word.toLowerCase(),
    bytes,
    start: cursor.valueStart,
    end: cursor.valueEnd,
    reading: here,
  });
  const { protocols } = here;
  return isFault(read)
    ? { action: null, fault: read, protocols }
    : { action: read, fault: null, protocols };
}

function readWordAction(word: string, argument: Argument): Action | Fault {
  const found = byWord.get(argument.word);
  if (found !== undefined) return found.read(argument);
  const port = readPort(word, argument.reading);
  return port === undefined ? fault('unknown action', word, ACTION_WORDS) : outputTo(port);
}

function readList(
  bytes: Uint8Array,
  start: number,
  end: number,
  single: ByteMemo<ReadAction>,
): ReadActions {
  const actions: Action[] = [];
  const faults: { fault: Fault; start: number; end: number }[] = [];
  let protocols: number = PROTOCOLS.any;
  const cursor = pairCursor(bytes, start, end);
  while (nextPair(cursor)) {
    const hash = hashRange(bytes, cursor.keyStart, cursor.at);
    const read = single.find(cursor.keyStart, cursor.at, hash);
    // ovs-ofctl starts counting anew inside clone(), and so forgets what came before.
    protocols = startsAnew(read.action) ? read.protocols : protocols & read.protocols;
    if (read.action !== null) {
      actions.push(read.action);
      continue;
    }
    const from = cursor.keyStart - start;
    const closed = cursor.mark === OPEN && bytes[cursor.valueEnd] === CLOSE;
    const to = Math.max(cursor.valueEnd, cursor.keyEnd) - start + (closed ? 1 : 0);
    actions.push({ kind: 'opaque', text: textOf(bytes, start + from, start + to) });
    if (read.fault !== null) faults.push({ fault: read.fault, start: from, end: to });
  }
  const order = faults.length === 0 ? orderFault(actions, 'flow') : null;
  if (order !== null) faults.push({ fault: order, start: 0, end: end - start });
  const drops = actions.every((action) => action.kind === 'drop');
  return { actions: drops ? [{ kind: 'drop' }] : actions, faults, protocols };
}

function startsAnew(action: Action | null): boolean {
  return (
    action?.kind === 'clone' ||
    (action?.kind === 'write-actions' && action.actions.some(startsAnew))
  );
}

function readNested(argument: Argument, place: Place): readonly Action[] | Fault {
  const { reading } = argument;
  if (reading.depth >= MOST_DEEP) return fault('actions stand too deep in actions');
  reading.depth++;
  const outside = reading.protocols;
  if (place !== 'write_actions') reading.protocols = PROTOCOLS.any;
  const actions: Action[] = [];
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const word = keyText(cursor);
    const inner = {
      ...argument,
      word: word.toLowerCase(),
      start: cursor.valueStart,
      end: cursor.valueEnd,
    };
    if (inner.word === 'meter') reading.protocols &= PROTOCOLS.v15up;
    const action = readWordAction(word, inner);
    if (isFault(action)) return action;
    actions.push(action);
  }
  reading.depth--;
  if (place === 'ct') reading.protocols &= outside;
  const order = orderFault(actions, place);
  if (order !== null) return order;
  // `drop` inside brackets says "nothing" and leaves no trace.
  return actions.filter((action) => action.kind !== 'drop');
}

/** Reads a list outside a flow: the actions of a bucket. */
export function readActionText(
  text: string,
  reading: Reading,
  place: Place,
): readonly Action[] | Fault {
  const bytes = bytesOf(text);
  const here = listReading(reading);
  return readNested({ word: '', bytes, start: 0, end: bytes.length, reading: here }, place);
}

function listReading(reading: Reading): ActionReading {
  return { ...reading, protocols: PROTOCOLS.any, depth: 0, nested: readNested };
}

/** One action as dumps spell it. */
export function printAction(action: Action): string {
  return byKind.get(action.kind)?.write(action, printActions) ?? '';
}

/** A list of actions as it stands behind `actions=`. */
export function printActions(actions: readonly Action[]): string {
  return actions.length === 0 ? 'drop' : actions.map(printAction).join(',');
}

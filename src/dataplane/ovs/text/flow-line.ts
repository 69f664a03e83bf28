/**
 * One line of a flow dump: cut into words, each word looked up by its bytes. Before it stands
 * the loop over the lines; behind it the merging of words into tests and the action tables.
 */
import { ByteMemo, HASH_PRIME, HASH_START, textOf } from '../../../text/byte-memo.ts';
import { type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Flow } from '../types/flow.ts';
import { type TlvMapping } from '../types/switch.ts';
import { actionLists, type ReadActions } from './actions.ts';
import { FlowCounters, ReadFlow } from './flow-counters.ts';
import { clearSettings, emptySettings, type Settings, take } from './flow-settings.ts';
import { addWord, clearMatch, type MatchBuilder, matchBuilder, matchTests } from './match-tests.ts';
import { type Fault } from './numbers.ts';
import { bytesOf, CLOSE, COLON, COMMA, EQUALS, OPEN, SPACE } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';
import { type Reading, readWord, type Word } from './words.ts';

export interface FlowTextOptions {
  /** OpenFlow port of an interface name (dumps made with `--names`). */
  readonly portNumber?: (name: string) => number | undefined;
  readonly tableNumber?: (name: string) => number | undefined;
  /** Where tunnel options lie; without it matches on them are opaque. */
  readonly tlvMap?: readonly TlvMapping[];
}

/** Problems kept of one file; a file of another kind would otherwise give one per line. */
const MOST_PROBLEMS = 1000;
/** Text of a problem is cut here (Problem.text). */
const MOST_TEXT = 200;

export interface FlowReader {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly words: ByteMemo<Word>;
  readonly actions: ByteMemo<ReadActions>;
  readonly match: MatchBuilder;
  /** What the words of the line at hand said beside the match. */
  readonly settings: Settings;
  /** The words of the line before by their place, and where they stood. */
  readonly lastWords: Word[];
  readonly lastStarts: Int32Array;
  readonly lastEnds: Int32Array;
  wordEnd: number;
  readonly counters: FlowCounters;
  /** Where the line at hand ends: its line feed, or the end of the text. */
  lineEnd: number;
  readonly problems: Problem[];
  /** Problems found, kept or not. */
  found: number;
}

export function flowReader(bytes: Uint8Array, file: string, options: FlowTextOptions): FlowReader {
  const reading: Reading = {
    ...(options.portNumber === undefined ? {} : { portNumber: options.portNumber }),
    ...(options.tableNumber === undefined ? {} : { tableNumber: options.tableNumber }),
    tlvMap: options.tlvMap ?? [],
  };
  return {
    bytes,
    file,
    words: new ByteMemo(bytes, (start, end) => wordAt(bytes, start, end, reading)),
    actions: actionLists(bytes, reading),
    match: matchBuilder(),
    settings: emptySettings(),
    lastWords: [],
    lastStarts: new Int32Array(MOST_REMEMBERED),
    lastEnds: new Int32Array(MOST_REMEMBERED),
    wordEnd: 0,
    counters: new FlowCounters(file),
    lineEnd: 0,
    problems: [],
    found: 0,
  };
}

function wordAt(bytes: Uint8Array, start: number, end: number, reading: Reading): Word {
  let keyEnd = start;
  for (; keyEnd < end; keyEnd++) {
    const byte = bytes[keyEnd] ?? 0;
    if (byte === EQUALS || byte === COLON || byte === OPEN) break;
  }
  const key = textOf(bytes, start, keyEnd);
  const closed = bytes[keyEnd] === OPEN && bytes[end - 1] === 0x29 ? end - 1 : end;
  return readWord(key, keyEnd < end ? textOf(bytes, keyEnd + 1, closed) : '', reading);
}

/** Blank, tabulator, carriage return. */
export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0d;
}

const DROPPED: ReadActions = { actions: [{ kind: 'drop' }], faults: [], protocols: PROTOCOLS.any };

/**
 * Reads the line at `bytes[start..end)`, which ends with its first line feed (then in
 * `reader.lineEnd`), as one flow; columns count from `lineStart`. What else was said stands in
 * `reader.settings` and `reader.match` until the next flow is read.
 */
export function readFlow(
  reader: FlowReader,
  start: number,
  end: number,
  line: number,
  lineStart: number,
  needsActions = true,
): Flow {
  const { bytes, settings } = reader;
  clearMatch(reader.match);
  clearSettings(settings);
  let actions: ReadActions | null = null;
  let at = start;
  let position = 0;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (BYTE_KINDS[byte] === SEPARATOR) {
      at++;
      continue;
    }
    if (byte === LINE_FEED || byte === HASH) break;
    if (byte === ACTIONS_A && isWord(bytes, at, ACTION_START)) {
      actions = readActions(reader, at, end, line, lineStart);
      at = reader.wordEnd;
      break;
    }
    const from = at;
    if (byte === STATISTIC_N || byte === STATISTIC_D) {
      at = statisticEnd(bytes, from, end, settings);
      if (at > from) continue;
    }
    const word = wordFrom(reader, from, end, position++);
    at = reader.wordEnd;
    takeWord(reader, word, from, at, line, lineStart);
  }
  reader.lineEnd = lineEndFrom(bytes, at, end);
  if (actions === null && needsActions) {
    complain(reader, { fault: 'actions= is missing' }, start, at, line, lineStart);
    // The line may be cut: then its match is wider than it was.
    settings.opaque = [...settings.opaque, 'actions= is missing'];
  }
  return finish(reader, actions ?? DROPPED, line);
}

/** Where the line goes on to; behind a `#` there may be much. */
export function lineEndFrom(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] === LINE_FEED) return at;
  const found = bytes.indexOf(LINE_FEED, at);
  return found < 0 ? end : found;
}

const LINE_FEED = 0x0a;
const HASH = 0x23;
const ACTIONS_A = 0x61;

const PLAIN = 0;
const SEPARATOR = 1;
const OPENING = 2;
const CLOSING = 3;
const LINE_END = 4;
/** What a byte does to the word it stands in. */
const BYTE_KINDS = new Uint8Array(256);
for (const byte of [COMMA, SPACE, 0x09, 0x0d]) BYTE_KINDS[byte] = SEPARATOR;
BYTE_KINDS[OPEN] = OPENING;
BYTE_KINDS[CLOSE] = CLOSING;
BYTE_KINDS[LINE_FEED] = LINE_END;

/**
 * The word at `start`; `reader.wordEnd` is behind it. Neighbouring lines mostly have the same
 * words in the same places (cookie, table, priority), so that one is tried first, unhashed.
 */
function wordFrom(reader: FlowReader, start: number, end: number, position: number): Word {
  const { bytes, lastWords, lastStarts, lastEnds } = reader;
  const last = lastWords[position];
  const before = lastStarts[position] ?? 0;
  const length = (lastEnds[position] ?? 0) - before;
  if (last !== undefined && start + length <= end) {
    let i = 0;
    while (i < length && bytes[before + i] === bytes[start + i]) i++;
    const next = start + length;
    if (i === length && (next === end || isEnd(BYTE_KINDS[bytes[next] ?? 0] ?? 0))) {
      reader.wordEnd = next;
      return last;
    }
  }
  let hash = HASH_START;
  let at = start;
  for (let level = 0; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const kind = BYTE_KINDS[byte];
    if (kind !== PLAIN) {
      if (kind === LINE_END || (kind === SEPARATOR && level === 0)) break;
      if (kind === OPENING) level++;
      else if (kind === CLOSING && level > 0) level--;
    }
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  const word = reader.words.find(start, at, hash);
  reader.wordEnd = at;
  if (position < MOST_REMEMBERED) {
    lastWords[position] = word;
    lastStarts[position] = start;
    lastEnds[position] = at;
  }
  return word;
}

function isEnd(kind: number): boolean {
  return kind === SEPARATOR || kind === LINE_END;
}

const MOST_REMEMBERED = 24;

/** `n` of n_packets and n_bytes, `d` of duration. */
const STATISTIC_N = 0x6e;
const STATISTIC_D = 0x64;
const DURATION = bytesOf('duration=');
const PACKETS = bytesOf('n_packets=');
const BYTES = bytesOf('n_bytes=');
/** What ovs-ofctl takes for `actions`: a word that starts so. */
const ACTION_START = bytesOf('action');

/** Whether exactly these bytes stand at `at`. */
function isWord(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  let i = 1;
  while (i < word.length && bytes[at + i] === word[i]) i++;
  return i >= word.length && bytes[at] === word[0];
}

/**
 * Counters differ on every line and are read where they stand, not remembered. Gives the end
 * of the word, or `start` when it is none of them.
 */
function statisticEnd(bytes: Uint8Array, start: number, end: number, into: Settings): number {
  const duration = bytes[start] === STATISTIC_D;
  const packets = bytes[start + 2] === 0x70;
  const word = duration ? DURATION : packets ? PACKETS : BYTES;
  if (!isWord(bytes, start, word)) return start;
  const from = start + word.length;
  let value = 0;
  let scale = 0;
  let at = from;
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      scale *= 10;
    } else if (digit === POINT && scale === 0) scale = 1;
    else break;
  }
  if (at === from) return start;
  if (duration && bytes[at] === 0x73) at++;
  if (at < end && !isEnd(BYTE_KINDS[bytes[at] ?? 0] ?? 0)) return start;
  if (duration) into.duration = scale > 1 ? value / scale : value;
  else {
    if (packets) into.packets = value;
    else into.bytes = value;
    if (into.duration < 0) into.duration = 0;
  }
  return at;
}

/** A decimal point, counted from the digit zero. */
const POINT = 0x2e - 0x30;

/** The list behind `actions=`, up to the end of the line or a comment; null when none begins. */
function readActions(
  reader: FlowReader,
  start: number,
  end: number,
  line: number,
  lineStart: number,
): ReadActions | null {
  const { bytes } = reader;
  let at = start + ACTION_START.length;
  while (at < end && bytes[at] !== EQUALS && bytes[at] !== LINE_FEED) at++;
  if (at >= end || bytes[at] === LINE_FEED) {
    reader.wordEnd = at;
    return null;
  }
  at++;
  let hash = HASH_START;
  let stop = at;
  for (; stop < end; stop++) {
    const byte = bytes[stop] ?? 0;
    if (byte === LINE_FEED || byte === HASH) break;
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  reader.wordEnd = stop;
  const actions = reader.actions.find(at, stop, hash);
  for (const { fault, start: from, end: to } of actions.faults) {
    complain(reader, fault, at + from, at + to, line, lineStart);
  }
  return actions;
}

function takeWord(
  reader: FlowReader,
  word: Word,
  start: number,
  end: number,
  line: number,
  lineStart: number,
): void {
  const { settings } = reader;
  settings.protocols &= word.protocols;
  if (word.fault !== null) {
    complain(reader, word.fault, start, end, line, lineStart);
    settings.opaque = [...settings.opaque, textOf(reader.bytes, start, end)];
    return;
  }
  if (word.opaque !== null) settings.opaque = [...settings.opaque, word.opaque];
  else if (word.setting === null) addWord(reader.match, word);
  else take(settings, word);
}

function finish(reader: FlowReader, actions: ReadActions, line: number): Flow {
  const { settings, counters } = reader;
  settings.protocols &= actions.protocols;
  return new ReadFlow(settings, matchTests(reader.match), actions.actions, counters, line);
}

/** Records a problem at `bytes[start..end)`. */
export function complain(
  reader: FlowReader,
  wrong: Fault,
  start: number,
  end: number,
  line: number,
  lineStart: number,
): void {
  reader.found++;
  if (reader.problems.length >= MOST_PROBLEMS) return;
  const hint = wrong.known === undefined ? undefined : nearest(wrong.word ?? '', wrong.known);
  reader.problems.push({
    file: reader.file,
    line,
    column: start - lineStart + 1,
    text: textOf(reader.bytes, start, Math.min(end, start + MOST_TEXT)),
    message:
      wrong.word === undefined ? wrong.fault : `${wrong.fault} (${wrong.word.slice(0, MOST_TEXT)})`,
    ...(hint === undefined ? {} : { didYouMean: hint }),
    kept: true,
  });
}

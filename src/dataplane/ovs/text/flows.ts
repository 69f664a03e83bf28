/**
 * Flow dumps and flow files: what `ovs-ofctl dump-flows` prints and `add-flows` reads, line by
 * line from bytes. Behind this come the tables of the pipeline; before it only the file.
 *
 * A line is cut into words, each word is looked up by its bytes, and only words that were not
 * seen before are really read. That keeps half a million lines a second.
 */
import {
  type ByteMemo,
  byteMemo,
  HASH_PRIME,
  HASH_START,
  textOf,
} from '../../../text/byte-memo.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Flow, type FlowStatistics, type OpenFlowVersion } from '../types/flow.ts';
import { type TlvMapping } from '../types/switch.ts';
import { type ActionReader, actionReader, type ReadActions } from './actions.ts';
import { addWord, clearMatch, type MatchBuilder, matchBuilder, matchTests } from './match-tests.ts';
import { type Fault } from './numbers.ts';
import { CLOSE, COLON, COMMA, EQUALS, OPEN, SPACE } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';
import { type Reading, readWord, type Word } from './words.ts';

export interface FlowTextOptions {
  /** OpenFlow port of an interface name (dumps made with `--names`). */
  readonly portNumber?: (name: string) => number | undefined;
  readonly tableNumber?: (name: string) => number | undefined;
  /** Where tunnel options lie; without it matches on them are opaque. */
  readonly tlvMap?: readonly TlvMapping[];
}

/** What a flow_mod does (lib/ofp-flow.c parse_ofp_str); dumps hold only `add`. */
export type FlowCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

/** Problems kept of one file; a file of another kind would otherwise give one per line. */
const MOST_PROBLEMS = 1000;
/** Text of a problem is cut here (Problem.text). */
const MOST_TEXT = 200;

export interface FlowReader {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly words: ByteMemo<Word>;
  readonly actions: ActionReader;
  readonly match: MatchBuilder;
  /** What the words of the line at hand said beside the match. */
  readonly settings: Settings;
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
    words: byteMemo(bytes, (start, end) => wordAt(bytes, start, end, reading)),
    actions: actionReader(bytes, reading),
    match: matchBuilder(),
    settings: emptySettings(),
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

/** Reads a whole dump or flow file. */
export function parseFlows(
  bytes: Uint8Array,
  file: string,
  options: FlowTextOptions = {},
): Parsed<readonly Flow[]> {
  const reader = flowReader(bytes, file, options);
  const flows: Flow[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    line++;
    let end = bytes.indexOf(0x0a, start);
    if (end < 0) end = bytes.length;
    const flow = flowOfLine(reader, start, end, line);
    if (flow !== null) flows.push(flow);
    start = end + 1;
  }
  if (reader.found > reader.problems.length) {
    const message = `${reader.found - reader.problems.length} more problems are not listed`;
    reader.problems.push({ file, line, column: 1, text: '', message });
  }
  return { value: flows, problems: reader.problems };
}

const REPLY = /^\s*(?:NXST|OFPST|OFPT|NXT)_[A-Z_]+ (?:reply|request)\b/;

/** The OpenFlow version a dump was taken with, when its first line says so. */
export function dumpVersion(bytes: Uint8Array): OpenFlowVersion | null {
  const head = textOf(bytes, 0, Math.min(bytes.length, 4096));
  const reply = /^\s*(NXST|OFPST)_FLOW reply (?:\(OF(1\.[0-5])\))?/m.exec(head);
  if (reply === null) return null;
  const version = (['1.1', '1.2', '1.3', '1.4', '1.5'] as const).find((of) => of === reply[2]);
  return version ?? '1.0';
}

function flowOfLine(reader: FlowReader, start: number, end: number, line: number): Flow | null {
  const { bytes } = reader;
  let at = start;
  while (at < end && isBlank(bytes[at] ?? 0)) at++;
  const first = bytes[at] ?? 0;
  if (at >= end || first === 0x23) return null;
  const upper = first === 0x4e || first === 0x4f;
  if (upper && REPLY.test(textOf(bytes, at, Math.min(end, at + 200)))) return null;
  return readFlow(reader, at, end, line, start);
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0d;
}

/** Everything about one flow that its words in front of the actions say. */
export interface Settings {
  /** -1 when no table is named. */
  table: number;
  priority: number;
  cookie: bigint;
  cookieMask: bigint | null;
  idle: number;
  hard: number;
  importance: number;
  /** -1 when the text has no statistics. */
  duration: number;
  packets: number;
  bytes: number;
  idleAge: number;
  hardAge: number;
  outPort: number | null;
  outGroup: number | null;
  flags: readonly string[];
  opaque: readonly string[];
  /** Protocols that can carry the words and actions as written. */
  protocols: number;
}

const NO_WORDS: readonly string[] = [];
const ANY_PROTOCOL: number = PROTOCOLS.any;
const DROPPED: ReadActions = { actions: [{ kind: 'drop' }], faults: [], protocols: PROTOCOLS.any };

/**
 * Reads `bytes[start..end)` as one flow; columns count from `lineStart`. What else was said
 * stands in `reader.settings` and `reader.match` until the next flow is read.
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
  let stop = end;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte === COMMA || isBlank(byte)) {
      at++;
      continue;
    }
    if (byte === 0x23) {
      stop = at;
      break;
    }
    if (byte === 0x61 && isActions(bytes, at)) {
      actions = readActions(reader, at, end, line, lineStart);
      break;
    }
    let hash = HASH_START;
    const from = at;
    for (let level = 0; at < end; at++) {
      const next = bytes[at] ?? 0;
      const kind = BYTE_KINDS[next];
      if (kind !== PLAIN) {
        if (kind === SEPARATOR && level === 0) break;
        if (kind === OPENING) level++;
        else if (kind === CLOSING && level > 0) level--;
      }
      hash = Math.imul(hash ^ next, HASH_PRIME);
    }
    const statistic = isStatistic(bytes, from, at, settings);
    if (!statistic) takeWord(reader, reader.words.find(from, at, hash), from, at, line, lineStart);
  }
  if (actions === null && needsActions) {
    complain(reader, { fault: 'actions= is missing' }, start, stop, line, lineStart);
  }
  return finish(reader, actions ?? DROPPED, line);
}

const PLAIN = 0;
const SEPARATOR = 1;
const OPENING = 2;
const CLOSING = 3;
/** What a byte does to the word it stands in. */
const BYTE_KINDS = new Uint8Array(256);
for (const byte of [COMMA, SPACE, 0x09, 0x0d]) BYTE_KINDS[byte] = SEPARATOR;
BYTE_KINDS[OPEN] = OPENING;
BYTE_KINDS[CLOSE] = CLOSING;

function clearSettings(settings: Settings): void {
  settings.table = -1;
  settings.priority = 32768;
  settings.cookie = 0n;
  settings.cookieMask = null;
  settings.idle = 0;
  settings.hard = 0;
  settings.importance = 0;
  settings.duration = -1;
  settings.packets = 0;
  settings.bytes = 0;
  settings.idleAge = -1;
  settings.hardAge = -1;
  settings.outPort = null;
  settings.outGroup = null;
  settings.flags = NO_WORDS;
  settings.opaque = NO_WORDS;
  settings.protocols = ANY_PROTOCOL;
}

function emptySettings(): Settings {
  return {
    table: -1,
    priority: 32768,
    cookie: 0n,
    cookieMask: null,
    idle: 0,
    hard: 0,
    importance: 0,
    duration: -1,
    packets: 0,
    bytes: 0,
    idleAge: -1,
    hardAge: -1,
    outPort: null,
    outGroup: null,
    flags: NO_WORDS,
    opaque: NO_WORDS,
    protocols: ANY_PROTOCOL,
  };
}

/** Numbers that differ on every line are read where they stand, not remembered. */
function isStatistic(bytes: Uint8Array, start: number, end: number, into: Settings): boolean {
  const first = bytes[start] ?? 0;
  if (first === 0x6e && bytes[start + 1] === 0x5f && end - start > 8) {
    // n_packets= and n_bytes=
    const packets = bytes[start + 2] === 0x70;
    const from = start + (packets ? 10 : 8);
    if (bytes[from - 1] !== EQUALS) return false;
    const number = decimal(bytes, from, end);
    if (number < 0) return false;
    if (packets) into.packets = number;
    else into.bytes = number;
    if (into.duration < 0) into.duration = 0;
    return true;
  }
  if (first === 0x64 && bytes[start + 8] === EQUALS && bytes[start + 1] === 0x75) {
    // duration=SECONDS.MILLIs
    const seconds = decimal(bytes, start + 9, bytes[end - 1] === 0x73 ? end - 1 : end);
    if (seconds < 0) return false;
    into.duration = seconds;
    return true;
  }
  return false;
}

/** A decimal number with or without a fraction that fills the range, else -1. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let scale = 0;
  if (start >= end) return -1;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x2e && scale === 0) scale = 1;
    else if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + (byte - 0x30);
      scale *= 10;
    } else return -1;
  }
  return scale > 1 ? value / scale : value;
}

/** `actions=` or what ovs-ofctl takes for it: a word that starts with `action`. */
function isActions(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 1] === 0x63 &&
    bytes[at + 2] === 0x74 &&
    bytes[at + 3] === 0x69 &&
    bytes[at + 4] === 0x6f &&
    bytes[at + 5] === 0x6e
  );
}

function readActions(
  reader: FlowReader,
  start: number,
  end: number,
  line: number,
  lineStart: number,
): ReadActions | null {
  const { bytes } = reader;
  let at = start;
  while (at < end && bytes[at] !== EQUALS) at++;
  if (at >= end) return null;
  at++;
  let hash = HASH_START;
  let stop = at;
  for (; stop < end; stop++) {
    const byte = bytes[stop] ?? 0;
    if (byte === 0x23) break;
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  const actions = reader.actions.read(at, stop, hash);
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

function take(settings: Settings, word: Word): void {
  switch (word.setting) {
    case 'table':
      settings.table = word.number;
      return;
    case 'priority':
      settings.priority = word.number;
      return;
    case 'cookie':
      settings.cookie = word.cookie;
      settings.cookieMask = word.cookieMask;
      return;
    case 'idle_timeout':
      settings.idle = word.number;
      return;
    case 'hard_timeout':
      settings.hard = word.number;
      return;
    case 'importance':
      settings.importance = word.number;
      return;
    case 'idle_age':
      settings.idleAge = word.number;
      return;
    case 'hard_age':
      settings.hardAge = word.number;
      return;
    case 'out_port':
      settings.outPort = word.number;
      return;
    case 'out_group':
      settings.outGroup = word.number;
      return;
    case 'flag':
      if (!settings.flags.includes(word.flag)) settings.flags = [...settings.flags, word.flag];
      return;
    default:
      return;
  }
}

function finish(reader: FlowReader, actions: ReadActions, line: number): Flow {
  const { settings } = reader;
  settings.protocols &= actions.protocols;
  return {
    table: settings.table < 0 || settings.table === 255 ? 0 : settings.table,
    priority: settings.priority,
    cookie: settings.cookie,
    tests: matchTests(reader.match),
    opaque: settings.opaque,
    actions: actions.actions,
    idle_timeout_s: settings.idle,
    hard_timeout_s: settings.hard,
    importance: settings.importance,
    flags: settings.flags,
    statistics: settings.duration < 0 ? null : statisticsOf(settings),
    origin: { file: reader.file, line },
  };
}

function statisticsOf(settings: Settings): FlowStatistics {
  return {
    duration_s: settings.duration,
    packets: settings.packets,
    bytes: settings.bytes,
    idle_age_s: settings.idleAge < 0 ? null : settings.idleAge,
    hard_age_s: settings.hardAge < 0 ? null : settings.hardAge,
  };
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
  });
}

/** Lines of `conntrack -L [-o extended,id,labels]` and /proc/net/nf_conntrack. */
import { complain, type Lines } from '../../../text/lines.ts';
import { TCP_STATES } from '../tcp-kernel.ts';
import { PEER_STATES } from '../tcp-userspace.ts';
import { type ConnectionEntry } from '../types.ts';
import {
  type AttributeRow,
  CONNTRACK_TUPLE,
  type Draft,
  emptyDraft,
  finished,
  kept,
  PROTOCOL_NAMES,
  printTuple,
  protocolName,
  readCount,
  type TupleDraft,
  versionOf,
} from './attributes.ts';

/** In the order in which they are printed. */
const ROWS: readonly AttributeRow[] = [
  // /proc/net/nf_conntrack writes these two for GRE, in front of the tuples.
  kept('timeout'),
  kept('stream_timeout'),
  {
    key: 'mark',
    read: (draft, value) => {
      const mark = readCount(value, 2 ** 32 - 1);
      if (mark !== undefined) draft.mark = mark;
      return mark !== undefined;
    },
    print: (entry) => String(entry.mark),
  },
  kept('secmark'),
  kept('secctx'),
  {
    key: 'zone',
    read: (draft, value) => {
      const zone = readCount(value, 65_535);
      if (zone === undefined) return false;
      draft.zone = zone;
      draft.extra['zone'] = value;
      return true;
    },
    print: (entry) => entry.extra['zone'],
  },
  kept('delta-time'),
  kept('start'),
  kept('stop'),
  {
    key: 'helper',
    read: (draft, value) => {
      draft.helper = value;
      return value !== '';
    },
    print: (entry) => entry.helper ?? undefined,
  },
  kept('use'),
  kept('id'),
  {
    key: 'labels',
    read: (draft, value) => {
      draft.extra['labels'] = value;
      if (/^0x[0-9a-fA-F]{1,32}$/.test(value)) draft.labels = BigInt(value);
      return true;
    },
    print: (entry) => entry.extra['labels'],
  },
];

const BY_KEY = new Map(ROWS.map((row) => [row.key, row]));
const IN_TUPLE: ReadonlySet<string> = new Set([
  ...CONNTRACK_TUPLE.map((row) => row.key),
  'srckey',
  'dstkey',
  'packets',
  'bytes',
  'zone-orig',
  'zone-reply',
]);

const FLAGS: Readonly<Record<string, string>> = {
  '[UNREPLIED]': 'unreplied',
  '[ASSURED]': 'assured',
  '[OFFLOAD]': 'offload',
  '[HW_OFFLOAD]': 'hw_offload',
};

const STATES: ReadonlySet<string> = new Set([
  ...TCP_STATES,
  ...PEER_STATES,
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
  'REQUEST',
  'RESPOND',
  'PARTOPEN',
  'OPEN',
  'CLOSEREQ',
  'TIMEWAIT',
  'IGNORE',
  'INVALID',
]);

/** Reads line `index`; undefined when it is not an entry (a problem was noted). */
export function readConntrackLine(of: Lines, index: number): ConnectionEntry | undefined {
  const words = (of.lines[index] ?? '').trim().split(/ +/);
  const draft = emptyDraft();
  draft.status.push('confirmed', 'seen_reply');
  let at = 0;
  if (words[0] === 'ipv4' || words[0] === 'ipv6') {
    draft.extra['family'] = words[1] ?? '';
    at = 2;
  }
  const [name = '', number = ''] = words.slice(at, at + 2);
  const protocol = readCount(number, 255);
  if (protocol === undefined) {
    const line = (of.lines[index] ?? '').trim();
    complain(of, index, at === 0 ? name : line, 'not a line of conntrack', PROTOCOL_NAMES);
    return undefined;
  }
  draft.protocol = protocol;
  draft.extra['protocol'] = name;
  at += 2;
  const timeout = readCount(words[at] ?? '', 2 ** 32);
  if (timeout !== undefined) {
    draft.timeout_s = timeout;
    at++;
  }
  if (STATES.has(words[at] ?? '')) draft.state = words[at++] ?? null;
  readWords(of, index, draft, words.slice(at));
  const entry = finished(draft, { file: of.file, line: index + 1 });
  if (entry === undefined) complain(of, index, name, 'a connection without its addresses');
  return entry;
}

function readWords(of: Lines, index: number, draft: Draft, words: readonly string[]): void {
  let direction: 'original' | 'reply' = 'original';
  for (const word of words) {
    const flag = FLAGS[word];
    const equals = word.indexOf('=');
    const key = word.slice(0, equals);
    if (flag !== undefined) {
      if (flag === 'unreplied') draft.status = draft.status.filter((one) => one !== 'seen_reply');
      draft.status.push(flag);
    } else if (equals > 0 && readTupleWord(draft, direction, key, word.slice(equals + 1))) {
      // Read as part of a tuple.
    } else if (key === 'src' && direction === 'original') {
      direction = 'reply';
      if (!readTupleWord(draft, direction, key, word.slice(equals + 1))) {
        complain(of, index, word, 'not an address');
      }
    } else if (equals < 0) {
      complain(of, index, word, 'not understood', [...Object.keys(FLAGS), ...STATES]);
      draft.extra[`?${word}`] = '';
    } else if (BY_KEY.get(key)?.read(draft, word.slice(equals + 1)) !== true) {
      complain(of, index, word, 'not an attribute of a connection', [
        ...BY_KEY.keys(),
        ...IN_TUPLE,
      ]);
      draft.extra[`?${word}`] = '';
    }
  }
}

/** Reads what stands in a tuple; false when it does not, or when it stands there already. */
function readTupleWord(
  draft: Draft,
  direction: 'original' | 'reply',
  key: string,
  value: string,
): boolean {
  if (!IN_TUPLE.has(key)) return false;
  const tuple: TupleDraft = draft[direction];
  if (key === 'src' && tuple.source !== undefined) return false;
  if (key === 'zone-orig' || key === 'zone-reply') {
    const zone = readCount(value, 65_535);
    if (zone === undefined) return false;
    if (key === 'zone-orig') {
      draft.zone = zone;
      draft.zoneReply ??= 0;
    } else {
      draft.zoneReply = zone;
    }
    draft.extra[key] = value;
    return true;
  }
  const row = CONNTRACK_TUPLE.find((one) => one.key === key);
  // A connection's own `id=` follows its tuples; an ICMP tuple has one `id=` each.
  if (key === 'id' && (tuple.icmpType === undefined || tuple.icmpId !== undefined)) return false;
  if (row !== undefined) return row.read(tuple, value);
  draft.extra[`${direction}.${key}`] = value;
  return true;
}

export function printConntrackLine(entry: ConnectionEntry): string {
  const { protocol } = entry.original;
  const ipv6 = versionOf(entry) === 6;
  const name = entry.extra['protocol'] ?? protocolName(protocol) ?? 'unknown';
  const family = entry.extra['family'];
  const words: string[] = [];
  if (family !== undefined) words.push(`${ipv6 ? 'ipv6' : 'ipv4'}     ${family}`);
  words.push(`${name.padEnd(8)} ${protocol}`);
  if (entry.timeout_s !== null) words.push(String(entry.timeout_s));
  if (entry.state !== null) words.push(entry.state);
  words.push(...printDirection(entry, 'original'));
  if (entry.status.includes('unreplied')) words.push('[UNREPLIED]');
  words.push(...printDirection(entry, 'reply'));
  for (const flag of ['[ASSURED]', '[OFFLOAD]', '[HW_OFFLOAD]']) {
    if (entry.status.includes(FLAGS[flag] ?? '')) words.push(flag);
  }
  for (const row of ROWS) {
    const value = row.print(entry);
    if (value !== undefined) words.push(`${row.key}=${value}`);
  }
  return words.join(' ');
}

function printDirection(entry: ConnectionEntry, direction: 'original' | 'reply'): string[] {
  const words = [printTuple(entry[direction], CONNTRACK_TUPLE, ' ')];
  const zone = direction === 'original' ? 'zone-orig' : 'zone-reply';
  const own = ['srckey', 'dstkey'].map((key) => [key, entry.extra[`${direction}.${key}`]] as const);
  const counters = ['packets', 'bytes'].map(
    (key) => [key, entry.extra[`${direction}.${key}`]] as const,
  );
  for (const [key, value] of [...own, [zone, entry.extra[zone]] as const, ...counters]) {
    if (value !== undefined) words.push(`${key}=${value}`);
  }
  return words;
}

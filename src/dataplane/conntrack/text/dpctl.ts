/** Lines of `ovs-appctl dpctl/dump-conntrack [-m] [-s]` (lib/ct-dpif.c ct_dpif_format_entry()). */
import { complain, type Lines } from '../../../text/lines.ts';
import { PEER_STATES } from '../tcp-userspace.ts';
import { type ConnectionEntry } from '../types.ts';
import {
  type AttributeRow,
  DPCTL_TUPLE,
  type Draft,
  emptyDraft,
  finished,
  kept,
  PROTOCOL_NAMES,
  printTuple,
  protocolName,
  readCount,
  readProtocol,
  type TupleDraft,
} from './attributes.ts';

function tupleRow(key: 'orig' | 'reply', of: 'original' | 'reply'): AttributeRow {
  return {
    key,
    read: (draft, value) => readTuple(draft, draft[of], key, value),
    print: (entry) => {
      const counters = ['packets', 'bytes'].flatMap((name) => {
        const count = entry.extra[`${key}.${name}`];
        return count === undefined ? [] : [`,${name}=${count}`];
      });
      return `(${printTuple(entry[of], DPCTL_TUPLE, ',')}${counters.join('')})`;
    },
  };
}

function readTuple(draft: Draft, tuple: TupleDraft, key: string, value: string): boolean {
  for (const part of inner(value)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals);
    const text = part.slice(equals + 1);
    if (name === 'packets' || name === 'bytes') draft.extra[`${key}.${name}`] = text;
    else if (DPCTL_TUPLE.find((row) => row.key === name)?.read(tuple, text) !== true) return false;
  }
  return true;
}

function inner(value: string): string[] {
  return value.startsWith('(') && value.endsWith(')') ? value.slice(1, -1).split(',') : [value];
}

function number(key: 'zone' | 'mark', most: number): AttributeRow {
  return {
    key,
    read: (draft, value) => {
      const found = readCount(value, most);
      if (found !== undefined) draft[key] = found;
      return found !== undefined;
    },
    print: (entry) => (entry[key] === 0 && !written(entry, key) ? undefined : String(entry[key])),
  };
}

/** `-m` writes the zone even when it is zero. */
function written(entry: ConnectionEntry, key: string): boolean {
  return key === 'zone' && entry.extra['id'] !== undefined;
}

/** One row per attribute, in the order in which they are printed. */
const ROWS: readonly AttributeRow[] = [
  tupleRow('orig', 'original'),
  tupleRow('reply', 'reply'),
  kept('start'),
  kept('stop'),
  kept('id'),
  number('zone', 65_535),
  {
    key: 'status',
    read: (draft, value) => {
      draft.extra['status'] = value;
      if (value !== '0') draft.status.push(...value.toLowerCase().split('|'));
      return true;
    },
    print: (entry) => entry.extra['status'],
  },
  {
    key: 'timeout',
    read: (draft, value) => {
      const found = readCount(value, 2 ** 32);
      if (found !== undefined) draft.timeout_s = found;
      return found !== undefined;
    },
    print: (entry) => (entry.timeout_s === null ? undefined : String(entry.timeout_s)),
  },
  number('mark', 2 ** 32 - 1),
  {
    key: 'labels',
    read: (draft, value) => {
      if (!/^0x[0-9a-fA-F]{1,32}$/.test(value)) return false;
      draft.labels = BigInt(value);
      return true;
    },
    print: (entry) => (entry.labels === 0n ? undefined : `0x${entry.labels.toString(16)}`),
  },
  {
    key: 'helper',
    read: (draft, value) => {
      draft.helper = value;
      return value !== '';
    },
    print: (entry) => entry.helper ?? undefined,
  },
  { key: 'protoinfo', read: readProtocolState, print: printProtocolState },
  kept('parent'),
];

const BY_KEY = new Map(ROWS.map((row) => [row.key, row]));

const WINDOW_KEYS = ['wscale_orig', 'wscale_reply', 'flags_orig', 'flags_reply'];

function readProtocolState(draft: Draft, value: string): boolean {
  for (const part of inner(value)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals);
    const text = part.slice(equals + 1);
    if (name === 'state' || name === 'state_orig') draft.state = text;
    else if (name === 'state_reply') draft.stateReply = text;
    else if (!WINDOW_KEYS.includes(name) && name !== 'vtag_orig' && name !== 'vtag_reply')
      return false;
    else draft.extra[name] = text;
    if (name.startsWith('state') && !STATES.has(text)) return false;
  }
  return true;
}

const STATES: ReadonlySet<string> = new Set([
  ...PEER_STATES,
  'SYN_SENT2',
  'FIN_WAIT',
  'CLOSE',
  'NONE',
  'MAX_NUM',
  // SCTP (ct-dpif.h `ct_dpif_sctp_state`).
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
  'HEARTBEAT_ACKED',
]);

function printProtocolState(entry: ConnectionEntry): string | undefined {
  if (entry.state === null) return undefined;
  const both = entry.stateReply !== null;
  const parts = [both ? `state_orig=${entry.state}` : `state=${entry.state}`];
  if (both) parts.push(`state_reply=${entry.stateReply}`);
  for (const key of ['vtag_orig', 'vtag_reply', ...WINDOW_KEYS]) {
    const value = entry.extra[key];
    if (value !== undefined) parts.push(`${key}=${value}`);
  }
  return `(${parts.join(',')})`;
}

/** Reads line `index`; undefined when it is not an entry (a problem was noted). */
export function readDpctlLine(of: Lines, index: number): ConnectionEntry | undefined {
  const line = (of.lines[index] ?? '').trim();
  const draft = emptyDraft();
  const parts = outside(line);
  const [name = ''] = parts;
  const protocol = readProtocol(name);
  if (protocol === undefined) {
    complain(of, index, name, 'not a protocol of a connection', PROTOCOL_NAMES);
    return undefined;
  }
  draft.protocol = protocol;
  for (const part of parts.slice(1)) {
    const equals = part.indexOf('=');
    const row = equals < 0 ? undefined : BY_KEY.get(part.slice(0, equals));
    if (row === undefined) {
      complain(of, index, part, 'not an attribute of a connection', BY_KEY.keys());
      draft.extra[`?${part}`] = '';
    } else if (!row.read(draft, part.slice(equals + 1))) {
      complain(of, index, part, `the value of ${row.key} is not understood`);
    }
  }
  const entry = finished(draft, { file: of.file, line: index + 1 });
  if (entry === undefined) complain(of, index, line, 'a connection without its addresses');
  return entry;
}

/** Splits at the commas that stand outside of parentheses. */
function outside(line: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === 0x28) depth++;
    else if (code === 0x29) depth--;
    else if (i === line.length || (code === 0x2c && depth <= 0)) {
      parts.push(line.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

export function printDpctlLine(entry: ConnectionEntry): string {
  const { protocol } = entry.original;
  const parts = ROWS.flatMap((row) => {
    const value = row.print(entry);
    return value === undefined ? [] : [`${row.key}=${value}`];
  });
  return [protocolName(protocol) ?? String(protocol), ...parts].join(',');
}

/** `conntrack -L -o xml` (libnetfilter_conntrack's XML form). */
import { readIp, writeIp } from '../../../text/address-text.ts';
import { complain, type Lines, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type ConnectionEntry, type Tuple } from '../types.ts';
import {
  type AttributeRow,
  CONNTRACK_TUPLE,
  type Draft,
  emptyDraft,
  finished,
  kept,
  protocolName,
  readCount,
  type TupleDraft,
} from './attributes.ts';

function flag(tag: string, name: string): AttributeRow {
  return {
    key: tag,
    read: (draft) => {
      if (name === 'unreplied') draft.status = draft.status.filter((one) => one !== 'seen_reply');
      draft.status.push(name);
      return true;
    },
    print: (entry) => (entry.status.includes(name) ? '' : undefined),
  };
}

function counted(
  tag: 'timeout' | 'mark' | 'zone',
  most: number,
  of: 'timeout_s' | 'mark' | 'zone',
): AttributeRow {
  return {
    key: tag,
    read: (draft, value) => {
      const found = readCount(value, most);
      if (found === undefined) return false;
      draft[of] = found;
      if (tag === 'zone') draft.extra['zone'] = value;
      return true;
    },
    print: (entry) => {
      if (tag === 'zone') return entry.extra['zone'];
      return entry[of] === null ? undefined : String(entry[of]);
    },
  };
}

/** What is said of both directions (`<meta direction="independent">`). */
const ROWS: readonly AttributeRow[] = [
  {
    key: 'state',
    read: (draft, value) => {
      draft.state = value;
      return /^[A-Z_0-9]+$/.test(value);
    },
    print: (entry) => entry.state ?? undefined,
  },
  counted('timeout', 2 ** 32, 'timeout_s'),
  counted('mark', 2 ** 32 - 1, 'mark'),
  kept('secmark'),
  kept('secctx'),
  counted('zone', 65_535, 'zone'),
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
  flag('assured', 'assured'),
  flag('unreplied', 'unreplied'),
];

const BY_TAG = new Map(ROWS.map((row) => [row.key, row]));
/** Elements that only group others. */
const GROUPS: ReadonlySet<string> = new Set([
  'conntrack',
  'counters',
  'when',
  'timestamp',
  'labels',
  'layer3',
  'layer4',
  'flow',
  'meta',
]);

/** One tag, with the text that follows it up to the next. */
const TAG =
  /<(\/?)([a-zA-Z0-9_:-]+)((?:\s+[a-zA-Z0-9_:-]+="[^"<>]{0,200}")*)\s*(\/?)>([^<]{0,400})/g;

export function readXml(file: string, text: string): Parsed<readonly ConnectionEntry[]> {
  const of = linesOf(file, text);
  const entries: ConnectionEntry[] = [];
  let draft: Draft | null = null;
  let direction = '';
  let line = 0;
  let scanned = 0;
  for (const match of text.matchAll(TAG)) {
    line += newlines(text, scanned, match.index);
    scanned = match.index;
    const [, close = '', tag = '', attributes = '', , content = ''] = match;
    if (tag === 'flow') {
      if (close === '') draft = { ...emptyDraft(), status: ['confirmed', 'seen_reply'] };
      else if (draft !== null) {
        const entry = finished(draft, { file, line: line + 1 });
        if (entry === undefined) complain(of, line, '<', 'a flow without its addresses');
        else if (draft.original.icmpId !== undefined || !isIcmp(entry)) entries.push(entry);
        else complain(of, line, '<layer4', 'this form does not tell the type and id of ICMP');
        draft = null;
      }
    } else if (close === '' && draft !== null) {
      if (tag === 'meta') direction = attribute(attributes, 'direction');
      readElement(of, line, draft, direction, tag, attributes, content.trim());
    }
  }
  if (draft !== null || (entries.length === 0 && !/<conntrack/.test(text))) {
    complain(of, line, of.lines[line] ?? '', 'not a whole document of conntrack -o xml');
  }
  return { value: entries, problems: of.problems };
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === 10) count++;
  return count;
}

function attribute(text: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(text)?.[1] ?? '';
}

function readElement(
  of: Lines,
  line: number,
  draft: Draft,
  direction: string,
  tag: string,
  attributes: string,
  content: string,
): void {
  if (tag === 'layer4') {
    const protocol = readCount(attribute(attributes, 'protonum'), 255);
    if (protocol === undefined) complain(of, line, 'protonum', 'not a protocol number');
    else draft.protocol = protocol;
    draft.extra['protocol'] = attribute(attributes, 'protoname');
    return;
  }
  if (GROUPS.has(tag)) return;
  const ok =
    direction === 'independent'
      ? BY_TAG.get(tag)?.read(draft, content)
      : readTupleElement(draft, direction === 'reply' ? 'reply' : 'original', tag, content);
  if (ok === true) return;
  complain(of, line, `<${tag}>`, `the element with ${content.slice(0, 40)} is not understood`, [
    ...[...BY_TAG.keys()].map((name) => `<${name}>`),
  ]);
}

function readTupleElement(
  draft: Draft,
  direction: 'original' | 'reply',
  tag: string,
  content: string,
): boolean {
  const tuple: TupleDraft = draft[direction];
  if (tag === 'zone') {
    const zone = readCount(content, 65_535);
    if (zone === undefined) return false;
    if (direction === 'original') draft.zone = zone;
    else draft.zoneReply = zone;
    if (direction === 'original') draft.zoneReply ??= 0;
    draft.extra[`zone-${direction}`] = content;
    return true;
  }
  if (tag === 'src' || tag === 'dst') {
    const address = readIp(content);
    if (address === undefined) return false;
    tuple[tag === 'src' ? 'source' : 'destination'] = address;
    return true;
  }
  const row = CONNTRACK_TUPLE.find((one) => one.key === tag);
  if (row !== undefined) return row.read(tuple, content);
  draft.extra[`${direction}.${tag}`] = content;
  return tag === 'packets' || tag === 'bytes' || tag === 'srckey' || tag === 'dstkey';
}

function isIcmp(entry: ConnectionEntry): boolean {
  return entry.original.protocol === 1 || entry.original.protocol === 58;
}

/** The document that `conntrack -L -o xml` would print. */
export function printXml(entries: readonly ConnectionEntry[]): string {
  const flows = entries.map((entry) => `<flow>${metas(entry)}</flow>\n`).join('');
  return `<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n${flows}</conntrack>\n`;
}

function metas(entry: ConnectionEntry): string {
  const both = (['original', 'reply'] as const).map((of) => direction(entry, of)).join('');
  const rows = ROWS.map((row) => {
    const value = row.print(entry);
    if (value === undefined) return '';
    return value === '' ? `<${row.key}/>` : element(row.key, value);
  });
  return `${both}<meta direction="independent">${rows.join('')}</meta>`;
}

function element(tag: string, value: string): string {
  return `<${tag}>${value}</${tag}>`;
}

function direction(entry: ConnectionEntry, of: 'original' | 'reply'): string {
  const tuple: Tuple = entry[of];
  const ipv6 = tuple.source.version === 6;
  const layer3 = `<layer3 protonum="${ipv6 ? 10 : 2}" protoname="${ipv6 ? 'ipv6' : 'ipv4'}">`;
  const name = entry.extra['protocol'] ?? protocolName(tuple.protocol) ?? 'unknown';
  const layer4 = `<layer4 protonum="${tuple.protocol}" protoname="${name}">`;
  const ports = CONNTRACK_TUPLE.slice(2).filter((row) => row.applies(tuple));
  const addresses =
    element('src', writeIp(tuple.source)) + element('dst', writeIp(tuple.destination));
  const keys = ['srckey', 'dstkey'].map((key) => {
    const value = entry.extra[`${of}.${key}`];
    return value === undefined ? '' : element(key, value);
  });
  const inside = ports.map((row) => element(row.key, row.print(tuple))).join('') + keys.join('');
  const zone = entry.extra[`zone-${of}`];
  const counters = ['packets', 'bytes'].map((key) => {
    const value = entry.extra[`${of}.${key}`];
    return value === undefined ? '' : element(key, value);
  });
  const counted = counters.join('') === '' ? '' : `<counters>${counters.join('')}</counters>`;
  return (
    `<meta direction="${of}">${layer3}${addresses}</layer3>${layer4}${inside}</layer4>` +
    `${zone === undefined ? '' : element('zone', zone)}${counted}</meta>`
  );
}

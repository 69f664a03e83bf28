/** Groups: what `ovs-ofctl dump-groups` prints and `add-group` reads (lib/ofp-group.c). */
import { textOf } from '../../../text/byte-memo.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type Bucket, type FieldTest, type Group, RESERVED_PORTS } from '../types/flow.ts';
import { printActions, readActionText } from './actions.ts';
import { complain, type FlowReader, type FlowTextOptions, flowReader } from './flow-line.ts';
import { KEYWORD_BY_FIELD, keywordOf } from './keywords.ts';
import { type Fault, fault, isFault, number32, number64, ones, wholeNumber } from './numbers.ts';
import {
  bytesOf,
  keyText,
  nextPair,
  OPEN,
  type PairCursor,
  pairCursor,
  valueText,
} from './pairs.ts';
import { readPort, readValue, writePort, writeValue } from './values.ts';
import { type Reading } from './words.ts';

const TYPES: Readonly<Record<string, Group['type']>> = {
  all: 'all',
  select: 'select',
  indirect: 'indirect',
  ff: 'fast_failover',
  fast_failover: 'fast_failover',
};

/** Group numbers end here; above are names (openflow-1.1.h OFPG_MAX). */
const LAST_GROUP = 0xffff_ff00;

/** Reads a whole dump or group file. */
export function parseGroups(
  bytes: Uint8Array,
  file: string,
  options: FlowTextOptions = {},
): Parsed<readonly Group[]> {
  const reader = flowReader(bytes, file, options);
  const groups: Group[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    line++;
    let end = bytes.indexOf(0x0a, start);
    if (end < 0) end = bytes.length;
    const group = groupOfLine(reader, options, start, end, line);
    if (group !== null) groups.push(group);
    start = end + 1;
  }
  return { value: groups, problems: reader.problems };
}

/** Reads one group as it is given to add-group. */
export function parseGroup(
  text: string,
  file = 'group',
  options: FlowTextOptions = {},
): Parsed<Group | null> {
  const { value, problems } = parseGroups(bytesOf(text.replace(/[\r\n]/g, ' ')), file, options);
  return { value: value[0] ?? null, problems };
}

const HEADER = /^\s*(?:NXST|OFPST|NXT|OFPT)_GROUP/;
/** Longer lines than any switch prints are cut in messages, not in meaning. */
const COMMAND = /^\s*(?:add|add_or_mod|modify)\b/;

function groupOfLine(
  reader: FlowReader,
  options: FlowTextOptions,
  start: number,
  end: number,
  line: number,
): Group | null {
  const whole = textOf(reader.bytes, start, end);
  const text = whole.replace(/#.*/s, '');
  if (text.trim() === '' || HEADER.test(text)) return null;
  const reading: Reading = { ...options, tlvMap: options.tlvMap ?? [] };
  const skip = COMMAND.exec(text)?.[0].length ?? 0;
  const first = text.indexOf('bucket=', skip);
  const headEnd = first < 0 ? text.length : first;
  const wrong = (found: Fault, from: number, to: number): void =>
    complain(reader, found, start + from, start + to, line, start);
  const head = readHead(reader, reading, start + skip, start + headEnd, (found, from, to) =>
    wrong(found, from - start, to - start),
  );
  const buckets: Bucket[] = [];
  for (let at = first; at >= 0; ) {
    const next = text.indexOf('bucket=', at + 7);
    const stop = next < 0 ? text.length : next;
    const bucket = readBucket(reader, reading, head.type, start + at + 7, start + stop);
    if (isFault(bucket)) wrong(bucket, at, stop);
    else buckets.push(bucket);
    at = next;
  }
  if (reader.found === 0 || head.id >= 0) {
    const missing = groupFault(head, buckets);
    if (missing !== null) wrong(missing, skip, text.length);
  }
  const { id, type, selection } = head;
  if (id < 0 || type === null) return null;
  return { id, type, selection, buckets, origin: { file: reader.file, line } };
}

interface Head {
  id: number;
  type: Group['type'] | null;
  selection: Group['selection'];
}

function readHead(
  reader: FlowReader,
  reading: Reading,
  start: number,
  end: number,
  wrong: (found: Fault, from: number, to: number) => void,
): Head {
  const head: Head = { id: -1, type: null, selection: { method: '', parameter: 0n, fields: [] } };
  const cursor = pairCursor(reader.bytes, start, end);
  while (nextPair(cursor)) {
    const found = headPart(head, cursor, reading);
    if (found !== null) wrong(found, cursor.keyStart, Math.max(cursor.keyEnd, cursor.valueEnd));
  }
  return head;
}

function headPart(head: Head, cursor: PairCursor, reading: Reading): Fault | null {
  const key = keyText(cursor);
  const value = valueText(cursor);
  switch (key) {
    case 'group_id': {
      const id = number32(value, 'group_id');
      if (isFault(id) || id > LAST_GROUP) return fault('not a group number', value);
      head.id = id;
      return null;
    }
    case 'type': {
      const type = Object.hasOwn(TYPES, value) ? TYPES[value] : undefined;
      if (type === undefined) return fault('unknown group type', value, Object.keys(TYPES));
      head.type = type;
      return null;
    }
    case 'selection_method': {
      if (value !== 'hash' && value !== 'dp_hash') {
        return fault('unknown selection method', value, ['hash', 'dp_hash']);
      }
      head.selection = { ...head.selection, method: value };
      return null;
    }
    case 'selection_method_param': {
      const parameter = number64(value, key);
      if (isFault(parameter)) return parameter;
      head.selection = { ...head.selection, parameter };
      return null;
    }
    case 'fields': {
      const fields = readFields(cursor, reading);
      if (isFault(fields)) return fields;
      head.selection = { ...head.selection, fields };
      return null;
    }
    default:
      return fault('unknown word of a group', key, [
        ...['group_id', 'type', 'selection_method', 'selection_method_param', 'fields', 'bucket'],
      ]);
  }
}

/** `fields(ip_src,tcp_dst=0xff00)`: the bits that are hashed; value and mask are the same. */
function readFields(outer: PairCursor, reading: Reading): readonly FieldTest[] | Fault {
  const fields: FieldTest[] = [];
  const cursor = pairCursor(outer.bytes, outer.valueStart, outer.valueEnd);
  while (nextPair(cursor)) {
    const name = keyText(cursor);
    const keyword = keywordOf(name, reading.tlvMap);
    if (keyword === undefined) return fault('unknown field', name, KEYWORD_BY_FIELD.keys());
    const limit = ones(keyword.field.width);
    let bits = limit;
    if (cursor.mark !== 0) {
      const read = readValue(valueText(cursor), keyword, reading);
      if (isFault(read)) return read;
      bits = read.value & limit;
      if (bits === 0n) return fault('no bit of the field is hashed', name);
    }
    if (fields.some((of) => of.field === keyword.field)) return fault('field named twice', name);
    fields.push({ field: keyword.field, value: bits, mask: bits });
  }
  return fields;
}

function readBucket(
  reader: FlowReader,
  reading: Reading,
  type: Group['type'] | null,
  start: number,
  end: number,
): Bucket | Fault {
  let bucket: Bucket = {
    id: null,
    weight: type === 'select' ? 1 : 0,
    watchPort: null,
    watchGroup: null,
    actions: [],
  };
  const parts: string[] = [];
  const cursor = pairCursor(reader.bytes, start, end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    const value = valueText(cursor);
    const word = key.toLowerCase();
    if (word === 'action' || word === 'actions') {
      parts.push(value);
      continue;
    }
    const part = bucketPart(word, value, reading);
    if (isFault(part)) return part;
    if (part !== null) bucket = { ...bucket, ...part };
    else
      parts.push(
        cursor.mark === OPEN && value.includes('->') ? `${key}(${value}` : `${key}(${value})`,
      );
  }
  const text = parts.join(',');
  if (text === '') return fault('the bucket has no actions');
  const live = bucket.watchPort !== null || bucket.watchGroup !== null;
  if (type === 'fast_failover' && !live)
    return fault('a bucket of fast failover watches a port or group');
  const actions = readActionText(text, reading, 'bucket');
  if (isFault(actions)) return actions;
  return { ...bucket, actions };
}

function bucketPart(word: string, value: string, reading: Reading): Partial<Bucket> | Fault | null {
  switch (word) {
    case 'weight': {
      const weight = wholeNumber(value, 0xffff, 'the weight');
      return isFault(weight) ? weight : { weight };
    }
    case 'watch_port': {
      const port = readPort(value, reading);
      const { NONE, CONTROLLER } = RESERVED_PORTS;
      if (port === undefined || (port >= 0xff00 && port !== NONE && port !== CONTROLLER)) {
        return fault('not a port to watch', value);
      }
      return { watchPort: port === NONE ? null : port };
    }
    case 'watch_group': {
      const group = number32(value, 'watch_group');
      if (isFault(group) || group > LAST_GROUP) return fault('not a group number', value);
      return { watchGroup: group };
    }
    case 'bucket_id': {
      const id = number32(value, 'bucket_id');
      if (isFault(id) || id > LAST_GROUP) return fault('not a bucket number', value);
      return { id };
    }
    default:
      return null;
  }
}

function groupFault(head: Head, buckets: readonly Bucket[]): Fault | null {
  const { id, type, selection } = head;
  if (id < 0) return fault('group_id is missing');
  if (type === null) return fault('the type of the group is missing');
  if (selection.method !== 'hash' && selection.fields.length > 0) {
    return fault('fields need selection_method=hash');
  }
  if (selection.method === '' && selection.parameter !== 0n) {
    return fault('selection_method_param needs selection_method');
  }
  if (type !== 'select' && buckets.some((bucket) => bucket.weight !== 0)) {
    return fault('only buckets of select groups have weights');
  }
  if (type === 'indirect' && buckets.length > 1) return fault('an indirect group has one bucket');
  return null;
}

/** A group as a dump spells it and add-group takes it. */
export function printGroup(group: Group): string {
  const { method, parameter, fields } = group.selection;
  const type = group.type === 'fast_failover' ? 'ff' : group.type;
  const parts = [`group_id=${group.id}`, `type=${type}`];
  if (method !== '') parts.push(`selection_method=${method}`);
  if (parameter !== 0n) parts.push(`selection_method_param=${parameter}`);
  if (fields.length === 1) parts.push(`fields=${fields.map(printHashed).join('')}`);
  if (fields.length > 1) parts.push(`fields(${fields.map(printHashed).join(',')})`);
  const usual = group.type === 'select' ? 1 : 0;
  return [...parts, ...group.buckets.map((bucket) => printBucket(bucket, usual))].join(',');
}

function printHashed({ field: of, value }: FieldTest): string {
  const keyword = KEYWORD_BY_FIELD.get(of.name);
  const name = keyword?.name ?? of.name;
  if (value === ones(of.width) || keyword === undefined) return name;
  return `${name}=${writeValue(value, null, keyword)}`;
}

function printBucket(bucket: Bucket, usualWeight: number): string {
  const parts: string[] = [];
  if (bucket.id !== null) parts.push(`bucket_id:${bucket.id}`);
  if (bucket.weight !== usualWeight) parts.push(`weight:${bucket.weight}`);
  if (bucket.watchPort !== null) parts.push(`watch_port:${writePort(bucket.watchPort)}`);
  if (bucket.watchGroup !== null) parts.push(`watch_group:${bucket.watchGroup}`);
  return `bucket=${[...parts, `actions=${printActions(bucket.actions)}`].join(',')}`;
}

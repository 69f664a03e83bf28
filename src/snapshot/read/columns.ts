/**
 * Columns of API rows under the names that the API and the OpenStack client give them, and values
 * as the client's versions print them: lists of objects, or one text for all of them.
 */
import {
  asValue,
  isRecord,
  items,
  type JsonNode,
  keysOf,
  member,
  records,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';

/** A column by its API name, or by what the OpenStack client calls it. */
export function column(row: JsonNode, ...names: readonly string[]): JsonNode | undefined {
  for (const name of names) {
    const found = member(row, name);
    if (found !== undefined) return found;
  }
  const keys = clientKeys(row);
  if (keys === null) return undefined;
  for (const name of names) {
    const key = keys.get(plain(name));
    const found = key === undefined ? undefined : member(row, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text of a column; none is an empty one. */
export function word(row: JsonNode, ...names: readonly string[]): string {
  return textOf(column(row, ...names)) ?? '';
}

/** A column without which its row means nothing; that it is not there is a problem of the row. */
export function needed(row: JsonNode, ...names: readonly string[]): JsonNode | undefined {
  const node = column(row, ...names);
  if (node === undefined) wrong(row, `This has no ${names[0] ?? ''}`);
  return node;
}

/** Whether the row has one of the columns at all, even an empty one. */
export function hasColumn(row: JsonNode, ...names: readonly string[]): boolean {
  const keys = new Set(keysOf(row).map(plain));
  return names.some((name) => keys.has(plain(name)));
}

/** `External gateway info`, `External Gateway Info`, `external_gateway_info` are one name. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ');
}

/** Keys of rows that the client printed, by their plain names; null for rows of the API. */
const printed = new WeakMap<object, ReadonlyMap<string, string> | null>();

function clientKeys(row: JsonNode): ReadonlyMap<string, string> | null {
  if (!isRecord(row.value)) return null;
  const known = printed.get(row.value);
  if (known !== undefined) return known;
  const keys = keysOf(row);
  const made = keys.some((key) => /[A-Z ]/.test(key) && !key.includes('-'))
    ? new Map(keys.map((key) => [plain(key), key]))
    : null;
  printed.set(row.value, made);
  return made;
}

/**
 * Objects of a column: a list of them, one of them, or the text of older clients, as
 * `ip_address='10.0.0.3', subnet_id='…'`, a line or a semicolon for each.
 */
export function objectsOf(node: JsonNode | undefined): JsonNode[] {
  if (node === undefined) return [];
  if (typeof node.value === 'string') {
    return records(asValue(node, node.value.split(/[\n;]/).flatMap(wordsOf)));
  }
  return records(isRecord(node.value) ? asValue(node, [node.value]) : node);
}

function wordsOf(text: string): readonly Record<string, string>[] {
  const pairs = [...text.matchAll(/([\w.:-]+)='([^']*)'/g)];
  if (pairs.length > 0) return [Object.fromEntries(pairs.map(([, key, value]) => [key, value]))];
  // Allocation pools are ranges.
  const range = /^\s*([0-9a-fA-F.:]+)-([0-9a-fA-F.:]+)\s*$/.exec(text);
  return range === null ? [] : [{ start: range[1] ?? '', end: range[2] ?? '' }];
}

/** Truth as the API has it, or as a column shows it: `UP`, `True`, `:-)`. */
export function stateOf(node: JsonNode | undefined): boolean | undefined {
  const value = node?.value;
  if (typeof value !== 'string') return truthOf(node);
  if (/^(up|true|yes|enabled|:-\))$/i.test(value)) return true;
  if (/^(down|false|no|disabled|xxx|none)$/i.test(value)) return false;
  return truthOf(node);
}

/** Rows of `{"name": [rows]}`, `[rows]`, `{"name": row}`, or of one object as `show` prints it. */
export function listed(root: JsonNode | undefined): JsonNode[] {
  if (root === undefined || Array.isArray(root.value)) return records(root);
  if (member(root, 'id') !== undefined || member(root, 'ID') !== undefined) {
    return records(asValue(root, [root.value]));
  }
  const [key] = keysOf(root).filter((each) => !each.endsWith('_links'));
  return key === undefined ? [] : objectsOf(member(root, key));
}

/** Texts of a list; `network list` prints subnets as one text, separated by commas. */
export function textsOf(node: JsonNode | undefined): string[] {
  if (typeof node?.value === 'string') return node.value.split(/,\s*/).filter((id) => id !== '');
  return items(node).flatMap((each) => textOf(each) ?? []);
}

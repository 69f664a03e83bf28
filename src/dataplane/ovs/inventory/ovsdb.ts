/**
 * Rows of an OVSDB (RFC 7047 §5.1): `ovsdb-client dump -f json` (a document per table and line),
 * `ovs-vsctl --format=json list TABLE`, and the `list` text form of both. All give the same rows.
 */
import {
  isRecord,
  items,
  type JsonNode,
  jsonRoot,
  member,
  textOf,
} from '../../../text/json-text.ts';
import { complain, type Lines, linesOf } from '../../../text/lines.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';

/** A row's columns as OVSDB writes them in JSON: atoms, `["set",[…]]`, `["map",[[k,v]…]]`. */
export type OvsdbRow = ReadonlyMap<string, unknown>;
export type OvsdbTables = ReadonlyMap<string, readonly OvsdbRow[]>;

/** One or more tables. `table` names the table of a text that does not say it itself. */
export function readOvsdb(file: string, text: string, table: string): Parsed<OvsdbTables> {
  const tables = new Map<string, OvsdbRow[]>();
  const problems: Problem[] = [];
  if (!/^\s*\{/.test(text)) {
    const lines = linesOf(file, text);
    readList(lines, table, tables);
    return { value: tables, problems: lines.problems };
  }
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const root = jsonRoot(file, line, problems, i + 1);
    const caption = textOf(member(root, 'caption'))?.replace(/ table$/, '') ?? table;
    const rows = tables.get(caption) ?? [];
    tables.set(caption, rows);
    rows.push(...rowsOf(root));
  }
  return { value: tables, problems };
}

function rowsOf(root: JsonNode | undefined): OvsdbRow[] {
  const headings = items(member(root, 'headings')).map((heading) => textOf(heading) ?? '');
  return items(member(root, 'data')).map((row) => {
    const cells = items(row);
    return new Map(headings.map((heading, i) => [heading, cells[i]?.value]));
  });
}

/** `name : value` lines; an empty line ends a row; `NAME table` starts a table. */
function readList(lines: Lines, table: string, tables: Map<string, OvsdbRow[]>): void {
  let rows: OvsdbRow[] = [];
  let row: Map<string, unknown> | undefined;
  const open = (name: string): void => {
    rows = tables.get(name) ?? [];
    tables.set(name, rows);
  };
  open(table);
  for (const [i, line] of lines.lines.entries()) {
    const caption = /^(\w+) table$/.exec(line);
    const cell = /^(\w+)\s*: (.*)$/.exec(line);
    if (line.trim() === '') row = undefined;
    else if (caption !== null) open(caption[1] ?? table);
    else if (cell === null) complain(lines, i, line, 'A column is written `name : value`');
    else {
      if (row === undefined) {
        row = new Map();
        rows.push(row);
      }
      row.set(cell[1] ?? '', valueOfText(cell[2] ?? ''));
    }
  }
}

/** ovsdb(7) "Database value syntax" to the JSON notation. */
function valueOfText(text: string): unknown {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s{}[\],="]+|[{}[\],=]/g) ?? [];
  const atom = (token: string): unknown => {
    if (token.startsWith('"')) return unquote(token);
    if (token === 'true' || token === 'false') return token === 'true';
    if (/^-?\d{1,15}$/.test(token)) return Number(token);
    return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(token) ? ['uuid', token] : token;
  };
  const plain = tokens.filter((token) => token !== ',');
  if (plain[0] === '[') return ['set', plain.slice(1, -1).map(atom)];
  if (plain[0] === '{') {
    const pairs: unknown[] = [];
    const inside = plain.slice(1, -1).filter((token) => token !== '=');
    for (let i = 0; i + 1 < inside.length; i += 2) {
      pairs.push([atom(inside[i] ?? ''), atom(inside[i + 1] ?? '')]);
    }
    return ['map', pairs];
  }
  return tokens.length === 1 ? atom(tokens[0] ?? '') : text;
}

/** A JSON string, or the text between the quotes when it is none. */
export function unquote(token: string): string {
  if (!token.startsWith('"')) return token;
  try {
    return String(JSON.parse(token));
  } catch {
    return token.slice(1, -1);
  }
}

/** Members of a set; an atom is a set of one. UUIDs become their text. */
export function setOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [value];
  const [kind, of] = value as unknown[];
  if (kind === 'set' && Array.isArray(of)) return of.flatMap((member: unknown) => setOf(member));
  return kind === 'uuid' && typeof of === 'string' ? [of] : [];
}

/** Pairs of a map, as text. */
export function mapOf(value: unknown): Readonly<Record<string, string>> {
  const pairs = Array.isArray(value) && value[0] === 'map' ? (value[1] as unknown) : [];
  const found: [string, string][] = [];
  for (const pair of Array.isArray(pairs) ? (pairs as unknown[]) : []) {
    if (Array.isArray(pair)) found.push([String(pair[0]), String(pair[1])]);
  }
  return Object.fromEntries(found);
}

/** The text of an optional column; '' when it is empty. */
export function wordOf(value: unknown): string {
  const [first] = setOf(value);
  return first === undefined || isRecord(first) ? '' : String(first);
}

/** The number of an optional column; null when it is empty or none. */
export function countOf(value: unknown): number | null {
  const [first] = setOf(value);
  return typeof first === 'number' ? first : null;
}

export function numbersOf(value: unknown): readonly number[] {
  return setOf(value).filter((each) => typeof each === 'number');
}

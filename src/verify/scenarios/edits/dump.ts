/**
 * A compiled cloud's dump folder that somebody tampers with: texts change by path, rows of JSON
 * one by one, and rows of the switch's database by their columns.
 */
import { isRecord } from '../../../text/json-text.ts';

/** Files by path, made when they are read; a file that was rewritten is kept. */
export type DumpTexts = Map<string, () => string>;

/** A row of a JSON dump. */
export type Row = Record<string, unknown>;

/** What `change` makes of every file whose path matches; the number of files that differ then. */
export function rewrite(
  files: DumpTexts,
  path: (name: string) => boolean,
  change: (text: string) => string,
): number {
  let changed = 0;
  for (const [name, read] of [...files]) {
    if (!path(name)) continue;
    const text = read();
    const next = change(text);
    if (next === text) continue;
    files.set(name, () => next);
    changed++;
  }
  return changed;
}

/** Rows of JSON arrays; undefined takes a row out. */
export function rewriteRows(
  files: DumpTexts,
  path: (name: string) => boolean,
  change: (row: Row) => Row | undefined,
): number {
  return rewrite(files, path, (text) => {
    const rows: unknown = JSON.parse(text);
    if (!Array.isArray(rows)) return text;
    const next = rows.flatMap((row: unknown) => (isRecord(row) ? (change(row) ?? []) : []));
    return JSON.stringify(next) === JSON.stringify(rows) ? text : `${JSON.stringify(next)}\n`;
  });
}

/** Rows of one table of a host's switch, by column; undefined takes a row out. */
export function rewriteTable(
  files: DumpTexts,
  host: string,
  table: string,
  change: (row: Row) => Row | undefined,
): number {
  return rewrite(
    files,
    (name) => name === `hosts/${host}/ovs/list-${table}.json`,
    (text) => {
      const whole: unknown = JSON.parse(text);
      if (!isRecord(whole) || !Array.isArray(whole['data'])) return text;
      const headings = whole['headings'] as readonly string[];
      const data = (whole['data'] as readonly (readonly unknown[])[]).flatMap((cells) => {
        const row = Object.fromEntries(headings.map((heading, i) => [heading, cells[i]]));
        const next = change(row);
        return next === undefined ? [] : [headings.map((heading) => next[heading])];
      });
      const next = { ...whole, data };
      return JSON.stringify(next) === JSON.stringify(whole) ? text : `${JSON.stringify(next)}\n`;
    },
  );
}

/** Files of one name in a host's namespaces: all of them, or the one that is named. */
export function inNamespaces(
  host: string,
  namespace: string | null,
  file: string,
): (name: string) => boolean {
  const top = `hosts/${host}/ns/`;
  return (name) =>
    name.startsWith(top) &&
    name.endsWith(`/${file}`) &&
    (namespace === null || name === `${top}${namespace}/${file}`);
}

/** Lines without, or with other words in, those that hold all of `words`. */
export function rewriteLines(
  text: string,
  words: readonly string[],
  change: (line: string) => string | undefined,
): string {
  return text
    .split('\n')
    .flatMap((line) => (words.every((word) => line.includes(word)) ? (change(line) ?? []) : [line]))
    .join('\n');
}

/** A switch's ports are gone from its database and from what its bridges show. */
export function loseSwitchPorts(files: DumpTexts, host: string, names: readonly string[]): number {
  const isShown = (name: string): boolean =>
    name.startsWith(`hosts/${host}/ovs/`) && name.endsWith('.of-show.txt');
  // A port is a line with its number and name, and indented lines about it.
  const shown = rewrite(files, isShown, (text) =>
    text.replaceAll(/^ \w+\((.+)\): .*\n(?: {5}.*\n)*/gm, (row, name: string) =>
      names.includes(name) ? '' : row,
    ),
  );
  const tables = ['Port', 'Interface'].map((table) =>
    rewriteTable(files, host, table, (row) =>
      names.includes(String(row['name'])) ? undefined : row,
    ),
  );
  return tables.reduce((sum, each) => sum + each, shown);
}

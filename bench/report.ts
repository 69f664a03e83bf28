/** The table that `npm run bench` prints and writes into docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface Row {
  readonly what: string;
  readonly ours: string;
  /** The real thing's figure in the same run; null where there is none to compare with. */
  readonly real: string | null;
  /** Ours against the real one, e.g. `23 ×`. */
  readonly ratio: string | null;
  /** What was promised; null where the figure is only told. */
  readonly target: string | null;
  readonly met: boolean | null;
}

const COLUMNS = ['what', 'hopwise', 'the real one', 'ratio', 'target', 'met'] as const;
const START = '<!-- bench: begin, written by npm run bench -->';
const END = '<!-- bench: end -->';

/** A row whose figure is only told. */
export function told(what: string, ours: string): Row {
  return { what, ours, real: null, ratio: null, target: null, met: null };
}

/** Thousands with separators, small numbers with one decimal. */
export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

function cellsOf(row: Row): readonly string[] {
  const met = row.met === null ? '' : row.met ? 'yes' : 'no';
  return [row.what, row.ours, row.real ?? '', row.ratio ?? '', row.target ?? '', met];
}

/** Prints one row as soon as it is known. */
export function show(row: Row): void {
  const [what = '', ours = '', real = '', ratio = '', target = '', met = ''] = cellsOf(row);
  const compared = real === '' ? '' : `  real ${real}  ${ratio}`;
  const goal = target === '' ? '' : `  target ${target}${met === 'no' ? '  MISSED' : ''}`;
  console.log(`${what.padEnd(66)} ${ours}${compared}${goal}`);
}

/** Puts the table between the markers of the document. */
export function write(path: string, heading: string, rows: readonly Row[]): void {
  const text = readFileSync(path, 'utf8');
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from < 0 || to < 0) throw new Error(`${path} has no place for the table`);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [
    line(COLUMNS),
    line(COLUMNS.map(() => '---')),
    ...rows.map((r) => line(cellsOf(r))),
  ];
  const block = `${START}\n\n${heading}\n\n${table.join('\n')}\n\n`;
  writeFileSync(path, text.slice(0, from) + block + text.slice(to));
}

/** Text line by line, with a collector of problems that knows the file. */
import { type Problem } from './problem.ts';
import { nearest } from './suggest.ts';

export interface Lines {
  readonly file: string;
  readonly lines: readonly string[];
  readonly problems: Problem[];
}

/** Problems kept per file: a file of another kind would otherwise give one per line. */
const MOST_PROBLEMS = 100;

/** Splits at line feeds; a carriage return before one belongs to it. */
export function linesOf(file: string, text: string): Lines {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  return { file, lines, problems: [] };
}

/** Records that `text` in line `index` (0 for the first) was not understood. */
export function complain(
  of: Lines,
  index: number,
  text: string,
  message: string,
  known: Iterable<string> = [],
): void {
  if (of.problems.length >= MOST_PROBLEMS) return;
  const hint = nearest(text, known);
  of.problems.push({
    file: of.file,
    line: index + 1,
    column: Math.max(0, (of.lines[index] ?? '').indexOf(text)) + 1,
    text: text.slice(0, 200),
    message,
    ...(hint === undefined ? {} : { didYouMean: hint }),
  });
}

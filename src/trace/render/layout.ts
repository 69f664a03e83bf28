/** Rows of a trace's text: a label, and what belongs to it, wrapped below itself. */

import { forTerminal } from '../../text/escape.ts';
import { type Origin } from '../../text/problem.ts';
import { type Mark, type Page } from './style.ts';

/** Columns of the label and its margins. */
const LABEL = 10;
const INDENT = 2 + LABEL;

/** A row that is never broken; `text` is escaped and marked already. */
export function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL)}${text}`;
}

/** Prose, wrapped to the page; every line is marked by itself. `text` is not escaped yet. */
export function prose(label: string, text: string, page: Page, mark?: Mark): readonly string[] {
  const lines = wrapped(forTerminal(text), page.width - INDENT);
  return lines.map((line, i) => {
    return row(i === 0 ? label : '', mark === undefined ? line : page.style(mark, line));
  });
}

/** Evidence and where it was read: behind it where there is room, else below. */
export function cited(
  label: string,
  text: string,
  origin: Origin | null,
  page: Page,
): readonly string[] {
  const shown = forTerminal(text);
  if (origin === null) return [row(label, shown)];
  const place = placeOf(origin);
  if (INDENT + shown.length + 2 + place.length <= page.width) {
    return [row(label, `${shown}  ${page.style('dim', place)}`)];
  }
  return [row(label, shown), row('', page.style('dim', place))];
}

/** `file:line`, escaped; without a line where a thing stands on none. */
export function placeOf({ file, line }: Origin): string {
  return line === 0 ? forTerminal(file) : `${forTerminal(file)}:${line}`;
}

/** Words of a text in lines of at most `width` columns; longer words stand alone. */
export function wrapped(text: string, width: number): readonly string[] {
  return joined(text.split(' '), ' ', width);
}

/** Parts joined by `between` in lines of at most `width` columns where that is possible. */
export function joined(
  parts: readonly string[],
  between: string,
  width: number,
): readonly string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const part of parts) {
    const longer: string = line === null ? part : line + between + part;
    if (line !== null && longer.length > width) {
      lines.push(line + between.trimEnd());
      line = part;
    } else line = longer;
  }
  if (line !== null) lines.push(line);
  return lines;
}

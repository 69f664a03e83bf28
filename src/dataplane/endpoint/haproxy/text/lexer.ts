/**
 * haproxy.cfg as sections of lines (Configuration Manual, section 2.2): words between white
 * space, quotes, backslashes, comments.
 */
import { type Parsed, type Problem } from '../../../../text/problem.ts';
import { nearest } from '../../../../text/suggest.ts';
import { type HaproxyFile, type HaproxyLine, type HaproxySection } from '../types.ts';

/** Words that open a section. */
const SECTIONS = [
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'userlist',
  'peers',
  'mailers',
  'resolvers',
  'program',
  'http-errors',
  'ring',
  'log-forward',
  'cache',
  'fcgi-app',
  'crt-store',
  'traces',
] as const;

const MOST_PROBLEMS = 100;

/** Collects what is wrong with a file. */
export interface Complaints {
  readonly problems: Problem[];
}

/** Records that a word of a line was not understood. */
export function complain(
  { problems }: Complaints,
  line: HaproxyLine,
  index: number,
  message: string,
  known: Iterable<string> = [],
): void {
  if (problems.length >= MOST_PROBLEMS) return;
  const text = line.words[index] ?? line.words.at(-1) ?? '';
  const hint = nearest(text, known);
  problems.push({
    file: line.origin.file,
    line: line.origin.line,
    column: line.columns[index] ?? line.columns.at(-1) ?? 1,
    text: text.slice(0, 200),
    message,
    ...(hint === undefined ? {} : { didYouMean: hint }),
  });
}

/** Splits a file into its sections. */
export function parseSections(text: string, file: string): Parsed<HaproxyFile> {
  const complaints: Complaints = { problems: [] };
  const sections: (HaproxySection & { readonly lines: HaproxyLine[] })[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = lineOf(raw, file, index + 1, complaints);
    const [first] = line.words;
    if (first === undefined) continue;
    if (SECTIONS.some((one) => one === first)) {
      const { words, origin } = line;
      sections.push({ kind: first, words: words.slice(1), lines: [], origin });
    } else if (sections.length > 0) sections.at(-1)?.lines.push(line);
    else complain(complaints, line, 0, 'a line outside of any section', SECTIONS);
  }
  return { value: { sections }, problems: complaints.problems };
}

/** What a word holds that needs no look at its characters. */
const PLAIN = /[^\s#"'\\]*/y;

/** The words of one line. */
function lineOf(raw: string, file: string, number: number, complaints: Complaints): HaproxyLine {
  const words: string[] = [];
  const columns: number[] = [];
  let at = 0;
  while (at < raw.length) {
    const char = raw[at] ?? '';
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    if (char === '#') break;
    const start = at;
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(raw)?.[0] ?? '';
    let word = plain;
    let quote: string | null = null;
    at += plain.length;
    for (; at < raw.length; at++) {
      const here = raw[at] ?? '';
      if (here === '\\' && quote !== "'" && at + 1 < raw.length) word += raw[++at] ?? '';
      else if (quote !== null) {
        if (here === quote) quote = null;
        else word += here;
      } else if (here === '"' || here === "'") quote = here;
      else if (/[\s#]/.test(here)) break;
      else word += here;
    }
    words.push(word);
    columns.push(start + 1);
    if (quote !== null) {
      const line = { words, columns, origin: { file, line: number } };
      complain(complaints, line, words.length - 1, 'the quotation is not closed');
    }
  }
  return { words, columns, origin: { file, line: number } };
}

/** Prints a file that haproxy reads as the same words. */
export function printSections({ sections }: HaproxyFile): string {
  return sections
    .map(({ kind, words, lines }) => {
      const head = [kind, ...words.map(quoted)].join(' ');
      return [head, ...lines.map((line) => `    ${line.words.map(quoted).join(' ')}`)].join('\n');
    })
    .map((text) => `${text}\n`)
    .join('\n');
}

function quoted(word: string): string {
  if (word !== '' && !/[\s#"'\\]/.test(word)) return word;
  return `"${word.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
}

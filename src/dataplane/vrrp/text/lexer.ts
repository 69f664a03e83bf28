/**
 * keepalived.conf as statements: words up to the end of a line, and the block in braces behind
 * them. Comments, quotes and definitions (`$NAME=value`) are done with here.
 */
import { type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';

/** A word with the place where it stands. */
export interface Word {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** A statement with the places of its words. */
export interface Line {
  readonly words: readonly Word[];
  readonly block: readonly Line[] | null;
}

/** Collects what is wrong with a file. */
export interface Complaints {
  readonly file: string;
  readonly problems: Problem[];
}

/** Problems kept per file. */
const MOST_PROBLEMS = 100;
/** Blocks within blocks; keepalived itself has four levels. */
const DEEPEST = 16;

/** Records that a word was not understood. */
export function complain(
  { file, problems }: Complaints,
  word: Word,
  message: string,
  known: Iterable<string> = [],
): void {
  if (problems.length >= MOST_PROBLEMS) return;
  const hint = nearest(word.text, known);
  problems.push({
    file,
    line: word.line,
    column: word.column,
    text: word.text.slice(0, 200),
    message,
    ...(hint === undefined ? {} : { didYouMean: hint }),
  });
}

interface Open {
  readonly lines: Mutable[];
  readonly by: Word | null;
}

interface Mutable {
  readonly words: readonly Word[];
  block: Line[] | null;
}

/** Splits a file into statements. */
export function lex(text: string, complaints: Complaints): readonly Line[] {
  const top: Mutable[] = [];
  const stack: Open[] = [{ lines: top, by: null }];
  const definitions = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (define(line, definitions)) continue;
    let pending: Word[] = [];
    const flush = (): void => {
      if (pending.length > 0) stack.at(-1)?.lines.push({ words: pending, block: null });
      pending = [];
    };
    for (const word of wordsOf(line, index + 1, complaints, definitions)) {
      if (word.text === '{' && !word.quoted) {
        flush();
        const owner = stack.at(-1)?.lines.at(-1);
        if (owner === undefined || owner.block !== null) complain(complaints, word, 'no statement');
        const lines: Mutable[] = [];
        if (owner !== undefined && owner.block === null) owner.block = lines;
        if (stack.length >= DEEPEST) complain(complaints, word, 'blocks are nested too deeply');
        else stack.push({ lines, by: word });
      } else if (word.text === '}' && !word.quoted) {
        flush();
        if (stack.length > 1) stack.pop();
        else complain(complaints, word, 'no block is open');
      } else pending.push(word);
    }
    flush();
  }
  for (const { by } of stack) if (by !== null) complain(complaints, by, 'the block is not closed');
  return top;
}

/** `$NAME=value`; true when the line is one. */
function define(line: string, definitions: Map<string, string>): boolean {
  const match = line.includes('$') ? /^\s*\$(\w+)\s*=\s*(.*?)\s*$/.exec(line) : null;
  if (match === null) return false;
  definitions.set(match[1] ?? '', substitute(match[2] ?? '', definitions));
  return true;
}

function substitute(text: string, definitions: ReadonlyMap<string, string>): string {
  if (!text.includes('$')) return text;
  return text.replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (whole, a: string, b: string) => {
    return definitions.get(a ?? b) ?? whole;
  });
}

interface Quoted extends Word {
  readonly quoted: boolean;
}

/** What a word holds that is neither a quotation nor its end. */
const PLAIN = /[^ \t#!"']+/y;

/** The words of one line; `#` and `!` start a comment. */
function wordsOf(
  line: string,
  number: number,
  complaints: Complaints,
  definitions: ReadonlyMap<string, string>,
): readonly Quoted[] {
  const words: Quoted[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line[at] ?? '';
    if (char === ' ' || char === '\t') {
      at++;
      continue;
    }
    if (char === '#' || char === '!') break;
    const start = at;
    let text = '';
    let quoted = false;
    while (at < line.length && !' \t#!'.includes(line[at] ?? '')) {
      const quote = line[at] ?? '';
      if (quote === '"' || quote === "'") {
        quoted = true;
        const close = line.indexOf(quote, at + 1);
        if (close < 0) {
          const word = { text: line.slice(at), line: number, column: at + 1 };
          complain(complaints, word, 'the quotation is not closed');
        }
        const end = close < 0 ? line.length : close;
        text += line.slice(at + 1, end);
        at = end + 1;
      } else {
        PLAIN.lastIndex = at;
        const plain = PLAIN.exec(line)?.[0] ?? quote;
        text = text === '' ? plain : text + plain;
        at += plain.length;
      }
    }
    words.push({ text: substitute(text, definitions), line: number, column: start + 1, quoted });
  }
  return words;
}

/** A word as it has to be written to be read back. */
export function quoted(word: string): string {
  if (word !== '' && !/[\s#!{}"']/.test(word)) return word;
  return word.includes('"') ? `'${word}'` : `"${word}"`;
}

/** Words written with white space between them. */
export function wordSet(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/**
 * The words of one line of `iptables-save` text. Before: the lines of a file; after: rows that
 * know what the words mean. Quoting is that of iptables: double quotes, backslash escapes
 * (libxtables/xtables.c xtables_save_string() writes it, iptables/xshared.c add_param_to_argv()
 * reads it).
 */

/** The words of a line and where they began; the arrays have the same length. */
export interface Words {
  readonly text: readonly string[];
  /** 1 for the first byte of the line. */
  readonly column: readonly number[];
}

const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const BACKSLASH = 92;

/** Cuts a line at blanks; a quoted word may hold blanks. An open quote ends with the line. */
export function wordsOf(line: string, from = 0): Words {
  const text: string[] = [];
  const column: number[] = [];
  let i = from;
  while (i < line.length) {
    const code = line.charCodeAt(i);
    if (code === SPACE || code === TAB) {
      i++;
      continue;
    }
    column.push(i + 1);
    const start = i;
    let plain = true;
    while (i < line.length) {
      const c = line.charCodeAt(i);
      if (c === SPACE || c === TAB) break;
      if (c === QUOTE || c === BACKSLASH) {
        plain = false;
        break;
      }
      i++;
    }
    if (plain) {
      text.push(line.slice(start, i));
      continue;
    }
    const quoted = quotedWord(line, start);
    text.push(quoted.word);
    i = quoted.end;
  }
  return { text, column };
}

function quotedWord(line: string, start: number): { readonly word: string; readonly end: number } {
  let word = '';
  let open = false;
  let i = start;
  for (; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (!open && (c === SPACE || c === TAB)) break;
    if (c === QUOTE) open = !open;
    else if (c === BACKSLASH && open && i + 1 < line.length) word += line[++i];
    else word += line[i];
  }
  return { word, end: i };
}

const NEEDS_NO_QUOTE = /^[A-Za-z0-9_-]+$/;

/** Writes free text the way iptables does: quoted unless it is all letters, digits, `_`, `-`. */
export function quoted(text: string): string {
  if (NEEDS_NO_QUOTE.test(text)) return text;
  return `"${text.replace(/["'\\]/g, '\\$&')}"`;
}

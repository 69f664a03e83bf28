/** Words and lines of scripts: what may stand in them, and how a shell gets exactly that. */

/** A name that is refused: it could be read as something else than a name. */
export class UnsafeName extends Error {}

/** What may stand in a line of `ip -batch`, of a bundle or of a set: no control characters. */
export const LINE = /^[\x20-\x7e]*$/;

const END = 'HOPWISE_END';

/** One word of a shell command. */
export function quoted(word: string): string {
  if (word.includes('\0')) throw new UnsafeName('a word with a zero byte');
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The word, when it has the form of what it shall name. */
export function named(form: RegExp, what: string, word: string): string {
  if (!form.test(word) || word.includes('..')) {
    throw new UnsafeName(`${JSON.stringify(word.slice(0, 80))} is no ${what}`);
  }
  return word;
}

/** A command with lines on its standard input. */
export function fed(command: string, lines: readonly string[], form = LINE): string {
  for (const line of lines) {
    if (!form.test(line) || line === END) {
      throw new UnsafeName(`a line with control characters: ${JSON.stringify(line.slice(0, 80))}`);
    }
  }
  return `${command} <<'${END}'\n${lines.map((line) => `${line}\n`).join('')}${END}`;
}

/** What the terminal allows: colour, width, characters. Meaning never depends on colour alone. */
import { type Command } from 'commander';
import { asciiOnly } from '../text/escape.ts';
import { type Mark, type Page } from '../trace/render/style.ts';
import { type Io, type TextStream } from './io.ts';

/** Adds the options about how text is written, the same for every command that writes some. */
export function addPageOptions(command: Command): Command {
  return command
    .option('--color', 'colours even when the output is no terminal')
    .option('--no-color', 'no colours')
    .option('--ascii', 'only ASCII characters');
}

type StreamLike = Pick<TextStream, 'isTTY' | 'columns'>;
type Environment = Io['environment'];

/** What the person asked for; undefined leaves it to the terminal. */
export interface Wishes {
  readonly color?: boolean;
  readonly ascii?: boolean;
}

/** A page on a stream: how to mark text, how wide it is, and which characters it takes. */
export interface StreamPage extends Page {
  /** Replaces characters that the stream's character set lacks. */
  encode(text: string): string;
}

/** Columns where the stream does not tell its own. */
const USUAL_WIDTH = 100;
/** Below this nothing fits; above that no eye follows a line. */
const NARROWEST = 60;
const WIDEST = 140;

const SGR: Readonly<Record<Mark, number>> = { good: 32, bad: 31, unsure: 33, dim: 2, strong: 1 };

/** How to write the answer. */
export function pageOf({ out: stream, environment }: Io, wishes: Wishes): StreamPage {
  const colour = takesColour(stream, environment, wishes.color);
  const ascii = wishes.ascii ?? !takesUnicode(stream, environment);
  return {
    width: Math.min(WIDEST, Math.max(NARROWEST, stream.columns ?? USUAL_WIDTH)),
    style: (mark, text) => (colour ? `\u001b[${SGR[mark]}m${text}\u001b[0m` : text),
    encode: (text) => (ascii ? asciiOnly(text) : text),
  };
}

/**
 * A flag wins; then FORCE_COLOR (force-color.org); then NO_COLOR (no-color.org) and TERM=dumb,
 * which refuse; else only terminals have colours.
 */
function takesColour(
  stream: StreamLike,
  environment: Environment,
  flag: boolean | undefined,
): boolean {
  if (flag !== undefined) return flag;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined && forced !== '' && forced !== '0') return true;
  if ((environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb') return false;
  return stream.isTTY;
}

/** A terminal's locale decides (locale(7)); files and pipes always get UTF-8. */
function takesUnicode(stream: StreamLike, environment: Environment): boolean {
  if (!stream.isTTY) return true;
  const set = ['LC_ALL', 'LC_CTYPE', 'LANG'].map((name) => environment[name] ?? '');
  const locale = set.find((value) => value !== '') ?? '';
  return /utf-?8/i.test(locale) || environment['WT_SESSION'] !== undefined;
}

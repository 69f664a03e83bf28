/**
 * The door for dumps of connections: tells the form by its first line, and which tracker wrote
 * it. Reading comes first, then `createTracker` takes the entries.
 */
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type ConnectionEntry, type DumpFormat, type Personality } from '../types.ts';
import { printConntrackLine, readConntrackLine } from './conntrack.ts';
import { printDpctlLine, readDpctlLine } from './dpctl.ts';
import { printXml, readXml } from './xml.ts';

export interface ConntrackDump {
  readonly format: DumpFormat;
  /** Null when the dump does not tell (an empty one). */
  readonly personality: Personality | null;
  readonly entries: readonly ConnectionEntry[];
}

/** Reads a dump of any form; an empty text is an empty table. */
export function parseConntrack(file: string, text: string): Parsed<ConntrackDump> {
  const first = /^\s*(\S.*)$/m.exec(text)?.[1] ?? '';
  if (first.startsWith('<')) {
    const { value, problems } = readXml(file, text);
    return { value: { format: 'xml', personality: 'kernel', entries: value }, problems };
  }
  const dpctl = /^[a-z0-9]+,orig=\(/.test(first);
  const of = linesOf(file, text);
  const entries: ConnectionEntry[] = [];
  for (const [index, line] of of.lines.entries()) {
    // conntrack(8) ends with how many it has shown; that is no entry.
    if (line.trim() === '' || /^conntrack v[\d.]+ \(conntrack-tools\): /.test(line)) continue;
    const entry = dpctl ? readDpctlLine(of, index) : readConntrackLine(of, index);
    if (entry !== undefined) entries.push(entry);
    if (of.problems.length > 0 && entries.length === 0 && index > GIVE_UP) break;
  }
  const format: DumpFormat = dpctl ? 'dpctl' : 'conntrack';
  if (entries.length === 0 && of.problems.length > 0) {
    complain(of, 0, first, 'no connection was read from this file');
  }
  const personality = first === '' ? null : dpctl ? writerOf(entries) : 'kernel';
  return { value: { format, personality, entries }, problems: of.problems };
}

/** A file without any entry in so many lines is something else. */
const GIVE_UP = 1000;

/**
 * `dpctl/dump-conntrack` shows both datapaths. The kernel's entries carry status bits (every
 * one is CONFIRMED) or its own TCP states; the userspace datapath writes `status=0`.
 */
function writerOf(entries: readonly ConnectionEntry[]): Personality | null {
  if (entries.length === 0) return null;
  const kernel = entries.some(
    ({ status, state }) => status.length > 0 || KERNEL_ONLY.includes(state ?? ''),
  );
  return kernel ? 'kernel' : 'userspace';
}

const KERNEL_ONLY: readonly string[] = ['CLOSE', 'FIN_WAIT', 'SYN_SENT2', 'NONE'];

/** Prints entries in one of the forms. */
export function printConntrack(entries: readonly ConnectionEntry[], format: DumpFormat): string {
  if (format === 'xml') return printXml(entries);
  const print = format === 'dpctl' ? printDpctlLine : printConntrackLine;
  return entries.map((entry) => `${print(entry)}\n`).join('');
}

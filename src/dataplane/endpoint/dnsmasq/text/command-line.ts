/** dnsmasq's command line and configuration file, and the files they name. */
import { linesOf } from '../../../../text/lines.ts';
import { type Parsed, type Problem } from '../../../../text/problem.ts';
import { type Dnsmasq } from '../types.ts';
import { parseHostsFile } from './hosts.ts';
import { parseLeases } from './leases.ts';
import { parseOptionsFile } from './options.ts';
import { applySetting, type Draft, emptyDnsmasq, longName, printSettings } from './settings.ts';

/** Reads a file of the host by its path; null when the snapshot does not have it. */
export type ReadFile = (path: string) => { readonly file: string; readonly text: string } | null;

/**
 * Reads a command line (`/proc/PID/cmdline` with spaces between the words).
 *
 * @param line where the command line stands in `file`, from 1
 */
function parseCommandLine(text: string, file: string, line: number): Parsed<Dnsmasq> {
  const problems: Problem[] = [];
  const draft = emptyDnsmasq();
  for (const { name, value, column, word } of settingsOf(wordsOf(text))) {
    applySetting(draft, name, value, { file, line, column, text: word, problems });
  }
  return { value: draft, problems };
}

interface Word {
  readonly word: string;
  readonly column: number;
}

/** getopt_long(3): `--NAME=VALUE`, `--NAME VALUE`, `-LVALUE`, `-L VALUE`. */
function settingsOf(
  words: readonly Word[],
): readonly (Word & { readonly name: string; readonly value: string | null })[] {
  const settings: (Word & { readonly name: string; value: string | null })[] = [];
  for (const { word, column } of words) {
    const [, long, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const [, letter, behind] = /^-([A-Za-z0-9])(.*)$/s.exec(word) ?? [];
    const last = settings.at(-1);
    if (long !== undefined) settings.push({ name: long, value: value ?? null, word, column });
    else if (letter !== undefined) {
      const own = behind === undefined || behind === '' ? null : behind;
      settings.push({ name: longName(letter), value: own, word, column });
    } else if (last !== undefined && last.value === null) last.value = word;
  }
  return settings;
}

/** The words behind the program's name. */
function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/\S+/g)) {
    words.push({ word: match[0], column: match.index + 1 });
  }
  return words.slice(1);
}

/** Reads a configuration file. */
export function parseConfiguration(text: string, file: string): Parsed<Dnsmasq> {
  const draft = emptyDnsmasq();
  return { value: draft, problems: readConfiguration(draft, text, file) };
}

function readConfiguration(draft: Draft, text: string, file: string): readonly Problem[] {
  const { lines, problems } = linesOf(file, text);
  for (const [index, line] of lines.entries()) {
    const setting = line.replace(/(^|\s)#.*$/, '').trim();
    if (setting === '') continue;
    const [name = '', ...rest] = setting.split('=');
    const value = rest.length === 0 ? null : rest.join('=').trim();
    applySetting(draft, name.trim(), value, {
      file,
      line: index + 1,
      column: 1,
      text: line,
      problems,
    });
  }
  return problems;
}

/** Prints a configuration file that dnsmasq reads as the same settings. */
export function printConfiguration(config: Dnsmasq): string {
  return printSettings(config)
    .map((setting) => `${setting}\n`)
    .join('');
}

/** Configuration files within configuration files. */
const DEEPEST = 8;

/** A running dnsmasq: its command line with everything that the files it names add. */
export function openDnsmasq(
  commandLine: { readonly text: string; readonly file: string; readonly line: number },
  read: ReadFile,
): Parsed<Dnsmasq> {
  const { text, file, line } = commandLine;
  const { value, problems } = parseCommandLine(text, file, line);
  const draft: Draft = { ...value };
  const all: Problem[] = [...problems];
  const opened = new Set<string>(['/dev/null', '']);
  for (let depth = 0; depth < DEEPEST; depth++) {
    const path = draft.files.configuration.find((one) => !opened.has(one));
    if (path === undefined) break;
    opened.add(path);
    const source = read(path);
    if (source !== null) all.push(...readConfiguration(draft, source.text, source.file));
  }
  const take = <T>(
    paths: readonly string[],
    parse: (text: string, file: string) => Parsed<readonly T[]>,
  ): readonly T[] =>
    paths.flatMap((path) => {
      const source = read(path);
      if (source === null) return [];
      const parsed = parse(source.text, source.file);
      all.push(...parsed.problems);
      return parsed.value;
    });
  draft.hosts = [...draft.hosts, ...take(draft.files.hosts, parseHostsFile)];
  draft.options = [...draft.options, ...take(draft.files.options, parseOptionsFile)];
  const { leases } = draft.files;
  draft.leases = take(leases === null ? [] : [leases], parseLeases);
  return { value: draft, problems: all };
}

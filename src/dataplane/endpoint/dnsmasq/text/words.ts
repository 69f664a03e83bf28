/** Pieces of dnsmasq's comma lists: tags, lease times, addresses in brackets. */
import { readIp } from '../../../../text/address-text.ts';
import { type Problem } from '../../../../text/problem.ts';
import { nearest } from '../../../../text/suggest.ts';
import { type IpAddress } from '../../../routing/types.ts';
import { type Tag } from '../types.ts';

/** A place in a file for problems. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** Column of the first character of `text`. */
  readonly column: number;
  readonly text: string;
  readonly problems: Problem[];
}

const MOST_PROBLEMS = 100;

/** Records that `word` of the place's text was not understood. */
export function complain(
  place: Place,
  word: string,
  message: string,
  known: Iterable<string> = [],
): void {
  const { file, line, column, text, problems } = place;
  if (problems.length >= MOST_PROBLEMS) return;
  const hint = nearest(word, known);
  problems.push({
    file,
    line,
    column: column + Math.max(0, text.indexOf(word)),
    text: word.slice(0, 200),
    message,
    ...(hint === undefined ? {} : { didYouMean: hint }),
  });
}

/** Splits at commas outside of double quotes; quotes are kept. */
export function splitCommas(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

/** `tag:NAME`, `tag:!NAME` and the old `net:NAME`; undefined for another word. */
export function readTag(word: string): Tag | undefined {
  const match = /^(?:tag|net):([!#]?)(.+)$/.exec(word);
  return match === null ? undefined : { name: match[2] ?? '', not: match[1] !== '' };
}

export function writeTag({ name, not }: Tag): string {
  return `tag:${not ? '!' : ''}${name}`;
}

/** The name behind `set:`; undefined for another word. */
export function readSet(word: string): string | undefined {
  return word.startsWith('set:') ? word.slice('set:'.length) : undefined;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86400],
  ['w', 604800],
]);

/** `86400s`, `12h`, `infinite` (null); undefined for another word. */
export function readLeaseTime(word: string): number | null | undefined {
  if (word === 'infinite') return null;
  const match = /^(\d{1,10})([smhdw]?)$/i.exec(word);
  if (match === null) return undefined;
  return Number(match[1]) * (UNITS.get((match[2] ?? '').toLowerCase()) ?? 1);
}

export function writeLeaseTime(seconds: number | null): string {
  return seconds === null ? 'infinite' : `${seconds}s`;
}

/** An address; an IPv6 address may stand in brackets. */
export function readAddress(word: string): IpAddress | undefined {
  const inside = /^\[(.*)\]$/.exec(word);
  const address = readIp(inside?.[1] ?? word);
  return inside !== null && address?.version !== 6 ? undefined : address;
}

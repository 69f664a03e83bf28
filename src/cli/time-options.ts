/** Options about virtual time, the same for every command that lets it go on. */
import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { ms: 1e3, s: 1e6, min: 6e7 };

/** A length of time in microseconds. */
export function timeOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min)$/.exec(text);
  const unit = UNITS[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw new InvalidArgumentError('a time is written as 60s, 500ms or 2min');
  }
  return Math.round(Number(match[1]) * unit);
}

/** A moment as seconds since 1970; without a zone it is taken for UTC, as rules take theirs. */
export function momentOf(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  const [, day, hours = '00:00', zone = 'Z'] = match ?? [];
  const moment_ms = Date.parse(`${day}T${hours}${zone}`);
  if (match === null || Number.isNaN(moment_ms)) {
    throw new InvalidArgumentError('a moment is written as 2024-02-29T13:30');
  }
  return moment_ms / 1000;
}

/** Collects an option that may be given more than once. */
export function gathered(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}

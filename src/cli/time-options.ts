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

/** Collects an option that may be given more than once. */
export function gathered(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}

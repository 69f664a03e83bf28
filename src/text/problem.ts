/**
 * What every reader of text gives back: a value as far as the text was understood,
 * and every place where it was not. Parsers never throw and never skip.
 */

/** Where a thing was read: printed as `file:line`. */
export interface Origin {
  readonly file: string;
  /** 1 for the first line; 0 when the thing does not stand on a line of its own. */
  readonly line: number;
}

/** One place in the input that was not understood, or was understood and is wrong. */
export interface Problem {
  readonly file: string;
  /** 1 for the first line. */
  readonly line: number;
  /** 1 for the first byte of the line. */
  readonly column: number;
  /** The offending text, as it stands in the file (not escaped, cut to 200 characters). */
  readonly text: string;
  /** What is wrong, as a sentence without the position. */
  readonly message: string;
  /** What was probably meant, when something near is known. */
  readonly didYouMean?: string;
  /** The statement stays as opaque, so that whoever meets it knows; otherwise it may be lost. */
  readonly kept?: true;
}

/** A value and everything that was wrong with its text. */
export interface Parsed<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

/** One line a person can act on; the caller escapes it for its own output. */
export function problemLine(problem: Problem): string {
  const hint = problem.didYouMean === undefined ? '' : ` (did you mean ${problem.didYouMean}?)`;
  const text = problem.text === '' ? '' : `: ${problem.text}`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}${text}${hint}`;
}

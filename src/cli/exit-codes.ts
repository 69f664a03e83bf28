/** Exit codes of every command: the shape of grep and diff, so that scripts can rely on them. */
import { forTerminal } from '../text/escape.ts';

export const EXIT = {
  /** The asked thing holds. */
  yes: 0,
  /** It does not hold. */
  no: 1,
  /** Usage, configuration or input is wrong. */
  usage: 2,
  /** Undetermined or ambiguous: never a pass. */
  unsure: 3,
  /** A bug of hopwise. */
  bug: 70,
  /** Ended by Ctrl-C (128 + SIGINT). */
  interrupted: 130,
} as const;

/** Exit codes of `hopwise apply`, as of `terraform plan -detailed-exitcode`. */
export const APPLY_EXIT = {
  nothing: 0,
  wrong: 1,
  changes: 2,
  refused: 3,
  rolledBack: 4,
  hands: 5,
} as const;

/**
 * A wrong input that a person can correct: the message says where and what. Further lines stand
 * below it; each is escaped here, as names and words of others may stand in them.
 */
export class UsageError extends Error {
  constructor(message: string, ...details: readonly string[]) {
    super([message, ...details].map(forTerminal).join('\n'));
  }
}

/** Exit codes of every command: the shape of grep and diff, so that scripts can rely on them. */
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
} as const;

/** A wrong input that a person can correct: the message says where and what. */
export class UsageError extends Error {
  readonly exitCode = EXIT.usage;
}

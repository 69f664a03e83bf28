/** A broken assumption of our own is a bug and crashes with a sentence; a user's input never does. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(`assumption broken: ${sentence}`);
}

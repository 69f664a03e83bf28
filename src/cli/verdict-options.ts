/** What a verdict is measured by, and the exit code it gives: for commands that ask about one packet. */
import { type Command, Option } from 'commander';
import { type Trace } from '../trace/types.ts';
import { EXIT } from './exit-codes.ts';

export interface VerdictFlags {
  readonly expect?: 'reachable' | 'unreachable';
  readonly allowUndetermined?: readonly string[];
}

/** Adds the options that say which verdict is a success. */
export function addVerdictOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--expect <verdict>', 'exit 0 when it is so').choices([
        'reachable',
        'unreachable',
      ]),
    )
    .option(
      '--allow-undetermined <codes...>',
      'exit 0 although unsure, when only these reasons make it so',
    );
}

/** Unsure is a failure unless every reason for it was allowed by name. */
export function exitCode(trace: Trace, { expect, allowUndetermined = [] }: VerdictFlags): number {
  const { verdict, blockers, unmodelled } = trace;
  if (verdict === 'AMBIGUOUS' || verdict === 'UNDETERMINED') {
    const codes = [...blockers, ...unmodelled].map(({ code }) => code);
    const allowed = codes.length > 0 && codes.every((code) => allowUndetermined.includes(code));
    return allowed ? EXIT.yes : EXIT.unsure;
  }
  const wanted = expect === 'unreachable' ? 'UNREACHABLE' : 'REACHABLE';
  return verdict === wanted ? EXIT.yes : EXIT.no;
}

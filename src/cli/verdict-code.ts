/** The exit code of a verdict, for commands that ask about one packet. */
import { type Trace } from '../trace/types.ts';
import { EXIT } from './exit-codes.ts';

/** Unsure is a failure unless every reason for it was allowed by name. */
export function exitCode(
  trace: Trace,
  {
    expect,
    allowUndetermined = [],
  }: {
    readonly expect?: 'reachable' | 'unreachable';
    readonly allowUndetermined?: readonly string[];
  },
): number {
  const { verdict, blockers, unmodelled } = trace;
  if (verdict === 'AMBIGUOUS' || verdict === 'UNDETERMINED') {
    const codes = [...blockers, ...unmodelled].map(({ code }) => code);
    const allowed = codes.length > 0 && codes.every((code) => allowUndetermined.includes(code));
    return allowed ? EXIT.yes : EXIT.unsure;
  }
  const wanted = expect === 'unreachable' ? 'UNREACHABLE' : 'REACHABLE';
  return verdict === wanted ? EXIT.yes : EXIT.no;
}

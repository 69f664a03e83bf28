/** How a run of `hopwise apply` ended: a line for a person, a code for a script. */
import { type RunResult } from '../apply/execute/run.ts';
import { forTerminal } from '../text/escape.ts';

/** Exit codes of apply, as of `terraform plan -detailed-exitcode`. */
export const APPLY_EXIT = { nothing: 0, changes: 2, refused: 3, rolledBack: 4, hands: 5 } as const;

export function resultLine(result: RunResult): string {
  switch (result.kind) {
    case 'done':
      return `✓ done, transaction ${result.transaction}`;
    case 'held':
      return `? everything stands and waits: hopwise apply confirm ${result.transaction}`;
    case 'refused':
      return forTerminal(`✗ refused: ${result.why}`);
    case 'rolled-back':
      return forTerminal(`✗ rolled back, transaction ${result.transaction}: ${result.why}`);
    case 'needs-hands':
      return forTerminal(`✗ needs hands, transaction ${result.transaction}: ${result.why}`);
  }
}

export function exitCode({ kind }: RunResult): number {
  const codes = {
    done: APPLY_EXIT.nothing,
    held: APPLY_EXIT.nothing,
    refused: APPLY_EXIT.refused,
    'rolled-back': APPLY_EXIT.rolledBack,
    'needs-hands': APPLY_EXIT.hands,
  } as const;
  return codes[kind];
}

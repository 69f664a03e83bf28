/** How a run of `hopwise apply` ended: a line for a person, a code for a script. */
import { type RunResult } from '../apply/execute/run.ts';
import { forTerminal } from '../text/escape.ts';
import { APPLY_EXIT } from './exit-codes.ts';

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

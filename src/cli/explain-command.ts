/** `hopwise explain CODE`: what a reason code means and what helps. */
import { type Command } from 'commander';
import { REASONS, type ReasonRow } from '../reasons/codes.ts';
import { nearest } from '../text/suggest.ts';
import { UsageError } from './exit-codes.ts';

/** Adds the command to the tree. */
export function addExplain(root: Command): void {
  root
    .command('explain')
    .description('say what a reason code means; without a code, list them all')
    .argument('[code]', 'a reason code, e.g. SG_NO_MATCHING_RULE')
    .action((code: string | undefined) => {
      process.stdout.write(code === undefined ? catalogue() : explanation(code));
    });
}

function catalogue(): string {
  const rows = Object.entries<ReasonRow>(REASONS);
  const width = Math.max(...rows.map(([code]) => code.length));
  return rows.map(([code, { sentence }]) => `${code.padEnd(width)}  ${sentence}\n`).join('');
}

function explanation(word: string): string {
  const code = word.toUpperCase();
  const row = Object.entries<ReasonRow>(REASONS).find(([name]) => name === code)?.[1];
  if (row === undefined) {
    const near = nearest(code, Object.keys(REASONS));
    const hint = near === undefined ? '' : ` Did you mean ${near}?`;
    throw new UsageError(`there is no reason code ${JSON.stringify(word)}.${hint}`);
  }
  return `${code}\n  ${row.sentence}\n  fix: ${row.fix ?? 'no fix known'}\n`;
}

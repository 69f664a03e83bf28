/** What was found, in one line: the same in every report. */
import { witnessText } from '../../proof/text.ts';
import { type Checked, type Property } from '../types.ts';

/** What is wrong with one pair, rule or place. */
export function sentenceOf({ subject, because, witness }: Checked): string {
  const example = witness === null ? '' : ` (for example ${witnessText(witness)})`;
  return because.length === 0 ? subject : `${subject}: ${because.join('; ')}${example}`;
}

/** The same with what blocks packets and helps, in lines below it. */
export function adviceOf(each: Checked): string {
  return [sentenceOf(each), ...(each.advice ?? [])].join('\n');
}

/** The kind of a property as other tools group by it: `arrives`, `no-loops`. */
export function ruleOf(property: Property): string {
  switch (property.kind) {
    case 'reach':
      return `arrives-${property.claim}`;
    case 'invariant':
      return property.invariant;
    default:
      return property.kind;
  }
}

export const LEVELS = { fails: 'error', unsure: 'warning', holds: 'note' } as const;

/** How many hold, fail, and are not known. */
export function countsOf(checked: readonly Checked[]): Readonly<Record<Checked['holds'], number>> {
  const counts = { holds: 0, fails: 0, unsure: 0 };
  for (const { holds } of checked) counts[holds]++;
  return counts;
}

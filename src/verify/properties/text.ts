/** Checked properties as a person reads them: one line for what holds, two for what does not. */
import { forTerminal } from '../../text/escape.ts';
import { type Page } from '../../trace/render/style.ts';
import { sentenceOf } from './reports.ts';
import { type Checked } from './types.ts';

const MARKS = {
  holds: ['✓', 'good'],
  fails: ['✗', 'bad'],
  unsure: ['?', 'unsure'],
} as const;

/** The lines of a check; names of tenants are escaped. */
export function checkedLines(
  file: string,
  checked: readonly Checked[],
  { style }: Page,
): readonly string[] {
  const lines = checked.map((each) => {
    const { property, holds, from, to } = each;
    const [mark, colour] = MARKS[holds];
    const title = `${style(colour, mark)} ${forTerminal(property.name)}`;
    if (holds === 'holds') return `${title}  ${style('dim', forTerminal(`${from} → ${to}`))}`;
    const place = style('dim', `${forTerminal(file)}:${property.line}`);
    return `${title}  ${place}\n    ${forTerminal(sentenceOf(each))}`;
  });
  const held = checked.filter(({ holds }) => holds === 'holds').length;
  return [...lines, `${held} of ${checked.length} hold`];
}

/** Checked properties as a person reads them: one line for what holds, two for what does not. */
import { forTerminal } from '../../text/escape.ts';
import { type Page } from '../../trace/render/style.ts';
import { type CoverageReport } from './coverage.ts';
import { sentenceOf } from './reports/sentence.ts';
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
  coverage: CoverageReport | null,
  { style }: Page,
): readonly string[] {
  const lines = checked.map((each) => {
    const { property, holds, subject } = each;
    const [mark, colour] = MARKS[holds];
    const title = `${style(colour, mark)} ${forTerminal(property.name)}`;
    if (holds === 'holds') return `${title}  ${style('dim', forTerminal(subject))}`;
    const place = style('dim', `${forTerminal(file)}:${property.line}`);
    return `${title}  ${place}\n    ${forTerminal(sentenceOf(each))}`;
  });
  const held = checked.filter(({ holds }) => holds === 'holds').length;
  const covered = coverage === null ? [] : coverageLines(coverage, style);
  return [...lines, ...covered, `${held} of ${checked.length} hold`];
}

/** Rules that are named as never asked. */
const MOST_RULES = 10;

function coverageLines(coverage: CoverageReport, style: Page['style']): readonly string[] {
  const { rules, exercised, share_percent, never } = coverage;
  const shown = never.slice(0, MOST_RULES);
  const rest = never.length - shown.length;
  return [
    `coverage  ${exercised} of ${rules} rules, ${share_percent} % of their matches`,
    ...shown.map(({ place, text, origin }) => {
      const at = style('dim', `${forTerminal(origin.file)}:${origin.line}`);
      return `  never asked  ${forTerminal(place)}  ${forTerminal(text)}  ${at}`;
    }),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

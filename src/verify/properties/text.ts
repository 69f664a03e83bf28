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

/** Pairs, rules or places of one property that are named where they hold. */
const MOST_HELD = 8;

/** The lines of a check; names of tenants are escaped. */
export function checkedLines(
  file: string,
  checked: readonly Checked[],
  coverage: CoverageReport | null,
  { style }: Page,
): readonly string[] {
  const lines: string[] = [];
  const holding = new Map<Checked['property'], number>();
  for (const each of checked) {
    const { property, holds, subject } = each;
    const [mark, colour] = MARKS[holds];
    const title = `${style(colour, mark)} ${forTerminal(property.name)}`;
    if (holds === 'holds') {
      const count = (holding.get(property) ?? 0) + 1;
      holding.set(property, count);
      if (count <= MOST_HELD) lines.push(`${title}  ${style('dim', forTerminal(subject))}`);
      continue;
    }
    const place = style('dim', `${forTerminal(file)}:${property.line}`);
    const told = [sentenceOf(each), ...(each.advice ?? []).map((line) => `  ${line}`)];
    lines.push(`${title}  ${place}`, ...told.map((line) => `    ${forTerminal(line)}`));
  }
  for (const [{ name }, count] of holding) {
    const more = count - MOST_HELD;
    if (more > 0) lines.push(`${style('good', '✓')} ${forTerminal(name)}  and ${more} more`);
  }
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

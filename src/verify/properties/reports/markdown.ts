/** Markdown for people: the summary of a workflow, a comment on a change. */
import { forMarkdown } from '../../../text/escape.ts';
import { type CoverageReport } from '../coverage.ts';
import { type Checked } from '../types.ts';
import { countsOf, sentenceOf } from './sentence.ts';

const WORDS = { holds: '✓ holds', fails: '✗ fails', unsure: '? undetermined' } as const;
/** Findings that are written out of each property. */
const MOST = 20;

/** A title, a table of the properties, and what is wrong with them. */
export function markdownText(
  file: string,
  checked: readonly Checked[],
  coverage: CoverageReport | null,
): string {
  const counts = countsOf(checked);
  const lines = [
    `## hopwise check ${forMarkdown(file)}`,
    '',
    `${counts.fails} failed, ${counts.unsure} undetermined, ${counts.holds} held`,
    '',
    '| property | answer | checked |',
    '|---|---|---|',
  ];
  const byProperty = new Map<Checked['property'], Checked[]>();
  for (const each of checked) {
    const list = byProperty.get(each.property) ?? [];
    byProperty.set(each.property, list);
    list.push(each);
  }
  for (const [property, list] of byProperty) {
    const own = countsOf(list);
    const answer = own.fails > 0 ? 'fails' : own.unsure > 0 ? 'unsure' : 'holds';
    lines.push(`| ${forMarkdown(property.name)} | ${WORDS[answer]} | ${list.length} |`);
  }
  for (const [property, list] of byProperty) {
    const wrong = list.filter(({ holds }) => holds !== 'holds');
    if (wrong.length === 0) continue;
    lines.push('', `### ${forMarkdown(property.name)}`, '');
    for (const each of wrong.slice(0, MOST)) {
      lines.push(`- ${each.holds === 'fails' ? '✗' : '?'} ${forMarkdown(sentenceOf(each))}`);
      lines.push(...(each.advice ?? []).map((line) => `  - ${forMarkdown(line)}`));
    }
    if (wrong.length > MOST) lines.push(`- and ${wrong.length - MOST} more`);
  }
  if (coverage !== null) {
    const { exercised, rules, share_percent } = coverage;
    lines.push('', `Coverage: ${exercised} of ${rules} rules, ${share_percent} % of their matches`);
  }
  return `${lines.join('\n')}\n`;
}

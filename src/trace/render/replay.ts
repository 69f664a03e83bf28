/** A replay as text: every disagreement with its trace, then what was not asked, then the sums. */
import { forTerminal } from '../../text/escape.ts';
import { type ReplayRun } from '../replay-run.ts';
import { packetText, shortLines } from './short.ts';
import { type Page } from './style.ts';

type Disagreement = ReplayRun['probes'][number];

/** All lines, without the final newline. */
export function replayLines(
  { probes, totals, notAsked }: ReplayRun,
  { withTraces }: { readonly withTraces: boolean },
  page: Page,
): readonly string[] {
  const lines = probes
    .filter(({ agrees }) => !agrees)
    .flatMap((probe) => disagreementLines(probe, withTraces, page));
  const reasons = new Map<string, number>();
  for (const { why } of notAsked) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  for (const [why, count] of reasons) lines.push(`${count} not asked: ${forTerminal(why)}`);
  const { agree, disagree, skipped } = totals;
  const sums = `probes: ${agree} agree, ${disagree} disagree, ${skipped} not asked`;
  return [...lines, page.style(disagree === 0 ? 'good' : 'bad', sums)];
}

function disagreementLines(
  { index, differs, record, trace }: Disagreement,
  withTraces: boolean,
  page: Page,
): readonly string[] {
  const packet = trace === null ? record.protocol : packetText(trace.question.packet);
  const { phase, from, to, fate } = record;
  const asked = `${index} [${phase}] ${from} → ${to} ${packet}: differs in ${differs.join(', ')}`;
  const lines = [
    `${page.style('bad', '✗')} ${forTerminal(asked)}`,
    `    recorded ${forTerminal(JSON.stringify(fate))}`,
  ];
  if (!withTraces || trace === null) return lines;
  const context = { snapshot: '', took_ms: null, withReply: true, everything: false };
  const inside: Page = { ...page, width: page.width - 4 };
  return [...lines, ...shortLines(trace, context, inside).map((line) => `    ${line}`)];
}

/** The long form: every step of every hop with its source line, and how the header changed. */
import { forTerminal } from '../../text/escape.ts';
import { changedFields } from '../header.ts';
import { type HeaderView, type Hop, type Journey } from '../types.ts';
import { stepText } from './step-text.ts';
import { type Style } from './style.ts';

/** All steps of a journey, hop by hop. */
export function verboseLines(title: string, journey: Journey, style: Style): readonly string[] {
  const lines = [style('strong', title)];
  for (const [i, hop] of journey.hops.entries()) lines.push(...hopLines(hop, i + 1, style));
  const { end } = journey;
  lines.push(
    end.kind === 'delivered'
      ? `  delivered to ${forTerminal(end.to)} in ${forTerminal(end.namespace)} on ${forTerminal(end.host)}`
      : `  dropped at ${forTerminal(end.where)} on ${forTerminal(end.host)}: ${end.code}`,
  );
  return lines;
}

function hopLines(hop: Hop, n: number, style: Style): readonly string[] {
  const into = hop.input === null ? 'made here' : `in ${forTerminal(hop.input)}`;
  const out = hop.output === null ? '' : `, out ${forTerminal(hop.output)}`;
  const title = `${n}. ${forTerminal(hop.host)} ${forTerminal(hop.device)} (${hop.stage}): ${into}${out}`;
  const lines = ['', style('strong', title), `   ${style('dim', headerText(hop.before))}`];
  let header = hop.before;
  for (const { step, header: now } of hop.steps) {
    lines.push(...changeLines(header, now, style));
    header = now;
    const { text, origin, ambiguous } = stepText(step);
    const place =
      origin === null ? '' : style('dim', `  ${forTerminal(origin.file)}:${origin.line}`);
    lines.push(`   ${forTerminal(text)}${place}`);
    for (const other of ambiguous ?? []) {
      lines.push(`   ${style('unsure', 'undefined, may win as well:')} ${forTerminal(other)}`);
    }
  }
  lines.push(...changeLines(header, hop.after, style));
  return lines;
}

function changeLines(before: HeaderView, after: HeaderView, style: Style): readonly string[] {
  const changed = changedFields(before, after);
  if (changed.length === 0) return [];
  const text = changed.map((one) => `${one.field} ${one.before} → ${one.after}`).join(', ');
  return [`     ${style('dim', forTerminal(text))}`];
}

function headerText(header: HeaderView): string {
  return Object.entries(header)
    .map(([name, value]) => `${name}=${forTerminal(value)}`)
    .join(' ');
}

/** The long form: every step of every hop with its source line, and how the header changed. */

import { REASONS } from '../../reasons/codes.ts';
import { forTerminal } from '../../text/escape.ts';
import { changedFields, isOnTheWire } from '../header.ts';
import { type HeaderView, type Hop, type Journey, type Trace } from '../types.ts';
import { joined, placeOf, prose } from './layout.ts';
import { stepText } from './step-text.ts';
import { type Page } from './style.ts';

/** Both ways of a trace step by step, then what was taken for granted, with its codes. */
export function verboseLines(trace: Trace, page: Page): readonly string[] {
  const lines: string[] = [];
  if (trace.request !== null) lines.push('', ...wayLines('request', trace.request, page));
  if (trace.reply !== null) lines.push('', ...wayLines('reply', trace.reply, page));
  if (trace.assumptions.length > 0) {
    lines.push('', page.style('strong', 'assumed'));
    for (const { code, detail } of trace.assumptions) {
      lines.push(...prose('', `${code}: ${REASONS[code].sentence} ${detail}`, page));
    }
  }
  return lines;
}

function wayLines(title: string, journey: Journey, page: Page): readonly string[] {
  const lines = [page.style('strong', title)];
  for (const [i, hop] of journey.hops.entries()) lines.push(...hopLines(hop, i + 1, page));
  const { end } = journey;
  const text =
    end.kind === 'delivered'
      ? `delivered to ${end.to} in ${end.namespace} on ${end.host}`
      : `dropped at ${end.where} on ${end.host}: ${end.code}`;
  lines.push('', `  ${page.style(end.kind === 'delivered' ? 'good' : 'bad', forTerminal(text))}`);
  return lines;
}

function hopLines(hop: Hop, n: number, page: Page): readonly string[] {
  const name = hop.label === null ? hop.device : `${hop.label} = ${hop.device}`;
  const into = hop.input === null ? 'made here' : `in ${hop.input}`;
  const out = hop.output === null ? '' : `, out ${hop.output}`;
  const title = forTerminal(`${n}. ${hop.host}  ${name} (${hop.stage}): ${into}${out}`);
  const lines = ['', page.style('strong', title), ...headerLines('before', hop.before, page)];
  let header = hop.before;
  for (const { step, header: now } of hop.steps) {
    lines.push(...changeLines(header, now, page));
    header = now;
    const { text, origin, depth, ambiguous } = stepText(step);
    const place = origin === null ? '' : page.style('dim', `  ${placeOf(origin)}`);
    lines.push(`   ${depth === 0 ? '' : '    '}${forTerminal(text)}${place}`);
    for (const other of ambiguous ?? []) {
      lines.push(
        `    ${page.style('unsure', 'undefined, may win as well:')} ${forTerminal(other)}`,
      );
    }
  }
  lines.push(...changeLines(header, hop.after, page), ...headerLines('after', hop.after, page));
  return lines;
}

function changeLines(before: HeaderView, after: HeaderView, page: Page): readonly string[] {
  const changed = changedFields(before, after);
  if (changed.length === 0) return [];
  const parts = changed.map((one) => forTerminal(`${one.field} ${one.before} → ${one.after}`));
  return joined(parts, ', ', page.width - 12).map((line) => `          ${page.style('dim', line)}`);
}

function headerLines(label: string, header: HeaderView, page: Page): readonly string[] {
  const parts = Object.entries(header)
    .filter(([name]) => isOnTheWire(name))
    .map(([name, value]) => forTerminal(`${name}=${value}`));
  return joined(parts, ' ', page.width - 11).map((line, i) => {
    return `   ${page.style('dim', `${(i === 0 ? label : '').padEnd(8)}${line}`)}`;
  });
}

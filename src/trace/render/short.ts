/** The short form of a trace: verdict first, then the path per host, then why. */
import { REASONS } from '../../reasons/codes.ts';
import { forTerminal, shortened } from '../../text/escape.ts';
import { formatAddress } from '../ends.ts';
import {
  type Blocker,
  type Hop,
  type Journey,
  type NearMiss,
  type PacketQuestion,
  type Trace,
  type TraceEnd,
} from '../types.ts';
import { pathOf } from './path.ts';
import { type Style } from './style.ts';

/** What the header line says beside the verdict. */
export interface ShortContext {
  readonly snapshot: string;
  /** Time the trace took, in milliseconds; null leaves it out. */
  readonly took_ms: number | null;
  /** Show the way of the answer as well. */
  readonly withReply: boolean;
}

const MARKS = { REACHABLE: '✓', UNREACHABLE: '✗', AMBIGUOUS: '?', UNDETERMINED: '?' } as const;

/** All lines, without the final newline. */
export function shortLines(trace: Trace, context: ShortContext, style: Style): readonly string[] {
  const lines = [headline(trace, context, style)];
  if (trace.request !== null) lines.push(...journeyLines(trace.request, style));
  lines.push(...replyLines(trace, context, style));
  for (const blocker of trace.blockers) lines.push(...blockerLines(blocker, style));
  if (trace.icmpError !== null) {
    const { from, type, code } = trace.icmpError;
    lines.push(row('told', `the sender got ICMP type ${type} code ${code} from ${from}`));
  }
  for (const { code, detail } of trace.unmodelled) {
    lines.push(row('unknown', `${code} ${forTerminal(detail)}`));
  }
  if (trace.assumptions.length > 0) lines.push(assumptionLine(trace, style));
  return lines;
}

function headline(trace: Trace, context: ShortContext, style: Style): string {
  const { from, to, packet } = trace.question;
  const mark =
    trace.verdict === 'REACHABLE' ? 'good' : trace.verdict === 'UNREACHABLE' ? 'bad' : 'unsure';
  const left = `${MARKS[trace.verdict]} ${trace.verdict}`;
  const question = `${endText(from)} → ${endText(to)}  ${packetText(packet)}`;
  const code = trace.blockers[0]?.code;
  const took = context.took_ms === null ? '' : `  ${Math.max(1, Math.round(context.took_ms))} ms`;
  const right = code ?? `snapshot ${forTerminal(context.snapshot)}${took}`;
  return `${style(mark, left)}  ${question}  ${style('dim', right)}`;
}

function endText({ label, address }: TraceEnd): string {
  const name = forTerminal(shortened(label, 60));
  if (address === null) return name;
  const text = formatAddress(address);
  return text === label ? text : `${name} (${text})`;
}

/** `tcp/443`, `icmp, 1400 bytes, DF`. */
export function packetText(packet: PacketQuestion): string {
  const port = packet.destinationPort === null ? '' : `/${packet.destinationPort}`;
  const size = packet.size > 56 ? `, ${packet.size} bytes` : '';
  const flow = packet.flow === null ? '' : ` with ${forTerminal(packet.flow)}`;
  return `${packet.protocol}${port}${size}${packet.dontFragment ? ', DF' : ''}${flow}`;
}

function journeyLines(journey: Journey, style: Style): readonly string[] {
  const lines: string[] = [];
  const width = Math.max(8, ...journey.hops.map(({ host }) => host.length));
  const last = journey.hops.at(-1);
  for (const [host, hops] of byHost(journey.hops)) {
    const ends = hops.at(-1) === last && journey.end.kind === 'dropped';
    const { devices, changes } = pathOf(hops);
    const broken = ends ? ` ${style('bad', `─╳ ${forTerminal(dropText(journey))}`)}` : '';
    lines.push(
      `  ${forTerminal(host).padEnd(width)}  ${devices.map(forTerminal).join(' ─ ')}${broken}`,
    );
    for (const change of changes)
      lines.push(`  ${''.padEnd(width)}    ${style('dim', forTerminal(change))}`);
  }
  return lines;
}

/** Consecutive hops of one host stand on one line. */
function byHost(hops: readonly Hop[]): readonly (readonly [string, readonly Hop[]])[] {
  const groups: [string, Hop[]][] = [];
  for (const hop of hops) {
    const current = groups.at(-1);
    if (current !== undefined && current[0] === hop.host) current[1].push(hop);
    else groups.push([hop.host, [hop]]);
  }
  return groups;
}

function dropText({ end }: Journey): string {
  return end.kind === 'dropped' ? end.where : '';
}

function replyLines(trace: Trace, context: ShortContext, style: Style): readonly string[] {
  if (trace.reply === null) return [];
  if (trace.delivered) {
    const text = `✓ comes back from ${trace.answerFrom ?? 'the destination'}`;
    if (!context.withReply) return [row('reply', style('good', text))];
    return [row('reply', style('good', text)), ...journeyLines(trace.reply, style)];
  }
  return [row('reply', style('bad', '✗ is lost')), ...journeyLines(trace.reply, style)];
}

function blockerLines(blocker: Blocker, style: Style): readonly string[] {
  const lines = blocker.because.map((sentence, i) =>
    row(i === 0 ? 'why' : '', style(i === 0 ? 'strong' : 'dim', forTerminal(sentence))),
  );
  lines.push(row('at', `${forTerminal(blocker.host)}: ${forTerminal(blocker.component)}`));
  if (blocker.evidence !== '') {
    const { origin } = blocker;
    const place =
      origin === null ? '' : `  ${style('dim', `${forTerminal(origin.file)}:${origin.line}`)}`;
    lines.push(row('hit', forTerminal(shortened(blocker.evidence, 300)) + place));
  }
  for (const [i, miss] of blocker.nearMisses.slice(0, 3).entries()) {
    lines.push(row(i === 0 ? 'nearest' : '', nearMissText(miss, style)));
  }
  if (blocker.fix !== null) {
    const { summary, commands } = blocker.fix;
    lines.push(
      ...[summary, ...commands].map((text, i) => row(i === 0 ? 'fix' : '', forTerminal(text))),
    );
  }
  for (const command of blocker.confirm) lines.push(row('check', forTerminal(command)));
  return lines;
}

function nearMissText({ rule, origin, differs }: NearMiss, style: Style): string {
  const why = differs
    .map(({ field, wanted, actual }) => `${field} ${wanted} ≠ ${actual}`)
    .join(', ');
  const place = origin === null ? '' : style('dim', `  ${forTerminal(origin.file)}:${origin.line}`);
  return `${forTerminal(shortened(rule, 160))}  differs: ${forTerminal(why)}${place}`;
}

function assumptionLine({ assumptions }: Trace, style: Style): string {
  const codes = [...new Set(assumptions.map(({ code }) => code))];
  const text = codes.map((code) => `${code}: ${REASONS[code].sentence}`).join(' ');
  return row('assumed', style('dim', text));
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(8)}  ${text}`;
}

/**
 * The short form of a trace, made to fit one screen: the verdict and the cause, the path per host,
 * the evidence, what helps, and what was taken for granted.
 */
import { forTerminal, shortened } from '../../text/escape.ts';
import { problemLine } from '../../text/problem.ts';
import { protocolName } from '../diagnosis/group-rules.ts';
import { formatAddress } from '../ends.ts';
import {
  type Assumption,
  type Blocker,
  type NearMiss,
  type PacketQuestion,
  type Trace,
  type TraceEnd,
} from '../types.ts';
import { contentLines, worldLines } from './content.ts';
import { cited, placeOf, prose, row } from './layout.ts';
import { journeyLines } from './path.ts';
import { type Page } from './style.ts';

/** What the header line says beside the verdict. */
export interface ShortContext {
  readonly snapshot: string;
  /** Time the trace took, in milliseconds; null leaves it out. */
  readonly took_ms: number | null;
  /** Show the way of the answer as well. */
  readonly withReply: boolean;
  /** Show everything that nearly matched and every file that is missing. */
  readonly everything: boolean;
  /** What else was asked, behind the question in the first line. */
  readonly beside?: string;
  /** What stands where a blocker's untried advice would: lines about changes that were tried. */
  readonly insteadOfFix?: (blocker: Blocker) => readonly string[];
}

const MARKS = { REACHABLE: '✓', UNREACHABLE: '✗', AMBIGUOUS: '?', UNDETERMINED: '?' } as const;
/** How many near misses and missing files the short form shows. */
const FEW = 3;

/** All lines, without the final newline. */
export function shortLines(trace: Trace, context: ShortContext, page: Page): readonly string[] {
  const lines = [headline(trace, context, page)];
  const { flow } = trace.question.packet;
  if (flow !== null) lines.push(...prose('with', shortened(flow.text, 300), page, 'dim'));
  for (const blocker of trace.blockers) lines.push(...whyLines(blocker, page));
  for (const { kind, text } of trace.remarks) {
    if (kind === 'warning') lines.push(...prose('warning', text, page, 'unsure'));
  }
  lines.push(...doubtLines(trace, page));
  if (trace.request !== null) {
    lines.push(...journeyLines(trace.request, page));
    for (const { kind, text } of trace.remarks) {
      if (kind === 'allowed') lines.push(...prose('', text, page, 'dim').map(inset));
    }
  }
  lines.push(...replyLines(trace, context, page));
  lines.push(...contentLines(trace, page), ...worldLines(trace, page));
  for (const blocker of trace.blockers) lines.push(...evidenceLines(blocker, context, page));
  if (trace.icmpError !== null) {
    const { from, type, code } = trace.icmpError;
    const meaning = icmpText(type, code);
    lines.push(row('told', `the sender got ICMP type ${type} code ${code}${meaning} from ${from}`));
  }
  lines.push(...unreadLines(trace, context, page));
  lines.push(...missingLines(trace, context, page));
  lines.push(...assumptionLines(trace.assumptions, page));
  return lines;
}

/** Below a device's notes. */
function inset(line: string): string {
  return `  ${line}`;
}

function headline(trace: Trace, context: ShortContext, page: Page): string {
  const { from, to, packet } = trace.question;
  const { verdict } = trace;
  const mark = verdict === 'REACHABLE' ? 'good' : verdict === 'UNREACHABLE' ? 'bad' : 'unsure';
  const left = `${MARKS[verdict]} ${verdict}`;
  const question = `${endShown(from)} → ${endShown(to)}  ${packetText(packet)}${context.beside ?? ''}`;
  const took = context.took_ms === null ? '' : `  ${Math.max(1, Math.round(context.took_ms))} ms`;
  const name = context.snapshot === '' ? '' : `snapshot ${shortened(context.snapshot, 40)}`;
  const right = trace.blockers[0]?.code ?? `${forTerminal(name)}${took}`;
  const room = page.width - left.length - question.length - right.length - 2;
  return `${page.style(mark, left)}  ${question}${right === '' ? '' : ' '.repeat(Math.max(2, room)) + page.style('dim', right)}`;
}

function endShown(end: TraceEnd): string {
  return forTerminal(endText(end));
}

/** `a1 (10.0.0.5)`, not escaped. */
export function endText({ label, address }: TraceEnd): string {
  const name = shortened(label, 60);
  if (address === null) return name;
  const text = formatAddress(address);
  return text === label ? text : `${name} (${text})`;
}

/** `tcp/443`, `icmp, 1400 bytes, DF`. */
export function packetText(packet: PacketQuestion): string {
  const port = packet.destinationPort === null ? '' : `/${packet.destinationPort}`;
  const size = packet.size > 56 ? `, ${packet.size} bytes` : '';
  const other = packet.protocol === 'flow' ? packet.flow?.protocol : null;
  const name = typeof other === 'number' ? `ip ${protocolName(other)}` : packet.protocol;
  return `${name}${port}${size}${packet.dontFragment ? ', DF' : ''}`;
}

/** The reasons of a blocker, the cause first. */
export function whyLines({ because }: Blocker, page: Page): readonly string[] {
  return because.flatMap((sentence, i) => {
    return prose(i === 0 ? 'why' : '', sentence, page, i === 0 ? 'strong' : 'dim');
  });
}

/** What makes the verdict unsure: overlapping flows, choices by hash, what was not understood. */
function doubtLines({ unmodelled }: Trace, page: Page): readonly string[] {
  return unmodelled.flatMap(({ code, detail }) => {
    return prose(code.startsWith('AMBIGUOUS') ? 'unsure' : 'unknown', `${code}: ${detail}`, page);
  });
}

function replyLines(trace: Trace, context: ShortContext, page: Page): readonly string[] {
  if (trace.reply === null) return [];
  if (!trace.delivered) {
    return [
      row('reply', page.style('bad', '✗ the answer is lost')),
      ...journeyLines(trace.reply, page),
    ];
  }
  const text = page.style('good', `✓ comes back from ${trace.answerFrom ?? 'the destination'}`);
  return [row('reply', text), ...(context.withReply ? journeyLines(trace.reply, page) : [])];
}

/** The place, the rule that was hit, what was near, what helps and how to see it. */
export function evidenceLines(
  blocker: Blocker,
  context: ShortContext,
  page: Page,
): readonly string[] {
  // The groups stand in the reason already.
  const told = blocker.neutron.filter(
    ({ kind }) => context.everything || kind !== 'security-group',
  );
  const objects = told.map(({ kind, name, id }) => {
    const shown = context.everything && id !== name ? `${name} ${id}` : name;
    return `${kind.replaceAll('-', ' ')} ${shown}`;
  });
  const behind = objects.length === 0 ? '' : ` [${objects.join(', ')}]`;
  const lines = [...prose('at', `${blocker.host}: ${blocker.component}${behind}`, page)];
  if (blocker.evidence !== '') {
    lines.push(...cited('hit', shortened(blocker.evidence, 300), blocker.origin, page));
  }
  const near = context.everything ? blocker.nearMisses : fewest(blocker.nearMisses);
  for (const [i, miss] of near.entries())
    lines.push(nearLine(i === 0 ? 'nearest' : '', miss, page));
  if (context.insteadOfFix !== undefined) lines.push(...context.insteadOfFix(blocker));
  else if (blocker.fix !== null) {
    const { summary, commands } = blocker.fix;
    lines.push(...prose('fix', summary, page));
    for (const command of commands) lines.push(row('', forTerminal(command)));
  }
  for (const [i, command] of blocker.confirm.entries()) {
    lines.push(row(i === 0 ? 'check' : '', forTerminal(command)));
  }
  return lines;
}

/** The messages that a sender meets most (RFC 792, RFC 1812 §5.2.7.1; RFC 4443 §3). */
const ICMP: Readonly<Record<string, string>> = {
  '3/0': 'network unreachable',
  '3/1': 'host unreachable',
  '3/3': 'port unreachable',
  '3/4': 'fragmentation needed',
  '3/9': 'network prohibited',
  '3/10': 'host prohibited',
  '3/13': 'administratively prohibited',
  '11/0': 'TTL exceeded',
  '1/0': 'no route',
  '1/1': 'administratively prohibited',
  '1/3': 'address unreachable',
  '1/4': 'port unreachable',
  '2/0': 'packet too big',
};

function icmpText(type: number, code: number): string {
  const text = ICMP[`${type}/${code}`];
  return text === undefined ? '' : ` (${text})`;
}

/** Neutron's own rules say it better than the flows made of them. */
function fewest(all: readonly NearMiss[]): readonly NearMiss[] {
  const neutrons = all.filter(({ origin }) => origin === null);
  return (neutrons.length > 0 ? neutrons : all).slice(0, FEW);
}

function nearLine(label: string, { rule, origin, differs }: NearMiss, page: Page): string {
  const why = differs
    .map(({ field, wanted, actual }) => `${field} ${wanted} ≠ ${actual}`)
    .join(', ');
  const place = origin === null ? '' : page.style('dim', `  ${placeOf(origin)}`);
  const text = forTerminal(shortened(rule, 160)).padEnd(44);
  return row(label, `${text}  differs: ${forTerminal(shortened(why, 160))}${place}`);
}

/** Where the files of the devices on the way were not understood. */
function unreadLines({ problems }: Trace, context: ShortContext, page: Page): readonly string[] {
  const shown = context.everything ? problems : problems.slice(0, FEW);
  const lines = shown.flatMap((problem, i) => {
    const line = problemLine({ ...problem, text: shortened(problem.text, 60) });
    return prose(i === 0 ? 'unread' : '', shortened(line, 300), page, 'dim');
  });
  const more = problems.length - shown.length;
  return more > 0 ? [...lines, row('', page.style('dim', `and ${more} more (-v)`))] : lines;
}

/** What blocks a packet is known whatever else is missing; what lets it pass is not. */
function missingLines(
  { missing, verdict, blockers }: Trace,
  context: ShortContext,
  page: Page,
): readonly string[] {
  if (verdict === 'UNREACHABLE' && !context.everything) return [];
  const said = blockers.map(({ because }) => because.join(' ')).join(' ');
  const untold = missing.filter(({ file }) => !said.includes(file));
  const shown = context.everything ? untold : untold.slice(0, FEW);
  const lines = shown.flatMap(({ file, consequence }, i) => {
    return prose(i === 0 ? 'missing' : '', `${file}: ${consequence}`, page, 'dim');
  });
  const more = untold.length - shown.length;
  return more > 0 ? [...lines, row('', page.style('dim', `and ${more} more (-v)`))] : lines;
}

const BRIEF: Readonly<Partial<Record<Assumption['code'], string>>> = {
  ASSUME_UNDERLAY_DELIVERS: 'the underlay delivers',
  ASSUME_FRESH_CONNTRACK: 'a new connection',
  ASSUME_HEALTH_CHECK: 'servers that listen are healthy',
  ASSUME_LISTENING: 'somebody listens',
  ASSUME_NEIGHBOUR_ANSWERS: 'a neighbour outside of the snapshot answers',
  ASSUME_OPENFLOW_VERSION: 'OpenFlow 1.0 installed mod_vlan_vid',
  ASSUME_OUTSIDE: 'somebody outside answers',
  ASSUME_SWEPT: 'the ended connection was swept',
  ASSUME_DUMPED_CONNTRACK: 'connections of the dump stand',
};

/** One line for all that was taken for granted; the codes stand in the long form and in JSON. */
function assumptionLines(assumptions: readonly Assumption[], page: Page): readonly string[] {
  if (assumptions.length === 0) return [];
  const codes = [...new Set(assumptions.map(({ code }) => code))];
  const texts = codes.map((code) => BRIEF[code] ?? code);
  return prose('assumed', texts.join(' · '), page, 'dim');
}

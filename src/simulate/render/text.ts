/** A simulation as lines of text: what happened, what was lost and why, how else it may go. */
import { forTerminal } from '../../text/escape.ts';
import { type Page } from '../../trace/render/style.ts';
import { type LossWindow, type ProbeResult, type Simulated } from '../simulation.ts';
import { type EntryKind } from '../timeline.ts';
import { seconds } from '../words.ts';
import { outcomesOf } from './outcomes.ts';

export interface TextWishes {
  /** Short name of the network. */
  readonly name: string;
  readonly until_us: number;
  readonly seed: number;
  /** Every advert, address and announcement. */
  readonly timeline: boolean;
}

/** What everybody wants to see. */
const SHORT: readonly EntryKind[] = ['event', 'role', 'goodbye', 'agent', 'process'];
/** Lines of a short timeline; a longer one is asked for with --timeline. */
const SHORT_LINES = 60;

type Done = Extract<Simulated, { kind: 'simulated' }>;

/** The lines, escaped. */
export function simulationLines(done: Done, wishes: TextWishes, page: Page): readonly string[] {
  const [first] = done.ways;
  if (first === undefined) return [];
  const { name, until_us, seed } = wishes;
  const counts = `${done.instances.length} VRRP instances, ${done.events.length} events`;
  const lines = [`${forTerminal(name)}: ${seconds(until_us)}, ${counts}, seed ${seed}`, ''];
  lines.push(...timelineLines(first.timeline.entries, wishes, page));
  const left = first.timeline.left;
  if (left > 0) lines.push(`  and ${left} more`);
  for (const probe of first.probes) lines.push('', ...probeLines(probe, page));
  lines.push('', 'at the end');
  const masters = [...first.masters];
  for (const [router, hosts] of masters.slice(0, SHORT_LINES)) {
    lines.push(`  ${masterLine(router, hosts, page)}`);
  }
  if (masters.length > SHORT_LINES)
    lines.push(`  and ${masters.length - SHORT_LINES} more routers`);
  lines.push(...otherLines(done, page));
  return lines;
}

function masterLine(router: string, hosts: readonly string[], page: Page): string {
  const who = forTerminal(router);
  if (hosts.length === 0) return `${who} has ${page.style('bad', 'no master')}`;
  if (hosts.length === 1) return `${who} is master on ${forTerminal(hosts[0] ?? '')}`;
  const all = hosts.map(forTerminal).join(' and ');
  return `${who} ${page.style('bad', `is master on ${all} at the same time`)}`;
}

function timelineLines(
  entries: Done['ways'][number]['timeline']['entries'],
  { timeline }: TextWishes,
  page: Page,
): readonly string[] {
  const shown = timeline ? entries : entries.filter(({ kind }) => SHORT.includes(kind));
  const some = timeline ? shown : shown.slice(0, SHORT_LINES);
  const lines = some.map(({ at_us, kind, who, text }) => {
    const when = seconds(at_us).padStart(12);
    const what = forTerminal(text);
    if (kind === 'event') return `${when}  ${page.style('strong', what)}`;
    return `${when}  ${forTerminal(who)} ${what}`;
  });
  const rest = shown.length - some.length;
  if (rest > 0) lines.push(`${''.padStart(14)}and ${rest} more lines (--timeline shows all)`);
  return lines;
}

function probeLines(
  { probe, sent, received, windows }: ProbeResult,
  page: Page,
): readonly string[] {
  const mark = received === sent ? 'good' : 'bad';
  const count = page.style(mark, `${received} of ${sent} came through`);
  return [`probe ${forTerminal(probe.text)}: ${count}`, ...windows.flatMap(windowLines)];
}

function windowLines(window: LossWindow): readonly string[] {
  const { from_us, until_us, lost, causes, event, bounds_us } = window;
  const end = until_us === null ? 'the end' : seconds(until_us);
  const length = until_us === null ? '' : `${seconds(until_us - from_us)}, `;
  const lines = [`  lost from ${seconds(from_us)} to ${end} (${length}${lost} packets)`];
  for (const { code, sentence, since_us } of causes) {
    const since = since_us === from_us ? '' : ` from ${seconds(since_us)} on`;
    lines.push(`    ${code}${since}: ${forTerminal(sentence)}`);
  }
  if (event !== null) lines.push(`    after: ${forTerminal(event.text)}`);
  if (bounds_us !== null) {
    const [least, most] = bounds_us;
    const when =
      least === most ? 'after the goodbye' : 'after the event, by when the last advert was';
    lines.push(`    a takeover comes ${seconds(least)} to ${seconds(most)} ${when}`);
  }
  return lines;
}

function otherLines(done: Done, page: Page): readonly string[] {
  const outcomes = outcomesOf(done.ways);
  if (outcomes.length < 2) {
    const tried = `${done.ways.length} ${done.ways.length === 1 ? 'way of it was' : 'ways of it were'} tried; there are more: --ways tries them`;
    return done.complete ? [] : ['', page.style('unsure', `real routers race: ${tried}`)];
  }
  const all = done.complete ? '' : ', and there are more: --ways tries out more of them';
  const lines = ['', `${page.style('unsure', `${outcomes.length} outcomes are possible`)}${all}`];
  for (const [i, { summary, conditions, ways }] of outcomes.entries()) {
    lines.push(`  ${i + 1}. ${forTerminal(summary)}`);
    const [condition] = conditions;
    if (condition !== undefined) lines.push(`     when ${forTerminal(condition)}`);
    if (ways.length > 1) lines.push(`     and ${ways.length - 1} other ways to the same`);
  }
  return lines;
}

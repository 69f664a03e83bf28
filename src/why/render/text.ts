/** A "why" as text: the short form of the trace, with tried changes, and what stands behind. */
import { forTerminal, shortened } from '../../text/escape.ts';
import { prose, row } from '../../trace/render/layout.ts';
import {
  evidenceLines,
  whyLines as reasons,
  type ShortContext,
  shortLines,
} from '../../trace/render/short.ts';
import { type Page } from '../../trace/render/style.ts';
import { type Blocker } from '../../trace/types.ts';
import { type Change, type Effects, type TriedFix, type Why, type WhyBlocker } from '../types.ts';
import { SMALL } from '../why.ts';

export type WhyContext = Pick<ShortContext, 'snapshot' | 'withReply' | 'everything'>;

/** Effects of one kind that are shown; the rest is counted. */
const FEW = 4;

/** All lines, without the final newline. */
export function whyLines(why: Why, context: WhyContext, page: Page): readonly string[] {
  const { trace, blockers } = why;
  const of = (blocker: Blocker): WhyBlocker | undefined =>
    blockers.find((each) => each.blocker === blocker);
  const insteadOfFix = (blocker: Blocker): readonly string[] => fixLines(of(blocker), page);
  const all: ShortContext = { ...context, took_ms: null, insteadOfFix, beside: besideText(why) };
  return [
    ...shortLines(trace, all, page),
    ...receiverLines(why, page),
    ...blockers.slice(1).flatMap((one, i) => behindLines(one, i + 2, all, page)),
    ...closingLines(why, page),
  ];
}

/** `  (64-byte ping: REACHABLE)`: the same packet without the size that stops it. */
function besideText({ small, trace }: Why): string {
  if (small === null) return '';
  const { protocol } = trace.question.packet;
  const packet = protocol === 'icmp' ? `${SMALL + 8}-byte ping` : `${protocol} of ${SMALL} bytes`;
  return `  (${packet}: ${small})`;
}

/** Who got the packet, or answered it, when that is somebody else. */
function receiverLines({ trace }: Why, page: Page): readonly string[] {
  const { receivedBy, question, delivered } = trace;
  if (receivedBy === null || !trace.requestDelivered) return [];
  if (question.to.kind === 'address' || receivedBy === question.to.label) return [];
  const verb = delivered ? 'answered by' : 'received by';
  return prose('who', `${verb} ${receivedBy}`, page);
}

function behindLines(
  { blocker }: WhyBlocker,
  number: number,
  context: ShortContext,
  page: Page,
): readonly string[] {
  const way = blocker.direction === 'reply' ? ' (the answer)' : '';
  return [
    '',
    `${page.style('bad', `✗ blocker ${number}`)}  ${blocker.code}${way}`,
    ...reasons(blocker, page),
    ...evidenceLines(blocker, context, page),
  ];
}

function fixLines(one: WhyBlocker | undefined, page: Page): readonly string[] {
  if (one === undefined) return prose('fix', 'no fix tried', page, 'dim');
  if (one.noFix !== null) return prose('fix', one.noFix, page, 'dim');
  return one.fixes.flatMap((fix, i) => {
    const { change } = fix;
    return [
      ...prose(i === 0 ? 'fix' : 'or', change.summary, page),
      ...commandLines(change, page),
      ...prose('', triedText(fix), page, fix.verdict === 'REACHABLE' ? 'good' : 'unsure'),
      ...(fix.effects === null ? [] : effectLines(fix.effects, page)),
    ];
  });
}

const PLANNED =
  'CLOUD.yaml is the cloud as wanted, INVENTORY how hosts are reached; the plan is for whole hosts and may hold more than the lines that were simulated:';

/**
 * Commands to copy. A plan is not typed line by line: `hopwise apply` proves what stands between
 * its steps, and goes back by itself; its lines are shown as what they would do.
 */
function commandLines({ kind, commands }: Change, page: Page): readonly string[] {
  if (kind !== 'plan') {
    return commands.map((command) => row('', page.style('strong', forTerminal(command))));
  }
  return [
    row('', page.style('strong', forTerminal(applyCommand(commands)))),
    ...prose('', PLANNED, page, 'dim'),
    ...commands.map((command) =>
      row('', page.style('dim', `what it does: ${forTerminal(bare(command))}`)),
    ),
  ];
}

/** Agents own what is mended, so the plan has to be let. */
function applyCommand(commands: readonly string[]): string {
  const hosts = new Set(commands.flatMap((line) => /^ssh (\S+) /.exec(line)?.[1] ?? []));
  const flags = `-i INVENTORY --host ${[...hosts].join(' ')} --takeover`;
  return `hopwise apply plan CLOUD.yaml ${flags} -o plan.json && hopwise apply run plan.json ${flags}`;
}

/** `HOST: LINE` of `ssh HOST "LINE"`. */
function bare(command: string): string {
  const [, host, line] = /^ssh (\S+) "(.*)"$/s.exec(command) ?? [];
  if (host === undefined || line === undefined) return command;
  return `${host}: ${line.replaceAll(/\\(["$`\\])/g, '$1')}`;
}

function triedText({ verdict, next, settles }: TriedFix): string {
  const stopped = next === null ? '' : `, stopped by ${next}`;
  const then = settles === null ? '' : `; ${settles}`;
  return `simulated with this: ${verdict}${stopped}${then}`;
}

function effectLines(effects: Effects, page: Page): readonly string[] {
  return prose('', effectsText(effects), page, 'dim');
}

/** `nothing more passes; nothing is lost (6 pairs of servers proved)`. */
export function effectsText(effects: Effects): string {
  const { pairs, leftOut, gained, lost, unknown } = effects;
  const some = (list: Effects['gained']): string => {
    const shown = list.slice(0, FEW).map(({ from, to, packets }) => {
      return `${shortened(from, 40)} → ${shortened(to, 40)} ${packets}`;
    });
    const more = list.length - shown.length;
    return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
  };
  const parts = [
    gained.length === 0 ? 'nothing more passes' : `then passes ${some(gained)}`,
    lost.length === 0 ? 'nothing is lost' : `lost: ${some(lost)}`,
    ...(unknown.length === 0 ? [] : [`not known of ${unknown.length}`]),
  ];
  const rest = leftOut === 0 ? '' : `, ${leftOut} not looked at`;
  return `${parts.join('; ')} (${pairs} pairs of servers proved${rest})`;
}

function closingLines(why: Why, page: Page): readonly string[] {
  const { blockers, together, afterAll, openEnd } = why;
  if (blockers.length === 0) return [];
  const lines: string[] = [];
  if (openEnd !== null) lines.push(...prose('then', openEnd, page, 'dim'));
  else if (blockers.length === 1) {
    lines.push(...prose('then', 'no further blocker behind this one', page, 'dim'));
  }
  if (afterAll === null || blockers.length === 1) return lines;
  const needed = together.length;
  const text =
    needed === 0
      ? `with all first fixes: ${afterAll}`
      : `${afterAll} with ${needed === 1 ? 'one change' : `${needed} changes`} together`;
  lines.push('', row('together', text));
  for (const { kind, commands, summary } of together) {
    const shown =
      commands.length === 0 ? [summary] : kind === 'plan' ? [applyCommand(commands)] : commands;
    lines.push(...shown.map((command) => row('', forTerminal(command))));
  }
  return lines;
}

/** What keeps the packets of a proof from arriving: sentences that reports of all kinds take over. */
import { prose } from '../../trace/render/layout.ts';
import { type Page } from '../../trace/render/style.ts';
import { type Blocker } from '../../trace/types.ts';
import { classText } from '../../verify/proof/classes.ts';
import { type Group } from '../../verify/proof/prove.ts';
import { type Blocked } from '../blocked.ts';
import { type WhyBlocker } from '../types.ts';
import { changeJson, effectsJson, whyBlockerJson } from './json.ts';
import { effectsText } from './text.ts';

/** One sentence with the word for what it tells; names of tenants are not escaped yet. */
export interface BlockedLine {
  readonly label: string;
  readonly text: string;
}

/** All sentences, in the order in which packets meet what they tell of. */
export function blockedSentences(blocked: Blocked): readonly BlockedLine[] {
  const { stopped, together, proved, effects, openEnd } = blocked;
  const lines: BlockedLine[] = stopped.flatMap(({ packets, why }) => [
    { label: 'blocked', text: classesText(packets) },
    ...why.blockers.flatMap(blockerSentences),
  ]);
  if (proved !== null) {
    const { reached, missing, unknown } = proved;
    const count = together.length === 1 ? 'one change' : `${together.length} changes together`;
    const outcome = reached
      ? 'proved again: what is asked for arrives'
      : missing === null
        ? `proved again: ${unknown.join('; ')}`
        : `proved again: still missing is ${classesText(missing)}`;
    const what = together.map(({ summary, commands }) =>
      commands.length > 0 ? commands.join('; ') : summary,
    );
    lines.push({ label: 'together', text: `${count}: ${what.join('; ')}` });
    lines.push({ label: '', text: outcome });
  }
  if (effects !== null) lines.push({ label: 'effects', text: effectsText(effects) });
  if (openEnd !== null) lines.push({ label: 'then', text: openEnd });
  return lines;
}

function classesText({ classes }: Group): string {
  return classes.map(classText).join('; ');
}

function blockerSentences({ blocker, fixes, noFix }: WhyBlocker): readonly BlockedLine[] {
  const told: BlockedLine = { label: 'blocker', text: blockerText(blocker) };
  const [best] = fixes;
  if (best === undefined) return [told, { label: 'fix', text: noFix ?? 'none is known' }];
  const { change, verdict, next } = best;
  const then = next === null ? verdict : `${verdict}, stopped by ${next}`;
  return [told, { label: 'fix', text: `${change.summary} (tried: ${then})` }];
}

function blockerText({ code, host, component, origin, because, direction }: Blocker): string {
  const at = origin === null || origin.line === 0 ? '' : ` (${origin.file}:${origin.line})`;
  const way = direction === 'reply' ? ' on the way back' : '';
  const why = because[0] === undefined ? '' : `: ${because[0]}`;
  return `${code}${way} at ${host}, ${component}${at}${why}`;
}

/** The rows of the text that `hopwise prove` writes. */
export function blockedLines(blocked: Blocked, page: Page): readonly string[] {
  return blockedSentences(blocked).flatMap(({ label, text }) => prose(label, text, page));
}

/** The same as data; `schema.ts` describes it. */
export function blockedJson({ stopped, together, proved, effects, openEnd }: Blocked): unknown {
  return {
    stopped: stopped.map(({ packets, why }) => ({
      ...packets,
      verdict: why.trace.verdict,
      blockers: why.blockers.map(whyBlockerJson),
    })),
    together: together.map(changeJson),
    proved,
    effects: effects === null ? null : effectsJson(effects),
    openEnd,
  };
}

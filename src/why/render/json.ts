/** A "why" as JSON; `schema.ts` describes it. Equal answers are equal bytes. */
import { blockerJson, traceJson } from '../../trace/render/json.ts';
import { type Change, type Effects, type TriedFix, type Why, type WhyBlocker } from '../types.ts';

const WHY_VERSION = '1.1';

/** A plain value ready for `JSON.stringify`. */
export function whyJson(why: Why, snapshot: string, toolVersion: string): unknown {
  const { trace, blockers, together, afterAll, openEnd, small } = why;
  return {
    kind: 'Why',
    version: WHY_VERSION,
    verdict: trace.verdict,
    blockers: blockers.map(whyBlockerJson),
    together: together.map(changeJson),
    afterAll,
    openEnd,
    small,
    trace: traceJson(trace, snapshot, toolVersion),
  };
}

export function whyBlockerJson({ blocker, fixes, tried, noFix }: WhyBlocker): unknown {
  return { blocker: withoutAdvice(blockerJson(blocker)), fixes: fixes.map(fixJson), tried, noFix };
}

/** Advice that nobody tried is none here. */
function withoutAdvice(blocker: unknown): unknown {
  return { ...(blocker as Record<string, unknown>), fix: null };
}

function fixJson({ change, verdict, next, settles, effects }: TriedFix): unknown {
  return {
    ...changeJson(change),
    verdict,
    next,
    settles,
    effects: effects === null ? null : effectsJson(effects),
  };
}

export function changeJson({ kind, summary, commands }: Change): Record<string, unknown> {
  return { kind, summary, commands };
}

export function effectsJson({ pairs, leftOut, gained, lost, unknown }: Effects): unknown {
  const list = (all: Effects['gained']): unknown =>
    all.map(({ from, to, packets }) => ({ from, to, packets }));
  return {
    pairs,
    leftOut,
    gained: list(gained),
    lost: list(lost),
    unknown: unknown.map(({ pair: { from, to }, why }) => ({ from, to, why })),
  };
}

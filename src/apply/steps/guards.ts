/**
 * Rules of a host on which some ports come while others leave: whoever comes is guarded before it is
 * plugged in, and whoever leaves until it is unplugged. A chain that both share, like the one which
 * sends packets of each port to that port's own chains, holds the rules of both in between.
 */
import { type Item } from '../types.ts';
import { type Pair } from './pairs.ts';

/** Changes before ports are plugged in, and behind the unplugging of others. */
export interface Guards {
  readonly early: readonly Pair[];
  readonly late: readonly Pair[];
}

/**
 * @param pairs chains, sets and rules of frames of the host's own namespace
 * @param leaving devices that go
 */
export function guardStages(pairs: readonly Pair[], leaving: ReadonlySet<string>): Guards {
  const chains = pairs.flatMap(({ old, to }) =>
    to === null && (old?.kind === 'chain' || old?.kind === 'frames') ? [old.data.chain] : [],
  );
  const gone = goneNames([...leaving, ...chains]);
  const early: Pair[] = [];
  const late: Pair[] = [];
  for (const pair of pairs) {
    const { old, to } = pair;
    if (to === null) late.push(pair);
    else if (old === null) early.push(pair);
    else {
      const both = withGuards(old, to, gone);
      if (both.text !== old.text) early.push({ old, to: both });
      if (both.text !== to.text) late.push({ old: both, to });
    }
  }
  return { early, late };
}

/** A port's devices; its chains are named by one character of its id less. */
const PORT = /^(?:tap|qv[bo]|neutron-[a-z]+-[ios])([0-9a-f]{8}-[0-9a-f])/;

/** Names of what goes, with all that belongs to the same ports. */
function goneNames(names: readonly string[]): (word: string) => boolean {
  const exact = new Set(names);
  const ports = new Set(names.flatMap((name) => PORT.exec(name)?.[1] ?? []));
  return (word) => exact.has(word) || ports.has(PORT.exec(word)?.[1] ?? '');
}

/** The new rules of a chain and those of the old ones that guard what leaves, in their old order. */
function withGuards(old: Item, to: Item, gone: (word: string) => boolean): Item {
  if (old.kind === 'chain' && to.kind === 'chain') {
    const data = { ...to.data, rules: bothRules(old.data.rules, to.data.rules, gone) };
    return { ...to, data, text: JSON.stringify([data.policy, ...data.rules]) };
  }
  if (old.kind === 'frames' && to.kind === 'frames') {
    const data = { ...to.data, rules: bothRules(old.data.rules, to.data.rules, gone) };
    return { ...to, data, text: JSON.stringify([data.policy, ...data.rules]) };
  }
  return to;
}

function bothRules(
  old: readonly string[],
  to: readonly string[],
  gone: (word: string) => boolean,
): readonly string[] {
  const out = [...to];
  let at = 0;
  for (const rule of old) {
    const place = out.indexOf(rule);
    if (place >= 0) at = place + 1;
    // Behind what it stood behind: in front of a rule that takes whatever is left.
    else if (rule.split(' ').some(gone)) out.splice(at++, 0, rule);
  }
  return out;
}

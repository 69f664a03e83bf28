/**
 * Rules that stand alike in many namespaces: agents write the same lines for each router, so a line
 * that was understood once is found again by its text. Before: a line of `iptables-save`; after: its
 * rules with the place where they stand now. What had problems is read anew, and complained of, each time.
 */
import { type Origin } from '../../../text/problem.ts';
import { type Rule } from '../types.ts';

/** What `-A` said without a problem. */
export interface Appended {
  readonly chain: string;
  /** Which names were user chains of the table: with others the line means something else. */
  readonly asked: readonly (readonly [string, boolean])[];
  readonly rules: readonly Rule[];
}

/** What is remembered is small; more different lines than this mean that little repeats. */
const LINES_MAX = 4096;

const remembered = { 4: new Map<string, Appended>(), 6: new Map<string, Appended>() };

/** Remembers what a line said. */
export function noteAppended(version: 4 | 6, line: string, said: Appended): void {
  const lines = remembered[version];
  if (lines.size >= LINES_MAX) lines.clear();
  lines.set(line, said);
}

/**
 * What a line says that was read before, in a table with the same chains as far as the line asks
 * for them; null for any other.
 */
export function appendedAgain(
  version: 4 | 6,
  line: string,
  isUserChain: (name: string) => boolean,
): { readonly chain: string; at(origin: Origin): readonly Rule[] } | null {
  const known = remembered[version].get(line);
  if (known === undefined) return null;
  for (const [name, was] of known.asked) if (isUserChain(name) !== was) return null;
  const { chain, rules } = known;
  return { chain, at: (origin) => rules.map((rule) => ({ ...rule, origin })) };
}

/** Generators of rules for laws: every row, with the example values of its codecs. */
import fc from 'fast-check';
import { protocol } from '../../../src/dataplane/iptables/protocols.ts';
import { MATCHES, type MatchName } from '../../../src/dataplane/iptables/text/match-rows.ts';
import { type Given, type Row } from '../../../src/dataplane/iptables/text/options.ts';
import { TARGETS, type TargetName } from '../../../src/dataplane/iptables/text/target-rows.ts';
import { type Rule, type RuleMatch, type Target } from '../../../src/dataplane/iptables/types.ts';

/** Options of a row: some of them, with values out of the codec's examples. */
function options(row: Row): fc.Arbitrary<Record<string, Given<unknown>>> {
  const entries = Object.entries(row.options).map(([key, entry]) => {
    const value = fc.constantFrom(...entry.codec.examples);
    const given = fc.record({ value, not: entry.not === true ? fc.boolean() : fc.constant(false) });
    return [key, given] as const;
  });
  return fc.record(Object.fromEntries(entries), { requiredKeys: [] }).map((some) => {
    const filled: Record<string, Given<unknown>> = {};
    const given = some as Record<string, Given<unknown> | undefined>;
    const needed = new Set(
      (row.needs ?? []).flatMap((group) =>
        group.some((key) => given[key] !== undefined) ? [] : group.slice(0, 1),
      ),
    );
    // Keys in the order of the row; what iptables assumes is there as well.
    for (const [key, entry] of Object.entries(row.options)) {
      const example = needed.has(key) ? { value: entry.codec.examples[0], not: false } : undefined;
      const chosen = given[key] ?? example;
      if (chosen !== undefined) {
        filled[key] = chosen.value === entry.silent ? { ...chosen, not: false } : chosen;
      } else if (entry.usual !== undefined) filled[key] = { value: entry.usual, not: false };
    }
    return filled;
  });
}

/** A match of that name. */
export function matchOf(name: MatchName): fc.Arbitrary<RuleMatch> {
  return options(MATCHES[name]).map((given) => ({ kind: name, options: given }) as RuleMatch);
}

/** A target of that name. */
export function targetOf(name: TargetName): fc.Arbitrary<Target> {
  return options(TARGETS[name]).map((given) => ({ kind: name, options: given }) as Target);
}

const address = fc.record({
  value: fc.nat({ max: 0xffff }).map((n) => BigInt(n) << 8n),
  mask: fc.constant(0xffff_ff00n),
  version: fc.constant(4 as const),
});
const interfaceName = fc.record({
  name: fc.constantFrom('eth0', 'tap1cd3ad6e-d6', 'qr-'),
  wildcard: fc.boolean(),
});

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Given<T> | null> {
  return fc.option(fc.record({ value, not: fc.boolean() }), { nil: null });
}

/** A rule around matches and a target. */
export function ruleOf(
  matches: fc.Arbitrary<readonly RuleMatch[]>,
  target: fc.Arbitrary<Target>,
): fc.Arbitrary<Rule> {
  return fc.record({
    source: maybe(address),
    destination: maybe(address),
    inInterface: maybe(interfaceName),
    outInterface: maybe(interfaceName),
    protocol: maybe(fc.constantFrom(protocol(6), protocol(17), protocol(4), protocol(253))),
    fragment: maybe(fc.constant(true as const)),
    matches,
    target,
    counters: fc.constant(null),
    origin: fc.constant({ file: 'law', line: 1 }),
  });
}

/** What two rules of iptables have to do with each other: whether their order can matter. */
import { type Rule, type Table, type Target } from '../../dataplane/iptables/types.ts';
import { type Interval, type RuleTests } from './order.ts';

/**
 * What a rule asks of a packet in tests that can exclude each other. Negated and unknown
 * conditions are left out: they exclude nothing.
 */
export function testsOf(rule: Rule): RuleTests {
  const tests = new Map<string, Interval | string>();
  const addresses = [
    ['source', rule.source],
    ['destination', rule.destination],
  ] as const;
  for (const [name, given] of addresses) {
    if (given === null || given.not) continue;
    const { value, mask, version } = given.value;
    const all = (1n << (version === 4 ? 32n : 128n)) - 1n;
    const rest = all ^ mask;
    // Only a mask without holes covers an interval.
    if ((rest & (rest + 1n)) === 0n) tests.set(name, { from: value, to: value | rest });
  }
  const { protocol } = rule;
  if (protocol !== null && !protocol.not) tests.set('protocol', String(protocol.value.number));
  const device = (
    name: string,
    given: { readonly not: boolean; readonly value: object } | null | undefined,
  ): void => {
    if (given == null || given.not) return;
    const text = JSON.stringify(given.value);
    if (!text.includes('true')) tests.set(name, text);
  };
  device('in', rule.inInterface);
  device('out', rule.outInterface);
  for (const match of rule.matches) {
    if (match.kind === 'physdev') {
      device('physical in', match.options.in);
      device('physical out', match.options.out);
    } else if (match.kind === 'tcp' || match.kind === 'udp' || match.kind === 'sctp') {
      ports(tests, 'source port', match.options.sport);
      ports(tests, 'destination port', match.options.dport);
    } else if (match.kind === 'mac') {
      const { source } = match.options;
      if (source !== undefined && !source.not) tests.set('mac', String(source.value));
    }
  }
  return tests;
}

function ports(
  tests: Map<string, Interval | string>,
  name: string,
  given:
    | { readonly value: { readonly from: number; readonly to: number }; readonly not: boolean }
    | undefined,
): void {
  if (given === undefined || given.not) return;
  tests.set(name, { from: BigInt(given.value.from), to: BigInt(given.value.to) });
}

/** Chains that only drop packets or let them return: asking two of them commutes. */
export interface PureFilters {
  /** Whether the target drops, returns, or asks such a chain. */
  ends(target: Target): boolean;
}

export function pureFilters({ chains }: Table): PureFilters {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const known = new Map<string, boolean>();
  const isPure = (name: string): boolean => {
    const found = known.get(name);
    if (found !== undefined) return found;
    // While it is being looked at, a circle of jumps counts as no filter.
    known.set(name, false);
    const chain = byName.get(name);
    const pure =
      chain !== undefined &&
      chain.rules.every(({ target }) => target.kind === 'none' || drops(target, true));
    known.set(name, pure);
    return pure;
  };
  const drops = (target: Target, inside: boolean): boolean => {
    if (target.kind === 'verdict') {
      return target.verdict === 'DROP' || (inside && target.verdict === 'RETURN');
    }
    return target.kind === 'jump' && isPure(target.chain);
  };
  return { ends: (target) => drops(target, false) };
}

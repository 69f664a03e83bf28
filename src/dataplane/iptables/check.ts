/**
 * What is wrong with rules that can be read: chains that jump in a circle, sets that are
 * missing, targets in tables and chains where the kernel refuses them. `iptables-restore
 * --test` finds none of these; the kernel finds them only when it loads the table.
 */
import { type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { type IpSet } from './ipset/types.ts';
import { printRule } from './text/rule.ts';
import { type Chain, type Rule, type Ruleset, type Table, type TableName } from './types.ts';

/** Targets that only some tables take (checkentry of the xt_ modules: `.table`). */
const ONLY_IN: Readonly<Record<string, readonly TableName[]>> = {
  DNAT: ['nat'],
  SNAT: ['nat'],
  MASQUERADE: ['nat'],
  REDIRECT: ['nat'],
  NETMAP: ['nat'],
  REJECT: ['filter'],
  CT: ['raw'],
  NOTRACK: ['raw'],
  TRACE: ['raw'],
  TTL: ['mangle'],
  HL: ['mangle'],
  DSCP: ['mangle'],
  TOS: ['mangle'],
  ECN: ['mangle'],
  TPROXY: ['mangle'],
  CHECKSUM: ['mangle'],
};

/** Base chains that a NAT target may be reached from (`.hooks`). */
const ONLY_FROM: Readonly<Record<string, readonly string[]>> = {
  DNAT: ['PREROUTING', 'OUTPUT'],
  REDIRECT: ['PREROUTING', 'OUTPUT'],
  SNAT: ['POSTROUTING', 'INPUT'],
  MASQUERADE: ['POSTROUTING'],
};

/**
 * Checks rules against themselves and the sets of their namespace; `sets` is null when nobody
 * knows which sets there are.
 */
export function checkRules(
  ruleset: Ruleset,
  sets: ReadonlyMap<string, IpSet> | null,
): readonly Problem[] {
  const found: Problem[] = [];
  for (const table of ruleset.tables) {
    found.push(...circles(table));
    for (const chain of table.chains) {
      for (const rule of chain.rules) {
        if (sets !== null) missingSets(chain, rule, sets, found);
        misplaced(table, chain, rule, found);
      }
    }
    found.push(...unreachableTargets(table));
  }
  return found;
}

function problem(chain: Chain, rule: Rule, message: string, didYouMean?: string): Problem {
  const text = `-A ${chain.name}${printRule(rule)}`.slice(0, 200);
  const found = { ...rule.origin, column: 1, text, message };
  return didYouMean === undefined ? found : { ...found, didYouMean };
}

function calls(rule: Rule): string | null {
  const { target } = rule;
  return target.kind === 'jump' || target.kind === 'goto' ? target.chain : null;
}

function leadsOn({ target: { kind } }: Rule): boolean {
  return kind === 'jump' || kind === 'goto';
}

/**
 * Depth-first search from the base chains, as mark_source_chains() does: a circle that nobody
 * reaches is accepted by the kernel. Every chain is looked at once.
 */
function circles({ chains }: Table): readonly Problem[] {
  if (!chains.some(({ policy, rules }) => policy === null && rules.some(leadsOn))) return [];
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const found: Problem[] = [];
  const done = new Set<string>();
  for (const base of chains) {
    if (base.policy === null || done.has(base.name)) continue;
    const path: { chain: Chain; next: number }[] = [{ chain: base, next: 0 }];
    const open = new Set([base.name]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const rule = top.chain.rules[top.next++];
      if (rule === undefined) {
        done.add(top.chain.name);
        open.delete(top.chain.name);
        path.pop();
        continue;
      }
      const called = byName.get(calls(rule) ?? '');
      if (called === undefined) continue;
      if (open.has(called.name)) {
        const names = path.map(({ chain }) => chain.name);
        const circle = [...names.slice(names.indexOf(called.name)), called.name].join(' → ');
        found.push(problem(top.chain, rule, `the chains jump in a circle: ${circle}`));
      } else if (!done.has(called.name)) {
        open.add(called.name);
        path.push({ chain: called, next: 0 });
      }
    }
  }
  return found;
}

function missingSets(
  chain: Chain,
  rule: Rule,
  sets: ReadonlyMap<string, IpSet>,
  found: Problem[],
): void {
  const look = (name: string): void => {
    if (sets.has(name)) return;
    found.push(problem(chain, rule, `the set ${name} is missing`, nearest(name, sets.keys())));
  };
  for (const match of rule.matches) {
    if (match.kind === 'set' && match.options.set !== undefined) look(match.options.set.value.set);
  }
  if (rule.target.kind === 'SET') {
    const { add, del, map } = rule.target.options;
    for (const each of [add, del, map]) if (each !== undefined) look(each.value.set);
  }
}

function misplaced(table: Table, chain: Chain, rule: Rule, found: Problem[]): void {
  const allowed = ONLY_IN[rule.target.kind];
  if (allowed !== undefined && !allowed.includes(table.name)) {
    const where = `${rule.target.kind} works only in the table ${allowed.join(', ')}`;
    found.push(problem(chain, rule, where));
  }
  // xshared.c generic_opt_check(): no packet there has the interface yet, or any more.
  const out = chain.name === 'PREROUTING' || chain.name === 'INPUT';
  const into = chain.name === 'OUTPUT' || chain.name === 'POSTROUTING';
  if (chain.policy !== null && out && rule.outInterface !== null) {
    found.push(problem(chain, rule, `-o is refused in ${chain.name}`));
  }
  if (chain.policy !== null && into && rule.inInterface !== null) {
    found.push(problem(chain, rule, `-i is refused in ${chain.name}`));
  }
  if (chain.name === 'OUTPUT') {
    const leaves = rule.matches.some((m) => m.kind === 'physdev' && m.options.out !== undefined);
    // xt_physdev.c physdev_mt_check(): the port is not known yet.
    if (leaves) found.push(problem(chain, rule, '--physdev-out is refused in OUTPUT'));
  }
}

/** From which base chains a chain is reached decides what its NAT targets may do. */
function unreachableTargets(table: Table): readonly Problem[] {
  if (table.name !== 'nat') return [];
  const byName = new Map(table.chains.map((chain) => [chain.name, chain]));
  const found: Problem[] = [];
  for (const base of table.chains) {
    if (base.policy === null) continue;
    const seen = new Set([base.name]);
    const open: Chain[] = [base];
    for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
      for (const rule of chain.rules) {
        const from = ONLY_FROM[rule.target.kind];
        if (from !== undefined && !from.includes(base.name)) {
          const message = `${rule.target.kind} is refused where ${base.name} leads`;
          found.push(problem(chain, rule, message));
        }
        const called = byName.get(calls(rule) ?? '');
        if (called === undefined || seen.has(called.name)) continue;
        seen.add(called.name);
        open.push(called);
      }
    }
  }
  return found;
}

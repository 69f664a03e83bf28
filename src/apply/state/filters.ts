/** Chains of iptables, sets, and frame rules of a namespace as items. */
import { writeElement } from '../../dataplane/iptables/ipset/element.ts';
import { parseIpsetSave } from '../../dataplane/iptables/ipset/save.ts';
import { type IpSet, type SetOption } from '../../dataplane/iptables/ipset/types.ts';
import { printRule, printTarget } from '../../dataplane/iptables/text/rule.ts';
import { parseIptablesSave } from '../../dataplane/iptables/text/save.ts';
import { type Chain } from '../../dataplane/iptables/types.ts';
import { type NamespaceState, type SourceText } from '../../dataplane/network.ts';
import { type Problem } from '../../text/problem.ts';
import { CHAIN_PREFIX, type ChainData, type Item } from '../types.ts';

const FILES = [
  ['iptables-save', 4],
  ['ip6tables-save', 6],
] as const;

/**
 * Rules of a namespace. Where the namespace is not ours (`whole` false) only chains with our
 * prefix are items, and of base chains only the jumps to them.
 */
export function filterItems(
  namespace: NamespaceState,
  whole: boolean,
  problems: Problem[],
): readonly Item[] {
  const items: Item[] = [];
  for (const [name, version] of FILES) {
    const source = sourceOf(namespace, name);
    if (source === undefined) continue;
    const { value, problems: found } = parseIptablesSave(source.text, source.file, version);
    problems.push(...found);
    for (const table of value.tables) {
      for (const chain of table.chains) {
        items.push(...chainItems(namespace.name, version, table.name, chain, whole));
      }
    }
  }
  const sets = sourceOf(namespace, 'ipset-save');
  if (sets !== undefined) {
    const { value, problems: found } = parseIpsetSave(sets.text, sets.file);
    problems.push(...found);
    items.push(...value.map((set) => setItem(namespace.name, set)));
  }
  return items;
}

function sourceOf(namespace: NamespaceState, name: string): SourceText | undefined {
  return namespace.source(name) ?? namespace.source(`${name}.txt`);
}

function chainItems(
  place: string,
  version: 4 | 6,
  table: string,
  chain: Chain,
  whole: boolean,
): readonly Item[] {
  const ours = chain.policy === null && (whole || chain.name.startsWith(CHAIN_PREFIX));
  const rules = chain.rules
    .filter((rule) => {
      if (whole || ours) return true;
      return chain.policy !== null && printTarget(rule.target).startsWith(` -j ${CHAIN_PREFIX}`);
    })
    .map((rule) => printRule(rule).trim());
  if (!whole && !ours && rules.length === 0) return [];
  // An empty base chain that accepts is as good as none.
  if (chain.policy === 'ACCEPT' && rules.length === 0) return [];
  const policy = whole ? chain.policy : null;
  const base = chain.policy !== null;
  const data: ChainData = {
    version,
    table,
    chain: chain.name,
    policy,
    rules,
    whole: whole || !base,
  };
  const key = `${version} ${table} ${chain.name}`;
  const text = JSON.stringify([policy, ...rules]);
  return [{ kind: 'chain', place, key, text, data }];
}

/** Options of sets that say nothing about what matches. */
const SIZES = new Set(['hashsize', 'maxelem', 'bucketsize', 'initval', 'counters', 'comment']);

function setItem(place: string, set: IpSet): Item {
  const words = (options: readonly SetOption[]): readonly string[] =>
    options
      .filter(({ name }) => !SIZES.has(name))
      .flatMap(({ name, value }) => (value === null ? [name] : [name, value]));
  const entries = set.entries
    .map(({ parts, options }) => [writeElement(parts, set.version), ...words(options)].join(' '))
    .sort();
  const create = [set.type, ...words(set.options)].join(' ');
  const data = { name: set.name, create, entries };
  return { kind: 'set', place, key: set.name, text: JSON.stringify([create, entries]), data };
}

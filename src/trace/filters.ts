/** The packet filters of a namespace as the hooks its stack asks: iptables and ipset dumps. */

import { parseIpsetSave } from '../dataplane/iptables/ipset/save.ts';
import { type IpSet } from '../dataplane/iptables/ipset/types.ts';
import {
  type CompiledNetfilter,
  compileNetfilter,
  type Netfilter,
  startNetfilter,
} from '../dataplane/iptables/netfilter.ts';
import { type Surroundings } from '../dataplane/iptables/surroundings.ts';
import { parseIptablesSave } from '../dataplane/iptables/text/save.ts';
import { type Ruleset } from '../dataplane/iptables/types.ts';
import { type NamespaceState } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { type Problem } from '../text/problem.ts';
import { type CompiledNetwork } from './compiled-network.ts';

const RULE_FILES = [
  ['iptables-save', 4],
  ['ip6tables-save', 6],
] as const;

/** The hooks of a namespace for one walk; null where it has no rules. */
export function hooksOf<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  namespace: string,
): Netfilter<P> | null {
  const key = `${host} ${namespace}`;
  let rules = compiled.filters.get(key);
  if (rules === undefined) {
    const state = compiled.network.namespace(host, namespace);
    rules = state === undefined ? null : compileFilters(compiled, state);
    compiled.filters.set(key, rules);
  }
  // Connections of the dump may be those of the very packet that is asked about.
  return rules === null ? null : startNetfilter(run, rules, { entries: null });
}

function compileFilters(
  compiled: CompiledNetwork,
  state: NamespaceState,
): CompiledNetfilter | null {
  const rulesets: Ruleset[] = [];
  for (const [file, version] of RULE_FILES) {
    const source = sourceOf(state, file);
    if (source === undefined) continue;
    const { value, problems } = parseIptablesSave(source.text, source.file, version);
    compiled.problems.push(...problems);
    rulesets.push(value);
  }
  if (rulesets.every(({ tables }) => tables.length === 0)) return null;
  return compileNetfilter(rulesets, surroundingsOf(state, setsOf(state, compiled.problems)));
}

function setsOf(state: NamespaceState, into: Problem[]): ReadonlyMap<string, IpSet> {
  const source = sourceOf(state, 'ipset-save');
  if (source === undefined) return new Map();
  const { value, problems } = parseIpsetSave(source.text, source.file);
  into.push(...problems);
  return new Map(value.map((set) => [set.name, set]));
}

function surroundingsOf({ state }: NamespaceState, sets: Surroundings['sets']): Surroundings {
  return {
    interfaces: state.interfaces.map(({ name, index, loopback, addresses }) => ({
      name,
      index,
      loopback,
      addresses: addresses.map(({ address, length }) => ({ ...address, length })),
    })),
    sets,
  };
}

/** A capture names its files with `.txt`, a sos report without. */
function sourceOf(state: NamespaceState, name: string): { file: string; text: string } | undefined {
  return state.source(name) ?? state.source(`${name}.txt`);
}

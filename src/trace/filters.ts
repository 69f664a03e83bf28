/** The packet filters of a namespace as the hooks its stack and bridges ask: rules and sets. */

import { tableLimit, trackingSettings } from '../dataplane/conntrack/sysctls.ts';
import { type TrackerOptions } from '../dataplane/conntrack/tracker.ts';
import { type ConnectionEntry } from '../dataplane/conntrack/types.ts';
import { compileArptables } from '../dataplane/iptables/arptables/meaning.ts';
import { parseArptablesSave } from '../dataplane/iptables/arptables/save.ts';
import { checkRules } from '../dataplane/iptables/check.ts';
import { compileEbtables } from '../dataplane/iptables/ebtables/meaning.ts';
import { parseEbtablesSave } from '../dataplane/iptables/ebtables/save.ts';
import { parseIpsetSave } from '../dataplane/iptables/ipset/save.ts';
import { type IpSet } from '../dataplane/iptables/ipset/types.ts';
import {
  compileNetfilter,
  type Netfilter,
  startNetfilter,
} from '../dataplane/iptables/netfilter.ts';
import { compareNft, parseNftRuleset } from '../dataplane/iptables/nft.ts';
import { parseIptablesSave } from '../dataplane/iptables/text/save.ts';
import { type BridgeHooks } from '../dataplane/linuxbridge/work.ts';
import { type NamespaceState, ROOT } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { surroundingsOf } from '../dataplane/routing/questions.ts';
import { type CompiledNamespace, compileNamespace } from '../dataplane/routing/stack.ts';
import { type Parsed, type Problem } from '../text/problem.ts';
import { type CompiledFilters, type CompiledNetwork } from './compiled-network.ts';

const RULE_FILES = [
  ['iptables-save', 4],
  ['ip6tables-save', 6],
] as const;

/** What the stack and the bridges of a namespace ask during one walk. */
export interface OpenFilters<P> {
  readonly stack: Netfilter<P> | null;
  readonly bridges: BridgeHooks<P> | null;
}

/** The hooks of a namespace for one walk; null where it has no rules. */
export function hooksOf<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  namespace: string,
): OpenFilters<P> {
  const rules = filtersOf(compiled, host, namespace);
  const stack =
    rules.packets === null
      ? null
      : startNetfilter(run, rules.packets, {
          ...settingsOf(compiled, host, namespace),
          entries: startOf(compiled, run, host, namespace),
        });
  const frames = rules.frames?.start<P>() ?? null;
  const arp = rules.arp?.start<P>() ?? null;
  const silent = stack === null && frames === null && arp === null;
  return { stack, bridges: silent ? null : { frames, packets: stack, arp } };
}

/** What a namespace's sysctls and its dumped connections say about tracking; read once. */
const settings = new WeakMap<NamespaceState, Omit<TrackerOptions, 'personality' | 'entries'>>();

/** What the sysctls of a namespace say about tracking; nothing where it was not captured. */
export function settingsOf(
  { network }: CompiledNetwork,
  host: string,
  namespace: string,
): Omit<TrackerOptions, 'personality' | 'entries'> {
  const state = network.namespace(host, namespace);
  if (state === undefined) return {};
  let known = settings.get(state);
  if (known === undefined) {
    const { sysctls } = state.state;
    const root = network.namespace(host, ROOT)?.state.sysctls ?? sysctls;
    const limit = tableLimit(sysctls, root, () => state.connections);
    known = { ...trackingSettings(sysctls), limit };
    settings.set(state, known);
  }
  return known;
}

/** The rules of a namespace, compiled when somebody first asks for them. */
export function filtersOf(
  compiled: CompiledNetwork,
  host: string,
  namespace: string,
): CompiledFilters {
  const key = `${host} ${namespace}`;
  let rules = compiled.filters.get(key);
  if (rules === undefined) {
    const state = compiled.network.namespace(host, namespace);
    rules = state === undefined ? NOTHING : compileFilters(compiled, state, key);
    compiled.filters.set(key, rules);
  }
  return rules;
}

/** The connections that stand before the first packet; null when nothing is known of them. */
export function startOf<P>(
  { connections, network }: CompiledNetwork,
  run: Run<P>,
  host: string,
  namespace: string,
): readonly ConnectionEntry[] | null {
  if (connections === 'none') return null;
  run.assume('ASSUME_DUMPED_CONNTRACK', `${host} ${namespace}`);
  return network.namespace(host, namespace)?.connections ?? [];
}

const NOTHING: CompiledFilters = { packets: null, frames: null, arp: null };

function compileFilters(
  compiled: CompiledNetwork,
  state: NamespaceState,
  key: string,
): CompiledFilters {
  // Compiled already when a packet gets to the rules, except in tests.
  const config = (): CompiledNamespace =>
    compiled.namespaces.get(key) ?? compileNamespace(state.state);
  const sets = setsOf(state, compiled.problems);
  const around = surroundingsOf(state.state, sets ?? new Map(), config);
  const read = <T>(name: string, parse: (text: string, file: string) => Parsed<T>): T | null => {
    const source = sourceOf(state, name);
    if (source === undefined) return null;
    const { value, problems } = parse(source.text, source.file);
    for (const problem of problems) compiled.problems.push(problem);
    return value;
  };
  const rulesets = RULE_FILES.flatMap(
    ([file, version]) => read(file, (text, name) => parseIptablesSave(text, name, version)) ?? [],
  );
  const nft = read('nft-ruleset', parseNftRuleset) ?? [];
  const nftFile = sourceOf(state, 'nft-ruleset')?.file ?? '';
  for (const ruleset of rulesets) {
    compiled.problems.push(...checkRules(ruleset, sets), ...compareNft(ruleset, nft, nftFile));
  }
  const frames = read('ebtables-save', parseEbtablesSave) ?? [];
  const arp = read('arptables-save', parseArptablesSave) ?? [];
  return {
    packets: rulesets.every(({ tables }) => tables.length === 0)
      ? null
      : compileNetfilter(rulesets, around),
    frames: frames.length === 0 ? null : compileEbtables(frames, around),
    arp: arp.length === 0 ? null : compileArptables(arp, around),
  };
}

/** null when the sets were not captured. */
function setsOf(state: NamespaceState, into: Problem[]): ReadonlyMap<string, IpSet> | null {
  const source = sourceOf(state, 'ipset-save');
  if (source === undefined) return null;
  const { value, problems } = parseIpsetSave(source.text, source.file);
  for (const problem of problems) into.push(problem);
  return new Map(value.map((set) => [set.name, set]));
}

/** A capture names its files with `.txt`, a sos report without. */
function sourceOf(state: NamespaceState, name: string): { file: string; text: string } | undefined {
  return state.source(name) ?? state.source(`${name}.txt`);
}

/** The rules of a case's nodes as hooks of their stacks. */

import { compileArptables } from '../../../src/dataplane/iptables/arptables/meaning.ts';
import { parseArptablesSave } from '../../../src/dataplane/iptables/arptables/save.ts';
import { compileEbtables } from '../../../src/dataplane/iptables/ebtables/meaning.ts';
import { parseEbtablesSave } from '../../../src/dataplane/iptables/ebtables/save.ts';
import { parseIpsetSave } from '../../../src/dataplane/iptables/ipset/save.ts';
import { type IpSet } from '../../../src/dataplane/iptables/ipset/types.ts';
import {
  compileNetfilter,
  type Netfilter,
  startNetfilter,
} from '../../../src/dataplane/iptables/netfilter.ts';
import { type Surroundings } from '../../../src/dataplane/iptables/surroundings.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { BASE_CHAINS, type Ruleset } from '../../../src/dataplane/iptables/types.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { type Hooks } from '../../../src/dataplane/routing/hooks.ts';
import { surroundingsOf } from '../../../src/dataplane/routing/questions.ts';
import { compileNamespace, makeStack } from '../../../src/dataplane/routing/stack.ts';
import { type Namespace } from '../../../src/dataplane/routing/types.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { type Node } from './case.ts';
import { type Kept, type LabNode } from './lab.ts';

/**
 * A node with the rules of the case at work.
 *
 * @param heard is told what passed INPUT, packet by packet
 */
export function nodeOf(
  node: Node,
  namespace: Namespace,
  run: Run<Packet>,
  kept: Kept,
  heard: (p: Packet, version: 4 | 6) => void,
): LabNode {
  const config = compileNamespace(namespace);
  const around = surroundingsOf(namespace, setsOf(node), () => config);
  const netfilter = netfilterOf(node, around, run, kept);
  const hooks: Hooks<Packet> = {
    pass: (given, hook, version, p, handle, reroute) => {
      const passed = netfilter.pass(given, hook, version, p, handle, reroute);
      if (hook !== 'input') return passed;
      for (const one of passed) if (one.kind === 'accepted') heard(one.p, version);
      return passed;
    },
    confirm: netfilter.confirm,
  };
  const frames = parseEbtablesSave(node.ebtables ?? '', 'ebtables');
  const arp = parseArptablesSave(node.arptables ?? '', 'arptables');
  for (const { problems } of [frames, arp]) {
    if (problems.length > 0) throw new Error(JSON.stringify(problems[0]));
  }
  const stack = makeStack(config, hooks, null, {
    frames: compileEbtables(frames.value, around).start<Packet>(),
    packets: hooks,
    arp: compileArptables(arp.value, around).start<Packet>(),
  });
  return {
    stack: { ...stack, fragments: kept.local, pathMtus: kept.pathMtus, served: kept.served },
    netfilter,
  };
}

function setsOf(node: Node): ReadonlyMap<string, IpSet> {
  const sets = parseIpsetSave(node.ipset ?? '', 'ipset');
  if (sets.problems.length > 0) throw new Error(JSON.stringify(sets.problems[0]));
  return new Map(sets.value.map((set) => [set.name, set]));
}

function netfilterOf(
  node: Node,
  surroundings: Surroundings,
  run: Run<Packet>,
  kept: Kept,
): Netfilter<Packet> {
  const rulesets = [
    parseIptablesSave(node.iptables ?? '', 'iptables', 4),
    parseIptablesSave(node.ip6tables ?? '', 'ip6tables', 6),
  ];
  for (const { problems } of rulesets) {
    if (problems.length > 0) throw new Error(JSON.stringify(problems[0]));
  }
  const compiled = compileNetfilter(
    rulesets.map(({ value }) => withAllTables(value)),
    surroundings,
  );
  const loose = node.sysctl?.['net.netfilter.nf_conntrack_tcp_loose'];
  const liberal = node.sysctl?.['net.netfilter.nf_conntrack_tcp_be_liberal'];
  const ignore = node.sysctl?.['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst'];
  const tcp = {
    ...(loose === undefined ? {} : { loose: Number(loose) === 1 }),
    ...(liberal === undefined ? {} : { beLiberal: Number(liberal) === 1 }),
    ...(ignore === undefined ? {} : { ignoreInvalidRst: Number(ignore) === 1 }),
  };
  return startNetfilter(run, compiled, { entries: [], tcp }, kept.tracked);
}

/** The recorder's kernel has every table loaded, with empty chains where the case gives none. */
function withAllTables(ruleset: Ruleset): Ruleset {
  const names = ['raw', 'mangle', 'nat', 'filter'] as const;
  const empty = names.map((name) => {
    const chains = BASE_CHAINS[name].map((chain) => `:${chain} ACCEPT [0:0]\n`).join('');
    return `*${name}\n${chains}COMMIT\n`;
  });
  const defaults = parseIptablesSave(empty.join(''), 'default', ruleset.version).value;
  const tables = defaults.tables.map((table) => {
    const given = ruleset.tables.find((each) => each.name === table.name);
    if (given === undefined) return table;
    const named = new Set(given.chains.map((chain) => chain.name));
    const rest = table.chains.filter((chain) => !named.has(chain.name));
    return { ...given, chains: [...given.chains, ...rest] };
  });
  return { ...ruleset, tables };
}

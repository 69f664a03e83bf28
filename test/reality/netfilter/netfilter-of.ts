/** The rules of a case's nodes as hooks of their stacks. */

import { compileArptables } from '../../../src/dataplane/iptables/arptables/meaning.ts';
import { parseArptablesSave } from '../../../src/dataplane/iptables/arptables/save.ts';
import { compileEbtables } from '../../../src/dataplane/iptables/ebtables/meaning.ts';
import { parseEbtablesSave } from '../../../src/dataplane/iptables/ebtables/save.ts';
import { parseIpsetSave } from '../../../src/dataplane/iptables/ipset/save.ts';
import {
  compileNetfilter,
  type Netfilter,
  startNetfilter,
} from '../../../src/dataplane/iptables/netfilter.ts';
import { type RuleStep } from '../../../src/dataplane/iptables/steps.ts';
import { type Surroundings } from '../../../src/dataplane/iptables/surroundings.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { BASE_CHAINS, type Ruleset } from '../../../src/dataplane/iptables/types.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { compileNamespace, makeStack } from '../../../src/dataplane/routing/stack.ts';
import { type Namespace } from '../../../src/dataplane/routing/types.ts';
import { onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { type Step } from '../../../src/traffic/traffic.ts';
import { type Case, type Node } from './case.ts';
import { type MakeStack } from './run-case.ts';

/** A matched rule or policy, as the recorder writes it. */
export interface Matched {
  readonly node: string;
  readonly entry: readonly [table: string, chain: string, what: string, number: number];
}

/**
 * Stacks with the rules of the case; matched rules go to `matched`, in order, and rules that
 * nobody can judge to `unknown`.
 */
export function hooksFor(one: Case, matched: Matched[] = [], unknown: string[] = []): MakeStack {
  return (name, namespace, run) => {
    const node = one.nodes[name];
    if (node === undefined) return makeStack(compileNamespace(namespace));
    const around = surroundingsOf(node, namespace);
    const hooks = netfilterOf(node, around, tell(run, name, matched, unknown));
    const frames = parseEbtablesSave(node.ebtables ?? '', 'ebtables');
    const arp = parseArptablesSave(node.arptables ?? '', 'arptables');
    for (const { problems } of [frames, arp]) {
      if (problems.length > 0) throw new Error(JSON.stringify(problems[0]));
    }
    return makeStack(compileNamespace(namespace), hooks, null, {
      frames: compileEbtables(frames.value, around).start<Packet>(),
      packets: hooks,
      arp: compileArptables(arp.value, around).start<Packet>(),
    });
  };
}

function surroundingsOf(node: Node, namespace: Namespace): Surroundings {
  const sets = parseIpsetSave(node.ipset ?? '', 'ipset');
  if (sets.problems.length > 0) throw new Error(JSON.stringify(sets.problems[0]));
  const indexes = new Map(namespace.interfaces.map(({ name, index }) => [name, index]));
  return {
    interfaces: namespace.interfaces.map(({ name, index, loopback, addresses }) => ({
      name,
      index,
      loopback,
      addresses: addresses.map(({ address, length }) => ({ ...address, length })),
    })),
    sets: new Map(sets.value.map((set) => [set.name, set])),
    gateways: namespace.routes.flatMap(({ version, prefix, hops }) =>
      hops.flatMap(({ gateway, device }) => {
        const index = indexes.get(device ?? '');
        if (gateway === null || index === undefined) return [];
        const value = prefix?.address.value ?? 0n;
        return [{ version, value, length: prefix?.length ?? 0, gateway: gateway.value, index }];
      }),
    ),
  };
}

function netfilterOf(node: Node, surroundings: Surroundings, run: Run<Packet>): Netfilter<Packet> {
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
  return startNetfilter(run, compiled, { entries: [], tcp });
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

/** The same run, whose notes about rules are told as well. */
function tell(run: Run<Packet>, node: string, matched: Matched[], unknown: string[]): Run<Packet> {
  const note = (p: Packet, step: () => Step): Packet => {
    const made = step();
    if (isRule(made)) {
      matched.push({ node, entry: [made.table, made.chain, made.what, made.number] });
    }
    return onePacket.note(p, step);
  };
  const assume: Run<Packet>['assume'] = (reason, detail) => {
    if (reason === 'UNSUPPORTED_MATCH') unknown.push(detail);
    run.assume(reason, detail);
  };
  const traffic = { ...onePacket, note };
  return Object.assign(Object.create(run) as Run<Packet>, { traffic, assume });
}

function isRule(step: Step): step is RuleStep {
  return step.kind === 'rule';
}

/**
 * The rules of a network as lists in which an earlier one goes before a later one: flows of each
 * table of each bridge, rules of each chain of each namespace. What can be said of rules without
 * any packet is said of these.
 */
import { type CompiledRule } from '../../dataplane/iptables/chain.ts';
import { printRule } from '../../dataplane/iptables/text/rule.ts';
import { type Network } from '../../dataplane/network.ts';
import { overlapOf } from '../../dataplane/ovs/pipeline/overlap.ts';
import { FlowRule } from '../../dataplane/ovs/pipeline/prepared-flow.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { type Origin } from '../../text/problem.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { filtersOf } from '../../trace/filters.ts';
import { type Match } from '../../traffic/match.ts';

/** One rule of a list. */
export interface ListedRule {
  /** The object that tables hold for it. */
  readonly key: object;
  readonly match: Match;
  /** Smaller ranks go first; equal ones are asked in no order. */
  readonly rank: number;
  /** Nothing behind it is asked for what it matches. */
  readonly decisive: boolean;
  readonly origin: Origin;
  readonly text: () => string;
  /** Whether another rule does the same in everything that shows. */
  readonly alike: (other: ListedRule) => boolean;
}

/** Rules that are asked one after the other for the same packet. */
export interface RuleList {
  readonly kind: 'flows' | 'chain';
  readonly host: string;
  /** `br-int table 72`, `root filter FORWARD`. */
  readonly place: string;
  readonly rules: readonly ListedRule[];
}

/** All rules of the hosts. */
export function* ruleLists(network: Network, hosts: readonly string[] | null): Generator<RuleList> {
  const compiled = compileNetwork(network);
  for (const [name, host] of network.hosts) {
    if (hosts !== null && !hosts.includes(name)) continue;
    for (const bridge of host.switch?.bridges ?? []) yield* flowLists(name, bridge);
    for (const namespace of host.namespaces.keys()) {
      const { packets } = filtersOf(compiled, name, namespace);
      if (packets === null) continue;
      for (const version of [4, 6] as const) {
        for (const [table, { chains }] of packets.rules[version]) {
          for (const [chain, { segments }] of chains) {
            for (const { rules } of segments) {
              const tables = version === 6 ? 'ip6tables ' : '';
              yield {
                kind: 'chain',
                host: name,
                place: `${namespace} ${tables}${table} ${chain}`,
                rules: rules.map(({ entry, rank, decisive, match }) =>
                  listedRule(entry, match, rank, decisive),
                ),
              };
            }
          }
        }
      }
    }
  }
}

function* flowLists(host: string, bridge: Bridge): Generator<RuleList> {
  const byTable = new Map<number, ListedRule[]>();
  for (const flow of bridge.flows) {
    const list = byTable.get(flow.table) ?? [];
    byTable.set(flow.table, list);
    list.push(listedFlow(flow, bridge));
  }
  for (const [table, rules] of [...byTable].sort(([a], [b]) => a - b)) {
    rules.sort((a, b) => a.rank - b.rank);
    yield { kind: 'flows', host, place: `${bridge.name} table ${table}`, rules };
  }
}

function listedFlow(flow: Flow, bridge: Bridge): ListedRule {
  const { match, rank, decisive } = new FlowRule(flow, bridge);
  return {
    key: flow,
    match,
    rank,
    decisive,
    origin: flow.origin,
    text: () => printFlow(flow),
    alike: ({ key }) => overlapOf(bridge, flow, [key as Flow]).ambiguous.length === 0,
  };
}

function listedRule(
  { rule }: CompiledRule,
  match: Match,
  rank: number,
  decisive: boolean,
): ListedRule {
  return {
    key: rule,
    match,
    rank,
    decisive,
    origin: rule.origin,
    text: () => printRule(rule),
    alike: (other) => deedOf(other.text()) === deedOf(printRule(rule)),
  };
}

/** What a printed rule does: its target with all options. */
function deedOf(rule: string): string {
  return /.*(-[jg] .*)$/.exec(rule)?.[1] ?? '';
}

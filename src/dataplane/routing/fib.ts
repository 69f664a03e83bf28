/**
 * Policy rules and routing tables in compiled form (net/ipv4/fib_rules.c, fib_trie.c).
 * Before it: the addresses and routes of a namespace. After it: the route decision.
 */
import { field } from '../../packet/fields.ts';
import { compileTable } from '../../traffic/compiled.ts';
import { and, type Match, not, range, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { destinationOf, F, inPrefix, sourceOf } from './headers.ts';
import { connectedRoutes, defaultRules } from './kernel-routes.ts';
import { type Namespace, type NextHop, type PolicyRule, type Route } from './types.ts';

export interface Fib {
  readonly version: 4 | 6;
  readonly rules: Table<PolicyRule>;
  readonly tables: ReadonlyMap<number, Table<LiveRoute>>;
  /** Somebody added rules or local routes: source checks may not take the short way. */
  readonly custom: boolean;
  /** A rule asks received packets for protocol or ports (fib_rule_requires_fldissect()). */
  readonly dissects: boolean;
}

/** A route whose dead next hops are left out. */
export interface LiveRoute {
  readonly route: Route;
  readonly hops: readonly NextHop[];
}

/** Compiles the policy routing of one IP version of a namespace. */
export function compileFib(namespace: Namespace, version: 4 | 6): Fib {
  const given = namespace.rules.filter((rule) => rule.version === version);
  const rules = given.length > 0 ? given : defaultRules(version);
  const sorted = [...rules].sort((a, b) => a.priority - b.priority);
  const index = new Map(namespace.interfaces.map((device) => [device.name, device.index]));
  const compiled = sorted.map(
    (rule, rank): Rule<PolicyRule> => ({
      match: ruleMatch(rule, index),
      rank,
      decisive: isFinal(rule),
      entry: rule,
    }),
  );
  return {
    version,
    rules: compileTable(compiled, { seldom: true }),
    tables: compileTables(namespace, version),
    custom: isCustom(namespace, rules, version),
    dissects: rules.some(
      (rule) =>
        rule.inputDevice !== 'lo' &&
        (rule.protocol ?? rule.sourcePorts ?? rule.destinationPorts) !== null,
    ),
  };
}

/** fib4_has_custom_rules(), fib_has_custom_local_routes: rules or local routes beside the usual. */
function isCustom({ routes }: Namespace, rules: readonly PolicyRule[], version: 4 | 6): boolean {
  if (rules.length !== defaultRules(version).length) return true;
  return routes.some(
    ({ version: of, type, table }) => of === version && type === 'local' && table !== LOCAL,
  );
}

const LOCAL = 255;

function isFinal(rule: PolicyRule): boolean {
  const { kind } = rule.action;
  return kind === 'blackhole' || kind === 'unreachable' || kind === 'prohibit';
}

const WHOLE = test(F.fragment, 0n, 1n);

/** What a rule selects (ip-rule(8) SELECTOR); `not` inverts all of it. */
function ruleMatch(rule: PolicyRule, index: ReadonlyMap<string, number>): Match {
  const parts: Match[] = [];
  if (rule.from !== null) {
    parts.push(inPrefix(sourceOf(rule.version), rule.from.address.value, rule.from.length));
  }
  if (rule.to !== null) {
    parts.push(inPrefix(destinationOf(rule.version), rule.to.address.value, rule.to.length));
  }
  if (rule.inputDevice !== null) {
    // Locally made packets carry no input device here; the kernel gives them `lo`.
    const iif = rule.inputDevice === 'lo' ? 0 : (index.get(rule.inputDevice) ?? NO_SUCH_DEVICE);
    parts.push(test(F.inputDevice, BigInt(iif)));
  }
  if (rule.outputDevice !== null) {
    const oif = index.get(rule.outputDevice) ?? NO_SUCH_DEVICE;
    parts.push(test(F.outputDevice, BigInt(oif)));
  }
  if (rule.mark !== null) {
    parts.push(test(F.mark, BigInt(rule.mark.value >>> 0), BigInt(rule.mark.mask >>> 0)));
  }
  // The two ECN bits never take part (include/net/ip.h IPTOS_RT_MASK).
  if (rule.tos !== null) parts.push(test(F.tos, BigInt(rule.tos), 0x1cn));
  if (rule.protocol !== null) parts.push(test(F.protocol, BigInt(rule.protocol)));
  for (const [of, ports] of [
    [field('tp_src'), rule.sourcePorts],
    [field('tp_dst'), rule.destinationPorts],
  ] as const) {
    // The flow dissector finds ports in whole packets only.
    if (ports !== null) parts.push(WHOLE, range(of, BigInt(ports[0]), BigInt(ports[1])));
  }
  const all = and(...parts);
  return rule.not ? not(all) : all;
}

/** An interface index that no interface has: the rule names a device that is not there. */
const NO_SUCH_DEVICE = 0xffff_ffff;

function compileTables(
  namespace: Namespace,
  version: 4 | 6,
): ReadonlyMap<number, Table<LiveRoute>> {
  const byTable = new Map<number, Route[]>();
  for (const route of withKernelRoutes(namespace, version)) {
    const table = byTable.get(route.table);
    if (table === undefined) byTable.set(route.table, [route]);
    else table.push(route);
  }
  const up = new Set(namespace.interfaces.filter((i) => i.up).map((i) => i.name));
  const tables = new Map<number, Table<LiveRoute>>();
  for (const [id, routes] of byTable) {
    tables.set(id, compileTable(tableRules(routes, version, up), { seldom: true }));
  }
  return tables;
}

/** A dump holds the kernel's own routes; where it does not, they follow from the addresses. */
function withKernelRoutes(namespace: Namespace, version: 4 | 6): readonly Route[] {
  const routes = namespace.routes.filter((route) => route.version === version);
  if (routes.some((route) => route.table === 255)) return routes;
  const own = connectedRoutes(namespace.interfaces, version);
  const known = new Set(routes.map(routeKey));
  return [...routes, ...own.filter((route) => !known.has(routeKey(route)))];
}

function routeKey({ table, prefix, metric, type, hops }: Route): string {
  const where = prefix === null ? 'default' : `${prefix.address.value}/${prefix.length}`;
  return `${table} ${type} ${where} ${metric} ${hops.map((hop) => hop.device).join()}`;
}

/** Longest prefix first, then the lower metric, then the order of the dump. */
function tableRules(
  routes: readonly Route[],
  version: 4 | 6,
  up: ReadonlySet<string>,
): readonly Rule<LiveRoute>[] {
  const length = (route: Route): number => route.prefix?.length ?? 0;
  const sorted = [...routes].sort((a, b) => length(b) - length(a) || a.metric - b.metric);
  const rules: Rule<LiveRoute>[] = [];
  for (const route of sorted) {
    const hops = route.hops.filter(
      (hop) => !hop.dead && (hop.device === null || up.has(hop.device)),
    );
    if (route.hops.length > 0 && hops.length === 0) continue;
    rules.push({
      match: inPrefix(destinationOf(version), route.prefix?.address.value ?? 0n, length(route)),
      rank: rules.length,
      decisive: true,
      entry: { route, hops },
    });
  }
  return rules;
}

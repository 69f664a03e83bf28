/**
 * Two networks, host by host: what only one of them has, what both have with another meaning,
 * and what stands in another order where order counts. Where a host, namespace, bridge or device
 * is missing as a whole, that is told once and not everything in it.
 */
import { type Host, type NamespaceState, type Network, ROOT } from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type Problem } from '../../text/problem.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { daemonSections } from './daemons.ts';
import { deviceSections, type NamespaceSide, namespacesSection } from './devices.ts';
import { flowSections } from './flows.ts';
import { withoutForeign } from './foreign.ts';
import { matchNumbers, type Names } from './numbers.ts';
import { swappedPair } from './order.ts';
import { routingSections } from './routing.ts';
import { type ReadRules, readRules, ruleSections, zoneCarriers } from './rules.ts';
import { settingSections } from './settings.ts';
import { portSections } from './switch-ports.ts';
import { type HostSymbols, symbolsOf } from './symbols.ts';
import {
  type Comparison,
  type Difference,
  type Section,
  type Statement,
  type Unknown,
} from './types.ts';
import { type Ignorance, ignoranceOf } from './unknown.ts';

/** One of the two networks with what is prepared once. */
interface Prepared {
  readonly network: Network;
  readonly symbols: ReadonlyMap<string, HostSymbols>;
  readonly compiled: ReturnType<typeof compileNetwork>;
  readonly ignorance: Ignorance;
}

/** What comparing one host gives. */
type Compared = Omit<Comparison, 'problems'>;

/**
 * Compares all hosts on which agents of Neutron work; others are the world around the cloud.
 * `only` names the hosts to compare.
 */
export function compareNetworks(
  a: Network,
  b: Network,
  only: readonly string[] | undefined = undefined,
): Comparison {
  const sides = [a, b].map((network) => ({
    network,
    symbols: symbolsOf(network),
    compiled: compileNetwork(network),
    ignorance: ignoranceOf(network),
  })) as [Prepared, Prepared];
  const problems: Problem[] = [];
  const names = [...new Set([...agentHosts(a), ...agentHosts(b)])]
    .filter((name) => only?.includes(name) ?? true)
    .sort();
  const differences: Difference[] = [];
  const unknown: Unknown[] = [];
  let statements = 0;
  for (const name of names) {
    const [left, right] = [a.hosts.get(name), b.hosts.get(name)];
    if (left === undefined || right === undefined) {
      if (left !== undefined || right !== undefined) differences.push(absentHost(name, left));
      continue;
    }
    const compared = compareHosts(
      sides,
      withoutForeign(a, left, right),
      withoutForeign(b, right, left),
      problems,
    );
    differences.push(...compared.differences);
    unknown.push(...compared.unknown);
    statements += compared.statements;
  }
  const all = [...problems, ...sides.flatMap(readProblems)];
  return { differences, unknown, problems: all, statements };
}

function readProblems({ network, compiled }: Prepared): readonly Problem[] {
  return [...network.problems, ...compiled.problems];
}

/** Hosts with an agent, a switch, or a namespace that an agent makes. */
function agentHosts(network: Network): readonly string[] {
  const named = new Set(network.neutron.agents.map(({ host }) => host));
  return [...network.hosts.values()]
    .filter(
      (host) =>
        named.has(host.name) ||
        host.switch !== null ||
        [...host.namespaces.keys()].some((name) => namespaceOwner(name) !== undefined),
    )
    .map(({ name }) => name);
}

function absentHost(name: string, left: Host | undefined): Difference {
  const here = { text: name, origin: { file: `hosts/${name}`, line: 0 } };
  const [kind, a, b] =
    left === undefined ? (['extra', null, here] as const) : (['missing', here, null] as const);
  return { kind, host: name, device: 'host', part: 'hosts', a, b, about: null };
}

function compareHosts(
  sides: readonly [Prepared, Prepared],
  left: Host,
  right: Host,
  problems: Problem[],
): Compared {
  const [a, b] = sides;
  // A guest that only one side shows is no work of the agents.
  const counted = (name: string): boolean =>
    name === ROOT ||
    namespaceOwner(name) !== undefined ||
    (left.namespaces.has(name) && right.namespaces.has(name));
  const namespaces = namespacesOf(sides, left, right, problems);
  const [flowsA, flowsB] = flowsOf(a, b, left, right);
  const of = (side: Prepared, host: Host, ...rest: readonly (readonly Section[])[]) => [
    namespacesSection(side.network, host, counted),
    ...switchSections(side, host),
    ...daemonSections(side.compiled, host),
    ...rest.flat(),
  ];
  return compareSections(of(a, left, namespaces[0], flowsA), of(b, right, namespaces[1], flowsB), [
    a.ignorance,
    b.ignorance,
  ]);
}

/** Sections of the namespaces that both sides have. */
function namespacesOf(
  [a, b]: readonly [Prepared, Prepared],
  left: Host,
  right: Host,
  problems: Problem[],
): readonly [readonly Section[], readonly Section[]] {
  const [sectionsA, sectionsB]: [Section[], Section[]] = [[], []];
  for (const [name, namespace] of left.namespaces) {
    const other = right.namespaces.get(name);
    if (other === undefined) continue;
    const sideA = sideOf(a, left, namespace);
    const sideB = sideOf(b, right, other);
    const [rulesA, rulesB] = [readRules(sideA, problems), readRules(sideB, problems)];
    const [zonesA, zonesB] = matchNumbers(zoneCarriers(rulesA), zoneCarriers(rulesB));
    sectionsA.push(...sectionsOfNamespace(sideA, rulesA, zonesA));
    sectionsB.push(...sectionsOfNamespace(sideB, rulesB, zonesB));
  }
  return [sectionsA, sectionsB];
}

function sideOf(prepared: Prepared, host: Host, namespace: NamespaceState): NamespaceSide {
  return { network: prepared.network, host, namespace, symbols: symbolsAt(prepared, host) };
}

function symbolsAt({ symbols }: Prepared, host: Host): HostSymbols {
  const none = new Map<never, string>();
  const nothing = { networkOfVlan: none, dvrMacs: none, drawnAddresses: none };
  return symbols.get(host.name) ?? { host: host.name, ...nothing };
}

function flowsOf(
  a: Prepared,
  b: Prepared,
  left: Host,
  right: Host,
): readonly [readonly Section[], readonly Section[]] {
  if (left.switch === null || right.switch === null) return [[], []];
  return flowSections(
    { network: a.network, of: left.switch, symbols: symbolsAt(a, left) },
    { network: b.network, of: right.switch, symbols: symbolsAt(b, right) },
  );
}

function switchSections(side: Prepared, host: Host): readonly Section[] {
  if (host.switch === null) return [];
  return portSections(side.network, host.switch, symbolsAt(side, host));
}

function sectionsOfNamespace(
  side: NamespaceSide,
  rules: ReadRules,
  zones: Names,
): readonly Section[] {
  return [
    ...deviceSections(side),
    ...routingSections(side),
    ...settingSections(side),
    ...ruleSections(side, rules, zones),
  ];
}

function keyOf({ device, part }: Section): string {
  return `${device}\n${part}`;
}

/** Sections of one host on both sides, in the order of A and then of B. */
function compareSections(
  a: readonly Section[],
  b: readonly Section[],
  [ignoranceA, ignoranceB]: readonly [Ignorance, Ignorance],
): Compared {
  const others = new Map(b.map((section) => [keyOf(section), section]));
  const known = new Set(a.map(keyOf));
  const pairs = [
    ...a.map((section) => [section, others.get(keyOf(section)) ?? empty(section)] as const),
    ...b.filter((each) => !known.has(keyOf(each))).map((each) => [empty(each), each] as const),
  ];
  const unknown: Unknown[] = [];
  const told = pairs.filter(([left, right]) => {
    const side = left.statements.length === 0 ? 'a' : right.statements.length === 0 ? 'b' : null;
    if (side === null) return true;
    const file = side === 'a' ? ignoranceA(left) : ignoranceB(right);
    const { host, device, part } = left;
    if (file !== null && left.statements.length + right.statements.length > 0) {
      unknown.push({ host, device, part, side, file });
    }
    return file === null;
  });
  const found = told.map(([left, right]) => ({ left, right, ...unmatched(left, right) }));
  // What is missing as a whole is told once, not with everything that needs it.
  const absent = new Set<string>();
  for (const { onlyA, onlyB } of found) {
    const [subjectsA, subjectsB] = [onlyA, onlyB].map(
      (list) => new Set(list.map(({ subject }) => subject)),
    );
    for (const subject of subjectsA ?? []) if (!subjectsB?.has(subject)) absent.add(subject);
    for (const subject of subjectsB ?? []) if (!subjectsA?.has(subject)) absent.add(subject);
  }
  const stands = ({ needs }: Statement): boolean => !needs.some((key) => absent.has(key));
  return {
    differences: found.flatMap(({ left, right, onlyA, onlyB }) => [
      ...differencesOf(left, onlyA.filter(stands), onlyB.filter(stands)),
      ...orderOf(left, right),
    ]),
    unknown,
    statements: pairs.reduce(
      (sum, [left, right]) => sum + Math.max(left.statements.length, right.statements.length),
      0,
    ),
  };
}

function empty(section: Section): Section {
  return { ...section, statements: [] };
}

/** Statements of one side whose meaning the other side lacks, counted as often as they stand. */
function unmatched(
  left: Section,
  right: Section,
): { readonly onlyA: readonly Statement[]; readonly onlyB: readonly Statement[] } {
  return {
    onlyA: onlyIn(left.statements, right.statements),
    onlyB: onlyIn(right.statements, left.statements),
  };
}

function onlyIn(a: readonly Statement[], b: readonly Statement[]): readonly Statement[] {
  const left = new Map<string, number>();
  for (const { meaning } of b) left.set(meaning, (left.get(meaning) ?? 0) + 1);
  return a.filter(({ meaning }) => {
    const count = left.get(meaning) ?? 0;
    left.set(meaning, count - 1);
    return count <= 0;
  });
}

function differencesOf(
  { host, device, part }: Section,
  onlyA: readonly Statement[],
  onlyB: readonly Statement[],
): readonly Difference[] {
  const bySubject = new Map<string, Statement[]>();
  for (const each of onlyB) {
    const list = bySubject.get(each.subject);
    if (list === undefined) bySubject.set(each.subject, [each]);
    else list.push(each);
  }
  const paired = new Set<Statement>();
  const place = { host, device, part };
  const found = onlyA.map((statement): Difference => {
    const other = bySubject.get(statement.subject)?.shift();
    if (other !== undefined) paired.add(other);
    return made(other === undefined ? 'missing' : 'different', place, statement, other ?? null);
  });
  const extra = onlyB
    .filter((statement) => !paired.has(statement))
    .map((statement) => made('extra', place, null, statement));
  return [...found, ...extra];
}

function made(
  kind: Difference['kind'],
  place: Pick<Difference, 'host' | 'device' | 'part'>,
  a: Statement | null,
  b: Statement | null,
): Difference {
  const side = (of: Statement | null): Difference['a'] =>
    of === null ? null : { text: of.text, origin: of.origin() };
  return { kind, ...place, a: side(a), b: side(b), about: a?.about() ?? b?.about() ?? null };
}

function orderOf(left: Section, right: Section): readonly Difference[] {
  if (left.commute === null) return [];
  const { commute } = left;
  const pair = swappedPair(left.statements, right.statements, commute);
  if (pair === null) return [];
  const [first, second] = pair;
  return [{ ...made('order', left, first, second), part: left.part }];
}

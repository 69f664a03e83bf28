/**
 * Whether the rules of a host's own namespace let a new ssh connection in, as they are and with a
 * plan's chains. Before: INPUT as it was read; after: sentences about what would be closed.
 */
import { type InterfaceName } from '../../dataplane/iptables/text/codec.ts';
import { parseIptablesSave } from '../../dataplane/iptables/text/save.ts';
import { type Rule, type Ruleset, type Table } from '../../dataplane/iptables/types.ts';
import { type Host, ROOT } from '../../dataplane/network.ts';
import { readIp } from '../../text/address-text.ts';
import { type ChainData, type Plan } from '../types.ts';

/** From where to where the controller's own connection goes, as the host saw it. */
export interface Operator {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** The first packet of that connection, and the interfaces by which it may come in. */
interface Incoming extends Operator {
  readonly way: ReadonlySet<string>;
}

/** Whether INPUT lets a new connection in: sure only where every rule on the way is understood. */
export function inputClosed(
  plan: Plan,
  host: Host,
  operator: Operator,
  way: ReadonlySet<string>,
): readonly string[] {
  const version = operator.to.includes(':') && !operator.to.startsWith('::ffff:') ? 6 : 4;
  const name = version === 4 ? 'iptables-save' : 'ip6tables-save';
  const root = host.namespaces.get(ROOT);
  const source = root?.source(name) ?? root?.source(`${name}.txt`);
  const none: Ruleset = { version, tables: [] };
  const old =
    source === undefined ? none : parseIptablesSave(source.text, source.file, version).value;
  const [before, after] = [old, withChanges(old, plan, host.name, version)].map((of) =>
    admitted(of, { ...operator, way }),
  );
  if (after === 'yes' || (before !== 'yes' && after === before)) return [];
  return after === 'no'
    ? [`${host.name}: after the plan no new ssh connection from ${operator.from} is let in`]
    : [
        `${host.name}: whether new ssh connections from ${operator.from} are let in cannot be proved`,
      ];
}

/** The rules with the plan's chains of the host's own namespace in place of what they replace. */
function withChanges(old: Ruleset, plan: Plan, host: string, version: 4 | 6): Ruleset {
  const own = plan.changes.flatMap(
    (change): readonly { old: ChainData | null; new: ChainData | null }[] => {
      const item = change.new ?? change.old;
      if (change.host !== host || item?.kind !== 'chain' || item.place !== ROOT) return [];
      if (item.data.version !== version || item.data.table !== 'filter') return [];
      const of = (one: typeof change.new): ChainData | null =>
        one?.kind === 'chain' ? one.data : null;
      return [{ old: of(change.old), new: of(change.new) }];
    },
  );
  if (own.length === 0) return old;
  const lines = ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'];
  for (const { new: to } of own) if (to?.whole === true) lines.push(`:${to.chain} - [0:0]`);
  const table = old.tables.find(({ name }) => name === 'filter');
  const kept = new Map((table?.chains ?? []).map((chain) => [chain.name, chain]));
  for (const { new: to } of own)
    for (const rule of to?.rules ?? []) lines.push(`-A ${to?.chain} ${rule}`);
  const parsed = parseIptablesSave(`${lines.join('\n')}\nCOMMIT\n`, 'plan', version).value
    .tables[0];
  for (const { old: from, new: to } of own) {
    const name = (to ?? from)?.chain ?? '';
    const made = parsed?.chains.find((chain) => chain.name === name);
    const there = kept.get(name);
    if (to === null) kept.delete(name);
    else if (made !== undefined && to.whole) kept.set(name, made);
    else if (made !== undefined && there !== undefined) {
      kept.set(name, { ...there, rules: [...made.rules, ...there.rules] });
    } else if (made !== undefined) kept.set(name, made);
  }
  const filter: Table = {
    name: 'filter',
    chains: [...kept.values()],
    origin: table?.origin ?? { file: 'plan', line: 0 },
  };
  return {
    ...old,
    version,
    tables: [...old.tables.filter(({ name }) => name !== 'filter'), filter],
  };
}

type Answer = 'yes' | 'no' | 'unsure';

/** Walks INPUT for the first packet of a TCP connection. */
function admitted({ tables }: Ruleset, operator: Incoming): Answer {
  const filter = tables.find(({ name }) => name === 'filter');
  const input = filter?.chains.find(({ name }) => name === 'INPUT');
  if (filter === undefined || input === undefined) return 'yes';
  const verdict = walk(filter, input.rules, operator, 0);
  if (verdict !== null) return verdict;
  return input.policy === 'DROP' ? 'no' : 'yes';
}

function walk(
  filter: Table,
  rules: readonly Rule[],
  operator: Incoming,
  depth: number,
): Answer | null {
  if (depth > 32) return 'unsure';
  for (const rule of rules) {
    const match = matches(rule, operator);
    if (match === 'no') continue;
    const { target } = rule;
    let end: Answer | 'return' | null = null;
    if (target.kind === 'verdict') {
      end =
        target.verdict === 'ACCEPT'
          ? 'yes'
          : target.verdict === 'DROP'
            ? 'no'
            : target.verdict === 'RETURN'
              ? 'return'
              : 'unsure';
    } else if (target.kind === 'REJECT') end = 'no';
    else if (target.kind === 'jump' || target.kind === 'goto') {
      const chain = filter.chains.find(({ name }) => name === target.chain);
      end = walk(filter, chain?.rules ?? [], operator, depth + 1);
    } else if (target.kind === 'verbatim') end = 'unsure';
    if (end === null) continue;
    if (match === 'unsure') {
      // What it would decide must not matter.
      if (end !== 'yes') return 'unsure';
      continue;
    }
    return end === 'return' ? null : end;
  }
  return null;
}

/** Whether an interface of the way in has this name. */
function mayBe({ name, wildcard }: InterfaceName, way: ReadonlySet<string>): boolean {
  return [...way].some((each) => (wildcard ? each.startsWith(name) : each === name));
}

function matches(rule: Rule, { from, to, port, way }: Incoming): Answer {
  let sure: Answer = 'yes';
  for (const [given, word] of [
    [rule.source, from],
    [rule.destination, to],
  ] as const) {
    if (given === null) continue;
    const value = readIp(word.replace(/^::ffff:/, ''))?.value ?? 0n;
    const inside = (value & given.value.mask) === (given.value.value & given.value.mask);
    if (inside === given.not) return 'no';
  }
  if (rule.protocol !== null) {
    const { number } = rule.protocol.value;
    if ((number === 6 || number === 0) === rule.protocol.not) return 'no';
  }
  if (rule.inInterface !== null) {
    const { not, value } = rule.inInterface;
    if (!not && !mayBe(value, way)) return 'no';
    // Below a bridge the packet comes in by the bridge, not by its port.
    if (not === mayBe(value, way) || (!not && way.size > 1)) sure = 'unsure';
  }
  if (rule.outInterface !== null) return 'no';
  if (rule.fragment !== null) return 'no';
  for (const match of rule.matches) {
    if (match.kind === 'comment') continue;
    if (match.kind === 'tcp') {
      const { dport, ...others } = match.options;
      if (dport !== undefined) {
        const inside = dport.value.from <= port && port <= dport.value.to;
        if (inside === dport.not) return 'no';
      }
      if (Object.values(others).some((value) => value !== undefined)) sure = 'unsure';
    } else if (match.kind === 'conntrack' || match.kind === 'state') {
      const words = JSON.stringify(match.options);
      if (!/NEW/i.test(words) && /ESTABLISHED|RELATED|INVALID/i.test(words)) return 'no';
      sure = 'unsure';
    } else if (match.kind === 'physdev') {
      const { in: into, isBridged, isOut } = match.options;
      // What is delivered here has no port to leave by (net/netfilter/xt_physdev.c).
      if (isBridged?.not === false || isOut?.not === false) return 'no';
      if (into !== undefined && !into.not && !mayBe(into.value, way)) return 'no';
      sure = 'unsure';
    } else sure = 'unsure';
  }
  return sure;
}

/**
 * The way of the person who applies: no plan may cut new ssh connections to a host. It is proved
 * twice: no step touches the interface that holds the address, and the rules of the host's own
 * namespace let a new connection in, now and with the plan's chains.
 */

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

/** What speaks against the plan on one host. */
export function operatorCut(plan: Plan, host: Host, operator: Operator): readonly string[] {
  return [...interfaceTouched(plan, host, operator), ...inputClosed(plan, host, operator)];
}

/** Steps that put the interface of the connection into a bridge, or take its address. */
function interfaceTouched(plan: Plan, host: Host, { to }: Operator): readonly string[] {
  const address = readIp(to.replace(/^::ffff:/, ''));
  const root = host.namespaces.get(ROOT)?.state.interfaces ?? [];
  const holder = root.find((each) =>
    each.addresses.some(
      (own) => own.address.version === address?.version && own.address.value === address?.value,
    ),
  );
  if (holder === undefined)
    return [`${host.name}: the interface of your ssh connection (${to}) was not found`];
  const names = new Set([holder.name]);
  // Below a bridge or a VLAN device stand others that carry the same packets.
  for (const each of root) {
    if (each.master === holder.name || each.index === holder.linkIndex) names.add(each.name);
  }
  for (const bridge of host.switch?.bridges ?? []) {
    if (bridge.name !== holder.name && !bridge.ports.some(({ name }) => name === holder.name))
      continue;
    for (const { name } of bridge.ports) names.add(name);
    names.add(bridge.name);
  }
  return plan.changes.flatMap(({ host: name, id, old, new: next }) => {
    const item = next ?? old;
    if (name !== host.name || item === null) return [];
    const touches =
      (item.kind === 'port' ||
        item.kind === 'member' ||
        item.kind === 'device' ||
        item.kind === 'bridge') &&
      (item.kind === 'port' || item.kind === 'bridge' || item.place === ROOT) &&
      names.has(item.key);
    const address = item.kind === 'address' && item.place === ROOT && names.has(item.data.device);
    return touches || address
      ? [`${name}: ${id} takes the interface of your ssh connection (${to}) away`]
      : [];
  });
}

/** Whether INPUT lets a new connection in: sure only where every rule on the way is understood. */
function inputClosed(plan: Plan, host: Host, operator: Operator): readonly string[] {
  const version = operator.to.includes(':') && !operator.to.startsWith('::ffff:') ? 6 : 4;
  const name = version === 4 ? 'iptables-save' : 'ip6tables-save';
  const root = host.namespaces.get(ROOT);
  const source = root?.source(name) ?? root?.source(`${name}.txt`);
  const none: Ruleset = { version, tables: [] };
  const old =
    source === undefined ? none : parseIptablesSave(source.text, source.file, version).value;
  const [before, after] = [old, withChanges(old, plan, host.name, version)].map((of) =>
    admitted(of, operator),
  );
  if (after === 'yes' || (before !== 'yes' && after === before)) {
    return before === 'yes' || before === 'unsure' ? [] : [];
  }
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
  return { version, tables: [...old.tables.filter(({ name }) => name !== 'filter'), filter] };
}

type Answer = 'yes' | 'no' | 'unsure';

/** Walks INPUT for the first packet of a TCP connection. */
function admitted({ tables }: Ruleset, operator: Operator): Answer {
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
  operator: Operator,
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

function matches(rule: Rule, { from, to, port }: Operator): Answer {
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
  if (rule.inInterface !== null) sure = 'unsure';
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
    } else sure = 'unsure';
  }
  return sure;
}

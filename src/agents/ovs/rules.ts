/**
 * Rules of security groups as flows of tables 72 and 82. Rules that name addresses become flows
 * of their own; rules that name a group become conjunctions, members against rules
 * (neutron/agent/linux/openvswitch_firewall/rules.py, Zed).
 */
import { type NeutronRule } from '../../model/neutron.ts';
import { protocolNumberOf } from '../../model/protocols.ts';
import { type Numbers } from '../numbers.ts';
import { type CloudView, type GroupMember } from '../view.ts';
import { type GuardedPort } from './firewall.ts';
import { flow, hex, mac, prefixText } from './flow-text.ts';
import { type MergedRule, mergedRules, type Referring } from './rule-merging.ts';
import { INT } from './tables.ts';

const ZONE = 'zone=NXM_NX_REG6[0..15]';
const ESTABLISHED = 'ct_state=+est-rel-rpl';
const NEW = 'ct_state=+new-est';
const STATES = [ESTABLISHED, NEW] as const;
/** Lowest priority of a rule; what a rule says more exactly raises it. */
const LOWEST = 70;

/** Flows of all guarded ports of a host; flows that several ports need stand once. */
export function securityRules(
  view: CloudView,
  numbers: Numbers,
  ports: readonly GuardedPort[],
): readonly string[] {
  const flows = new Set<string>();
  const joined = new Conjunctions();
  for (const at of ports) {
    const referring: Referring[] = [];
    for (const groupId of at.port.securityGroups) {
      for (const rule of view.groups.get(groupId)?.rules ?? []) {
        const remote = rule.remoteGroup ?? rule.remoteAddressGroup;
        if (remote === null) for (const line of addressRule(rule, at)) flows.add(line);
        else referring.push({ rule, id: conjunctionOf(numbers, rule, remote) });
      }
    }
    for (const { rule, id } of referring) members(view, rule, id, at, joined);
    for (const each of mergedRules(referring)) groupRule(each, at, joined, flows);
  }
  return [...flows, ...joined.flows()];
}

/** A rule for every address, or for one prefix. */
function addressRule(rule: NeutronRule, at: GuardedPort): string[] {
  const table = tableOf(rule);
  const remote =
    rule.remotePrefix === null || rule.remotePrefix.length === 0
      ? ''
      : `${remoteField(rule)}=${prefixText(rule.remotePrefix)}`;
  return STATES.flatMap((state) =>
    matchesOf(rule).map(([protocol, ...rest]) =>
      flow(
        table,
        LOWEST + 4 + specificity(rule),
        [state, protocol ?? '', `reg5=${hex(at.ofport)}`, remote, ...rest],
        accept(rule, at, state),
      ),
    ),
  );
}

function conjunctionOf(numbers: Numbers, rule: NeutronRule, remote: string): number {
  const base = numbers.conjunction(`${rule.groupId} ${remote} ${rule.direction} ${rule.version}`);
  return base + 2 * specificity(rule);
}

/** The dimension of the rules' own words, and what comes of both together. */
function groupRule(
  { rule, ids }: MergedRule,
  at: GuardedPort,
  joined: Conjunctions,
  flows: Set<string>,
): void {
  const table = tableOf(rule);
  const type = rule.version === 4 ? 'ip' : 'ipv6';
  const priority = LOWEST + specificity(rule);
  const port = `reg5=${hex(at.ofport)}`;
  for (const [i, state] of STATES.entries()) {
    for (const id of ids) {
      for (const [protocol, ...rest] of matchesOf(rule)) {
        const match = [state, protocol ?? '', port, ...rest];
        joined.add(table, priority, match, `conjunction(${id + i},2/2)`);
      }
      const chosen = [`conj_id=${id + i}`, state, type, port];
      const actions = `set_field:${hex(id + i)}->reg7,${accept(rule, at, state)}`;
      flows.add(flow(table, priority, chosen, actions));
    }
  }
}

/** The dimension of the remote group's addresses, once per network. */
function members(
  view: CloudView,
  rule: NeutronRule,
  id: number,
  at: GuardedPort,
  joined: Conjunctions,
): void {
  const type = rule.version === 4 ? 'ip' : 'ipv6';
  for (const [i, state] of STATES.entries()) {
    for (const { address, length, mac: owner } of membersOf(view, rule)) {
      // Who may have every address is known by the MAC alone.
      const from =
        length > 0
          ? `${remoteField(rule)}=${prefixText({ address, length })}`
          : owner === null
            ? ''
            : `dl_src=${mac(owner)}`;
      const match = [state, type, `reg6=${hex(at.vlan)}`, from];
      joined.add(tableOf(rule), LOWEST + specificity(rule), match, `conjunction(${id + i},1/2)`);
    }
  }
}

function membersOf(
  view: CloudView,
  rule: NeutronRule,
): readonly (Omit<GroupMember, 'mac' | 'portId'> & { readonly mac: bigint | null })[] {
  const group = rule.remoteAddressGroup;
  const listed = view.cloud.neutron.addressGroups.find(({ id }) => id === group)?.addresses ?? [];
  const all =
    group === null
      ? view.membersOf(rule.remoteGroup ?? '')
      : listed.map((prefix) => ({ ...prefix, mac: null }));
  return all.filter(({ address }) => address.version === rule.version);
}

/** Flows of conjunctions with the same match become one flow with all of them. */
class Conjunctions {
  private readonly members = new Map<
    string,
    { line: (actions: string) => string; of: Set<string> }
  >();

  add(table: number, priority: number, match: readonly string[], action: string): void {
    const key = `${table} ${priority} ${match.join(',')}`;
    let found = this.members.get(key);
    if (found === undefined) {
      found = { line: (actions) => flow(table, priority, match, actions), of: new Set() };
      this.members.set(key, found);
    }
    found.of.add(action);
  }

  flows(): readonly string[] {
    return [...this.members.values()].map(({ line, of }) => line([...of].join(',')));
  }
}

function tableOf(rule: NeutronRule): number {
  return rule.direction === 'egress' ? INT.RULES_EGRESS : INT.RULES_INGRESS;
}

function remoteField(rule: NeutronRule): string {
  const side = rule.direction === 'egress' ? 'dst' : 'src';
  return rule.version === 4 ? `nw_${side}` : `ipv6_${side}`;
}

function accept(rule: NeutronRule, at: GuardedPort, state: (typeof STATES)[number]): string {
  if (rule.direction === 'egress') return `resubmit(,${INT.ACCEPT_OR_INGRESS})`;
  const out = `output:${at.ofport}`;
  return state === NEW ? `ct(commit,${ZONE}),${out},resubmit(,${INT.ACCEPTED_INGRESS})` : out;
}

const ICMP = new Set(['icmp', '1', 'icmpv6', 'ipv6-icmp', 'icmp6', '58']);

/** How much more a rule says than "any": protocol, ICMP type, ICMP code or ports. */
function specificity(rule: NeutronRule): number {
  if (rule.protocol === null || rule.protocol === 'any' || rule.protocol === '0') return 0;
  if (ICMP.has(rule.protocol.toLowerCase())) {
    if (rule.portMin === null) return 1;
    return rule.portMax === null ? 2 : 3;
  }
  return 3;
}

/** The protocol's keyword with what follows of ports or types; several for a range of ports. */
function matchesOf(rule: NeutronRule): readonly (readonly string[])[] {
  const six = rule.version === 6;
  const any = six ? 'ipv6' : 'ip';
  if (rule.protocol === null || rule.protocol === 'any' || rule.protocol === '0') return [[any]];
  const name = rule.protocol.toLowerCase();
  if (ICMP.has(name)) {
    const type = rule.portMin === null ? '' : `icmp_type=${rule.portMin}`;
    const code = rule.portMax === null ? '' : `icmp_code=${rule.portMax}`;
    return [[six ? 'icmp6' : 'icmp', type, code].filter((part) => part !== '')];
  }
  const transport = { tcp: 'tcp', udp: 'udp', sctp: 'sctp', 6: 'tcp', 17: 'udp', 132: 'sctp' }[
    name
  ];
  if (transport !== undefined) {
    const word = six ? `${transport}6` : transport;
    if (rule.portMin === null || rule.portMax === null) return [[word]];
    return portMasks(rule.portMin, rule.portMax).map((ports) => [word, `tp_dst=${ports}`]);
  }
  return [[any, `nw_proto=${protocolNumberOf(name) ?? 255}`]];
}

/** A range of ports as the fewest values under masks, as OpenFlow has no ranges. */
function portMasks(from: number, to: number): readonly string[] {
  const found: string[] = [];
  let at = from;
  while (at <= to) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= to) size *= 2;
    found.push(size === 1 ? String(at) : `${hex(at)}/${hex(0x10000 - size)}`);
    at += size;
  }
  return found;
}

/**
 * The packet was refused by a port's firewall. Which port, which direction, what Neutron's groups
 * say about it, and whether the host does what they say.
 */

import { nearMisses as rulesNearby } from '../../dataplane/iptables/near-miss.ts';
import { type RuleStep } from '../../dataplane/iptables/steps.ts';
import { type Network } from '../../dataplane/network.ts';
import { nearMisses as flowsNearby } from '../../dataplane/ovs/pipeline/near-miss.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import {
  groupRef,
  groupsOf,
  portByNumber,
  portLabel,
  portOfDevice,
  portRef,
  portsWithAddress,
} from '../objects.ts';
import { type Fix, type NearMiss, type Remedy } from '../types.ts';
import { type Case, type Diagnosis, type Finding, flowsOf, numberIn, tupleOf } from './case.ts';
import { createRule, onHost, restartAgent, safeName } from './commands.ts';
import { isFallback, refusesRest } from './fallback.ts';
import {
  type Ask,
  isMember,
  type JudgedRule,
  judgeRules,
  ownerText,
  protocolName,
  remoteOf,
  ruleText,
  serviceText,
} from './group-rules.ts';
import { flowHit, flowMiss, ruleMiss } from './nearby.ts';
import { asksInvalid } from './unknown-connection.ts';

/** Where a firewall refused: whose port it guards, and what stands near on the host. */
interface Refusal {
  readonly port: NeutronPort | null;
  readonly direction: 'ingress' | 'egress';
  readonly agent: string;
  readonly nearby: readonly NearMiss[];
  readonly confirm: string;
  /** The header in front of the firewall. */
  readonly words: Uint32Array;
  /** What the packet hit instead of a rule that lets it pass. */
  readonly hit: Pick<Finding, 'component' | 'evidence' | 'origin'>;
}

/** Both firewall drivers, one answer. */
export const securityGroups: Diagnosis = (of) => {
  // Guests refuse a call to everybody that was not for them: it is not their group that stops it.
  if (of.stray === true) return null;
  const refusal = switchRefusal(of) ?? rulesRefusal(of);
  if (refusal === null) return null;
  const { network } = of.compiled;
  const tuple = tupleOf(refusal.words);
  const { port, direction } = refusal;
  if (port === null || tuple === null || port.securityGroups.length === 0) {
    const because = ['no rule of the port’s firewall lets it pass'];
    const { nearby: nearMisses, confirm } = refusal;
    return { ...refusal.hit, code: 'SG_NO_MATCHING_RULE', because, nearMisses, confirm: [confirm] };
  }
  return judged(of, refusal, { port, direction, tuple }, network);
};

function judged(of: Case, refusal: Refusal, ask: Ask, network: Network): Finding {
  const rules = judgeRules(network, ask);
  const allowing = rules.find(({ differs }) => differs.length === 0);
  const groups = groupsOf(network, ask.port);
  const base = {
    ...refusal.hit,
    neutron: [portRef(network, ask.port), ...groups.map(groupRef)],
    confirm: [refusal.confirm],
  };
  // With fragments as Open vSwitch handles them by default, ports and ICMP types of all are zero.
  if (allowing !== undefined && of.device === 'ovs' && numberIn(of.words, 'ip_frag') !== 0) {
    const because = [
      `“${ruleText(network, allowing)}” allows the whole packet, but Open vSwitch shows its flows ` +
        'no ports and no ICMP types of a fragment',
    ];
    const summary =
      'send packets that fit the MTU; only the datapath of the kernel puts fragments together';
    const fix: Fix = { summary, commands: [] };
    return { ...base, code: 'SG_NO_MATCHING_RULE', because, nearMisses: refusal.nearby, fix };
  }
  if (allowing !== undefined) {
    const { code, because } = notApplied(of, ask, allowing, network);
    const fix: Fix = {
      summary: `restart ${refusal.agent} on ${of.host}, so that it programs the rules anew`,
      commands: [restartAgent(of.host, refusal.agent)],
    };
    return { ...base, code, because, nearMisses: refusal.nearby, fix };
  }
  const nearest = rules.filter(isNear).slice(0, 3);
  const outsider = nearest.find(isMembership);
  const nearMisses = [...nearest.map((one) => miss(network, one)), ...refusal.nearby];
  return {
    ...base,
    code: outsider === undefined ? 'SG_NO_MATCHING_RULE' : 'SG_REMOTE_GROUP_NOT_MEMBER',
    because: [noRuleText(network, ask), ...outsiderText(network, ask, outsider)],
    nearMisses,
    fix: fixOf(network, ask, nearest[0], outsider),
  };
}

/** Rules that differ in more than two things say nothing about this packet. */
function isNear({ differs }: JudgedRule): boolean {
  return differs.length <= 2;
}

/** Only the sender's group is missing; the default group's rule about itself is no intention. */
function isMembership({ group, rule, differs }: JudgedRule): boolean {
  const [only] = differs;
  if (differs.length !== 1 || only?.field !== 'remote' || rule.remoteGroup === null) return false;
  return rule.protocol !== null || rule.remoteGroup !== group.id;
}

function noRuleText(network: Network, ask: Ask): string {
  const names = groupsOf(network, ask.port).map(({ id, name }) => (name === '' ? id : name));
  const whose = `${portLabel(network, ask.port)}’s security group${names.length > 1 ? 's' : ''}`;
  const [lets, word] = ask.direction === 'ingress' ? ['in', 'from'] : ['out', 'to'];
  return (
    `no ${ask.direction} rule of ${whose} ${names.join(', ')} lets ${serviceText(ask.tuple)} ` +
    `${lets} ${word} ${ownerText(network, remoteOf(ask))}`
  );
}

function outsiderText(network: Network, ask: Ask, rule: JudgedRule | undefined): readonly string[] {
  if (rule === undefined) return [];
  const group = network.neutron.securityGroups.find(({ id }) => id === rule.rule.remoteGroup);
  const remote = ownerText(network, remoteOf(ask));
  return [`${remote} is not in ${group?.name ?? rule.rule.remoteGroup}, which a rule lets in`];
}

function miss(network: Network, judgedRule: JudgedRule): NearMiss {
  return { rule: ruleText(network, judgedRule), origin: null, differs: judgedRule.differs };
}

/** Neutron allows it, so the host has not done what Neutron says. */
function notApplied(
  { host }: Case,
  ask: Ask,
  allowing: JudgedRule,
  network: Network,
): Pick<Finding, 'code' | 'because'> {
  const rule = ruleText(network, allowing);
  const { remoteGroup } = allowing.rule;
  if (remoteGroup !== null && isMember(network, remoteGroup, remoteOf(ask))) {
    const remote = writeIp(remoteOf(ask));
    const because = `${host} does not know ${remote} as a member of the group in “${rule}”`;
    return { code: 'SG_IPSET_STALE', because: [because] };
  }
  const because = `Neutron’s rule “${rule}” allows it, but ${host} was not programmed with it`;
  return { code: 'SG_NO_MATCHING_RULE', because: [because] };
}

/** The rule belongs into the group whose rules are nearest; never into `default` without need. */
function fixOf(
  network: Network,
  ask: Ask,
  nearest: JudgedRule | undefined,
  outsider: JudgedRule | undefined,
): Fix | null {
  const groups = groupsOf(network, ask.port);
  const own = groups.find(({ name }) => name !== 'default') ?? groups[0];
  const group = nearest?.group.name === 'default' ? own : (nearest?.group ?? own);
  if (group === undefined) return null;
  const { tuple, direction } = ask;
  const remote = remoteOf(ask);
  const all = network.neutron.securityGroups;
  const withPort = [6, 17, 132].includes(tuple.protocol);
  const length = tuple.version === 4 ? 32 : 128;
  const port = withPort ? tuple.destinationPort : null;
  const rule = {
    direction,
    version: tuple.version,
    protocol: protocolName(tuple.protocol),
    portMin: port,
    portMax: port,
    remotePrefix: { address: remote, length },
    remoteGroup: null,
    remoteAddressGroup: null,
  } as const;
  return {
    summary: `if this traffic is wanted, allow it in ${safeName(group, all)}`,
    commands: [
      createRule(group, all, {
        direction,
        version: tuple.version,
        protocol: protocolName(tuple.protocol),
        port,
        remote: `${writeIp(remote)}/${length}`,
      }),
    ],
    remedies: [
      ...membership(network, remote, outsider),
      { kind: 'allow', groupId: group.id, rule },
      ...likeNearest(group.id, rule, nearest),
    ],
  };
}

/** The sender joins the group that a rule lets in. */
function membership(
  network: Network,
  remote: IpAddress,
  outsider: JudgedRule | undefined,
): readonly Remedy[] {
  const groupId = outsider?.rule.remoteGroup ?? null;
  const [sender, another] = portsWithAddress(network, remote, null);
  if (groupId === null || sender === undefined || another !== undefined) return [];
  return [{ kind: 'join-group', portId: sender.id, groupId }];
}

/** For all whom the nearest rule lets in already, when it differs in the service alone. */
function likeNearest(
  groupId: string,
  rule: Extract<Remedy, { kind: 'allow' }>['rule'],
  nearest: JudgedRule | undefined,
): readonly Remedy[] {
  if (nearest === undefined || nearest.differs.some(({ field }) => field === 'remote')) return [];
  const { remotePrefix, remoteGroup, remoteAddressGroup } = nearest.rule;
  if (nearest.group.id !== groupId || remoteAddressGroup !== null) return [];
  return [{ kind: 'allow', groupId, rule: { ...rule, remotePrefix, remoteGroup } }];
}

/** Tables of the OpenFlow firewall in which rules decide (ovs_constants.py RULES_*_TABLE). */
const EGRESS_RULES = 72;
const INGRESS_RULES = 82;
/** Tables that only refuse: what led there decided. */
const REFUSING: ReadonlySet<number> = new Set([91, 92, 93, 94]);

function switchRefusal(of: Case): Refusal | null {
  const place = /^br-int table (\d+)$/.exec(of.drop.where);
  if (place === null) return null;
  const decided = flowsOf(of).findLast(({ step }) => !REFUSING.has(step.table));
  if (decided === undefined) return null;
  const { table, bridge, flow } = decided.step;
  if (bridge !== 'br-int' || (table !== EGRESS_RULES && table !== INGRESS_RULES)) return null;
  // What the tracker refuses is no matter of rules, nor is a flow that drops by itself.
  if (asksInvalid(flow)) return null;
  const direct = of.drop.where === `br-int table ${table}`;
  if (flow !== null && direct && !isFallback(flow) && !refusesRest(flow)) return null;
  const { network } = of.compiled;
  const number = numberIn(decided.words, 'reg5');
  const guarded = portByNumber(network, of.host, bridge, number);
  const own = network.hosts.get(of.host)?.switch?.bridges.find(({ name }) => name === bridge);
  const above = flow?.priority ?? 0;
  const near = own === undefined ? [] : flowsNearby(own, table, decided.words, above);
  return {
    port: guarded === null ? null : portOfDevice(network, of.host, guarded.name),
    direction: table === INGRESS_RULES ? 'ingress' : 'egress',
    agent: 'neutron-openvswitch-agent',
    words: decided.words,
    confirm: onHost(of.host, `ovs-ofctl dump-flows br-int table=${table},reg5=${number}`),
    nearby: near.map(flowMiss),
    hit: { component: `br-int table ${table}`, ...flowHit(flow) },
  };
}

/** The chain of one port: direction and the first characters of the port's id. */
const PORT_CHAIN = /^neutron-([a-z-]+?)-([io])([0-9a-f]{8}-[0-9a-f])$/;
const AGENTS: Readonly<Record<string, string>> = {
  openvswi: 'neutron-openvswitch-agent',
  linuxbri: 'neutron-linuxbridge-agent',
};

function rulesRefusal(of: Case): Refusal | null {
  if (!/-sg-fallback$/.test(of.drop.where)) return null;
  const asked = of.diary.findLast(({ step }) => {
    return step.kind === 'rule' && PORT_CHAIN.test((step as RuleStep).chain);
  });
  if (asked === undefined) return null;
  const { chain, table, version } = asked.step as RuleStep;
  const [, binary = '', letter, prefix = ''] = PORT_CHAIN.exec(chain) ?? [];
  const { network, filters } = of.compiled;
  const rules = filters
    .get(`${of.host} ${of.device}`)
    ?.packets?.rules[version].get(table as 'filter');
  const near = rules === undefined ? [] : rulesNearby(rules, chain, asked.words);
  return {
    port: network.neutron.ports.find(({ id }) => id.startsWith(prefix)) ?? null,
    direction: letter === 'i' ? 'ingress' : 'egress',
    agent: AGENTS[binary] ?? `neutron-${binary}-agent`,
    words: asked.words,
    confirm: onHost(of.host, `${version === 6 ? 'ip6tables' : 'iptables'} -vnL ${chain}`),
    nearby: near.map((one) => ruleMiss(one, asked.words)),
    hit: { component: `${of.device} ${table} ${chain}` },
  };
}

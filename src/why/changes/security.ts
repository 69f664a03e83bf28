/** What a port's firewall lets pass: rules, groups of ports, addresses that a port may use. */
import {
  type NeutronPort,
  type NeutronRule,
  type NeutronSecurityGroup,
} from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { safeName, word } from '../../trace/diagnosis/commands.ts';
import { portLabel } from '../../trace/objects.ts';
import { type Remedy } from '../../trace/types.ts';
import { type Attempt, type Proposal, type Stuck } from '../attempt.ts';
import { objectChange, withPort } from './objects.ts';

/** What asks for an address or a neighbour goes to everybody: most who refuse it are not meant. */
const TO_ALL: ReadonlySet<string> = new Set(['dhcp', 'dhcp6', 'slaac', 'arp']);

export const security: Proposal = (stuck) => {
  if (TO_ALL.has(stuck.question.packet.protocol)) return [];
  return (stuck.blocker.fix?.remedies ?? []).flatMap((remedy) => attemptOf(stuck, remedy));
};

function attemptOf(stuck: Stuck, remedy: Remedy): readonly Attempt[] {
  switch (remedy.kind) {
    case 'allow':
      return allow(stuck, remedy);
    case 'join-group':
      return join(stuck, remedy);
    case 'allow-address':
      return allowAddress(stuck, remedy);
  }
}

function allow(
  stuck: Stuck,
  { groupId, rule }: Extract<Remedy, { kind: 'allow' }>,
): readonly Attempt[] {
  const all = stuck.situation.network.neutron.securityGroups;
  const group = all.find(({ id }) => id === groupId);
  if (group === undefined) return [];
  const wide = widened(rule, stuck);
  const added: NeutronRule = { ...wide, groupId, id: `rule-to-be-created-in-${groupId}` };
  return objectChange(stuck, {
    summary: `allow it in ${safeName(group, all)}, if this traffic is wanted`,
    commands: [createRule(group, all, wide)],
    objects: (before) => ({
      ...before,
      securityGroups: before.securityGroups.map((each) =>
        each.id === groupId ? { ...each, rules: [...each.rules, added] } : each,
      ),
    }),
  });
}

type Rule = Extract<Remedy, { kind: 'allow' }>['rule'];

/** For all ports that are meant, where the rule is about the port of the packet alone. */
function widened(rule: Rule, { ports, question }: Stuck): Rule {
  const own = question.packet.destinationPort;
  if (ports === null || own === null || rule.portMin !== own || rule.portMax !== own) return rule;
  const [low, high] = ports;
  // Neutron's rules know no port 0; a rule without ports is about all of them.
  if (low <= 1 && high === 65_535) return { ...rule, portMin: null, portMax: null };
  return { ...rule, portMin: Math.max(1, low), portMax: high };
}

function createRule(
  group: NeutronSecurityGroup,
  all: readonly NeutronSecurityGroup[],
  rule: Rule,
): string {
  const { direction, version, protocol, portMin, portMax, remotePrefix, remoteGroup } = rule;
  const ports = portMin === portMax ? `${portMin}` : `${portMin}:${portMax}`;
  const remote = all.find(({ id }) => id === remoteGroup);
  return [
    `openstack security group rule create --${direction}`,
    ...(version === 6 ? ['--ethertype IPv6'] : []),
    ...(protocol === null ? [] : [`--protocol ${word(protocol)}`]),
    ...(portMin === null ? [] : [`--dst-port ${ports}`]),
    ...(remotePrefix === null
      ? []
      : [`--remote-ip ${writeIp(remotePrefix.address)}/${remotePrefix.length}`]),
    ...(remote === undefined ? [] : [`--remote-group ${safeName(remote, all)}`]),
    safeName(group, all),
  ].join(' ');
}

function join(
  stuck: Stuck,
  { portId, groupId }: Extract<Remedy, { kind: 'join-group' }>,
): readonly Attempt[] {
  const { network } = stuck.situation;
  const all = network.neutron.securityGroups;
  const port = network.neutron.ports.find(({ id }) => id === portId);
  const group = all.find(({ id }) => id === groupId);
  if (port === undefined || group === undefined || port.securityGroups.includes(groupId)) return [];
  return objectChange(stuck, {
    summary: `put ${portLabel(network, port)} into ${safeName(group, all)}`,
    commands: [`openstack port set --security-group ${safeName(group, all)} ${word(portId)}`],
    objects: withPort(portId, (before) => ({
      ...before,
      securityGroups: [...before.securityGroups, groupId],
    })),
  });
}

function allowAddress(
  stuck: Stuck,
  { portId, address, mac }: Extract<Remedy, { kind: 'allow-address' }>,
): readonly Attempt[] {
  const { network } = stuck.situation;
  const port = network.neutron.ports.find(({ id }) => id === portId);
  if (port === undefined) return [];
  const foreign = mac === null ? '' : `,mac-address=${writeMac(mac)}`;
  const prefix = { address, length: address.version === 4 ? 32 : 128 };
  const pair: NeutronPort['allowedAddressPairs'][number] = { prefix, mac };
  return objectChange(stuck, {
    summary: `let ${portLabel(network, port)} use ${writeIp(address)}, if it is meant to`,
    commands: [
      `openstack port set --allowed-address ip-address=${writeIp(address)}${foreign} ${word(portId)}`,
    ],
    objects: withPort(portId, (before) => ({
      ...before,
      allowedAddressPairs: [...before.allowedAddressPairs, pair],
    })),
  });
}

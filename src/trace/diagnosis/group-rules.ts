/**
 * Security group rules against one packet, as Neutron's API gives them (Networking API v2.0,
 * "Security group rules"): which rule allows it, and in what the others differ.
 */

import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import {
  type CloudPrefix,
  type NeutronPort,
  type NeutronRule,
  type NeutronSecurityGroup,
} from '../../model/neutron.ts';
import { IP_PROTOCOLS, protocolNumberOf } from '../../model/protocols.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { groupsOf, portLabel, portsWithAddress } from '../objects.ts';
import { type Tuple } from './case.ts';

/** One packet as a port's firewall sees it. */
export interface Ask {
  readonly port: NeutronPort;
  readonly direction: 'ingress' | 'egress';
  readonly tuple: Tuple;
}

export interface Difference {
  readonly field: 'ethertype' | 'protocol' | 'port' | 'icmp type' | 'remote';
  readonly wanted: string;
  readonly actual: string;
}

export interface JudgedRule {
  readonly group: NeutronSecurityGroup;
  readonly rule: NeutronRule;
  /** Empty: the rule allows the packet. */
  readonly differs: readonly Difference[];
}

const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);
const ICMP: ReadonlySet<number> = new Set([1, 58]);

/** The other side's address: the sender's for what comes in, the receiver's for what goes out. */
export function remoteOf({ direction, tuple }: Ask): IpAddress {
  return direction === 'ingress' ? tuple.source : tuple.destination;
}

/** Every rule of the port's groups in this direction, the nearest first. */
export function judgeRules(network: Network, ask: Ask): readonly JudgedRule[] {
  return groupsOf(network, ask.port)
    .flatMap((group) =>
      group.rules
        .filter(({ direction }) => direction === ask.direction)
        .map((rule) => ({ group, rule, differs: differences(network, ask, rule) })),
    )
    .sort((a, b) => ranked(a) - ranked(b));
}

/** The same protocol with another port is nearer than another protocol; much said is nearer. */
const DISTANCE: Readonly<Record<Difference['field'], number>> = {
  port: 1,
  'icmp type': 1,
  remote: 2,
  protocol: 3,
  ethertype: 9,
};

function ranked({ rule, differs }: JudgedRule): number {
  const distance = differs.reduce((sum, { field }) => sum + DISTANCE[field], 0);
  return 2 * distance + (rule.protocol === null ? 1 : 0);
}

function differences(network: Network, ask: Ask, rule: NeutronRule): readonly Difference[] {
  const { tuple } = ask;
  // A rule for the other IP version is about another packet altogether: nothing else is said.
  if (rule.version !== tuple.version) {
    const differs = { wanted: `IPv${rule.version}`, actual: `IPv${tuple.version}` };
    return [
      { field: 'ethertype', ...differs },
      { field: 'protocol', ...differs },
      { field: 'remote', ...differs },
    ];
  }
  const found: Difference[] = [];
  const protocol = protocolNumber(rule, tuple.version);
  if (protocol !== null && protocol !== tuple.protocol) {
    found.push({
      field: 'protocol',
      wanted: rule.protocol ?? 'any',
      actual: protocolName(tuple.protocol),
    });
  } else found.push(...portDifference(rule, tuple));
  const remote = remoteDifference(network, ask, rule);
  return remote === null ? found : [...found, remote];
}

function portDifference(rule: NeutronRule, tuple: Tuple): readonly Difference[] {
  const { portMin: low, portMax: high } = rule;
  if (low === null || rule.protocol === null) return [];
  if (ICMP.has(tuple.protocol)) {
    // For ICMP the range's ends are type and code.
    const code = high === null || high === tuple.destinationPort;
    if (low === tuple.sourcePort && code) return [];
    const actual = `${tuple.sourcePort}/${tuple.destinationPort}`;
    return [{ field: 'icmp type', wanted: `${low}/${high ?? 'any'}`, actual }];
  }
  if (!WITH_PORTS.has(tuple.protocol)) return [];
  const asked = tuple.destinationPort;
  if (asked >= low && asked <= (high ?? low)) return [];
  return [{ field: 'port', wanted: rangeText(rule), actual: String(asked) }];
}

function rangeText({ portMin, portMax }: NeutronRule): string {
  return portMin === portMax || portMax === null ? String(portMin) : `${portMin}-${portMax}`;
}

function remoteDifference(network: Network, ask: Ask, rule: NeutronRule): Difference | null {
  const remote = remoteOf(ask);
  if (rule.remotePrefix !== null) {
    if (prefixCovers(rule.remotePrefix, remote)) return null;
    return { field: 'remote', wanted: prefixText(rule.remotePrefix), actual: writeIp(remote) };
  }
  if (rule.remoteAddressGroup !== null) {
    // Address groups are not in the captured API: nothing is taken for granted about them.
    const wanted = `address group ${rule.remoteAddressGroup}`;
    return { field: 'remote', wanted, actual: writeIp(remote) };
  }
  if (rule.remoteGroup === null) return null;
  if (isMember(network, rule.remoteGroup, remote)) return null;
  const wanted = `members of ${groupName(network, rule.remoteGroup)}`;
  return { field: 'remote', wanted, actual: ownerText(network, remote) };
}

/** Whether an address belongs to a port in the group: fixed addresses and allowed pairs count. */
export function isMember(network: Network, groupId: string, address: IpAddress): boolean {
  return network.neutron.ports.some(
    ({ securityGroups, fixedIps, allowedAddressPairs }) =>
      securityGroups.includes(groupId) &&
      (fixedIps.some((fixed) => sameAddress(fixed.address, address)) ||
        allowedAddressPairs.some(({ prefix }) => prefixCovers(prefix, address))),
  );
}

function protocolNumber({ protocol }: NeutronRule, version: 4 | 6): number | null {
  if (protocol === null || protocol === 'any' || protocol === '') return null;
  // `icmp` of an IPv6 rule is ICMPv6 (neutron/agent/firewall.py).
  if (version === 6 && (protocol === 'icmp' || protocol === '1')) return 58;
  return protocolNumberOf(protocol) ?? -1;
}

/** `tcp`, `udp`, `icmp`, or the number. */
export function protocolName(number: number): string {
  if (number === 58) return 'icmpv6';
  return Object.entries(IP_PROTOCOLS).find(([, own]) => own === number)?.[0] ?? String(number);
}

/** `tcp/22`, `icmp`, `udp/53`. */
export function serviceText({ protocol, destinationPort }: Tuple): string {
  const name = protocolName(protocol);
  return WITH_PORTS.has(protocol) ? `${name}/${destinationPort}` : name;
}

/** `sg-web: ingress tcp 22 from 10.0.0.0/24`. */
export function ruleText(network: Network, { group, rule }: JudgedRule): string {
  const what = rule.protocol ?? 'any protocol';
  const range =
    rule.portMin === null || rule.protocol === null
      ? ''
      : ICMP.has(protocolNumber(rule, rule.version) ?? 0)
        ? ` type ${rule.portMin}${rule.portMax === null ? '' : ` code ${rule.portMax}`}`
        : ` ${rangeText(rule)}`;
  const word = rule.direction === 'ingress' ? 'from' : 'to';
  const version = rule.version === 6 ? 'IPv6 ' : '';
  const name = group.name === '' ? group.id : group.name;
  return `${name}: ${rule.direction} ${version}${what}${range} ${word} ${remoteText(network, rule)}`;
}

function remoteText(network: Network, rule: NeutronRule): string {
  if (rule.remotePrefix !== null) return prefixText(rule.remotePrefix);
  if (rule.remoteGroup !== null) return `members of ${groupName(network, rule.remoteGroup)}`;
  if (rule.remoteAddressGroup !== null) return `address group ${rule.remoteAddressGroup}`;
  return 'anywhere';
}

function prefixText({ address, length }: CloudPrefix): string {
  return `${writeIp(address)}/${length}`;
}

function groupName(network: Network, id: string): string {
  const name = network.neutron.securityGroups.find((group) => group.id === id)?.name ?? '';
  return name === '' ? id : name;
}

/** `10.0.0.5 (web-1)`, when exactly one port has the address, or it is a floating one. */
export function ownerText(network: Network, address: IpAddress): string {
  const text = writeIp(address);
  const floating = network.neutron.floatingIps.find((one) => sameAddress(one.address, address));
  if (floating !== undefined) {
    const port = network.neutron.ports.find(({ id }) => id === floating.portId);
    return `${text} (floating IP${port === undefined ? '' : ` of ${portLabel(network, port)}`})`;
  }
  const [owner, ...others] = portsWithAddress(network, address, null);
  if (owner === undefined || others.length > 0) return text;
  const label = portLabel(network, owner);
  return label.includes(text) ? text : `${text} (${label})`;
}

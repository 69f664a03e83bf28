/** Ports: what carries them, which groups go together, and which trunks they are part of. */
import { writeIp } from '../../text/address-text.ts';
import { type Cloud, type CloudHost } from '../cloud.ts';
import { carrierOf, segmentOn } from '../network-segments.ts';
import { type NeutronNetwork, type NeutronPort, type NeutronTrunk } from '../neutron.ts';
import { isReserved } from '../yaml/networks.ts';
import { type Contradiction, named } from './types.ts';

export function ofPorts({ neutron, hosts }: Cloud): readonly Contradiction[] {
  const networks = new Map(neutron.networks.map((each) => [each.id, each]));
  const subnets = new Map(neutron.subnets.map((each) => [each.id, each]));
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const stateful = new Map(neutron.securityGroups.map((each) => [each.id, each]));
  return neutron.ports.flatMap((port) => {
    const wrong = (message: string, ...columns: readonly string[]): Contradiction => ({
      ...{ kind: 'ports', id: port.id, message },
      ...(columns.length === 0 ? {} : { columns }),
    });
    const found: Contradiction[] = [];
    const network = networks.get(port.networkId);
    // Other kinds of VIFs have agents of their own, and a failed binding has none.
    if (network !== undefined && (port.vifType === 'ovs' || port.vifType === 'bridge')) {
      const problem = carrying(port, network, byName.get(port.host));
      if (problem !== null) found.push(wrong(problem, 'binding:host_id', 'binding_host_id'));
    }
    for (const [i, { subnetId, address }] of port.fixedIps.entries()) {
      const subnet = subnets.get(subnetId);
      if (subnet === undefined || !isReserved(subnet.prefix, address)) continue;
      const message = `${writeIp(address)} is no address of a port of subnet ${named(subnet)}`;
      found.push({ ...wrong(message, 'fixed_ips', 'Fixed IP Addresses'), index: i });
    }
    const groups = port.securityGroups.flatMap((id) => stateful.get(id) ?? []);
    const columns = ['security_groups', 'security_group_ids'];
    if (!port.portSecurity && groups.length > 0) {
      found.push(
        wrong(`Port ${named(port)} without port security has no security groups`, ...columns),
      );
    }
    const first = groups.find((each) => each.stateful);
    const other = groups.find((each) => !each.stateful);
    if (first !== undefined && other !== undefined) {
      const names = `the stateful group ${named(first)} and the stateless ${named(other)}`;
      found.push(wrong(`Port ${named(port)} cannot have both ${names}`, ...columns));
    }
    return found;
  });
}

/** What a port's network needs of its host's agent, and the agent has not. */
function carrying(
  port: NeutronPort,
  network: NeutronNetwork,
  host: CloudHost | undefined,
): string | null {
  const needs = `Port ${named(port)} of network ${named(network)}`;
  if (host?.layer2 == null) {
    return `${needs} is on host ${JSON.stringify(port.host)}, which has no layer 2 agent`;
  }
  const { type, physicalNetwork } = network.provider;
  if (type === '' || segmentOn(network, carrierOf(host.layer2)) !== null) return null;
  const name = JSON.stringify(host.name);
  if (network.segments.length > 1) {
    return `${needs} needs one of its segments, and host ${name} has none of them`;
  }
  return physicalNetwork === null
    ? `${needs} needs ${type} tunnels, which host ${name} has not`
    : `${needs} needs physical network ${JSON.stringify(physicalNetwork)}, which host ${name} has not`;
}

export function ofTrunks({ neutron }: Cloud): readonly Contradiction[] {
  const ports = new Map(neutron.ports.map((port) => [port.id, port]));
  const taken = new Map<string, NeutronTrunk>();
  return neutron.trunks.flatMap((trunk) => {
    const wrong = (message: string, index?: number): Contradiction => ({
      ...{ kind: 'trunks', id: trunk.id, message },
      ...(index === undefined ? {} : { columns: ['sub_ports'], index }),
    });
    const found: Contradiction[] = [];
    const vlans = new Set<number>();
    const members = [trunk.portId, ...trunk.subPorts.map(({ portId }) => portId)];
    for (const [i, id] of members.entries()) {
      const other = taken.get(id);
      taken.set(id, other ?? trunk);
      const name = named(ports.get(id) ?? { id, name: '' });
      const index = i === 0 ? undefined : i - 1;
      if (other !== undefined) {
        found.push(wrong(`Port ${name} is part of trunk ${named(other)} already`, index));
      }
      const sub = trunk.subPorts[i - 1];
      // What a sub-port inherits stands in its network.
      if (i === 0 || sub === undefined || sub.segmentationType !== 'vlan') continue;
      const vlan = sub.segmentationId;
      if (vlan < 1 || vlan > 4094) {
        found.push(wrong(`Sub-port ${name} has VLAN ${vlan}; there are 1 to 4094`, index));
      } else if (vlans.has(vlan)) {
        found.push(wrong(`VLAN ${vlan} of sub-port ${name} is another sub-port's`, index));
      }
      vlans.add(vlan);
    }
    return found;
  });
}

/**
 * Networks in which nobody gives addresses, because they are switched off or no subnet of theirs has
 * DHCP. The server starts one then, with a port of its own (networking-api `enable_dhcp`,
 * neutron/api/rpc/agentnotifiers/dhcp_rpc_agent_api.py).
 */
import { type Cloud } from '../../model/cloud.ts';
import { carrierOf, segmentOn, subnetsOn } from '../../model/network-segments.ts';
import {
  type Neutron,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronSubnet,
} from '../../model/neutron.ts';
import { safeName } from '../../trace/diagnosis/commands.ts';
import { type Attempt, type Proposal, type Stuck } from '../attempt.ts';
import { freeAddress, newId } from './new-objects.ts';
import { objectChange } from './objects.ts';

export const servedNetworks: Proposal = (stuck) => {
  const { question, situation } = stuck;
  const { cloud, network } = situation;
  const { protocol } = question.packet;
  if (cloud === null || (protocol !== 'dhcp' && protocol !== 'dhcp6')) return [];
  const { neutron } = network;
  const port = neutron.ports.find(({ id }) => id === question.from.port);
  const own = neutron.networks.find(({ id }) => id === port?.networkId);
  // nova-network serves its networks by itself, and asks nobody.
  if (port === undefined || own === undefined || cloud.networkHosts.has(own.id)) return [];
  if (!own.adminUp) return [networkUp(stuck, cloud, own)].flat();
  // How addresses of IPv6 are given is decided once, when a subnet is made.
  if (protocol === 'dhcp6') return [];
  const silent = neutron.subnets.filter(
    ({ id, networkId, dhcp, prefix }) =>
      networkId === own.id &&
      !dhcp &&
      prefix.address.version === 4 &&
      port.fixedIps.some(({ subnetId }) => subnetId === id),
  );
  return silent.flatMap((subnet) => subnetServed(stuck, cloud, own, subnet));
};

function networkUp(stuck: Stuck, cloud: Cloud, own: NeutronNetwork): readonly Attempt[] {
  const name = safeName(own, cloud.neutron.networks);
  return objectChange(stuck, {
    summary: `set network ${name} up, if nobody took it down on purpose`,
    commands: [`openstack network set --enable ${name}`],
    objects: (before) => {
      const networks = before.networks.map((each) =>
        each.id === own.id ? { ...each, adminUp: true } : each,
      );
      return withServer({ ...before, networks }, cloud, own);
    },
  });
}

function subnetServed(
  stuck: Stuck,
  cloud: Cloud,
  own: NeutronNetwork,
  subnet: NeutronSubnet,
): readonly Attempt[] {
  const name = safeName(subnet, cloud.neutron.subnets);
  return objectChange(stuck, {
    summary: `let Neutron give addresses in subnet ${name}, if nobody else is meant to`,
    commands: [`openstack subnet set --dhcp ${name}`],
    objects: (before) => {
      const subnets = before.subnets.map((each) =>
        each.id === subnet.id ? { ...each, dhcp: true } : each,
      );
      return withServer({ ...before, subnets }, cloud, own);
    },
  });
}

/** With a port for a DHCP server, where the network has none and an agent can carry it. */
function withServer(before: Neutron, cloud: Cloud, own: NeutronNetwork): Neutron {
  const has = before.ports.some(
    ({ networkId, deviceOwner }) => networkId === own.id && deviceOwner === 'network:dhcp',
  );
  if (has) return before;
  const served = before.subnets.filter(({ networkId, dhcp }) => networkId === own.id && dhcp);
  const hosts = cloud.hosts.filter(
    ({ dhcp, alive, layer2 }) =>
      dhcp !== null && alive && segmentOn(own, carrierOf(layer2)) !== null,
  );
  const load = (name: string): number =>
    before.ports.filter(({ deviceOwner, host }) => deviceOwner === 'network:dhcp' && host === name)
      .length;
  const [host] = hosts.toSorted((a, b) => load(a.name) - load(b.name));
  if (host === undefined) return before;
  const fixedIps = subnetsOn(own, served, carrierOf(host.layer2)).flatMap((subnet) => {
    const address = freeAddress(before, subnet);
    return address === null ? [] : [{ subnetId: subnet.id, address }];
  });
  if (fixedIps.length === 0) return before;
  const port: NeutronPort = {
    id: newId(`dhcp of ${own.id}`, host.name),
    name: '',
    project: own.project,
    networkId: own.id,
    mac: 0xfa_16_3e_fe_00_00n + ((fixedIps[0]?.address.value ?? 0n) & 0xffffn),
    adminUp: true,
    status: 'ACTIVE',
    deviceId: `dhcp${host.name}-${own.id}`,
    deviceOwner: 'network:dhcp',
    fixedIps,
    securityGroups: [],
    portSecurity: false,
    allowedAddressPairs: [],
    host: host.name,
    vifType: host.layer2?.kind === 'linuxbridge' ? 'bridge' : 'ovs',
    hybridPlug: false,
    drivers: [host.layer2?.kind ?? 'openvswitch'],
  };
  const dhcpHosts = new Map([...before.dhcpHosts, [own.id, [host.name]] as const]);
  return { ...before, ports: [...before.ports, port], dhcpHosts };
}

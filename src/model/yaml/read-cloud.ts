/**
 * A `cloud.yaml`: a cloud as a person writes it. Ids, MACs, addresses and the ports that Neutron
 * makes by itself follow from what is written, the same every time.
 */
import { writeIp } from '../../text/address-text.ts';
import { type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import { type Cloud, type CloudHost, type Underlay } from '../cloud.ts';
import {
  type Neutron,
  type NeutronAddressGroup,
  type NeutronAgent,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NeutronSecurityGroup,
  type NovaServer,
} from '../neutron.ts';
import { Allocation } from './allocation.ts';
import { reportContradictions } from './contradictions.ts';
import { makeDhcpPorts } from './dhcp.ts';
import { makeAgentGateways, readFloatingIps, readTrunks } from './floating-trunks.ts';
import { readHosts } from './hosts.ts';
import { readLoadBalancers } from './load-balancers.ts';
import { readNetworkHosts } from './network-hosts.ts';
import { type NamedSubnet, readAddressGroups, readNetworks, subnetIndex } from './networks.ts';
import { type OpenPool, readSubnetPools } from './pools.ts';
import { type PortContext, readFreePorts, readHostPorts, readServers } from './ports.ts';
import { idOf, Macs, Names } from './reading.ts';
import { reserveNamed } from './reserved.ts';
import { readRouters } from './routers.ts';
import { readSecurityGroups } from './security-groups.ts';
import { Segments } from './segments.ts';
import { readSettings } from './settings.ts';
import { readQos, readRbac, readSpeakers } from './sharing.ts';
import { reportEnds, underlayOf } from './underlay.ts';

export const TOP_KEYS = [
  'settings',
  'hosts',
  'networks',
  'address_groups',
  'security_groups',
  'servers',
  'routers',
  'floating_ips',
  'trunks',
  'load_balancers',
  'host_ports',
  'ports',
  'subnet_pools',
  'rbac',
  'bgp_speakers',
  'qos_policies',
  'underlay',
] as const;

/** The cloud, or null when the text is not YAML; with every problem at its place. */
export function readCloudYaml(file: string, source: string): Parsed<Cloud | null> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, source, problems);
  if (root === undefined) return { value: null, problems };
  reportUnknownKeys(root, TOP_KEYS);
  const settings = readSettings(root);
  const hosts = new Names<CloudHost>('host');
  const networks = new Names<NeutronNetwork>('network');
  const subnets = new Names<NamedSubnet>('subnet');
  const addressGroups = new Names<NeutronAddressGroup>('address group');
  const groups = new Names<NeutronSecurityGroup>('security group');
  const ports = new Names<NeutronPort>('port');
  const routers = new Names<NeutronRouter>('router');
  const allocation = new Allocation();
  const servers: NovaServer[] = [];
  readHosts(root, hosts);
  const pools = new Names<OpenPool>('subnet pool');
  readSubnetPools(root, pools);
  const qos = readQos(root);
  const segments = new Segments(settings);
  const { physicalMtu } = settings;
  readNetworks(root, { networks, subnets, pools, qos, segments, physicalMtu });
  const known = subnets.all.map(({ subnet }) => subnet);
  for (const subnet of known) allocation.keep(subnet);
  // What somebody names comes before what is given out.
  const macs = new Macs();
  reserveNamed(root, allocation, known, macs);
  readAddressGroups(root, addressGroups);
  readSecurityGroups(root, groups, addressGroups);
  const subnetsOf = subnetIndex(subnets);
  const context: PortContext = {
    ...{
      hosts,
      networks,
      subnets,
      groups,
      qos,
      allocation,
      ports,
      servers,
      segments,
      macs,
      subnetsOf,
    },
  };
  readServers(root, context);
  const hostDevices = readHostPorts(root, context);
  readFreePorts(root, context);
  const loadBalancers = readLoadBalancers(root, context);
  readRouters(root, context, settings, routers);
  const networkHosts = readNetworkHosts(root, context);
  const floating = readFloatingIps(root, context, routers.all, networkHosts);
  makeAgentGateways(root, context, routers.all, floating.floatingIps);
  const dhcpHosts = makeDhcpPorts(root, context, settings.dhcpAgents, networkHosts);
  const rbacPolicies = readRbac(root, networks);
  reportContradictions(root, context, routers.all, rbacPolicies);
  const neutron: Neutron = {
    networks: networks.all,
    subnets: subnets.all.map(({ subnet }) => subnet),
    ports: ports.all,
    routers: routers.all,
    floatingIps: floating.floatingIps,
    securityGroups: groups.all,
    agents: hosts.all.flatMap(agentsOf),
    servers,
    trunks: readTrunks(root, context),
    addressGroups: addressGroups.all,
    subnetPools: pools.all.map(({ pool }) => pool),
    portForwardings: floating.forwardings,
    rbacPolicies,
    qosPolicies: qos.all,
    dhcpHosts,
  };
  const cloud: Cloud = {
    neutron,
    hosts: hosts.all,
    loadBalancers,
    hostDevices,
    underlay: underlayIn(root, hosts.all),
    bgpSpeakers: readSpeakers(root, networks),
    networkHosts,
    settings,
  };
  if (hosts.count === 0 && problems.length === 0) wrong(root, 'A cloud needs hosts');
  return { value: cloud, problems };
}

/** Switches' own configuration files are for underlay.yaml, which stands beside them. */
function underlayIn(root: JsonNode, hosts: readonly CloudHost[]): Underlay | null {
  const at = member(root, 'underlay');
  if (at === undefined) return null;
  const underlay = underlayOf(at, () => undefined);
  reportEnds(at, underlay, hosts);
  return underlay;
}

/** Agents as they would report themselves. */
function agentsOf(host: CloudHost): NeutronAgent[] {
  const agent = (
    binary: string,
    configurations: Record<string, unknown>,
    availabilityZone: string | null = null,
  ): NeutronAgent => ({
    id: idOf('agent', binary, host.name),
    binary,
    host: host.name,
    alive: host.alive,
    adminUp: true,
    availabilityZone,
    configurations,
  });
  const { layer2 } = host;
  const mappings = layer2 === null ? {} : Object.fromEntries(layer2.physicalNetworks);
  return [
    ...(layer2 === null
      ? []
      : [
          agent(`neutron-${layer2.kind}-agent`, {
            [layer2.kind === 'openvswitch' ? 'bridge_mappings' : 'interface_mappings']: mappings,
            tunnel_types: layer2.tunnelTypes,
            tunneling_ip: layer2.tunnelAddress === null ? '' : writeIp(layer2.tunnelAddress),
            l2_population: layer2.l2Population,
            arp_responder_enabled: layer2.arpResponder,
            enable_distributed_routing: layer2.distributedRouting,
            ovs_hybrid_plug: layer2.firewall === 'iptables_hybrid',
            datapath_type: layer2.datapath === 'userspace' ? 'netdev' : 'system',
          }),
        ]),
    ...(host.layer3 === null
      ? []
      : [agent('neutron-l3-agent', { agent_mode: host.layer3.mode }, host.availabilityZone)]),
    ...(host.dhcp === null ? [] : [agent('neutron-dhcp-agent', {}, host.availabilityZone)]),
    ...(host.metadata === null
      ? []
      : [
          agent('neutron-metadata-agent', {
            nova_metadata_host: host.metadata.novaHost,
            nova_metadata_port: host.metadata.novaPort,
          }),
        ]),
  ];
}

/** Neutron's objects as its API answers them, for the `api/` folder of a compiled cloud. */
import { advertisedRoutes } from '../../model/bgp.ts';
import { type Cloud } from '../../model/cloud.ts';
import {
  type CloudPrefix,
  type DnsName,
  type FixedIp,
  type Neutron,
  type NeutronPort,
  type NeutronQosPolicy,
  type NeutronRouter,
  type NeutronRule,
  type ProviderSegment,
} from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type DumpFiles } from './folder.ts';

/** `api/networks.json`, `api/ports.json` and the others. */
export function apiFiles(neutron: Neutron): DumpFiles {
  const list = (name: string, key: string, rows: () => readonly object[]) =>
    [`api/${name}.json`, () => `${JSON.stringify({ [key]: rows() }, null, 1)}\n`] as const;
  return new Map([
    list('networks', 'networks', () => neutron.networks.map(networkRow)),
    list('segments', 'segments', () => neutron.networks.flatMap(segmentRows)),
    list('subnets', 'subnets', () => neutron.subnets.map(subnetRow)),
    list('ports', 'ports', () => neutron.ports.map(portRow)),
    list('routers', 'routers', () => neutron.routers.map(routerRow)),
    list('floatingips', 'floatingips', () =>
      neutron.floatingIps.map((each) => floatingRow(neutron, each)),
    ),
    list('security-groups', 'security_groups', () =>
      neutron.securityGroups.map((group) => ({
        id: group.id,
        name: group.name,
        project_id: group.project,
        stateful: group.stateful,
        security_group_rules: group.rules.map(ruleRow),
      })),
    ),
    list('agents', 'agents', () =>
      neutron.agents.map(({ id, binary, host, alive, adminUp, availabilityZone, ...rest }) => ({
        ...{ id, binary, host, alive, configurations: rest.configurations },
        availability_zone: availabilityZone ?? null,
        admin_state_up: adminUp,
      })),
    ),
    list('trunks', 'trunks', () =>
      neutron.trunks.map(({ id, name, adminUp, portId, subPorts }) => ({
        ...{ id, name, admin_state_up: adminUp, port_id: portId },
        sub_ports: subPorts.map((sub) => ({
          port_id: sub.portId,
          segmentation_type: sub.segmentationType,
          segmentation_id: sub.segmentationId,
        })),
      })),
    ),
    list('address-groups', 'address_groups', () =>
      neutron.addressGroups.map(({ id, name, addresses }) => ({
        ...{ id, name, addresses: addresses.map(prefixText) },
      })),
    ),
    list('subnetpools', 'subnetpools', () =>
      neutron.subnetPools.map(({ id, name, version, prefixes, addressScopeId }) => ({
        ...{ id, name, ip_version: version, prefixes: prefixes.map(prefixText) },
        address_scope_id: addressScopeId,
      })),
    ),
    list('rbac-policies', 'rbac_policies', () =>
      neutron.rbacPolicies.map(({ id, objectType, objectId, action, targetProject }) => ({
        ...{ id, object_type: objectType, object_id: objectId, action },
        target_tenant: targetProject,
      })),
    ),
    list('qos-policies', 'policies', () => neutron.qosPolicies.map(qosPolicyOf)),
    list('servers', 'servers', () =>
      neutron.servers.map(({ id, name, host }) => ({ id, name, 'OS-EXT-SRV-ATTR:host': host })),
    ),
    [
      'api/router-l3-agents.json',
      () =>
        `${JSON.stringify(
          Object.fromEntries(
            neutron.routers.map(({ id, agents }) => [
              id,
              { agents: agents.map(({ host, haState }) => ({ host, ha_state: haState })) },
            ]),
          ),
          null,
          1,
        )}\n`,
    ],
    [
      'api/network-dhcp-agents.json',
      () =>
        `${JSON.stringify(
          Object.fromEntries(
            [...neutron.dhcpHosts].map(([id, hosts]) => [
              id,
              { agents: hosts.map((host) => ({ host })) },
            ]),
          ),
          null,
          1,
        )}\n`,
    ],
  ]);
}

/** What the cloud's BGP speakers advertise; nothing without a speaker. */
export function advertisedFiles(cloud: Cloud): DumpFiles {
  if (cloud.bgpSpeakers.length === 0) return new Map();
  const rows = (): readonly object[] =>
    cloud.bgpSpeakers.flatMap((speaker) =>
      speaker.peers.length === 0
        ? []
        : advertisedRoutes(cloud, speaker).map(({ to, via }) => ({
            destination: prefixText(to),
            next_hop: writeIp(via),
          })),
    );
  const text = (): string => `${JSON.stringify({ advertised_routes: rows() }, null, 1)}\n`;
  return new Map([['api/bgp-advertised-routes.json', text]]);
}

function prefixText({ address, length }: CloudPrefix): string {
  return `${writeIp(address)}/${length}`;
}

function fixedRows(fixedIps: readonly FixedIp[]): readonly object[] {
  return fixedIps.map(({ subnetId, address }) => ({
    subnet_id: subnetId,
    ip_address: writeIp(address),
  }));
}

function dnsRows(names: readonly DnsName[]): object {
  if (names.length === 0) return {};
  return {
    dns_assignment: names.map(({ address, host, whole }) => ({
      ip_address: writeIp(address),
      hostname: host,
      fqdn: whole,
    })),
  };
}

function networkRow(network: Neutron['networks'][number]): object {
  return {
    id: network.id,
    name: network.name,
    project_id: network.project,
    admin_state_up: network.adminUp,
    mtu: network.mtu,
    'router:external': network.external,
    shared: network.shared,
    port_security_enabled: network.portSecurity,
    qos_policy_id: network.qosPolicyId ?? null,
    // With several segments a network has no provider attributes of its own (multi-provider).
    ...(network.segments.length < 2
      ? providerRow(network.provider)
      : { segments: network.segments.map(providerRow) }),
    subnets: network.subnets,
  };
}

function providerRow({ type, physicalNetwork, segmentationId }: ProviderSegment): object {
  return {
    'provider:network_type': type,
    'provider:physical_network': physicalNetwork,
    'provider:segmentation_id': segmentationId,
  };
}

function segmentRows({ id: network, segments }: Neutron['networks'][number]): readonly object[] {
  return segments.map(({ id, name, type, physicalNetwork, segmentationId }) => ({
    ...{ id, name, network_id: network, network_type: type },
    physical_network: physicalNetwork,
    segmentation_id: segmentationId,
  }));
}

function subnetRow(subnet: Neutron['subnets'][number]): object {
  return {
    id: subnet.id,
    name: subnet.name,
    network_id: subnet.networkId,
    cidr: prefixText(subnet.prefix),
    ip_version: subnet.prefix.address.version,
    gateway_ip: subnet.gateway === null ? null : writeIp(subnet.gateway),
    enable_dhcp: subnet.dhcp,
    dns_nameservers: subnet.dnsServers.map(writeIp),
    host_routes: routeRows(subnet.hostRoutes),
    allocation_pools: subnet.pools.map(({ from, to }) => ({
      start: writeIp(from),
      end: writeIp(to),
    })),
    ipv6_address_mode: subnet.ipv6AddressMode,
    ipv6_ra_mode: subnet.ipv6RaMode,
    subnetpool_id: subnet.subnetPoolId,
    segment_id: subnet.segmentId,
  };
}

function routeRows(routes: NeutronRouter['routes']): readonly object[] {
  return routes.map(({ to, via }) => ({ destination: prefixText(to), nexthop: writeIp(via) }));
}

function portRow(port: NeutronPort): object {
  return {
    id: port.id,
    name: port.name,
    project_id: port.project,
    network_id: port.networkId,
    mac_address: writeMac(port.mac),
    admin_state_up: port.adminUp,
    status: port.status,
    device_id: port.deviceId,
    device_owner: port.deviceOwner,
    fixed_ips: fixedRows(port.fixedIps),
    security_groups: port.securityGroups,
    port_security_enabled: port.portSecurity,
    qos_policy_id: port.qosPolicyId ?? null,
    allowed_address_pairs: port.allowedAddressPairs.map(({ prefix, mac }) => ({
      ip_address: prefixText(prefix),
      ...(mac === null ? {} : { mac_address: writeMac(mac) }),
    })),
    ...dnsRows(port.dnsNames ?? []),
    extra_dhcp_opts: (port.dhcpOptions ?? []).map(({ name, value, version }) => ({
      ...{ opt_name: name, opt_value: value, ip_version: version },
    })),
    'binding:host_id': port.host,
    'binding:vif_type': port.vifType,
    'binding:vif_details': {
      ovs_hybrid_plug: port.hybridPlug,
      bound_drivers: Object.fromEntries(port.drivers.map((driver, i) => [String(i), driver])),
    },
  };
}

function routerRow(router: NeutronRouter): object {
  return {
    id: router.id,
    name: router.name,
    project_id: router.project,
    admin_state_up: router.adminUp,
    distributed: router.distributed,
    ha: router.ha,
    external_gateway_info:
      router.gateway === null
        ? null
        : {
            network_id: router.gateway.networkId,
            enable_snat: router.gateway.snat,
            external_fixed_ips: fixedRows(router.gateway.fixedIps),
          },
    routes: routeRows(router.routes),
  };
}

function floatingRow(neutron: Neutron, floating: Neutron['floatingIps'][number]): object {
  const range = ([from, to]: readonly [number, number]): string => `${from}:${to}`;
  return {
    id: floating.id,
    floating_ip_address: writeIp(floating.address),
    floating_network_id: floating.networkId,
    fixed_ip_address: floating.fixedAddress === null ? null : writeIp(floating.fixedAddress),
    port_id: floating.portId,
    router_id: floating.routerId,
    status: floating.status,
    port_forwardings: neutron.portForwardings
      .filter((each) => each.floatingIpId === floating.id)
      .map((each) => ({
        id: each.id,
        protocol: each.protocol,
        external_port_range: range(each.externalPorts),
        internal_port_range: range(each.internalPorts),
        internal_ip_address: writeIp(each.internalAddress),
        internal_port_id: each.internalPortId,
      })),
  };
}

function ruleRow(rule: NeutronRule): object {
  return {
    id: rule.id,
    security_group_id: rule.groupId,
    direction: rule.direction,
    ethertype: rule.version === 4 ? 'IPv4' : 'IPv6',
    protocol: rule.protocol,
    port_range_min: rule.portMin,
    port_range_max: rule.portMax,
    remote_ip_prefix: rule.remotePrefix === null ? null : prefixText(rule.remotePrefix),
    remote_group_id: rule.remoteGroup,
    remote_address_group_id: rule.remoteAddressGroup,
  };
}

function qosPolicyOf(policy: NeutronQosPolicy): Record<string, unknown> {
  const { id, name, dscp, minimumKbps } = policy;
  const limits = [
    ['bandwidth_limit', 'egress', 'max_kbps', policy.egressKbps],
    ['bandwidth_limit', 'ingress', 'max_kbps', policy.ingressKbps],
    ['packet_rate_limit', 'egress', 'max_kpps', policy.egressKpps],
    ['packet_rate_limit', 'ingress', 'max_kpps', policy.ingressKpps],
    ['minimum_bandwidth', 'egress', 'min_kbps', minimumKbps],
  ] as const;
  const rules = limits.flatMap(([type, direction, key, value]) =>
    value === null ? [] : [{ type, direction, [key]: value }],
  );
  const marks = dscp === null ? [] : [{ type: 'dscp_marking', dscp_mark: dscp }];
  return { id, name, rules: [...rules, ...marks] };
}

/**
 * Neutron's objects from API answers (`{"ports": […]}`), from a bare list, or from
 * `openstack … list --long -f json`, whose columns have spaces and capitals.
 */
import {
  type DhcpOption,
  type DnsName,
  type NetworkSegment,
  type Neutron,
  type NeutronAgent,
  type NeutronFloatingIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NovaServer,
  type ProviderSegment,
} from '../../model/neutron.ts';
import { readIp, readMac, readPrefix } from '../../text/address-text.ts';
import {
  isRecord,
  type JsonNode,
  jsonRoot,
  member,
  numberOf,
  readAs,
  records,
  textOf,
  truthOf,
} from '../../text/json-text.ts';
import { balancersOf, speakersOf } from './beside-neutron.ts';
import { type Catalog } from './catalog.ts';
import { column, hasColumn, listed, needed, objectsOf, stateOf, textsOf, word } from './columns.ts';
import { cached, once, type Store, sourceAt } from './folder.ts';
import { byParent, type Hosting, hostingOf } from './hosting.ts';
import {
  addressGroupOf,
  portForwardingsOf,
  qosPolicyOf,
  rbacPolicyOf,
  subnetPoolOf,
  trunkOf,
} from './neutron-extensions.ts';
import { advertisedOf, routesOf, subnetOf } from './neutron-subnets.ts';
import { readGroups, ruleOf } from './security-groups.ts';

/** Everything is read when it is first asked for. */
export function readNeutron(store: Store, catalog: Catalog): Neutron {
  const rows = (name: string): readonly JsonNode[] => rowsOf(store, catalog, name);
  const networks = once(() => networksOf(rows('networks'), rows('segments')));
  const subnets = once(() => rows('subnets').flatMap(subnetOf));
  const ports = once(() => rows('ports').map(portOf));
  const hosting = once(() => hostingOf(store, catalog, 'router-l3-agents'));
  const routers = once(() => rows('routers').map((row) => routerOf(row, hosting())));
  const floatingIps = once(() => rows('floatingips').flatMap(floatingIpOf));
  const groups = once(() =>
    readGroups(rows('security-groups'), rows('security-group-rules').flatMap(ruleOf)),
  );
  const agents = once(() => rows('agents').map(agentOf));
  const servers = once(() => rows('servers').map(serverOf));
  const trunks = once(() => rows('trunks').map(trunkOf));
  const addressGroups = once(() => rows('address-groups').map(addressGroupOf));
  const subnetPools = once(() => rows('subnetpools').map(subnetPoolOf));
  const below = (name: string): ReadonlyMap<string, readonly JsonNode[]> =>
    byParent(store, catalog, name);
  const portForwardings = once(() =>
    portForwardingsOf(rows('floatingips'), below('port-forwardings')),
  );
  const rbacPolicies = once(() => rows('rbac-policies').map(rbacPolicyOf));
  const qosPolicies = once(() => {
    const rules = below('qos-rules');
    return rows('qos-policies').map((row) => qosPolicyOf(row, rules.get(word(row, 'id'))));
  });
  const services = { rows: cached(rows), below: cached(below) };
  const loadBalancers = once(() => balancersOf(services));
  const bgpSpeakers = once(() => speakersOf(services));
  const advertised = once(() => rows('bgp-advertised-routes').flatMap(advertisedOf));
  const dhcpHosts = once(() => {
    const hosts = hostingOf(store, catalog, 'network-dhcp-agents');
    return new Map([...hosts].map(([id, list]) => [id, list.map((each) => each.host)]));
  });
  return {
    get networks() {
      return networks();
    },
    get subnets() {
      return subnets();
    },
    get ports() {
      return ports();
    },
    get routers() {
      return routers();
    },
    get floatingIps() {
      return floatingIps();
    },
    get securityGroups() {
      return groups();
    },
    get agents() {
      return agents();
    },
    get servers() {
      return servers();
    },
    get trunks() {
      return trunks();
    },
    get addressGroups() {
      return addressGroups();
    },
    get subnetPools() {
      return subnetPools();
    },
    get portForwardings() {
      return portForwardings();
    },
    get rbacPolicies() {
      return rbacPolicies();
    },
    get qosPolicies() {
      return qosPolicies();
    },
    get loadBalancers() {
      return loadBalancers();
    },
    get bgpSpeakers() {
      return bgpSpeakers();
    },
    get advertised() {
      return advertised();
    },
    get dhcpHosts() {
      return dhcpHosts();
    },
  };
}

/** Rows of `{"name": [rows]}` or `[rows]`; absent files have none. */
function rowsOf(store: Store, catalog: Catalog, name: string): readonly JsonNode[] {
  const source = sourceAt(store, catalog.api.get(name));
  if (source === undefined) return [];
  const root = jsonRoot(source.file, source.text, store.problems);
  return listed(root);
}

/** Networks with their segments, which have ids when the API was asked for them. */
function networksOf(
  rows: readonly JsonNode[],
  segments: readonly JsonNode[],
): readonly NeutronNetwork[] {
  const byNetwork = new Map<string, NetworkSegment[]>();
  for (const row of segments) {
    const network = word(row, 'network_id', 'network');
    const own = byNetwork.get(network) ?? [];
    byNetwork.set(network, own);
    own.push(segmentOf(row));
  }
  return rows.map((row) => networkOf(row, byNetwork.get(word(row, 'id')) ?? []));
}

function segmentOf(row: JsonNode): NetworkSegment {
  const number = column(row, 'segmentation_id', 'segment');
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    type: word(row, 'network_type'),
    physicalNetwork: textOf(column(row, 'physical_network')) ?? null,
    segmentationId: numberOf(number) ?? null,
  };
}

function providerOf(row: JsonNode): ProviderSegment {
  return {
    type: word(row, 'provider:network_type', 'network_type'),
    physicalNetwork: textOf(column(row, 'provider:physical_network')) ?? null,
    segmentationId: numberOf(column(row, 'provider:segmentation_id')) ?? null,
  };
}

/**
 * A network of several segments shows them instead of provider attributes, in the order in which
 * ports are bound to them; the segments' own list adds their ids.
 */
function segmentsOf(row: JsonNode, listed: readonly NetworkSegment[]): readonly NetworkSegment[] {
  const shown = records(column(row, 'segments')).map(providerOf);
  const inner = shown.length > 0;
  const own = providerOf(row);
  if (shown.length === 0 && own.type !== '') shown.push(own);
  // The client's list of networks has their types alone; that of segments has all of them.
  const whole = inner || hasColumn(row, 'provider:segmentation_id');
  if (shown.length === 0 || (!whole && listed.length > 0)) return listed;
  return shown.map((one) => {
    const found = listed.find(
      (each) =>
        each.type === one.type &&
        each.physicalNetwork === one.physicalNetwork &&
        each.segmentationId === one.segmentationId,
    );
    return { id: found?.id ?? '', name: found?.name ?? '', ...one };
  });
}

function networkOf(row: JsonNode, listed: readonly NetworkSegment[]): NeutronNetwork {
  const external = column(row, 'router:external', 'router_type');
  const segments = segmentsOf(row, listed);
  const [first] = segments;
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    project: word(row, 'project_id', 'project'),
    adminUp: stateOf(column(row, 'admin_state_up', 'state')) ?? true,
    mtu: numberOf(column(row, 'mtu')) ?? null,
    external: external?.value === 'External' || external?.value === true,
    shared: stateOf(column(row, 'shared')) ?? false,
    portSecurity: stateOf(column(row, 'port_security_enabled', 'port_security')) ?? true,
    qosPolicyId: textOf(column(row, 'qos_policy_id')) ?? null,
    provider: {
      type: first?.type ?? '',
      physicalNetwork: first?.physicalNetwork ?? null,
      segmentationId: first?.segmentationId ?? null,
    },
    segments,
    subnets: textsOf(column(row, 'subnets')),
  };
}

function fixedIpsOf(node: JsonNode | undefined): NeutronPort['fixedIps'] {
  return objectsOf(node).flatMap((fixed) => {
    const address = readAs(needed(fixed, 'ip_address'), readIp, 'an address');
    return address === undefined ? [] : [{ subnetId: word(fixed, 'subnet_id'), address }];
  });
}

function portOf(row: JsonNode): NeutronPort {
  const details = column(row, 'binding:vif_details', 'binding_vif_details');
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    project: word(row, 'project_id', 'project'),
    networkId: word(row, 'network_id', 'network'),
    mac: readAs(column(row, 'mac_address'), readMac, 'a MAC address') ?? 0n,
    adminUp: stateOf(column(row, 'admin_state_up')) ?? true,
    status: word(row, 'status'),
    deviceId: word(row, 'device_id'),
    deviceOwner: word(row, 'device_owner'),
    fixedIps: fixedIpsOf(column(row, 'fixed_ips', 'Fixed IP Addresses')),
    securityGroups: textsOf(column(row, 'security_groups', 'security_group_ids')),
    portSecurity: stateOf(column(row, 'port_security_enabled', 'port_security')) ?? true,
    qosPolicyId: textOf(column(row, 'qos_policy_id')) ?? null,
    allowedAddressPairs: objectsOf(column(row, 'allowed_address_pairs')).flatMap((pair) => {
      const prefix = readAs(needed(pair, 'ip_address'), readPrefix, 'a prefix');
      const mac = readAs(member(pair, 'mac_address'), readMac, 'a MAC address') ?? null;
      return prefix === undefined ? [] : [{ prefix, mac }];
    }),
    host: word(row, 'binding:host_id', 'binding_host_id'),
    vifType: word(row, 'binding:vif_type', 'binding_vif_type'),
    hybridPlug: member(details, 'ovs_hybrid_plug')?.value === true,
    drivers: driversOf(member(details, 'bound_drivers')),
    dhcpOptions: objectsOf(column(row, 'extra_dhcp_opts')).flatMap(dhcpOptionOf),
    dnsNames: objectsOf(column(row, 'dns_assignment')).flatMap(dnsNameOf),
  };
}

function dhcpOptionOf(row: JsonNode): DhcpOption[] {
  const name = textOf(needed(row, 'opt_name')) ?? '';
  const value = word(row, 'opt_value');
  return name === ''
    ? []
    : [{ name, value, version: numberOf(column(row, 'ip_version')) === 6 ? 6 : 4 }];
}

function dnsNameOf(row: JsonNode): DnsName[] {
  const address = readAs(needed(row, 'ip_address'), readIp, 'an address');
  const host = word(row, 'hostname');
  return address === undefined || host === ''
    ? []
    : [{ address, host, whole: word(row, 'fqdn') || host }];
}

function driversOf(node: JsonNode | undefined): readonly string[] {
  if (node === undefined || !isRecord(node.value)) return [];
  return Object.values(node.value).map(String);
}

function routerOf(row: JsonNode, hosting: Hosting): NeutronRouter {
  const id = word(row, 'id');
  const gateway = column(row, 'external_gateway_info');
  return {
    id,
    name: word(row, 'name'),
    project: word(row, 'project_id', 'project'),
    adminUp: stateOf(column(row, 'admin_state_up', 'state')) ?? true,
    distributed: stateOf(column(row, 'distributed')) ?? false,
    ha: stateOf(column(row, 'ha')) ?? false,
    gateway:
      gateway === undefined
        ? null
        : {
            networkId: word(gateway, 'network_id'),
            snat: truthOf(member(gateway, 'enable_snat')) ?? true,
            fixedIps: fixedIpsOf(member(gateway, 'external_fixed_ips')),
          },
    routes: routesOf(column(row, 'routes')),
    agents: hosting.get(id) ?? [],
  };
}

function floatingIpOf(row: JsonNode): NeutronFloatingIp[] {
  const address = readAs(needed(row, 'floating_ip_address'), readIp, 'an address');
  if (address === undefined) return [];
  const fixed = column(row, 'fixed_ip_address', 'Fixed IP Address');
  return [
    {
      id: word(row, 'id'),
      address,
      networkId: word(row, 'floating_network_id', 'floating_network'),
      fixedAddress: readAs(fixed, readIp, 'an address') ?? null,
      portId: textOf(column(row, 'port_id', 'port')) ?? null,
      routerId: textOf(column(row, 'router_id', 'router')) ?? null,
      status: word(row, 'status'),
    },
  ];
}

function agentOf(row: JsonNode): NeutronAgent {
  const configurations = column(row, 'configurations', 'configuration')?.value;
  return {
    id: word(row, 'id'),
    binary: word(row, 'binary'),
    host: word(row, 'host'),
    alive: stateOf(column(row, 'alive')) ?? true,
    adminUp: stateOf(column(row, 'admin_state_up', 'state')) ?? true,
    availabilityZone: textOf(column(row, 'availability_zone')) ?? null,
    configurations: isRecord(configurations) ? configurations : {},
  };
}

function serverOf(row: JsonNode): NovaServer {
  const host = ['OS-EXT-SRV-ATTR:host', 'OS-EXT-SRV-ATTR:hypervisor_hostname', 'host'];
  return { id: word(row, 'id'), name: word(row, 'name'), host: word(row, ...host) };
}

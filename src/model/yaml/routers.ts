/** `routers:` of a cloud.yaml: the hosts that run them, and the networks of highly available ones. */

import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type CloudHost, type CloudSettings, type Layer3Agent } from '../cloud.ts';
import { type NeutronNetwork, type NeutronRouter, type NeutronSubnet } from '../neutron.ts';
import { readRoutes } from './networks.ts';
import { type PortContext } from './ports.ts';
import { idOf, type Names, nameOf, objects, oneOf, text, texts, truth } from './reading.ts';
import {
  addPort,
  centralPorts,
  gatewayOf,
  interfacesOf,
  isDistributed,
  isHighlyAvailable,
  type Kind,
  ROUTER_KINDS,
  type RouterPlace,
  subnetsOf,
} from './router-ports.ts';
import { type Provider } from './segments.ts';

export const ROUTER_KEYS = [
  'name',
  'project',
  'kind',
  'external',
  'interfaces',
  'routes',
  'hosts',
  'zone_hints',
  'admin_up',
] as const;
/** 254 routers of one tenant: as many ids as VRRP has (RFC 5798 §5.2.3), one is kept. */
export const MOST_HA_ROUTERS = 254;

export function readRouters(
  root: JsonNode,
  context: PortContext,
  settings: CloudSettings,
  routers: Names<NeutronRouter>,
): void {
  const ha = new Map<string, number>();
  for (const node of objects(member(root, 'routers'))) {
    reportUnknownKeys(node, ROUTER_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const kind = oneOf(node, 'kind', ROUTER_KINDS, 'legacy');
    const id = idOf('router', name);
    const project = text(node, 'project', 'default');
    const hosts = scheduled(node, kind, context, settings);
    if (isHighlyAvailable(kind)) {
      const count = (ha.get(project) ?? 0) + 1;
      ha.set(project, count);
      if (count > MOST_HA_ROUTERS) {
        const names = `router ${JSON.stringify(name)} of project ${JSON.stringify(project)}`;
        wrong(
          node,
          `A project has at most ${MOST_HA_ROUTERS} HA routers, and ${names} is one more`,
        );
      }
    }
    const at: RouterPlace = { node, name, id, kind, project, hosts, context };
    const inside = interfacesOf(at);
    const gateway = gatewayOf(at);
    if (isHighlyAvailable(kind)) haPorts(at, settings);
    if (isDistributed(kind) && gateway !== null) centralPorts(at, inside);
    const router: NeutronRouter = {
      id,
      name,
      project,
      adminUp: truth(node, 'admin_up', true),
      distributed: isDistributed(kind),
      ha: isHighlyAvailable(kind),
      gateway,
      routes: extraRoutes(at),
      agents: hosts.map((host, i) => ({
        host: host.name,
        haState: isHighlyAvailable(kind) ? (i === 0 ? 'active' : 'standby') : null,
      })),
    };
    routers.add(name, router, node);
  }
}

/**
 * Extra routes, whose next hops are in subnets of the router's own ports and not its own addresses
 * (extraroute_db.py `_validate_routes_nexthop`).
 */
function extraRoutes({ node, id, name, context }: RouterPlace): NeutronRouter['routes'] {
  const at = member(node, 'routes');
  const routes = readRoutes(at);
  if (routes.length === 0) return routes;
  const own = context.ports.all
    .filter(({ deviceId }) => deviceId === id)
    .flatMap(({ fixedIps }) => fixedIps);
  const subnets = new Map(context.subnets.all.map(({ subnet }) => [subnet.id, subnet]));
  const near = own.flatMap(({ subnetId }) => subnets.get(subnetId) ?? []);
  const rows = objects(at);
  for (const [i, { via }] of routes.entries()) {
    const row = rows[i] ?? node;
    const hop = `The next hop ${writeIp(via)}`;
    if (own.some(({ address }) => sameAddress(address, via))) {
      wrong(row, `${hop} is an address of router ${JSON.stringify(name)} itself`);
    } else if (!near.some(({ prefix }) => prefixCovers(prefix, via))) {
      const names = near.map((subnet) => JSON.stringify(subnet.name)).join(', ') || 'none';
      wrong(row, `${hop} is in no subnet of router ${JSON.stringify(name)}, which has ${names}`);
    }
  }
  return routes;
}

/** Agents of compute hosts carry distributed routers only (`dvr`, `dvr_no_external`). */
function isCentral(mode: Layer3Agent['mode']): boolean {
  return mode === 'legacy' || mode === 'dvr_snat';
}

/** Hosts of the router's agents: those that were named, else the first that can. */
function scheduled(
  node: JsonNode,
  kind: Kind,
  context: PortContext,
  settings: CloudSettings,
): readonly CloudHost[] {
  const able = (host: CloudHost): boolean =>
    host.layer3 !== null &&
    (isDistributed(kind) ? host.layer3.mode === 'dvr_snat' : isCentral(host.layer3.mode));
  const named = texts(node, 'hosts');
  const at = member(node, 'hosts') ?? node;
  if (named.length > 1 && !isHighlyAvailable(kind)) {
    wrong(at, 'Only a highly available router is on several hosts');
  }
  if (named.length > 0) {
    return named.flatMap((name) => {
      const host = context.hosts.get(name);
      if (host === undefined || host.layer3 === null) {
        wrong(at, `${JSON.stringify(name)} is no host with an L3 agent`);
        return [];
      }
      if (!able(host)) {
        const mode = `The L3 agent of ${JSON.stringify(name)} in mode ${host.layer3.mode}`;
        wrong(at, `${mode} takes no router of kind ${kind}`);
      }
      return [host];
    });
  }
  const all = inZones(
    context.hosts.all.filter((host) => host.alive && able(host)),
    texts(node, 'zone_hints'),
  );
  if (all.length === 0) wrong(node, 'No host has an L3 agent for this kind of router');
  const count = isHighlyAvailable(kind) ? settings.haRouterAgents || all.length : 1;
  return all.slice(0, count);
}

/** Hosts of the wanted zones first; zones are a wish, not a condition. */
function inZones(hosts: readonly CloudHost[], zones: readonly string[]): readonly CloudHost[] {
  const wanted = hosts.filter((host) => zones.includes(host.availabilityZone));
  return [...wanted, ...hosts.filter((host) => !wanted.includes(host))];
}

/** The tenant's HA network is made with its first HA router. */
function haPorts(at: RouterPlace, settings: CloudSettings): void {
  const { context } = at;
  const name = `HA network tenant ${at.project}`;
  const network = context.networks.get(name) ?? makeHaNetwork(at, name, settings);
  const [subnet] = subnetsOf(context, network);
  for (const host of at.hosts) {
    const fixed =
      subnet === undefined
        ? null
        : context.allocation.take(subnet, `HA port of ${at.name} on ${host.name}`, at.node);
    addPort(at, `${at.name}-ha-${host.name}`, network, fixed === null ? [] : [fixed], {
      deviceOwner: 'network:router_ha_interface',
      host: host.name,
    });
  }
}

const NO_SEGMENT: Provider = { type: 'local', physicalNetwork: null, segmentationId: null };

/** Of the tunnel type that all hosts have, with a key nobody else uses. */
function makeHaNetwork(at: RouterPlace, name: string, settings: CloudSettings): NeutronNetwork {
  const { context } = at;
  // With ranges for tenants it takes the next segment of theirs (ha_network_type).
  const { segments } = context;
  const given = segments.gives ? (segments.take(at.node, name) ?? NO_SEGMENT) : null;
  const kinds = at.hosts.map((host) => host.layer2?.tunnelTypes ?? []);
  const type = (['vxlan', 'gre', 'geneve'] as const).find((kind) =>
    kinds.every((list) => list.includes(kind)),
  );
  if (type === undefined && given === null)
    wrong(
      at.node,
      `No tunnel type joins the hosts ${at.hosts.map((host) => host.name).join(', ')} of an HA router; ` +
        'tenant_network_types: [vlan] with network_vlan_ranges would give its HA network a VLAN',
    );
  const used = new Set(
    context.networks.all.flatMap((each) => each.segments.map((one) => one.segmentationId)),
  );
  let key = 1;
  while (used.has(key)) key++;
  const id = idOf('network', name);
  const subnetId = idOf('subnet', name);
  const provider = given ?? {
    type: type ?? 'vxlan',
    physicalNetwork: null,
    segmentationId: key,
  };
  const network: NeutronNetwork = {
    id,
    name,
    project: '',
    adminUp: true,
    mtu: settings.physicalMtu - 50,
    external: false,
    shared: false,
    portSecurity: false,
    provider,
    segments: [{ id: idOf('segment', name), name: '', ...provider }],
    subnets: [subnetId],
  };
  const subnet: NeutronSubnet = {
    id: subnetId,
    name: `HA subnet tenant ${at.project}`,
    networkId: id,
    prefix: settings.haNetwork,
    gateway: null,
    dhcp: false,
    dnsServers: [],
    hostRoutes: [],
    pools: [],
    ipv6AddressMode: null,
    ipv6RaMode: null,
    subnetPoolId: null,
    segmentId: null,
  };
  context.networks.add(name, network, at.node);
  context.subnets.add(subnet.name, { subnet, network }, at.node);
  return network;
}

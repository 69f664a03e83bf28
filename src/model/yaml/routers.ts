/**
 * `routers:` of a cloud.yaml with the ports that the server makes for them: interfaces, gateway,
 * HA ports, the central ports of distributed routers and the agents' gateways of floating IPs.
 */
import { type JsonNode, member, records, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type CloudHost, type CloudSettings, type Layer3Agent } from '../cloud.ts';
import {
  type FixedIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NeutronSubnet,
} from '../neutron.ts';
import { type NamedSubnet, readRoutes } from './networks.ts';
import { makePort, type PortContext } from './ports.ts';
import { address, idOf, type Names, nameOf, oneOf, text, texts, truth } from './reading.ts';
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
export const EXTERNAL_KEYS = ['network', 'address', 'snat'] as const;
export const INTERFACE_KEYS = ['subnet', 'address'] as const;
/** 254 routers of one tenant: as many ids as VRRP has (RFC 5798 §5.2.3), one is kept. */
const MOST_HA_ROUTERS = 254;

/** What a router can be; the last is distributed with a highly available central part. */
export const ROUTER_KINDS = ['legacy', 'ha', 'distributed', 'distributed-ha'] as const;
type Kind = (typeof ROUTER_KINDS)[number];

function isDistributed(kind: Kind): boolean {
  return kind === 'distributed' || kind === 'distributed-ha';
}

function isHighlyAvailable(kind: Kind): boolean {
  return kind === 'ha' || kind === 'distributed-ha';
}

export function readRouters(
  root: JsonNode,
  context: PortContext,
  settings: CloudSettings,
  routers: Names<NeutronRouter>,
): void {
  const ha = new Map<string, number>();
  for (const node of records(member(root, 'routers'))) {
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
      if (count > MOST_HA_ROUTERS) wrong(node, 'A project has at most 254 HA routers');
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
      routes: readRoutes(member(node, 'routes')),
      agents: hosts.map((host, i) => ({
        host: host.name,
        haState: isHighlyAvailable(kind) ? (i === 0 ? 'active' : 'standby') : null,
      })),
    };
    routers.add(name, router, node);
  }
}

interface RouterPlace {
  readonly node: JsonNode;
  readonly name: string;
  readonly id: string;
  readonly kind: Kind;
  readonly project: string;
  readonly hosts: readonly CloudHost[];
  readonly context: PortContext;
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
export function inZones(
  hosts: readonly CloudHost[],
  zones: readonly string[],
): readonly CloudHost[] {
  const wanted = hosts.filter((host) => zones.includes(host.availabilityZone));
  return [...wanted, ...hosts.filter((host) => !wanted.includes(host))];
}

const INTERNAL_OWNER = {
  legacy: 'network:router_interface',
  ha: 'network:ha_router_replicated_interface',
  distributed: 'network:router_interface_distributed',
  'distributed-ha': 'network:router_interface_distributed',
} as const;

function interfacesOf(at: RouterPlace): readonly { port: NeutronPort; named: NamedSubnet }[] {
  const { node, context } = at;
  return records(member(node, 'interfaces')).flatMap((row) => {
    reportUnknownKeys(row, INTERFACE_KEYS);
    const named = context.subnets.find(member(row, 'subnet'));
    if (named === undefined) return [];
    const wanted = address(member(row, 'address')) ?? named.subnet.gateway;
    const owner = `router ${at.name}`;
    const fixed =
      wanted === null
        ? context.allocation.take(named.subnet, owner, row)
        : context.allocation.claim(named.subnet, wanted, owner, row);
    if (fixed === null) return [];
    const port = add(at, `${at.name}-${named.subnet.name}`, named.network, [fixed], {
      deviceOwner: INTERNAL_OWNER[at.kind],
      host: isDistributed(at.kind) ? '' : (at.hosts[0]?.name ?? ''),
    });
    return [{ port, named }];
  });
}

function add(
  at: RouterPlace,
  name: string,
  network: NeutronNetwork,
  fixedIps: readonly FixedIp[],
  rest: { readonly deviceOwner: string; readonly host: string; readonly deviceId?: string },
): NeutronPort {
  const port = makePort(at.context, {
    name,
    network,
    mac: at.context.macs.give(name),
    fixedIps,
    project: at.project,
    deviceId: at.id,
    ...rest,
  });
  at.context.ports.add(name, port, at.node);
  return port;
}

function gatewayOf(at: RouterPlace): NeutronRouter['gateway'] {
  const node = member(at.node, 'external');
  if (node === undefined) return null;
  reportUnknownKeys(node, EXTERNAL_KEYS);
  const { context } = at;
  const network = context.networks.find(member(node, 'network'));
  if (network === undefined) return null;
  if (!network.external) wrong(node, `Network ${JSON.stringify(network.name)} is not external`);
  const subnets = subnetsOf(context, network);
  const wanted = address(member(node, 'address'));
  const owner = `router ${at.name}`;
  const fixed = subnets.flatMap((subnet) => {
    if (subnet.prefix.address.version !== (wanted?.version ?? 4)) return [];
    const one =
      wanted === null
        ? context.allocation.take(subnet, owner, node)
        : context.allocation.claim(subnet, wanted, owner, node);
    return one === null ? [] : [one];
  });
  const fixedIps = fixed.slice(0, 1);
  add(at, `${at.name}-gateway`, network, fixedIps, {
    deviceOwner: 'network:router_gateway',
    host: at.hosts[0]?.name ?? '',
  });
  return { networkId: network.id, snat: truth(node, 'snat', true), fixedIps };
}

export function subnetsOf(context: PortContext, network: NeutronNetwork): readonly NeutronSubnet[] {
  return context.subnetsOf(network.id);
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
    add(at, `${at.name}-ha-${host.name}`, network, fixed === null ? [] : [fixed], {
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
    wrong(at.node, 'The hosts of an HA router have no tunnel type in common');
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

/** One `sg-` port per subnet of a distributed router with a gateway. */
function centralPorts(at: RouterPlace, inside: readonly { readonly named: NamedSubnet }[]): void {
  for (const { named } of inside) {
    const owner = `SNAT of router ${at.name}`;
    const fixed = at.context.allocation.take(named.subnet, owner, at.node);
    add(at, `${at.name}-snat-${named.subnet.name}`, named.network, fixed === null ? [] : [fixed], {
      deviceOwner: 'network:router_centralized_snat',
      host: at.hosts[0]?.name ?? '',
    });
  }
}

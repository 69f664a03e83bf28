/**
 * Distributed routers: `qrouter-…` on every host with ports of its networks, `snat-…` on the host
 * of its gateway, and per host one `fip-…` for each external network with floating IPs
 * (neutron/agent/l3/dvr_local_router.py, dvr_edge_router.py, dvr_fip_ns.py).
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import {
  type CloudAddress,
  type CloudPrefix,
  type NeutronPort,
  type NeutronRouter,
} from '../../model/neutron.ts';
import {
  addressesOf,
  linkLocalOf,
  listen,
  namespacePlug,
  portDevice,
  route,
  routerSysctls,
} from '../namespace-parts.ts';
import { joinParts, NOTHING, type Part, type Place } from '../part.ts';
import {
  type DevicePlan,
  emptyNamespace,
  type NamespacePlan,
  type NeighbourPlan,
  type RoutePlan,
  type RulePlan,
} from '../plan.ts';
import {
  FLOATING_TABLE,
  type FloatingLink,
  floatingRoutes,
  linkOf,
  neighbour,
  tableOf,
  tableOf6,
  veth,
} from './floating-link.ts';
import { isActive } from './ha.ts';
import {
  countMarks,
  crossingOf,
  defaultRoutes,
  floatingOf,
  internalDevice,
  onLinkRoutes,
  portsOfRouter,
  type RouterPorts,
  runsHere,
  scopeMarks,
} from './interfaces.ts';
import { metadataProxy } from './metadata.ts';
import { advertiser } from './radvd-text.ts';
import { extraRoutes } from './router.ts';
import {
  type FloatingRule,
  floatingIp6tables,
  floatingIptables,
  routerIp6tables,
  routerIptables,
} from './router-rules.ts';
import { centralPart } from './snat-namespace.ts';

/** First of the priorities that floating IPs take; the agent keeps them in a file. */
const FIRST_PRIORITY = 32768;

/** The router's part on a host that does not hold its gateway's translation. */
export function distributedRouter(at: Place, router: NeutronRouter): Part {
  const ports = portsOfRouter(at.view, router);
  const agent = agentGateway(at, ports);
  const link = agent === null ? null : linkOf(at, router, ports);
  const parts = [local(at, router, ports, link)];
  parts.push(centralPart(at, router, ports));
  return joinParts(parts);
}

/** The fip namespaces of a host: one per external network, for all its routers. */
export function floatingNamespaces(at: Place): Part {
  const { view, host } = at;
  const agents = view
    .portsOnHost(host.name)
    .filter((port) => port.deviceOwner === 'network:floatingip_agent_gateway');
  return joinParts(agents.map((agent) => floatingNamespace(at, agent)));
}

function agentGateway(at: Place, ports: RouterPorts): NeutronPort | null {
  if (at.host.layer3?.mode === 'dvr_no_external') return null;
  const external = ports.gateway?.networkId;
  if (external === undefined) return null;
  const found = at.view
    .portsOnHost(at.host.name)
    .find(
      (port) =>
        port.deviceOwner === 'network:floatingip_agent_gateway' && port.networkId === external,
    );
  return found ?? null;
}

function local(
  at: Place,
  router: NeutronRouter,
  ports: RouterPorts,
  link: FloatingLink | null,
): Part {
  const { view, host } = at;
  const name = NAMESPACES.router + router.id;
  const floating = link === null ? [] : floatingOf(view, router, host.name);
  const marks = countMarks();
  // Where the central part may stand, the namespace is one of HA routers: the kernel gives no
  // link-local addresses there and forwards no IPv6 (ha_router.py `HaRouterNamespace.create`), and
  // nothing switches that on for the part that all hosts have.
  const edge = ports.ha(host.name) !== null;
  const devices: DevicePlan[] = ports.internal.map((port) =>
    portDevice(at, port, internalDevice(port), [
      ...addressesOf(view, port.fixedIps),
      ...(edge ? [] : [linkLocalOf(port.mac)]),
    ]),
  );
  if (link !== null)
    devices.push(veth(link.rfp, link.routerSide, link.namespace, link.fpr, link.mtu));
  const rules = {
    kind: 'dvr' as const,
    internal: ports.internal.map(internalDevice),
    external: link?.rfp ?? null,
    address: null,
    translates: router.gateway?.snat === true,
    floating,
    forwarded: [],
    metadata: true,
    scopes: scopeMarks(view, marks, [
      ...ports.internal.map((port) => [internalDevice(port), port] as const),
      ...(link === null || ports.gateway === null ? [] : [[link.rfp, ports.gateway] as const]),
    ]),
    crossing: crossingOf(view, marks, ports.gateway),
    dialect: view.cloud.settings.dialect,
  };
  const proxy = metadataProxy('router', router.id);
  // Hosts without a part in the election advertise like those of every distributed router.
  const standby = edge && !isActive(router, host.name);
  const advertised = standby ? NOTHING : advertiser(view, router, ports.internal);
  const namespace: NamespacePlan = {
    ...emptyNamespace(name),
    devices,
    routes: [
      ...centralRoutes(at, router, ports),
      ...(link === null ? [] : floatingRoutes(link)),
      ...extraRoutes(view, router, { internal: ports.internal, gateway: null }),
    ],
    rules: [...centralRules(at, router, ports), ...floatingRules(floating)],
    neighbours: [
      ...servedNeighbours(at, ports),
      ...(link === null ? [] : [neighbour(link, 'rfp')]),
    ],
    sysctls: routerSysctls(
      devices.map((device) => device.name),
      !edge,
    ),
    sockets: [listen('tcp', 9697, 'haproxy')],
    iptables: routerIptables(rules),
    ip6tables: routerIp6tables(rules),
  };
  return {
    plugs: ports.internal.map((port) => namespacePlug(at, port, internalDevice(port), name)),
    namespaces: [namespace],
    files: new Map([...proxy.files, ...advertised.files]),
    commandLines: [...proxy.commandLines, ...advertised.commandLines],
  };
}

/** Owners of ports that a distributed router asks for as anybody does, or answers for itself. */
const NO_NEIGHBOURS = new Set([
  'network:router_interface',
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
  'neutron:LOADBALANCER',
  'neutron:LOADBALANCERV2',
]);

/** Every port of the router's networks: nobody on other hosts could answer for the gateway. */
function servedNeighbours({ view }: Place, ports: RouterPorts): NeighbourPlan[] {
  return ports.internal.flatMap((port) => {
    const device = internalDevice(port);
    const subnets = new Set(port.fixedIps.map(({ subnetId }) => subnetId));
    const versions = new Set(port.fixedIps.map(({ address }) => address.version));
    return view
      .portsOfNetwork(port.networkId)
      .filter(({ deviceOwner }) => !NO_NEIGHBOURS.has(deviceOwner))
      .filter(({ fixedIps }) => fixedIps.some(({ subnetId }) => subnets.has(subnetId)))
      .flatMap(({ fixedIps, allowedAddressPairs, mac }) => [
        ...fixedIps
          .filter(({ subnetId }) => subnets.has(subnetId))
          .map(({ address }) => ({ address, mac })),
        ...allowedAddressPairs
          .filter(({ prefix }) => isOneAddress(prefix) && versions.has(prefix.address.version))
          .map((pair) => ({ address: pair.prefix.address, mac: pair.mac ?? mac })),
      ])
      .map((each): NeighbourPlan => ({ ...each, device, state: 'permanent' }));
  });
}

function isOneAddress({ address, length }: CloudPrefix): boolean {
  return length === (address.version === 4 ? 32 : 128);
}

/**
 * Where each subnet's traffic to the outside goes: to the central part. Rule and table have the
 * number of the gateway's address (`_get_snat_idx`).
 */
function centralTables(
  at: Place,
  router: NeutronRouter,
  ports: RouterPorts,
): readonly {
  device: string;
  from: CloudAddress;
  length: number;
  via: CloudAddress;
  table: number;
}[] {
  if (router.gateway === null) return [];
  return ports.internal.flatMap((port) =>
    port.fixedIps.flatMap(({ subnetId, address }) => {
      const central = ports.central
        .flatMap((each) => each.fixedIps)
        .find((each) => each.subnetId === subnetId);
      if (central === undefined) return [];
      const length = at.view.subnets.get(subnetId)?.prefix.length ?? 32;
      return [
        {
          device: internalDevice(port),
          from: address,
          length,
          via: central.address,
          table: address.version === 4 ? Number(address.value) : tableOf6(address, length),
        },
      ];
    }),
  );
}

function centralRoutes(at: Place, router: NeutronRouter, ports: RouterPorts): RoutePlan[] {
  return centralTables(at, router, ports).map(({ device, via, table }) =>
    route(null, via, device, table),
  );
}

function centralRules(at: Place, router: NeutronRouter, ports: RouterPorts): RulePlan[] {
  return centralTables(at, router, ports).map(({ from, length, table }) => ({
    version: from.version,
    priority: table,
    from: { address: from, length },
    to: null,
    inputDevice: null,
    table,
  }));
}

function floatingRules(floating: readonly FloatingRule[]): RulePlan[] {
  return floating.map(({ fixed }, i) => ({
    version: 4,
    priority: FIRST_PRIORITY + i,
    from: { address: fixed, length: 32 },
    to: null,
    inputDevice: null,
    table: FLOATING_TABLE,
  }));
}

function floatingNamespace(at: Place, agent: NeutronPort): Part {
  const { view, host } = at;
  const name = NAMESPACES.floating + agent.networkId;
  const outside = deviceName('fg-', agent.id);
  const links = view.cloud.neutron.routers
    .filter((router) => router.distributed && runsHere(at, router))
    .map((router) => ({ router, ports: portsOfRouter(view, router) }))
    .filter(({ ports }) => ports.gateway?.networkId === agent.networkId)
    .map(({ router, ports }) => ({ router, link: linkOf(at, router, ports) }));
  const devices = [
    ...links.map(({ router, link }) =>
      veth(link.fpr, link.floatingSide, NAMESPACES.router + router.id, link.rfp, link.mtu),
    ),
    portDevice(at, agent, outside, [...addressesOf(view, agent.fixedIps), linkLocalOf(agent.mac)]),
  ];
  const routes = links.flatMap(({ router, link }) => [
    ...floatingOf(view, router, host.name).map(({ floating }) =>
      route({ address: floating, length: 32 }, link.routerSide, link.fpr),
    ),
    ...defaultRoutes(view, agent, outside, [4], tableOf(link)),
  ]);
  const rules = links.map(
    ({ link }): RulePlan => ({
      version: 4,
      priority: tableOf(link),
      from: null,
      to: null,
      inputDevice: link.fpr,
      table: tableOf(link),
    }),
  );
  const sysctls = routerSysctls(devices.map((device) => device.name));
  sysctls.set(`net.ipv4.conf.${outside}.proxy_arp`, '1');
  const namespace = {
    ...emptyNamespace(name),
    devices,
    routes: [...routes, ...onLinkRoutes(view, agent, outside)],
    rules,
    neighbours: links.map(({ link }) => neighbour(link, 'fpr')),
    sysctls,
  };
  return {
    plugs: [namespacePlug(at, agent, outside, name)],
    namespaces: [{ ...namespace, iptables: floatingIptables(), ip6tables: floatingIp6tables() }],
    files: new Map(),
    commandLines: [],
  };
}

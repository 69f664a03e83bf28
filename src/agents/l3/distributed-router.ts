/**
 * Distributed routers: `qrouter-…` on every host with ports of its networks, `snat-…` on the host
 * of its gateway, and per host one `fip-…` for each external network with floating IPs
 * (neutron/agent/l3/dvr_local_router.py, dvr_edge_router.py, dvr_fip_ns.py).
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type CloudAddress, type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
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
  veth,
} from './floating-link.ts';
import {
  floatingOf,
  gatewayDevice,
  internalDevice,
  nextHop,
  portsOfRouter,
  type RouterPorts,
  runsHere,
  scopeMarks,
} from './interfaces.ts';
import { metadataProxy } from './metadata.ts';
import { extraRoutes } from './router.ts';
import {
  type FloatingRule,
  floatingIp6tables,
  floatingIptables,
  routerIp6tables,
  routerIptables,
} from './router-rules.ts';

/** First of the priorities that floating IPs take; the agent keeps them in a file. */
const FIRST_PRIORITY = 32768;

/** The router's part on a host that does not hold its gateway's translation. */
export function distributedRouter(at: Place, router: NeutronRouter): Part {
  const { view, host } = at;
  const ports = portsOfRouter(view, router);
  const agent = agentGateway(at, ports);
  const link = agent === null ? null : linkOf(at, router, ports);
  const parts = [local(at, router, ports, link)];
  const central = ports.gateway !== null && ports.gateway.host === host.name;
  if (central && host.layer3?.mode === 'dvr_snat') parts.push(snat(at, router, ports));
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
  const floating = floatingOf(view, router, host.name);
  const devices: DevicePlan[] = ports.internal.map((port) =>
    portDevice(at, port, internalDevice(port), [
      ...addressesOf(view, port.fixedIps),
      linkLocalOf(port.mac),
    ]),
  );
  if (link !== null) devices.push(veth(link.rfp, link.routerSide, link.namespace, link.fpr, at));
  const rules = {
    kind: 'dvr' as const,
    internal: ports.internal.map(internalDevice),
    external: link?.rfp ?? null,
    snat: null,
    floating,
    forwarded: [],
    metadata: true,
    scopes: scopeMarks(
      view,
      ports.internal.map((port) => [internalDevice(port), port] as const),
    ),
  };
  const proxy = metadataProxy('router', router.id);
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
    sysctls: routerSysctls(devices.map((device) => device.name)),
    sockets: [listen('tcp', 9697, 'haproxy')],
    iptables: routerIptables(rules),
    ip6tables: routerIp6tables(rules),
  };
  return {
    plugs: ports.internal.map((port) => namespacePlug(at, port, internalDevice(port), name)),
    namespaces: [namespace],
    files: proxy.files,
    commandLines: proxy.commandLines,
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
    return view
      .portsOfNetwork(port.networkId)
      .filter(({ deviceOwner }) => !NO_NEIGHBOURS.has(deviceOwner))
      .flatMap(({ fixedIps, mac }) =>
        fixedIps
          .filter(({ subnetId }) => subnets.has(subnetId))
          .map(({ address }): NeighbourPlan => ({ address, device, mac, state: 'permanent' })),
      );
  });
}

/** A subnet's rule has the number of the gateway's address as priority and as table. */
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
  if (router.gateway?.snat !== true) return [];
  return ports.internal.flatMap((port) =>
    port.fixedIps
      .filter(({ address }) => address.version === 4)
      .flatMap(({ subnetId, address }) => {
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
            table: Number(address.value),
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
    version: 4,
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

/** The central part: everything without a floating IP leaves through here. */
function snat(at: Place, router: NeutronRouter, ports: RouterPorts): Part {
  const { view } = at;
  const { gateway, central } = ports;
  if (gateway === null) return NOTHING;
  const name = NAMESPACES.snat + router.id;
  const outside = gatewayDevice(gateway);
  const inside = central.map((port) => [deviceName('sg-', port.id), port] as const);
  const devices = [
    ...inside.map(([device, port]) =>
      portDevice(at, port, device, [...addressesOf(view, port.fixedIps), linkLocalOf(port.mac)]),
    ),
    portDevice(at, gateway, outside, [
      ...addressesOf(view, gateway.fixedIps),
      linkLocalOf(gateway.mac),
    ]),
  ];
  const address = gateway.fixedIps.find((each) => each.address.version === 4)?.address ?? null;
  const rules = {
    kind: 'snat' as const,
    internal: inside.map(([device]) => device),
    external: outside,
    snat: router.gateway?.snat === true ? address : null,
    floating: [],
    forwarded: [],
    metadata: false,
    scopes: scopeMarks(view, [...inside, [outside, gateway] as const]),
  };
  const via = nextHop(view, gateway, 4);
  return {
    plugs: [
      ...inside.map(([device, port]) => namespacePlug(at, port, device, name)),
      namespacePlug(at, gateway, outside, name),
    ],
    namespaces: [
      {
        ...emptyNamespace(name),
        devices,
        routes: via === null ? [] : [route(null, via, outside)],
        sysctls: routerSysctls(devices.map((device) => device.name)),
        iptables: routerIptables(rules),
        ip6tables: routerIp6tables(rules),
      },
    ],
    files: new Map(),
    commandLines: [],
  };
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
  const via = nextHop(view, agent, 4);
  const devices = [
    ...links.map(({ router, link }) =>
      veth(link.fpr, link.floatingSide, NAMESPACES.router + router.id, link.rfp, at),
    ),
    portDevice(at, agent, outside, [...addressesOf(view, agent.fixedIps), linkLocalOf(agent.mac)]),
  ];
  const routes = links.flatMap(({ router, link }) => [
    ...floatingOf(view, router, host.name).map(({ floating }) =>
      route({ address: floating, length: 32 }, link.routerSide, link.fpr),
    ),
    ...(via === null ? [] : [route(null, via, outside, tableOf(link))]),
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
    routes,
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

/**
 * Routers that stand on one host, or as HA routers on several of which one is master: the
 * namespace `qrouter-…` with its interfaces, routes and rules (neutron/agent/l3/legacy_router.py,
 * ha_router.py).
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
import { type Part, type Place } from '../part.ts';
import {
  type AddressPlan,
  type DevicePlan,
  emptyNamespace,
  type NamespacePlan,
  type RoutePlan,
} from '../plan.ts';
import { type CloudView } from '../view.ts';
import { bare, haDevice, isActive, keepalived } from './ha.ts';
import {
  countMarks,
  crossingOf,
  defaultRoutes,
  floatingOf,
  forwardedOf,
  fourOf,
  gatewayDevice,
  internalDevice,
  onLinkRoutes,
  portsOfRouter,
  type RouterPorts,
  scopeMarks,
} from './interfaces.ts';
import { metadataProxy } from './metadata.ts';
import { advertiser } from './radvd-text.ts';
import { type RouterRules, routerIp6tables, routerIptables } from './router-rules.ts';

/** A router that is not distributed, as it stands on this host. */
export function centralRouter(at: Place, router: NeutronRouter): Part {
  const { view, host } = at;
  const name = NAMESPACES.router + router.id;
  const ports = portsOfRouter(view, router);
  const ha = router.ha ? ports.ha(host.name) : null;
  const active = !router.ha || isActive(router, host.name);
  const devices = [
    ...(ha === null ? [] : [haDevice(at, router, ha, active)]),
    ...connected(at, router, ports).map((each) => (active ? each : bare(each))),
  ];
  const plugs = [...(ha === null ? [] : [ha]), ...ports.internal, ...gatewayList(ports)].map(
    (port) => namespacePlug(at, port, deviceOf(port, ports, ha), name),
  );
  // The agent starts the proxy whether or not a metadata agent answers it (enable_metadata_proxy).
  const proxied = active;
  const namespace: NamespacePlan = {
    ...emptyNamespace(name),
    devices,
    routes: active ? staticRoutes(view, router, ports) : [],
    // A standby router forwards no IPv6: it would answer router solicitations.
    sysctls: routerSysctls(
      devices.map((device) => device.name),
      active,
    ),
    sockets: proxied ? [listen('tcp', 9697, 'haproxy')] : [],
    iptables: routerIptables(rulesOf(view, router, ports)),
    ip6tables: routerIp6tables(rulesOf(view, router, ports)),
  };
  const proxy = proxied ? metadataProxy('router', router.id) : null;
  const advertised = active ? advertiser(view, router, ports.internal) : null;
  const conf =
    ha === null ? null : keepalived(at, router, ha, ports.gateway, connected(at, router, ports));
  return {
    plugs,
    namespaces: [namespace],
    files: new Map([proxy, conf, advertised].flatMap((each) => [...(each?.files ?? [])])),
    commandLines: [proxy, conf, advertised].flatMap((each) => each?.commandLines ?? []),
  };
}

function gatewayList(ports: RouterPorts): readonly NeutronPort[] {
  return ports.gateway === null ? [] : [ports.gateway];
}

function deviceOf(port: NeutronPort, ports: RouterPorts, ha: NeutronPort | null): string {
  if (port === ha) return deviceName('ha-', port.id);
  return port === ports.gateway ? gatewayDevice(port) : internalDevice(port);
}

/** Interfaces with their addresses: internal ones, then the gateway with its floating IPs. */
function connected(at: Place, router: NeutronRouter, ports: RouterPorts): DevicePlan[] {
  const { view } = at;
  const internal = ports.internal.map((port) =>
    portDevice(at, port, internalDevice(port), [
      ...addressesOf(view, port.fixedIps),
      linkLocalOf(port.mac),
    ]),
  );
  const { gateway } = ports;
  if (gateway === null) return internal;
  const floating = new Set(
    [
      ...floatingOf(view, router, null).map((each) => each.floating),
      ...forwardedOf(view, router).map((each) => each.floating),
    ].map((address) => address.value),
  );
  const addresses: AddressPlan[] = [
    ...addressesOf(view, gateway.fixedIps),
    ...[...floating].map(
      (value): AddressPlan => ({ address: { version: 4, value }, length: 32, scope: 'global' }),
    ),
    linkLocalOf(gateway.mac),
  ];
  return [...internal, portDevice(at, gateway, gatewayDevice(gateway), addresses)];
}

function staticRoutes(view: CloudView, router: NeutronRouter, ports: RouterPorts): RoutePlan[] {
  const { gateway } = ports;
  const outward =
    gateway === null
      ? []
      : [
          ...defaultRoutes(view, gateway, gatewayDevice(gateway)),
          ...onLinkRoutes(view, gateway, gatewayDevice(gateway)),
        ];
  return [...outward, ...extraRoutes(view, router, ports)];
}

/** Extra routes leave through the interface whose subnet holds the next hop. */
export function extraRoutes(
  view: CloudView,
  router: NeutronRouter,
  ports: Pick<RouterPorts, 'internal' | 'gateway'>,
): RoutePlan[] {
  const reachable = [
    ...ports.internal.map((port) => [internalDevice(port), port] as const),
    ...(ports.gateway === null ? [] : [[gatewayDevice(ports.gateway), ports.gateway] as const]),
  ];
  return routesBy(view, router, reachable);
}

/**
 * Extra routes whose next hops are neighbours on one of the devices. Routes to one destination are
 * one route with several next hops (router_info.py `update_routing_table_ecmp`); the kernel
 * refuses all that a next hop out of reach is added to. keepalived sets every virtual route by
 * itself, so that of those of an HA router the last one stands first and takes all traffic.
 */
export function routesBy(
  view: CloudView,
  router: NeutronRouter,
  reachable: readonly (readonly [device: string, port: NeutronPort])[],
): RoutePlan[] {
  const hops = router.routes.map(({ to, via }) => ({
    to,
    via,
    device: deviceTowards(view, via, reachable),
  }));
  if (router.ha && !router.distributed) {
    return hops
      .toReversed()
      .flatMap(({ to, via, device }) => (device === null ? [] : [route(to, via, device)]));
  }
  const made: RoutePlan[] = [];
  for (const [i, { to, via, device }] of hops.entries()) {
    const same = hops.filter((each) => samePrefix(each.to, to));
    if (device === null || hops.findIndex((each) => samePrefix(each.to, to)) !== i) continue;
    const out = same.findIndex((each) => each.device === null);
    const others = (out < 0 ? same : same.slice(0, out))
      .slice(1)
      .flatMap((each) =>
        each.device === null ? [] : [{ gateway: each.via, device: each.device }],
      );
    made.push({ ...route(to, via, device), others });
  }
  return made;
}

export function samePrefix(a: CloudPrefix, b: CloudPrefix): boolean {
  const { address: one, length } = a;
  const { address: two } = b;
  return one.version === two.version && one.value === two.value && length === b.length;
}

/** The device whose subnet holds the next hop. */
function deviceTowards(
  view: CloudView,
  via: CloudAddress,
  reachable: readonly (readonly [device: string, port: NeutronPort])[],
): string | null {
  const found = reachable.find(([, port]) =>
    port.fixedIps.some(({ subnetId }) => {
      const prefix = view.subnets.get(subnetId)?.prefix;
      if (prefix === undefined || prefix.address.version !== via.version) return false;
      const rest = BigInt((via.version === 4 ? 32 : 128) - prefix.length);
      return prefix.address.value >> rest === via.value >> rest;
    }),
  );
  return found?.[0] ?? null;
}

function rulesOf(view: CloudView, router: NeutronRouter, ports: RouterPorts): RouterRules {
  const { gateway } = ports;
  const devices = [
    ...ports.internal.map((port) => [internalDevice(port), port] as const),
    ...(gateway === null ? [] : [[gatewayDevice(gateway), gateway] as const]),
  ];
  const marks = countMarks();
  return {
    kind: 'legacy',
    internal: ports.internal.map(internalDevice),
    external: gateway === null ? null : gatewayDevice(gateway),
    address: fourOf(gateway),
    translates: router.gateway?.snat === true,
    floating: floatingOf(view, router, null),
    forwarded: forwardedOf(view, router),
    metadata: true,
    scopes: scopeMarks(view, marks, devices),
    crossing: crossingOf(view, marks, gateway),
    dialect: view.cloud.settings.dialect,
  };
}

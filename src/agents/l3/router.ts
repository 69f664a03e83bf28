/**
 * Routers that stand on one host, or as HA routers on several of which one is master: the
 * namespace `qrouter-…` with its interfaces, routes and rules (neutron/agent/l3/legacy_router.py,
 * ha_router.py).
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
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
import {
  floatingOf,
  forwardedOf,
  gatewayDevice,
  internalDevice,
  nextHop,
  portsOfRouter,
  type RouterPorts,
  scopeMarks,
} from './interfaces.ts';
import { type KeepalivedPlan, keepalivedText } from './keepalived-text.ts';
import { metadataProxy } from './metadata.ts';
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
  const conf = ha === null ? null : haConfig(at, router, ports, ha);
  return {
    plugs,
    namespaces: [namespace],
    files: new Map([...(proxy?.files ?? []), ...(conf === null ? [] : conf.files)]),
    commandLines: [...(proxy?.commandLines ?? []), ...(conf === null ? [] : conf.commandLines)],
  };
}

function gatewayList(ports: RouterPorts): readonly NeutronPort[] {
  return ports.gateway === null ? [] : [ports.gateway];
}

function deviceOf(port: NeutronPort, ports: RouterPorts, ha: NeutronPort | null): string {
  if (port === ha) return deviceName('ha-', port.id);
  return port === ports.gateway ? gatewayDevice(port) : internalDevice(port);
}

/**
 * Elections decide who is active, and the agents report it; without a report the first one is.
 * More than one is active while they cannot hear each other.
 */
function isActive(router: NeutronRouter, host: string): boolean {
  const active = router.agents.filter((agent) => agent.haState === 'active');
  const hosts = (active.length > 0 ? active : router.agents.slice(0, 1)).map((each) => each.host);
  return hosts.includes(host);
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

function bare(device: DevicePlan): DevicePlan {
  return { ...device, addresses: [] };
}

function haDevice(
  at: Place,
  router: NeutronRouter,
  port: NeutronPort,
  active: boolean,
): DevicePlan {
  const own = addressesOf(at.view, port.fixedIps).map((each) => ({
    ...each,
    length: at.view.cloud.settings.haNetwork.length,
  }));
  const id = virtualRouterId(at.view, router);
  const virtual: AddressPlan = {
    address: { version: 4, value: 0xa9fe_0000n + BigInt(id) },
    length: 24,
    scope: 'global',
  };
  return portDevice(at, port, deviceName('ha-', port.id), active ? [...own, virtual] : own);
}

/** Unique in the tenant's HA network; the server draws it, here it is the router's place. */
function virtualRouterId(view: CloudView, router: NeutronRouter): number {
  const peers = view.cloud.neutron.routers.filter(
    (each) => each.ha && each.project === router.project,
  );
  return 1 + (peers.findIndex((each) => each.id === router.id) % 254);
}

function staticRoutes(view: CloudView, router: NeutronRouter, ports: RouterPorts): RoutePlan[] {
  const { gateway } = ports;
  const defaults = ([4, 6] as const).flatMap((version) => {
    const via = gateway === null ? null : nextHop(view, gateway, version);
    return via === null || gateway === null ? [] : [route(null, via, gatewayDevice(gateway))];
  });
  return [...defaults, ...extraRoutes(view, router, ports)];
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
  return router.routes.flatMap(({ to, via }) => {
    const found = reachable.find(([, port]) =>
      port.fixedIps.some(({ subnetId }) => {
        const prefix = view.subnets.get(subnetId)?.prefix;
        if (prefix === undefined || prefix.address.version !== via.version) return false;
        const rest = BigInt((via.version === 4 ? 32 : 128) - prefix.length);
        return prefix.address.value >> rest === via.value >> rest;
      }),
    );
    return found === undefined ? [] : [route(to, via, found[0])];
  });
}

function rulesOf(view: CloudView, router: NeutronRouter, ports: RouterPorts): RouterRules {
  const { gateway } = ports;
  const devices = [
    ...ports.internal.map((port) => [internalDevice(port), port] as const),
    ...(gateway === null ? [] : [[gatewayDevice(gateway), gateway] as const]),
  ];
  const address = gateway?.fixedIps.find((each) => each.address.version === 4)?.address ?? null;
  return {
    kind: 'legacy',
    internal: ports.internal.map(internalDevice),
    external: gateway === null ? null : gatewayDevice(gateway),
    snat: router.gateway?.snat === true ? address : null,
    floating: floatingOf(view, router, null),
    forwarded: forwardedOf(view, router),
    metadata: true,
    scopes: scopeMarks(view, devices),
  };
}

function haConfig(
  at: Place,
  router: NeutronRouter,
  ports: RouterPorts,
  ha: NeutronPort,
): { readonly files: ReadonlyMap<string, string>; readonly commandLines: readonly string[] } {
  const { settings } = at.view.cloud;
  const addresses = connected(at, router, ports).flatMap((device) =>
    device.addresses.map(({ address, length }) => ({ address, length, device: device.name })),
  );
  const plan: KeepalivedPlan = {
    virtualRouterId: virtualRouterId(at.view, router),
    device: deviceName('ha-', ha.id),
    advertInterval_s: settings.haAdvertInterval_s,
    priority: 50,
    addresses,
    routes: staticRoutes(at.view, router, ports).flatMap(({ prefix, gateway, device, version }) =>
      gateway === null || device === null
        ? []
        : [
            {
              to:
                prefix === null
                  ? version === 4
                    ? '0.0.0.0/0'
                    : '::/0'
                  : `${writeIp(prefix.address)}/${prefix.length}`,
              via: gateway,
              device,
            },
          ],
    ),
  };
  const path = `/var/lib/neutron/ha_confs/${router.id}`;
  const state = isActive(router, at.host.name) ? 'primary' : 'backup';
  return {
    files: new Map([
      [`ha_confs/${router.id}/keepalived.conf`, keepalivedText(plan)],
      [`ha_confs/${router.id}/state`, state],
    ]),
    commandLines: [
      `keepalived -P -f ${path}/keepalived.conf -p ${path}.pid.keepalived -r ${path}.pid.keepalived-vrrp`,
    ],
  };
}

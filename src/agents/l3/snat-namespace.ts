/**
 * The central part of a distributed router: `snat-…` on the host of its gateway, for everything
 * that has no floating IP where it stands (neutron/agent/l3/dvr_edge_router.py). A highly available
 * one stands on all its network nodes, and keepalived gives the active one its addresses
 * (dvr_edge_ha_router.py).
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import {
  addressesOf,
  linkLocalOf,
  namespacePlug,
  portDevice,
  routerSysctls,
} from '../namespace-parts.ts';
import { NOTHING, type Part, type Place } from '../part.ts';
import { type AddressPlan, type DevicePlan, emptyNamespace } from '../plan.ts';
import { bare, haDevice, isActive, keepalived } from './ha.ts';
import {
  centralFloatingOf,
  countMarks,
  crossingOf,
  defaultRoutes,
  forwardedOf,
  fourOf,
  gatewayDevice,
  onLinkRoutes,
  type RouterPorts,
  scopeMarks,
} from './interfaces.ts';
import { routesBy, samePrefix } from './router.ts';
import { type RouterRules, routerIp6tables, routerIptables } from './router-rules.ts';

/** The router's central part on this host; nothing where it has none. */
export function centralPart(at: Place, router: NeutronRouter, ports: RouterPorts): Part {
  const { gateway } = ports;
  if (gateway === null || at.host.layer3?.mode !== 'dvr_snat') return NOTHING;
  const ha = router.ha ? ports.ha(at.host.name) : null;
  const here = router.ha ? ha !== null : gateway.host === at.host.name;
  return here ? snat(at, router, ports, gateway, ha) : NOTHING;
}

type Inside = readonly (readonly [device: string, port: NeutronPort])[];

function snat(
  at: Place,
  router: NeutronRouter,
  ports: RouterPorts,
  gateway: NeutronPort,
  ha: NeutronPort | null,
): Part {
  const { view, host } = at;
  const name = NAMESPACES.snat + router.id;
  const outside = gatewayDevice(gateway);
  const inside: Inside = ports.central.map((port) => [deviceName('sg-', port.id), port] as const);
  const active = ha === null || isActive(router, host.name);
  const connected = connectedDevices(at, router, inside, gateway);
  const devices = [
    ...(ha === null ? [] : [withLinkLocal(haDevice(at, router, ha, active), ha)]),
    ...connected.map((device) => (active ? device : bare(device))),
  ];
  const rules = rulesOf(at, router, inside, gateway);
  const watched = ha === null ? NOTHING : keepalived(at, router, ha, gateway, connected);
  const routes = [
    ...defaultRoutes(view, gateway, outside),
    ...onLinkRoutes(view, gateway, outside),
    ...routesBy(view, withFirstHops(router), [...inside, [outside, gateway]]),
  ];
  return {
    plugs: [
      ...(ha === null ? [] : [namespacePlug(at, ha, deviceName('ha-', ha.id), name)]),
      ...inside.map(([device, port]) => namespacePlug(at, port, device, name)),
      namespacePlug(at, gateway, outside, name),
    ],
    namespaces: [
      {
        ...emptyNamespace(name),
        devices,
        routes: active ? routes : [],
        sysctls: routerSysctls(devices.map((device) => device.name)),
        iptables: routerIptables(rules),
        ip6tables: routerIp6tables(rules),
      },
    ],
    files: watched.files,
    commandLines: watched.commandLines,
  };
}

/** It is no namespace of HA routers: the kernel's own addresses stay (namespaces.py `create`). */
function withLinkLocal(device: DevicePlan, { mac }: NeutronPort): DevicePlan {
  return { ...device, addresses: [...device.addresses, linkLocalOf(mac)] };
}

/** Interfaces with their addresses; floating IPs without a host of their own stand on the gateway. */
function connectedDevices(
  at: Place,
  router: NeutronRouter,
  inside: Inside,
  gateway: NeutronPort,
): readonly DevicePlan[] {
  const { view } = at;
  const of = (port: NeutronPort, device: string, more: readonly AddressPlan[] = []): DevicePlan =>
    portDevice(at, port, device, [
      ...addressesOf(view, port.fixedIps),
      ...more,
      linkLocalOf(port.mac),
    ]);
  const floating = new Set(
    [...centralFloatingOf(view, router), ...forwardedOf(view, router)].map(
      (each) => each.floating.value,
    ),
  );
  const more = [...floating].map(
    (value): AddressPlan => ({ address: { version: 4, value }, length: 32, scope: 'global' }),
  );
  return [
    ...inside.map(([device, port]) => of(port, device)),
    of(gateway, gatewayDevice(gateway), more),
  ];
}

function rulesOf(
  { view }: Place,
  router: NeutronRouter,
  inside: Inside,
  gateway: NeutronPort,
): RouterRules {
  const marks = countMarks();
  return {
    kind: 'snat',
    internal: inside.map(([device]) => device),
    external: gatewayDevice(gateway),
    address: fourOf(gateway),
    translates: router.gateway?.snat === true,
    floating: centralFloatingOf(view, router),
    forwarded: forwardedOf(view, router),
    metadata: false,
    scopes: scopeMarks(view, marks, [...inside, [gatewayDevice(gateway), gateway]]),
    crossing: crossingOf(view, marks, gateway),
    dialect: view.cloud.settings.dialect,
  };
}

/** Further next hops of a destination come to the router's own namespace alone. */
function withFirstHops(router: NeutronRouter): NeutronRouter {
  const { routes } = router;
  const firsts = routes.filter(
    ({ to }, i) => routes.findIndex((each) => samePrefix(each.to, to)) === i,
  );
  return { ...router, routes: firsts };
}

/** A router's ports by what they are for, and what its rules are about. */
import { deviceName } from '../../model/ids.ts';
import { type CloudAddress, type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { gatewayRoutes, route } from '../namespace-parts.ts';
import { type Place } from '../part.ts';
import { type RoutePlan } from '../plan.ts';
import { type CloudView } from '../view.ts';
import {
  type FloatingRule,
  type ForwardedPort,
  type ScopeCrossing,
  type ScopeMark,
} from './router-rules.ts';

const INTERNAL = new Set([
  'network:router_interface',
  'network:ha_router_replicated_interface',
  'network:router_interface_distributed',
]);

export interface RouterPorts {
  readonly internal: readonly NeutronPort[];
  readonly gateway: NeutronPort | null;
  /** `sg-` ports of a distributed router's central part. */
  readonly central: readonly NeutronPort[];
  /** The port of the HA network on a host. */
  ha(host: string): NeutronPort | null;
}

export function portsOfRouter(view: CloudView, router: NeutronRouter): RouterPorts {
  const all = view.portsOfDevice(router.id);
  const owned = (owner: string): readonly NeutronPort[] =>
    all.filter((port) => port.deviceOwner === owner);
  return {
    internal: all.filter((port) => INTERNAL.has(port.deviceOwner) && port.adminUp),
    gateway: owned('network:router_gateway')[0] ?? null,
    central: owned('network:router_centralized_snat'),
    ha: (host) => owned('network:router_ha_interface').find((port) => port.host === host) ?? null,
  };
}

export function internalDevice(port: NeutronPort): string {
  return deviceName('qr-', port.id);
}

export function gatewayDevice(port: NeutronPort): string {
  return deviceName('qg-', port.id);
}

/** Default routes of a gateway port: one per version, by the first gateway of its subnets. */
export function defaultRoutes(
  view: CloudView,
  port: NeutronPort,
  device: string,
  versions: readonly (4 | 6)[] = [4, 6],
  table?: number,
): readonly RoutePlan[] {
  return versions.flatMap((version) => {
    for (const { subnetId, address } of port.fixedIps) {
      const subnet = view.subnets.get(subnetId);
      if (address.version !== version || subnet?.gateway == null) continue;
      return gatewayRoutes(subnet, subnet.gateway, device, table);
    }
    return [];
  });
}

/** Other subnets of the gateway's network are on its wire too (`extra_subnets`). */
export function onLinkRoutes(
  view: CloudView,
  port: NeutronPort,
  device: string,
): readonly RoutePlan[] {
  const own = new Set(port.fixedIps.map(({ subnetId }) => subnetId));
  return view.cloud.neutron.subnets
    .filter(({ networkId, id }) => networkId === port.networkId && !own.has(id))
    .map(({ prefix }) => route(prefix, null, device));
}

/** Floating IPs of the router; `host` keeps those of ports on one host (distributed routers). */
export function floatingOf(
  view: CloudView,
  router: NeutronRouter,
  host: string | null,
): readonly FloatingRule[] {
  return floatingWhere(view, router, (on) => host === null || on === host);
}

/**
 * Floating IPs that a distributed router translates centrally: of ports that are on no host, or
 * on one whose agent has no way out of its own (`DVR_SNAT_BOUND`).
 */
export function centralFloatingOf(view: CloudView, router: NeutronRouter): readonly FloatingRule[] {
  return floatingWhere(view, router, (on) => {
    const mode = view.hosts.get(on)?.layer3?.mode;
    return mode !== 'dvr' && mode !== 'dvr_snat';
  });
}

function floatingWhere(
  view: CloudView,
  router: NeutronRouter,
  isWanted: (host: string) => boolean,
): readonly FloatingRule[] {
  return view.cloud.neutron.floatingIps.flatMap((each) => {
    if (each.routerId !== router.id || each.fixedAddress === null) return [];
    const port = view.ports.get(each.portId ?? '');
    if (!isWanted(port?.host ?? '')) return [];
    const scope = port === undefined ? null : scopeOf(view, port.networkId, 4);
    return [{ floating: each.address, fixed: each.fixedAddress, scope }];
  });
}

export function forwardedOf(view: CloudView, router: NeutronRouter): readonly ForwardedPort[] {
  const { floatingIps, portForwardings } = view.cloud.neutron;
  return portForwardings.flatMap((each) => {
    const floating = floatingIps.find(({ id }) => id === each.floatingIpId);
    if (floating?.routerId !== router.id) return [];
    return [
      {
        id: each.id,
        floating: floating.address,
        protocol: each.protocol,
        externalPorts: each.externalPorts,
        internal: each.internalAddress,
        internalPorts: each.internalPorts,
      },
    ];
  });
}

/** The address scope of a port's network for an IP version; null without one. */
export function scopeOf(view: CloudView, networkId: string, version: 4 | 6): string | null {
  const { subnets, subnetPools } = view.cloud.neutron;
  for (const subnet of subnets) {
    if (subnet.networkId !== networkId || subnet.prefix.address.version !== version) continue;
    const pool = subnetPools.find(({ id }) => id === subnet.subnetPoolId);
    if (pool?.addressScopeId != null) return pool.addressScopeId;
  }
  return null;
}

/** Gives address scopes their marks, in the order in which a router meets them. */
export type Marks = (scope: string | null) => string;

/**
 * The upper half of a packet's mark says its address scope. Scopes are numbered from 1025 in the
 * order in which the router meets them, 1024 stands for none (`ADDRESS_SCOPE_MARK_IDS`).
 */
export function countMarks(): Marks {
  const known = new Map<string | null, number>([[null, FIRST_MARK]]);
  return (scope) => {
    const mark = known.get(scope) ?? FIRST_MARK + known.size;
    known.set(scope, mark);
    return `0x${(mark * 0x10000).toString(16)}`;
  };
}

const FIRST_MARK = 1024;

/** Marks of interfaces for every IP version that they have addresses of. */
export function scopeMarks(
  view: CloudView,
  marks: Marks,
  devices: readonly (readonly [device: string, port: NeutronPort])[],
): readonly ScopeMark[] {
  return devices.flatMap(([device, { networkId, fixedIps }]) =>
    ([4, 6] as const)
      .filter((version) => fixedIps.some(({ address }) => address.version === version))
      .map((version) => ({ device, version, mark: marks(scopeOf(view, networkId, version)) })),
  );
}

/** The external network's scope, which floating IPs lead into others from. */
export function crossingOf(
  view: CloudView,
  marks: Marks,
  gateway: NeutronPort | null,
): ScopeCrossing {
  const external = gateway === null ? null : scopeOf(view, gateway.networkId, 4);
  return { external, mark: marks(external), markOf: marks };
}

/** A port's first IPv4 address. */
export function fourOf(port: NeutronPort | null): CloudAddress | null {
  return port?.fixedIps.find(({ address }) => address.version === 4)?.address ?? null;
}

/**
 * Whether the router has a part on the host: it is scheduled there, or it is distributed and a
 * port that it serves is there (`l3_dvrscheduler_db`, servers, DHCP and load balancers count).
 */
export function runsHere(at: Place, router: NeutronRouter): boolean {
  const { view, host } = at;
  if (router.agents.some((agent) => agent.host === host.name)) return true;
  if (!router.distributed || host.layer3?.mode.startsWith('dvr') !== true) return false;
  const networks = new Set(portsOfRouter(view, router).internal.map((port) => port.networkId));
  return view
    .portsOnHost(host.name)
    .some((port) => networks.has(port.networkId) && isServed(port.deviceOwner));
}

function isServed(owner: string): boolean {
  return owner === 'network:dhcp' || !owner.startsWith('network:');
}

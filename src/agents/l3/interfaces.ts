/** A router's ports by what they are for, and what its rules are about. */
import { deviceName } from '../../model/ids.ts';
import { type CloudAddress, type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { type Place } from '../part.ts';
import { type CloudView } from '../view.ts';
import { type FloatingRule, type ForwardedPort } from './router-rules.ts';

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
    internal: all.filter((port) => INTERNAL.has(port.deviceOwner)),
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

/** The first gateway of the subnets that a port has addresses of. */
export function nextHop(view: CloudView, port: NeutronPort, version: 4 | 6): CloudAddress | null {
  for (const { subnetId, address } of port.fixedIps) {
    const gateway = view.subnets.get(subnetId)?.gateway;
    if (address.version === version && gateway != null) return gateway;
  }
  return null;
}

/** Floating IPs of the router; `host` keeps those of ports on one host (distributed routers). */
export function floatingOf(
  view: CloudView,
  router: NeutronRouter,
  host: string | null,
): readonly FloatingRule[] {
  return view.cloud.neutron.floatingIps.flatMap((each) => {
    if (each.routerId !== router.id || each.fixedAddress === null) return [];
    const on = view.ports.get(each.portId ?? '')?.host;
    return host === null || on === host
      ? [{ floating: each.address, fixed: each.fixedAddress }]
      : [];
  });
}

export function forwardedOf(view: CloudView, router: NeutronRouter): readonly ForwardedPort[] {
  const { floatingIps, portForwardings } = view.cloud.neutron;
  return portForwardings.flatMap((each) => {
    const floating = floatingIps.find(({ id }) => id === each.floatingIpId);
    if (floating?.routerId !== router.id) return [];
    return [
      {
        floating: floating.address,
        protocol: each.protocol,
        externalPorts: each.externalPorts,
        internal: each.internalAddress,
        internalPorts: each.internalPorts,
      },
    ];
  });
}

/**
 * The mark of an interface's address scope, the upper half of a packet's mark. Scopes are
 * numbered from 1024 in the order in which the router meets them (`ADDRESS_SCOPE_MARK_IDS`).
 */
export function scopeMarks(
  view: CloudView,
  devices: readonly (readonly [device: string, port: NeutronPort])[],
): ReadonlyMap<string, string> {
  const marks = new Map<string, string>();
  const known = new Map<string, number>();
  for (const [device, port] of devices) {
    const scope = port.fixedIps
      .filter(({ address }) => address.version === 4)
      .map(({ subnetId }) => view.subnets.get(subnetId)?.subnetPoolId ?? null)
      .map((pool) => view.cloud.neutron.subnetPools.find(({ id }) => id === pool)?.addressScopeId)
      .find((id) => id != null);
    if (scope == null) continue;
    const mark = known.get(scope) ?? 1025 + known.size;
    known.set(scope, mark);
    marks.set(device, `0x${(mark * 0x10000).toString(16)}`);
  }
  return marks;
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

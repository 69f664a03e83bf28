/**
 * What a BGP speaker of the cloud announces (neutron-dynamic-routing, bgp_db.py): floating IPs as
 * host routes, and subnets of tenants that may be reached without translation.
 */
import { type Cloud } from './cloud.ts';
import {
  type BgpSpeaker,
  type CloudAddress,
  type CloudPrefix,
  type NeutronPort,
  type NeutronRouter,
} from './neutron.ts';

export interface AdvertisedRoute {
  readonly to: CloudPrefix;
  readonly via: CloudAddress;
}

/** Every route that the speaker announces, in the order of the model. */
export function advertisedRoutes(cloud: Cloud, speaker: BgpSpeaker): readonly AdvertisedRoute[] {
  return [
    ...(speaker.advertisesFloatingIps ? floatingRoutes(cloud, speaker) : []),
    ...(speaker.advertisesTenantNetworks ? tenantRoutes(cloud, speaker) : []),
  ];
}

/** Of a distributed router the next hop is the agent's gateway on the server's own host. */
function floatingRoutes(cloud: Cloud, speaker: BgpSpeaker): readonly AdvertisedRoute[] {
  const { neutron } = cloud;
  return neutron.floatingIps.flatMap((floating) => {
    if (!speaker.networkIds.includes(floating.networkId) || floating.portId === null) return [];
    if (floating.address.version !== speaker.version) return [];
    const router = neutron.routers.find(({ id }) => id === floating.routerId);
    const host = neutron.ports.find(({ id }) => id === floating.portId)?.host;
    const agent = neutron.ports.find(
      (port) =>
        port.deviceOwner === 'network:floatingip_agent_gateway' &&
        port.host === host &&
        port.networkId === floating.networkId,
    );
    const own = router?.distributed === true ? addressOn(agent, speaker.version) : null;
    const via = own ?? gatewayAddress(router, speaker.version);
    const length = floating.address.version === 4 ? 32 : 128;
    return via === null ? [] : [{ to: { address: floating.address, length }, via }];
  });
}

/** Subnets of which the address scope is the external network's own. */
function tenantRoutes(cloud: Cloud, speaker: BgpSpeaker): readonly AdvertisedRoute[] {
  const { neutron } = cloud;
  return neutron.routers.flatMap((router) => {
    const via = gatewayAddress(router, speaker.version);
    if (router.gateway === null || via === null) return [];
    if (!speaker.networkIds.includes(router.gateway.networkId)) return [];
    const outside = scopesOf(cloud, router.gateway.networkId, speaker.version);
    const inside = neutron.ports.filter(
      ({ deviceId, deviceOwner }) =>
        deviceId === router.id &&
        /^network:(ha_router_replicated_interface|router_interface(_distributed)?)$/.test(
          deviceOwner,
        ),
    );
    return inside.flatMap((port) =>
      port.fixedIps.flatMap(({ subnetId }) => {
        const subnet = neutron.subnets.find(({ id }) => id === subnetId);
        const scope = subnet === undefined ? null : scopeOf(cloud, subnet.subnetPoolId);
        if (subnet === undefined || scope === null || !outside.has(scope)) return [];
        return subnet.prefix.address.version === speaker.version
          ? [{ to: subnet.prefix, via }]
          : [];
      }),
    );
  });
}

function scopesOf(
  { neutron, ...cloud }: Cloud,
  networkId: string,
  version: 4 | 6,
): ReadonlySet<string> {
  const own = neutron.subnets.filter(
    (each) => each.networkId === networkId && each.prefix.address.version === version,
  );
  return new Set(own.flatMap((each) => scopeOf({ neutron, ...cloud }, each.subnetPoolId) ?? []));
}

function scopeOf({ neutron }: Pick<Cloud, 'neutron'>, poolId: string | null): string | null {
  return neutron.subnetPools.find(({ id }) => id === poolId)?.addressScopeId ?? null;
}

function gatewayAddress(router: NeutronRouter | undefined, version: 4 | 6): CloudAddress | null {
  const all = router?.gateway?.fixedIps ?? [];
  return all.find(({ address }) => address.version === version)?.address ?? null;
}

function addressOn(port: NeutronPort | undefined, version: 4 | 6): CloudAddress | null {
  const all = port?.fixedIps ?? [];
  return all.find(({ address }) => address.version === version)?.address ?? null;
}

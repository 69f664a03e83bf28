/** Routers: where their next hops are, what their subnets share, and who runs them. */
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Cloud, type CloudHost } from '../cloud.ts';
import { type NeutronPort, type NeutronRouter, type NeutronSubnet } from '../neutron.ts';
import { MOST_HA_ROUTERS } from '../yaml/routers.ts';
import { type Contradiction, groupedBy, named, overlapping } from './types.ts';

const INTERNAL = /^network:(ha_router_replicated_interface|router_interface(_distributed)?)$/;

export function ofRouters({ neutron, hosts }: Cloud): readonly Contradiction[] {
  const ports = groupedBy(
    neutron.ports.filter(({ deviceOwner }) => deviceOwner.startsWith('network:')),
    ({ deviceId }) => deviceId,
  );
  const subnets = new Map(neutron.subnets.map((each) => [each.id, each]));
  const byNetwork = groupedBy(neutron.subnets, ({ networkId }) => networkId);
  const networks = new Map(neutron.networks.map((each) => [each.id, each]));
  const byName = new Map(hosts.map((host) => [host.name, host]));
  return [
    ...tooManyHa(neutron.routers),
    ...neutron.routers.flatMap((router) => {
      const own = ports.get(router.id) ?? [];
      const outside = networks.get(router.gateway?.networkId ?? '');
      const external = byNetwork.get(router.gateway?.networkId ?? '') ?? [];
      return [
        // Without any ports nobody knows where a router is.
        ...(neutron.ports.length === 0 ? [] : hopsOf(router, own, subnets)),
        ...overlapsOf(router, own, subnets, external),
        ...(outside === undefined || outside.external
          ? []
          : [at(router, `Network ${named(outside)} is not external`, 'external_gateway_info')]),
        ...agentsOf(router, byName),
      ];
    }),
  ];
}

function at(
  { id }: NeutronRouter,
  message: string,
  column?: string,
  index?: number,
): Contradiction {
  return {
    ...{ kind: 'routers', id, message },
    ...(column === undefined ? {} : { columns: [column] }),
    ...(index === undefined ? {} : { index }),
  };
}

function tooManyHa(routers: readonly NeutronRouter[]): readonly Contradiction[] {
  const projects = groupedBy(
    routers.filter(({ ha, project }) => ha && project !== ''),
    ({ project }) => project,
  );
  return [...projects].flatMap(([project, own]) =>
    own.slice(MOST_HA_ROUTERS).map((router) => {
      const names = `router ${named(router)} of project ${JSON.stringify(project)}`;
      return at(
        router,
        `A project has at most ${MOST_HA_ROUTERS} HA routers, and ${names} is one more`,
      );
    }),
  );
}

/** `_validate_routes_nexthop` of extraroute_db.py: in a subnet of the router, and none of its own. */
function hopsOf(
  router: NeutronRouter,
  ports: readonly NeutronPort[],
  subnets: ReadonlyMap<string, NeutronSubnet>,
): readonly Contradiction[] {
  if (router.routes.length === 0) return [];
  const own = ports.flatMap(({ fixedIps }) => fixedIps);
  const near = own.flatMap(({ subnetId }) => subnets.get(subnetId) ?? []);
  const wrong = (message: string, i: number): readonly Contradiction[] => [
    at(router, message, 'routes', i),
  ];
  return router.routes.flatMap(({ via }, i) => {
    const hop = `The next hop ${writeIp(via)}`;
    if (own.some(({ address }) => sameAddress(address, via))) {
      return wrong(`${hop} is an address of router ${named(router)} itself`, i);
    }
    if (near.some(({ prefix }) => prefixCovers(prefix, via))) return [];
    const names = [...new Set(near.map(named))].join(', ') || 'none';
    return wrong(`${hop} is in no subnet of router ${named(router)}, which has ${names}`, i);
  });
}

/** `_check_for_dup_router_subnets` of l3_db.py: interfaces, and all subnets of the external network. */
function overlapsOf(
  router: NeutronRouter,
  ports: readonly NeutronPort[],
  subnets: ReadonlyMap<string, NeutronSubnet>,
  external: readonly NeutronSubnet[],
): readonly Contradiction[] {
  const inside = ports
    .filter(({ deviceOwner }) => INTERNAL.test(deviceOwner))
    .flatMap(({ fixedIps }) => fixedIps.flatMap(({ subnetId }) => subnets.get(subnetId) ?? []));
  return overlapping([...external, ...new Set(inside)]).map(([later, other]) =>
    at(router, `Subnets ${named(other)} and ${named(later)} overlap on router ${named(router)}`),
  );
}

/** Hosts that cannot run the router although its scheduler names them. */
function agentsOf(
  router: NeutronRouter,
  hosts: ReadonlyMap<string, CloudHost>,
): readonly Contradiction[] {
  return router.agents.flatMap(({ host }) => {
    if (host === '' || hosts.get(host)?.layer3 != null) return [];
    const who = `Router ${named(router)} is on host ${JSON.stringify(host)}`;
    return [at(router, `${who}, which has no L3 agent`)];
  });
}

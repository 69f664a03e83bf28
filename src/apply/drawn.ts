/**
 * What the server or other hosts have drawn and no object of a cloud says: the numbers of virtual
 * routers, addresses on HA networks, the MAC of each host for distributed routing. A cloud compiled
 * for hosts that run already keeps what they have.
 */
import { type Host, type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { deviceName, NAMESPACES } from '../model/ids.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { prefixCovers } from '../packet/prefix.ts';
import { ownDvrMacs } from '../verify/configuration/symbols.ts';

/** Neutron's name for the owner of a port on an HA network. */
const HA_OWNER = 'network:router_ha_interface';

/** The cloud with the numbers of virtual routers and the MACs of hosts as they are used. */
export function withDrawn(real: Network, cloud: Cloud): Cloud {
  const { routers } = cloud.neutron;
  const virtual = routers.some(({ ha }) => ha) ? { virtualRouterIds: drawnRouterIds(real) } : {};
  const distributed = cloud.hosts.some(({ layer2 }) => layer2?.distributedRouting === true);
  const macs = distributed ? { dvrMacs: drawnMacs(real) } : {};
  return { ...cloud, settings: { ...cloud.settings, ...virtual, ...macs } };
}

function drawnMacs(real: Network): ReadonlyMap<string, bigint> {
  const dvrMacs = new Map<string, bigint>();
  for (const host of real.hosts.values()) {
    const [mac] = host.switch === null ? [] : ownDvrMacs(host.switch);
    if (mac !== undefined) dvrMacs.set(host.name, BigInt(`0x${mac.replaceAll(':', '')}`));
  }
  return dvrMacs;
}

/** The number that most hosts of a router use: the server told all of them the same. */
function drawnRouterIds(real: Network): ReadonlyMap<string, number> {
  const used = new Map<string, number[]>();
  for (const { configs } of real.hosts.values()) {
    for (const [path, source] of configs) {
      const router = /^ha_confs\/([^/]+)\/keepalived\.conf$/.exec(path)?.[1];
      const id =
        router === undefined ? undefined : /virtual_router_id (\d+)/.exec(source().text)?.[1];
      if (router === undefined || id === undefined) continue;
      used.set(router, [...(used.get(router) ?? []), Number(id)]);
    }
  }
  const count = (ids: readonly number[], id: number): number =>
    ids.filter((one) => one === id).length;
  return new Map(
    [...used].map(([router, ids]) => [
      router,
      ids.reduce((best, id) => (count(ids, id) > count(ids, best) ? id : best)),
    ]),
  );
}

/**
 * The cloud with the addresses that HA interfaces have; nobody writes them into a cloud.yaml.
 * Interfaces that are new take addresses that none of those has.
 */
export function withHaAddresses(real: Network, cloud: Cloud): Cloud {
  const { haNetwork } = cloud.settings;
  const own = cloud.neutron.ports.filter(({ deviceOwner }) => deviceOwner === HA_OWNER);
  const live = new Map(
    own.flatMap((port) => {
      const used = addressOf(real.hosts.get(port.host), port)?.filter((address) =>
        prefixCovers(haNetwork, { version: 4, value: address }),
      );
      return used?.[0] === undefined ? [] : [[port.id, used[0]] as const];
    }),
  );
  if (live.size === 0) return cloud;
  const taken = new Map<string, Set<bigint>>();
  const takenOn = (network: string): Set<bigint> => {
    const known = taken.get(network) ?? new Set<bigint>();
    taken.set(network, known);
    return known;
  };
  for (const { id, networkId } of own) {
    const address = live.get(id);
    if (address !== undefined) takenOn(networkId).add(address);
  }
  const ports = cloud.neutron.ports.map((port): NeutronPort => {
    const [fixed, ...others] = port.fixedIps;
    if (port.deviceOwner !== HA_OWNER || fixed === undefined) return port;
    let value = live.get(port.id) ?? fixed.address.value;
    const used = takenOn(port.networkId);
    if (!live.has(port.id)) {
      for (value = haNetwork.address.value + 1n; used.has(value); ) value++;
      used.add(value);
    }
    return { ...port, fixedIps: [{ ...fixed, address: { version: 4, value } }, ...others] };
  });
  return { ...cloud, neutron: { ...cloud.neutron, ports } };
}

/** IPv4 addresses of a port's device in its router's namespace. */
function addressOf(host: Host | undefined, port: NeutronPort): readonly bigint[] | undefined {
  const space = host?.namespaces.get(NAMESPACES.router + port.deviceId);
  return space?.state.interfaces
    .find(({ name }) => name === deviceName('ha-', port.id))
    ?.addresses.flatMap(({ address }) => (address.version === 4 ? [address.value] : []));
}

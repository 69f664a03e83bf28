/**
 * Who outside the cloud is asked about: somebody whose address nobody has, hosts outside that the
 * dumps show with an address of theirs, and somebody of each prefix that rules tell apart. What a
 * rule says of other addresses would be seen by nobody else.
 */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { readPrefix, writeIp } from '../../text/address-text.ts';
import { outsidePlace, withOutside } from '../../trace/outside.ts';

/** Somebody outside (RFC 5737: an address of documentation, which nobody has). */
export const SOMEBODY_OUTSIDE = 'external:198.51.100.77';

/** Others than he that are asked about: each costs a proof for every server. */
const MOST_OTHERS = 4;

/** Words for ends outside; empty where nobody shows from where the outside sends. */
export function outsideEnds(networks: readonly Network[]): readonly string[] {
  if (networks.some((one) => outsidePlace(withOutside(one), null) === null)) return [];
  const others = [...new Set([...networks.flatMap(hostsOutside), ...networks.flatMap(remote)])];
  return [SOMEBODY_OUTSIDE, ...others.slice(0, MOST_OTHERS)];
}

/** The end that packets surely get to where one is shown: a host outside. */
export function surestOutside(network: Network): string {
  return hostsOutside(network)[0] ?? SOMEBODY_OUTSIDE;
}

/** The address by which the host behind the gateway stands in an external network. */
function hostsOutside(network: Network): readonly string[] {
  const place = outsidePlace(withOutside(network), null);
  if (place === null || namespaceOwner(place.namespace) !== undefined) return [];
  const state = network.namespace(place.host, place.namespace)?.state;
  const own = (state?.interfaces ?? []).flatMap(({ loopback, addresses }) =>
    loopback ? [] : addresses.map(({ address }) => address),
  );
  const first = own.find(
    (one) =>
      one.version === 4 &&
      !isInside(network, one) &&
      network.neutron.subnets.some(({ prefix }) => prefixCovers(prefix, one)),
  );
  return first === undefined ? [] : [`external:${writeIp(first)}`];
}

/** Prefixes of IPv4 in security groups, flows and rules of packet filters. */
function remote(network: Network): readonly string[] {
  const found = new Map<string, readonly [low: bigint, mask: bigint]>();
  const add = (value: bigint, mask: bigint): void => {
    if (mask !== 0n) found.set(`${value & mask} ${mask}`, [value & mask, mask]);
  };
  for (const { rules } of network.neutron.securityGroups) {
    for (const { remotePrefix } of rules) {
      if (remotePrefix === null || remotePrefix.address.version !== 4) continue;
      add(remotePrefix.address.value, maskOf(remotePrefix.length));
    }
  }
  for (const { switch: of, namespaces } of network.hosts.values()) {
    for (const { flows } of of?.bridges ?? []) {
      for (const { tests } of flows) {
        for (const { field, value, mask } of tests) if (field.name === 'ip_src') add(value, mask);
      }
    }
    for (const state of namespaces.values()) {
      const text = state.source('iptables-save')?.text ?? '';
      for (const [, word = ''] of text.matchAll(/ -s (\S+)/g)) {
        const prefix = readPrefix(word);
        if (prefix?.address.version === 4) add(prefix.address.value, maskOf(prefix.length));
      }
    }
  }
  return [...found.values()].flatMap(([low, mask]) => {
    // What the rules say of the first one is known already.
    if (mask !== ALL_ONES && (SOMEBODY & mask) === low) return [];
    const value = mask === ALL_ONES ? low : low | (9n & ~mask);
    return wordOf(network, { version: 4, value });
  });
}

const ALL_ONES = 0xffff_ffffn;
const SOMEBODY = 0xc633_644dn;

function maskOf(length: number): bigint {
  return ALL_ONES ^ (ALL_ONES >> BigInt(length));
}

/** Nothing for addresses of the cloud, and for those that are no host's. */
function wordOf(network: Network, address: IpAddress): readonly string[] {
  const { neutron, find } = network;
  const owned =
    neutron.floatingIps.some((one) => one.address.value === address.value) ||
    find(writeIp(address)).length > 0;
  return owned || isInside(network, address) ? [] : [`external:${writeIp(address)}`];
}

/** In one of the cloud's own networks, or no address of a host (RFC 6890). */
function isInside({ neutron }: Network, address: IpAddress): boolean {
  const [first, second] = [Number(address.value >> 24n), Number((address.value >> 16n) & 255n)];
  if (first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254))
    return true;
  const external = new Set(neutron.networks.flatMap((one) => (one.external ? [one.id] : [])));
  return neutron.subnets.some(
    ({ prefix, networkId }) => !external.has(networkId) && prefixCovers(prefix, address),
  );
}

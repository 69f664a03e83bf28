/**
 * Ports that the server makes for a router of a cloud.yaml: interfaces, the gateway with its
 * external addresses, the central ports of a distributed one.
 */
import { prefixCovers } from '../../packet/prefix.ts';
import { items, type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type CloudHost } from '../cloud.ts';
import {
  type FixedIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NeutronSubnet,
} from '../neutron.ts';
import { usualAddresses } from './allocation.ts';
import { type NamedSubnet } from './networks.ts';
import { makePort, type PortContext } from './ports.ts';
import { address, needs, objects, truth } from './reading.ts';

export const EXTERNAL_KEYS = ['network', 'address', 'addresses', 'snat'] as const;
export const INTERFACE_KEYS = ['subnet', 'address'] as const;

/** What a router can be; the last is distributed with a highly available central part. */
export const ROUTER_KINDS = ['legacy', 'ha', 'distributed', 'distributed-ha'] as const;
export type Kind = (typeof ROUTER_KINDS)[number];

export function isDistributed(kind: Kind): boolean {
  return kind === 'distributed' || kind === 'distributed-ha';
}

export function isHighlyAvailable(kind: Kind): boolean {
  return kind === 'ha' || kind === 'distributed-ha';
}

/** A router that is being read. */
export interface RouterPlace {
  readonly node: JsonNode;
  readonly name: string;
  readonly id: string;
  readonly kind: Kind;
  readonly project: string;
  readonly hosts: readonly CloudHost[];
  readonly context: PortContext;
}

const INTERNAL_OWNER = {
  legacy: 'network:router_interface',
  ha: 'network:ha_router_replicated_interface',
  distributed: 'network:router_interface_distributed',
  'distributed-ha': 'network:router_interface_distributed',
} as const;

/** An interface of a router: one subnet, or several of IPv6 that share a port. */
export interface RouterInterface {
  readonly network: NeutronNetwork;
  readonly subnets: readonly NeutronSubnet[];
}

/**
 * A port per subnet; further IPv6 subnets of a network are further prefixes of one port
 * (l3_db.py `_find_ipv6_router_port_by_network`).
 */
export function interfacesOf(at: RouterPlace): readonly RouterInterface[] {
  const { node, context } = at;
  const made: {
    readonly named: NamedSubnet;
    readonly fixedIps: FixedIp[];
    readonly subnets: NeutronSubnet[];
  }[] = [];
  for (const row of objects(member(node, 'interfaces'))) {
    reportUnknownKeys(row, INTERFACE_KEYS);
    needs(row, 'subnet');
    const named = context.subnets.find(member(row, 'subnet'));
    if (named === undefined) continue;
    if (made.some((each) => each.subnets.includes(named.subnet))) {
      const names = `Router ${JSON.stringify(at.name)} has an interface on subnet ${JSON.stringify(named.subnet.name)}`;
      wrong(row, `${names} already`);
      continue;
    }
    const wanted = address(member(row, 'address')) ?? named.subnet.gateway;
    const owner = `router ${at.name}`;
    const fixed =
      wanted === null
        ? context.allocation.take(named.subnet, owner, row)
        : context.allocation.claim(named.subnet, wanted, owner, row);
    if (fixed === null) continue;
    const same = made.find(
      (each) => isSix(each.named) && isSix(named) && each.named.network === named.network,
    );
    if (same === undefined) made.push({ named, fixedIps: [fixed], subnets: [named.subnet] });
    else {
      same.fixedIps.push(fixed);
      same.subnets.push(named.subnet);
    }
  }
  return made.map(({ named: { network, subnet }, fixedIps, subnets }) => {
    addPort(at, `${at.name}-${subnet.name}`, network, fixedIps, {
      deviceOwner: INTERNAL_OWNER[at.kind],
      host: isDistributed(at.kind) ? '' : (at.hosts[0]?.name ?? ''),
    });
    return { network, subnets };
  });
}

function isSix({ subnet }: NamedSubnet): boolean {
  return subnet.prefix.address.version === 6;
}

export function addPort(
  at: RouterPlace,
  name: string,
  network: NeutronNetwork,
  fixedIps: readonly FixedIp[],
  rest: { readonly deviceOwner: string; readonly host: string; readonly mac?: bigint },
): NeutronPort {
  const port = makePort(at.context, {
    name,
    network,
    mac: rest.mac ?? at.context.macs.give(name),
    fixedIps,
    project: at.project,
    deviceId: at.id,
    ...rest,
  });
  at.context.ports.add(name, port, at.node);
  return port;
}

/** `external:`; without addresses one of each IP version, as the server gives them. */
export function gatewayOf(at: RouterPlace): NeutronRouter['gateway'] {
  const node = member(at.node, 'external');
  if (node === undefined) return null;
  reportUnknownKeys(node, EXTERNAL_KEYS);
  needs(node, 'network');
  const { context } = at;
  const network = context.networks.find(member(node, 'network'));
  if (network === undefined) return null;
  if (!network.external) wrong(node, `Network ${JSON.stringify(network.name)} is not external`);
  const subnets = subnetsOf(context, network);
  const own = context.macs.give(`${at.name}-gateway`);
  const owner = `router ${at.name}`;
  const one = member(node, 'address');
  const several = items(member(node, 'addresses'));
  if (one !== undefined && several.length > 0) wrong(one, 'Either address or addresses');
  const wanted = one === undefined ? several : [one, ...several];
  const fixedIps =
    wanted.length === 0
      ? usualAddresses(context.allocation, network, subnets, own, owner, node)
      : wanted.flatMap((each) => claimed(each, owner, network, subnets, context));
  addPort(at, `${at.name}-gateway`, network, fixedIps, {
    deviceOwner: 'network:router_gateway',
    host: at.hosts[0]?.name ?? '',
    mac: own,
  });
  return { networkId: network.id, snat: truth(node, 'snat', true), fixedIps };
}

function claimed(
  node: JsonNode,
  owner: string,
  network: NeutronNetwork,
  subnets: readonly NeutronSubnet[],
  { allocation }: PortContext,
): readonly FixedIp[] {
  const found = address(node);
  if (found === null) return [];
  const subnet = subnets.find(({ prefix }) => prefixCovers(prefix, found));
  if (subnet !== undefined) return [allocation.claim(subnet, found, owner, node)];
  wrong(node, `No subnet of network ${JSON.stringify(network.name)} has this address`);
  return [];
}

export function subnetsOf(context: PortContext, network: NeutronNetwork): readonly NeutronSubnet[] {
  return context.subnetsOf(network.id);
}

/** One `sg-` port per interface of a distributed router with a gateway. */
export function centralPorts(at: RouterPlace, inside: readonly RouterInterface[]): void {
  for (const { network, subnets } of inside) {
    const owner = `SNAT of router ${at.name}`;
    const fixedIps = subnets.flatMap(
      (each) => at.context.allocation.take(each, owner, at.node) ?? [],
    );
    addPort(at, `${at.name}-snat-${subnets[0]?.name ?? ''}`, network, fixedIps, {
      deviceOwner: 'network:router_centralized_snat',
      host: at.hosts[0]?.name ?? '',
    });
  }
}

/**
 * The part of a cloud that was asked about, as boxes in columns: a column for every step away
 * from what was named. Servers that nobody named share one box per network, so that a network of
 * thousands is drawn as fast as one of three. The writers beside this file only read it.
 */
import {
  type Neutron,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
} from '../../model/neutron.ts';
import { type Thing, type Topology, topologyOf } from '../../model/topology.ts';
import { writeIp } from '../../text/address-text.ts';

export interface CloudMap {
  readonly boxes: readonly Box[];
  readonly links: readonly Link[];
}

export interface Box {
  readonly id: string;
  readonly kind: Thing['kind'] | 'servers';
  readonly title: string;
  readonly lines: readonly string[];
  /** Steps away from what was named; 0 is what was named. */
  readonly column: number;
}

export interface Link {
  readonly from: string;
  readonly to: string;
  /** The addresses of the ports between the two. */
  readonly text: string;
}

/** Names told in a box that stands for many. */
const TOLD = 5;

/**
 * Draws what lies around some things.
 * @param starts ids of networks, routers, servers or ports.
 * @param reach how many connections away from them; a router's networks are one away from it.
 */
export function mapAround(neutron: Neutron, starts: readonly string[], reach: number): CloudMap {
  const topology = topologyOf(neutron);
  const near = topology.around(starts, reach);
  const boxes: Box[] = [];
  const links: Link[] = [];
  const shown = new Set<string>();
  for (const [id, column] of near) {
    const thing = topology.things.get(id);
    const isCrowd = thing?.kind === 'server' || thing?.kind === 'port';
    if (thing === undefined || (isCrowd && column > 0)) continue;
    shown.add(id);
    boxes.push({ id, kind: thing.kind, ...described(thing, topology, neutron), column });
  }
  for (const id of shown) {
    const thing = topology.things.get(id);
    if (thing?.kind !== 'network') continue;
    const others: string[] = [];
    for (const { thing: other, ports } of topology.connectionsOf(id)) {
      if (shown.has(other)) links.push({ from: other, to: id, text: addressesOf(ports) });
      else if (near.has(other)) others.push(other);
    }
    const crowd = crowdOf(thing.of, others, topology, (near.get(id) ?? 0) + 1);
    if (crowd === null) continue;
    boxes.push(crowd);
    links.push({ from: id, to: crowd.id, text: '' });
  }
  return { boxes, links };
}

/** One box for all that hangs on a network and nobody named. */
function crowdOf(
  { id }: NeutronNetwork,
  members: readonly string[],
  { things }: Topology,
  column: number,
): Box | null {
  if (members.length === 0) return null;
  const names = members.map((member) => nameOf(things.get(member), member)).sort();
  const told = names.length <= TOLD ? names : [...names.slice(0, TOLD - 1), '…'];
  const servers = members.filter((member) => things.get(member)?.kind === 'server').length;
  const rest = members.length - servers;
  const title = [counted(servers, 'server'), counted(rest, 'other port')].filter(Boolean);
  return { id: `on-${id}`, kind: 'servers', title: title.join(', '), lines: told, column };
}

function counted(count: number, what: string): string {
  if (count === 0) return '';
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function nameOf(thing: Thing | undefined, id: string): string {
  if (thing === undefined) return id.slice(0, 8);
  const name = 'of' in thing ? thing.of.name : thing.name;
  return name === '' ? id.slice(0, 8) : name;
}

type Words = Pick<Box, 'title' | 'lines'>;

function described(thing: Thing, topology: Topology, neutron: Neutron): Words {
  const title = nameOf(thing, thing.id);
  if (thing.kind === 'network') return { title, lines: networkLines(thing.of, neutron) };
  if (thing.kind === 'router') return { title, lines: routerLines(thing.of, neutron) };
  const ports = topology.connectionsOf(thing.id).flatMap((one) => one.ports);
  return { title, lines: portLines(ports, neutron) };
}

function networkLines(of: NeutronNetwork, { subnets, dhcpHosts }: Neutron): readonly string[] {
  const { type, segmentationId, physicalNetwork } = of.provider;
  const where = physicalNetwork === null ? '' : ` on ${physicalNetwork}`;
  const key = segmentationId === null ? '' : ` ${segmentationId}`;
  const carrier = type === '' ? [] : [`${type}${key}${where}`];
  const own = subnets.filter(({ networkId }) => networkId === of.id);
  const dhcp = dhcpHosts.get(of.id) ?? [];
  return [
    ...(of.external ? ['external'] : []),
    ...carrier,
    ...own.map(({ prefix, gateway }) => {
      const via = gateway === null ? '' : ` gateway ${writeIp(gateway)}`;
      return `${writeIp(prefix.address)}/${prefix.length}${via}`;
    }),
    ...(dhcp.length > 0 ? [`DHCP on ${[...dhcp].sort().join(', ')}`] : []),
  ];
}

function routerLines(of: NeutronRouter, { floatingIps }: Neutron): readonly string[] {
  const kind = [of.distributed ? 'distributed' : '', of.ha ? 'HA' : ''].filter(Boolean).join(', ');
  const hosts = of.agents.map(({ host, haState }) =>
    haState === null ? host : `${host} ${haState}`,
  );
  const floating = floatingIps.filter(({ routerId }) => routerId === of.id).length;
  return [
    ...(kind === '' ? [] : [kind]),
    ...(of.gateway === null ? [] : [of.gateway.snat ? 'translates sources outside' : 'no SNAT']),
    ...(floating > 0 ? [counted(floating, 'floating IP')] : []),
    ...(of.routes.length > 0 ? [counted(of.routes.length, 'extra route')] : []),
    ...(hosts.length > 0 ? [`on ${hosts.sort().join(', ')}`] : []),
  ];
}

function portLines(ports: readonly NeutronPort[], neutron: Neutron): readonly string[] {
  const { floatingIps, securityGroups } = neutron;
  const hosts = new Set(ports.map(({ host }) => host).filter((host) => host !== ''));
  const names = new Map(securityGroups.map(({ id, name }) => [id, name]));
  const groups = new Set(ports.flatMap((port) => port.securityGroups));
  const ids = new Set(ports.map(({ id }) => id));
  const floating = floatingIps.filter(({ portId }) => portId !== null && ids.has(portId));
  return [
    ...(hosts.size > 0 ? [`on ${[...hosts].sort().join(', ')}`] : []),
    ...[...groups].map((id) => `group ${names.get(id) ?? id.slice(0, 8)}`).sort(),
    ...floating.map(({ address }) => `floating IP ${writeIp(address)}`),
  ];
}

/** Each address once: distributed routers have one port per host with the same address. */
function addressesOf(ports: readonly NeutronPort[]): string {
  const all = ports.flatMap(({ fixedIps }) => fixedIps.map(({ address }) => writeIp(address)));
  const each = [...new Set(all)];
  return each.length <= 3 ? each.join(', ') : `${each.slice(0, 2).join(', ')}, …`;
}

/** Floating IPs with what belongs to them, and trunks. */

import { prefixCovers } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type Cloud, type CloudHost } from '../cloud.ts';
import {
  type CloudAddress,
  type NeutronFloatingIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronPortForwarding,
  type NeutronRouter,
  type NeutronTrunk,
} from '../neutron.ts';
import { makePort, type PortContext } from './ports.ts';
import { address, idOf, nameOf, needs, objects, oneOf, text, truth, whole } from './reading.ts';
import { subnetsOf } from './router-ports.ts';

export interface Floating {
  readonly floatingIps: readonly NeutronFloatingIp[];
  readonly forwardings: readonly NeutronPortForwarding[];
}

export const FLOATING_KEYS = ['address', 'network', 'port', 'fixed_address', 'forward'] as const;
export const FORWARD_KEYS = ['protocol', 'external', 'internal', 'port', 'address'] as const;

export function readFloatingIps(
  root: JsonNode,
  context: PortContext,
  routers: readonly NeutronRouter[],
  networkHosts: Cloud['networkHosts'],
): Floating {
  const forwardings: NeutronPortForwarding[] = [];
  const taken = new Set<string>();
  const between = routersByNetwork(context, routers);
  const byId = new Map(context.ports.all.map((each) => [each.id, each]));
  const floatingIps = objects(member(root, 'floating_ips')).flatMap((node) => {
    reportUnknownKeys(node, FLOATING_KEYS);
    needs(node, 'network');
    const network = context.networks.find(member(node, 'network'));
    if (network === undefined) return [];
    if (!network.external) wrong(node, `Network ${JSON.stringify(network.name)} is not external`);
    const wanted = address(member(node, 'address'));
    const subnet = subnetsOf(context, network).find((each) =>
      wanted === null ? each.prefix.address.version === 4 : prefixCovers(each.prefix, wanted),
    );
    if (subnet === undefined) {
      wrong(node, `No subnet of ${JSON.stringify(network.name)} has this address`);
      return [];
    }
    const fixed =
      wanted === null
        ? context.allocation.take(subnet, 'a floating IP', node)
        : context.allocation.claim(subnet, wanted, 'a floating IP', node);
    if (fixed === null) return [];
    const id = idOf('floating-ip', String(fixed.address.value), network.name);
    const rows = objects(member(node, 'forward'));
    const first = rows.map((row) => forward(row, id, context)).filter((each) => each !== null);
    reportTwice(rows);
    forwardings.push(...first);
    const port =
      member(node, 'port') === undefined ? undefined : context.ports.find(member(node, 'port'));
    const behind = port ?? byId.get(first[0]?.internalPortId ?? '');
    const router = behind === undefined ? null : routerBetween(behind, network.id, between);
    const byHost = behind !== undefined && networkHosts.has(behind.networkId);
    if (behind !== undefined && router === null && !byHost) {
      wrong(
        node,
        `No router leads from ${JSON.stringify(behind.name)} to ${JSON.stringify(network.name)}`,
      );
    }
    const fixedAddress = port === undefined ? null : fixedOf(node, port);
    reportTaken(node, { port, fixedAddress, network, forwards: rows.length > 0, taken });
    const floating: NeutronFloatingIp = {
      id,
      address: fixed.address,
      networkId: network.id,
      fixedAddress,
      portId: port?.id ?? null,
      routerId: router?.id ?? null,
      status: port === undefined ? 'DOWN' : 'ACTIVE',
    };
    return [floating];
  });
  reportForwardedTwice(root, context, forwardings, floatingIps);
  return { floatingIps, forwardings };
}

/** An address behind one floating IP of a network is behind no other, nor behind forwarded ports. */
function reportTaken(
  node: JsonNode,
  of: {
    readonly port: NeutronPort | undefined;
    readonly fixedAddress: NeutronFloatingIp['fixedAddress'];
    readonly network: NeutronNetwork;
    readonly forwards: boolean;
    readonly taken: Set<string>;
  },
): void {
  const { port, fixedAddress, network, forwards, taken } = of;
  if (port === undefined || fixedAddress === null) return;
  const name = JSON.stringify(port.name);
  if (forwards)
    wrong(node, `A floating IP leads to port ${name} or forwards its own ports, not both`);
  const key = `${network.id} ${port.id} ${fixedAddress.value}`;
  if (taken.has(key)) {
    wrong(node, `Port ${name} has a floating IP of ${JSON.stringify(network.name)} already`);
  }
  taken.add(key);
}

function fixedOf(node: JsonNode, port: NeutronPort): NeutronFloatingIp['fixedAddress'] {
  const wanted = address(member(node, 'fixed_address'));
  const four = port.fixedIps.filter((each) => each.address.version === 4);
  if (wanted === null) return four[0]?.address ?? null;
  const allowed = [
    ...four.map((each) => each.address),
    ...port.allowedAddressPairs.map((pair) => pair.prefix.address),
  ];
  if (!allowed.some(({ value }) => value === wanted.value)) {
    wrong(node, 'The port has neither this address nor an allowed pair of it');
  }
  return wanted;
}

/** An address with a floating IP is behind no forwarded ports (PortHasBindingFloatingIP of the API). */
function reportForwardedTwice(
  root: JsonNode,
  context: PortContext,
  forwardings: readonly NeutronPortForwarding[],
  floatingIps: readonly NeutronFloatingIp[],
): void {
  const key = (port: string | null, address: CloudAddress | null): string =>
    `${port} ${address?.value}`;
  const bound = new Map(
    floatingIps.map((each) => [key(each.portId, each.fixedAddress), each] as const),
  );
  for (const node of objects(member(root, 'floating_ips'))) {
    for (const row of objects(member(node, 'forward'))) {
      const port = context.ports.get(text(row, 'port'));
      const found = forwardings.find(
        (each) => each.internalPortId === port?.id && bound.has(key(port.id, each.internalAddress)),
      );
      if (port === undefined || found === undefined) continue;
      const other = bound.get(key(port.id, found.internalAddress));
      if (other === undefined) continue;
      const name = JSON.stringify(port.name);
      const at = writeIp(other.address);
      wrong(row, `Port ${name} has floating IP ${at}, so no ports are forwarded to it`);
    }
  }
}

/** One port of an address leads to one place. */
function reportTwice(rows: readonly JsonNode[]): void {
  const seen: { readonly protocol: string; readonly range: PortRange }[] = [];
  for (const row of rows) {
    const at = member(row, 'external');
    const range = at === undefined ? null : portRange(row, 'external');
    if (at === undefined || range === null) continue;
    const protocol = text(row, 'protocol', 'tcp');
    const other = seen.find(
      (each) =>
        each.protocol === protocol && each.range[0] <= range[1] && range[0] <= each.range[1],
    );
    if (other !== undefined) wrong(at, `Port ${String(at.value)} is forwarded already`);
    seen.push({ protocol, range });
  }
}

function forward(
  row: JsonNode,
  floatingIpId: string,
  context: PortContext,
): NeutronPortForwarding | null {
  reportUnknownKeys(row, FORWARD_KEYS);
  needs(row, 'port');
  const port = context.ports.find(member(row, 'port'));
  const external = portRange(row, 'external');
  const internal = portRange(row, 'internal') ?? external;
  if (external !== null && internal !== null && !fits(external, internal)) {
    wrong(row, 'Ports are forwarded to as many ports, to one, or from one');
  }
  if (port === undefined || external === null || internal === null) {
    if (external === null) wrong(row, 'A forwarding needs the external port');
    return null;
  }
  const own = port.fixedIps.find((each) => each.address.version === 4)?.address;
  const inside = address(member(row, 'address')) ?? own;
  if (inside === undefined) return null;
  return {
    id: idOf('forwarding', floatingIpId, String(external[0])),
    floatingIpId,
    protocol: oneOf(row, 'protocol', ['tcp', 'udp', 'sctp'], 'tcp'),
    externalPorts: external,
    internalPorts: internal,
    internalAddress: inside,
    internalPortId: port.id,
  };
}

type PortRange = readonly [number, number];

/** `80`, or `5000-5010`. */
function portRange(row: JsonNode, key: string): PortRange | null {
  const at = member(row, key);
  if (typeof at?.value !== 'string') {
    const one = whole(row, key, 1, 65535);
    return one === null ? null : [one, one];
  }
  const [, from, to = from] = /^(\d{1,5})(?:[-:](\d{1,5}))?$/.exec(at.value) ?? [];
  const range: PortRange = [Number(from), Number(to)];
  if (from !== undefined && range[0] >= 1 && range[0] <= range[1] && range[1] <= 65535) {
    return range;
  }
  wrong(at, 'Expected a port or a range of ports, e.g. 5000-5010');
  return null;
}

/** N to N, N to one, or one to N (port_forwarding.py `_install_default_rules`). */
function fits([from, to]: PortRange, [first, last]: PortRange): boolean {
  return to - from === last - first || first === last || from === to;
}

/** The router with an interface on the port's network and its gateway on the external one. */
function routerBetween(
  port: NeutronPort,
  external: string,
  routers: ReadonlyMap<string, readonly NeutronRouter[]>,
): NeutronRouter | null {
  const found = routers.get(port.networkId)?.find(({ gateway }) => gateway?.networkId === external);
  return found ?? null;
}

/** Routers with a port on a network, in their order, by the network's id. */
function routersByNetwork(
  context: PortContext,
  routers: readonly NeutronRouter[],
): ReadonlyMap<string, readonly NeutronRouter[]> {
  const networks = new Map<string, Set<string>>();
  for (const { id } of routers) networks.set(id, new Set());
  for (const { deviceId, networkId } of context.ports.all) networks.get(deviceId)?.add(networkId);
  const found = new Map<string, NeutronRouter[]>();
  for (const router of routers) {
    for (const networkId of networks.get(router.id) ?? []) {
      const list = found.get(networkId);
      if (list === undefined) found.set(networkId, [router]);
      else list.push(router);
    }
  }
  return found;
}

/** The agents' own ports on external networks, where distributed floating IPs leave. */
export function makeAgentGateways(
  root: JsonNode,
  context: PortContext,
  routers: readonly NeutronRouter[],
  floating: readonly NeutronFloatingIp[],
): void {
  const wanted = new Map<string, { host: CloudHost; networkId: string }>();
  const routersById = new Map(routers.map((router) => [router.id, router]));
  const portsById = new Map(context.ports.all.map((port) => [port.id, port]));
  for (const each of floating) {
    const router = routersById.get(each.routerId ?? '');
    const port = portsById.get(each.portId ?? '');
    const host = context.hosts.get(port?.host ?? '');
    const mode = host?.layer3?.mode;
    if (router?.distributed !== true || host === undefined) continue;
    // `dvr_no_external` leaves floating IPs to the central part (`DVR_SNAT_BOUND`).
    if (mode !== 'dvr' && mode !== 'dvr_snat') continue;
    wanted.set(`${host.name} ${each.networkId}`, { host, networkId: each.networkId });
  }
  for (const { host, networkId } of wanted.values()) {
    const network = context.networks.all.find(({ id }) => id === networkId);
    if (network === undefined) continue;
    const [subnet] = subnetsOf(context, network);
    const name = `fip-gateway-${host.name}-${network.name}`;
    const fixed = subnet === undefined ? null : context.allocation.take(subnet, name, root);
    const port = makePort(context, {
      name,
      network,
      mac: context.macs.give(name),
      fixedIps: fixed === null ? [] : [fixed],
      project: '',
      host: host.name,
      deviceId: idOf('l3-agent', host.name),
      deviceOwner: 'network:floatingip_agent_gateway',
    });
    context.ports.add(name, port, root);
  }
}

export const TRUNK_KEYS = ['name', 'port', 'sub_ports', 'admin_up'] as const;

export function readTrunks(root: JsonNode, context: PortContext): readonly NeutronTrunk[] {
  const taken = new Map<string, string>();
  const claim = (at: JsonNode, port: NeutronPort, trunk: string): void => {
    const other = taken.get(port.id);
    if (other === undefined) taken.set(port.id, trunk);
    else wrong(at, `Port ${JSON.stringify(port.name)} is part of trunk ${JSON.stringify(other)}`);
  };
  return objects(member(root, 'trunks')).flatMap((node) => {
    reportUnknownKeys(node, TRUNK_KEYS);
    needs(node, 'port');
    const name = nameOf(node);
    const parent = context.ports.find(member(node, 'port'));
    if (parent === undefined) return [];
    claim(node, parent, name);
    const ids = new Set<number>();
    const subPorts = objects(member(node, 'sub_ports')).flatMap((row) => {
      reportUnknownKeys(row, ['port', 'vlan']);
      needs(row, 'port', 'vlan');
      const port = context.ports.find(member(row, 'port'));
      const vlan = whole(row, 'vlan', 1, 4094);
      if (port === undefined || vlan === null) return [];
      claim(row, port, name);
      if (ids.has(vlan)) wrong(row, `VLAN ${vlan} is another sub-port's`);
      ids.add(vlan);
      return [{ portId: port.id, segmentationType: 'vlan' as const, segmentationId: vlan }];
    });
    return [
      {
        id: idOf('trunk', name),
        name: text(node, 'name'),
        adminUp: truth(node, 'admin_up', true),
        portId: parent.id,
        subPorts,
      },
    ];
  });
}

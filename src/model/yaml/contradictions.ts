/**
 * What cannot be true together although every part can be read: labels that a host lacks, networks
 * that its agent cannot carry, subnets that overlap on a router, MACs and VLANs used twice.
 */
import { type JsonNode, member, wrong } from '../../text/json-text.ts';
import { type CloudHost } from '../cloud.ts';
import { carrierOf, segmentOn } from '../network-segments.ts';
import {
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRbacPolicy,
  type NeutronRouter,
  type NeutronSubnet,
} from '../neutron.ts';
import { overlap } from './pools.ts';
import { type PortContext } from './ports.ts';
import { objects, text } from './reading.ts';
import { mayUse } from './sharing.ts';

/** Every contradiction as a problem at the row of the later object. */
export function reportContradictions(
  root: JsonNode,
  context: PortContext,
  routers: readonly NeutronRouter[],
  policies: readonly NeutronRbacPolicy[],
): void {
  const networks = new Map(context.networks.all.map((each) => [each.id, each]));
  const subnets = new Map(context.subnets.all.map(({ subnet }) => [subnet.id, subnet]));
  const rows = rowsByName(root);
  reportMacs(context.ports.all, rows, root);
  for (const port of context.ports.all) {
    const network = networks.get(port.networkId);
    const host = context.hosts.get(port.host);
    const at = rows.get(port.name) ?? root;
    if (network === undefined) continue;
    if (host !== undefined) reportCarrier(at, host, network, port.name);
    if (!port.deviceOwner.startsWith('compute:')) continue;
    if (!mayUse(policies, network, port.project, 'access_as_shared')) {
      wrong(at, `Project ${quoted(port.project)} may not use network ${quoted(network.name)}`);
    }
  }
  const byRouter = new Map<string, NeutronPort[]>();
  for (const port of context.ports.all) {
    if (
      !/^network:(ha_router_replicated_interface|router_interface(_distributed)?)$/.test(
        port.deviceOwner,
      )
    )
      continue;
    const own = byRouter.get(port.deviceId);
    if (own === undefined) byRouter.set(port.deviceId, [port]);
    else own.push(port);
  }
  for (const router of routers) {
    const at = rows.get(router.name) ?? root;
    const outside = networks.get(router.gateway?.networkId ?? '');
    const external = outside === undefined ? [] : context.subnetsOf(outside.id);
    reportOverlaps(at, router, byRouter.get(router.id) ?? [], { subnets, external });
    if (outside === undefined) continue;
    if (!mayUse(policies, outside, router.project, 'access_as_external')) {
      wrong(
        at,
        `Project ${quoted(router.project)} may not use network ${quoted(outside.name)} as external`,
      );
    }
  }
}

/** Rows of servers, routers and ports of hosts by the names of what they make. */
function rowsByName(root: JsonNode): ReadonlyMap<string, JsonNode> {
  const rows = new Map<string, JsonNode>();
  for (const server of objects(member(root, 'servers'))) {
    const ports = objects(member(server, 'ports'));
    const name = text(server, 'name');
    for (const [i, row] of ports.entries()) {
      rows.set(text(row, 'name', ports.length === 1 ? name : `${name}-${i + 1}`), row);
    }
  }
  for (const key of ['host_ports', 'ports', 'routers']) {
    for (const row of objects(member(root, key))) rows.set(text(row, 'name'), row);
  }
  return rows;
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

/** Two ports of one network with one MAC; distributed routers have one MAC on all their hosts. */
function reportMacs(
  ports: readonly NeutronPort[],
  rows: ReadonlyMap<string, JsonNode>,
  root: JsonNode,
): void {
  const taken = new Map<string, string>();
  for (const port of ports) {
    const key = `${port.networkId} ${port.mac}`;
    const other = taken.get(key);
    if (other === undefined) taken.set(key, port.name);
    else {
      const message = `Port ${quoted(other)} of the same network has the MAC of port ${quoted(port.name)}`;
      wrong(rows.get(port.name) ?? root, message);
    }
  }
}

/** What a port's network needs of the agent of the port's host. */
function reportCarrier(at: JsonNode, host: CloudHost, network: NeutronNetwork, port: string): void {
  const { layer2 } = host;
  const { type, physicalNetwork } = network.provider;
  const needs = `Port ${quoted(port)} of network ${quoted(network.name)}`;
  if (layer2 === null) {
    wrong(at, `${needs} is on host ${quoted(host.name)}, which has no layer 2 agent`);
  } else if (network.segments.length > 1) {
    if (segmentOn(network, carrierOf(layer2)) !== null) return;
    wrong(at, `${needs} needs one of its segments, and host ${quoted(host.name)} has none of them`);
  } else if (physicalNetwork !== null && !layer2.physicalNetworks.has(physicalNetwork)) {
    const label = quoted(physicalNetwork);
    wrong(at, `${needs} needs physical network ${label}, which host ${quoted(host.name)} has not`);
  } else if (type === 'vxlan' || type === 'gre' || type === 'geneve') {
    if (layer2.tunnelTypes.includes(type) && layer2.tunnelAddress !== null) {
      if (layer2.kind === 'openvswitch' || type === 'vxlan') return;
    }
    wrong(at, `${needs} needs ${type} tunnels, which host ${quoted(host.name)} has not`);
  }
}

/** Its interfaces and all subnets of its external network (l3_db.py `_check_for_dup_router_subnets`). */
function reportOverlaps(
  at: JsonNode,
  router: NeutronRouter,
  ports: readonly NeutronPort[],
  of: {
    readonly subnets: ReadonlyMap<string, NeutronSubnet>;
    readonly external: readonly NeutronSubnet[];
  },
): void {
  const inside = ports.flatMap(({ fixedIps }) =>
    fixedIps.flatMap(({ subnetId }) => of.subnets.get(subnetId) ?? []),
  );
  const own = [...of.external, ...inside];
  for (const [i, subnet] of own.entries()) {
    const other = own.slice(0, i).find((each) => overlap(each.prefix, subnet.prefix));
    if (other === undefined) continue;
    const names = `${quoted(other.name)} and ${quoted(subnet.name)}`;
    wrong(at, `Subnets ${names} overlap on router ${quoted(router.name)}`);
  }
}

/**
 * br-tun: local VLANs on one side, tunnel keys on the other.
 *
 *   0 ─ patch-int ─> (1 DVR) ─> 2 ─┬─ unicast ──> 20 ─┐ not known
 *                                  ├─ ARP ──────> 21 ─┤
 *                                  └─ multicast ────> 22 flood
 *   0 ─ tunnels ──> 3, 4, 6: key to VLAN ─> (9 DVR) ─> 10 learn ─> patch-int
 *
 * (neutron/plugins/ml2/drivers/openvswitch/agent/openflow/native/br_tun.py, Zed)
 */
import { type Cloud, type Layer2Agent } from '../../model/cloud.ts';
import { type NeutronNetwork, type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { runsHere } from '../l3/interfaces.ts';
import { type Place } from '../part.ts';
import { type CloudView } from '../view.ts';
import { flow, hex, ip, mac, vlanField } from './flow-text.ts';
import { TUN } from './tables.ts';

/** A network of tunnels with its VLAN on this host. */
export interface TunnelledNetwork {
  readonly network: NeutronNetwork;
  readonly vlan: number;
}

/** Another host's end of the tunnels, and the port that leads there. */
export interface RemoteEnd {
  readonly host: string;
  readonly ofport: number;
  readonly kind: 'vxlan' | 'gre' | 'geneve';
}

export interface TunnelBridge {
  readonly patch: number;
  readonly ends: readonly RemoteEnd[];
  readonly networks: readonly TunnelledNetwork[];
}

const DISTRIBUTED = 'network:router_interface_distributed';
const HA_INTERFACE = 'network:router_ha_interface';
const TABLE_OF = { gre: TUN.GRE, vxlan: TUN.VXLAN, geneve: TUN.GENEVE } as const;
const UNICAST = 'dl_dst=00:00:00:00:00:00/01:00:00:00:00:00';
const MULTICAST = 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00';

export function tunnelFlows(at: Place, layer2: Layer2Agent, bridge: TunnelBridge): string[] {
  const distributed = layer2.distributedRouting;
  return [
    ...skeleton(layer2, bridge.patch),
    ...bridge.ends.map(({ ofport, kind }) =>
      flow(TUN.CLASSIFY, 1, `in_port=${ofport}`, `goto_table:${TABLE_OF[kind]}`),
    ),
    ...bridge.networks.flatMap((each) => [
      flow(
        TABLE_OF[kindOf(each.network)],
        1,
        `tun_id=${hex(each.network.provider.segmentationId ?? 0)}`,
        `push_vlan:0x8100,${vlanField(each.vlan)},goto_table:${distributed ? TUN.DVR_NOT_LEARN : TUN.LEARN}`,
      ),
      ...(layer2.l2Population ? populated(at, layer2, bridge, each) : flooded(bridge, each)),
    ]),
  ];
}

function kindOf(network: NeutronNetwork): 'vxlan' | 'gre' | 'geneve' {
  const { type } = network.provider;
  return type === 'gre' || type === 'geneve' ? type : 'vxlan';
}

function skeleton(layer2: Layer2Agent, patch: number): string[] {
  const { distributedRouting, arpResponder, l2Population } = layer2;
  const answers = arpResponder && l2Population;
  const learn =
    `learn(table=${TUN.UNICAST},hard_timeout=300,priority=1,cookie=0x686f70,` +
    'NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],' +
    `load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[]),output:${patch}`;
  return [
    flow(
      TUN.CLASSIFY,
      1,
      `in_port=${patch}`,
      `goto_table:${distributedRouting ? TUN.DVR_PROCESS : TUN.PATCH_TO_TUNNEL}`,
    ),
    flow(TUN.CLASSIFY, 0, '', 'drop'),
    ...(answers
      ? [
          flow(
            TUN.PATCH_TO_TUNNEL,
            1,
            'arp,dl_dst=ff:ff:ff:ff:ff:ff',
            `goto_table:${TUN.ARP_RESPONDER}`,
          ),
        ]
      : []),
    flow(TUN.PATCH_TO_TUNNEL, 0, UNICAST, `goto_table:${TUN.UNICAST}`),
    flow(TUN.PATCH_TO_TUNNEL, 0, MULTICAST, `goto_table:${TUN.FLOOD}`),
    ...[TUN.GRE, TUN.VXLAN, TUN.GENEVE].map((table) => flow(table, 0, '', 'drop')),
    flow(TUN.LEARN, 1, '', learn),
    flow(TUN.UNICAST, 0, '', `goto_table:${TUN.FLOOD}`),
    ...(answers ? [flow(TUN.ARP_RESPONDER, 0, '', `goto_table:${TUN.FLOOD}`)] : []),
    flow(TUN.FLOOD, 0, '', 'drop'),
  ];
}

/** Without l2population: to every other host that has tunnels of the kind. */
function flooded(bridge: TunnelBridge, { network, vlan }: TunnelledNetwork): string[] {
  const ends = bridge.ends.filter(({ kind }) => kind === kindOf(network));
  return ends.length === 0 ? [] : [floodFlow(vlan, network, ends)];
}

function floodFlow(vlan: number, network: NeutronNetwork, ends: readonly RemoteEnd[]): string {
  const key = `set_field:${hex(network.provider.segmentationId ?? 0)}->tun_id`;
  const out = ends.map(({ ofport }) => `output:${ofport}`).join(',');
  return flow(TUN.FLOOD, 1, `dl_vlan=${vlan}`, `pop_vlan,${key},${out}`);
}

/** With l2population: a flow for every port elsewhere, and a flood to hosts that have any. */
function populated(
  at: Place,
  layer2: Layer2Agent,
  bridge: TunnelBridge,
  { network, vlan }: TunnelledNetwork,
): string[] {
  const key = `set_field:${hex(network.provider.segmentationId ?? 0)}->tun_id`;
  const flows: string[] = [];
  const reached: RemoteEnd[] = [];
  const far = farPortsOf(at.view, network);
  // Few of many ends are behind a network, so they are not looked through one by one.
  const ends = far.distributed.length > 0 ? bridge.ends : endsTo(bridge, far.announced.keys());
  for (const end of ends) {
    if (end.kind !== kindOf(network)) continue;
    const ports = far.announced.get(end.host) ?? [];
    if (ports.length === 0 && !isRoutedOn(at, far, end.host)) continue;
    reached.push(end);
    for (const port of ports) {
      // The server tells of a MAC with each of its addresses, and so of none without any.
      if (port.fixedIps.length === 0) continue;
      // Which host is master is not known to the server in time: HA ports are found by flooding.
      const router = at.view.routers.get(port.deviceId);
      if (router?.ha === true && port.deviceOwner !== HA_INTERFACE) continue;
      const out = `pop_vlan,${key},output:${end.ofport}`;
      flows.push(flow(TUN.UNICAST, 2, [`dl_vlan=${vlan}`, `dl_dst=${mac(port.mac)}`], out));
      if (!layer2.arpResponder) continue;
      for (const { address } of port.fixedIps) {
        if (address.version === 4) flows.push(arpAnswer(vlan, ip(address), mac(port.mac)));
      }
    }
  }
  return reached.length === 0 ? flows : [...flows, floodFlow(vlan, network, reached)];
}

/** The ends at some hosts, in the order of the bridge. */
function endsTo({ ends }: TunnelBridge, hosts: Iterable<string>): readonly RemoteEnd[] {
  let places = endPlaces.get(ends);
  if (places === undefined) {
    places = new Map();
    for (const [i, { host }] of ends.entries()) places.set(host, [...(places.get(host) ?? []), i]);
    endPlaces.set(ends, places);
  }
  const found: number[] = [];
  for (const host of hosts) found.push(...(places.get(host) ?? []));
  return found.sort((a, b) => a - b).flatMap((i) => ends[i] ?? []);
}

const endPlaces = new WeakMap<readonly RemoteEnd[], Map<string, readonly number[]>>();

/**
 * Whether l2population floods frames of one of the networks to a host: one of their ports is up
 * there, be it a distributed router's alone (`get_distributed_active_network_ports`).
 */
export function reachedBy(
  at: Place,
  networks: readonly NeutronNetwork[],
): (host: string) => boolean {
  const far = networks.map((network) => farPortsOf(at.view, network));
  const announced = new Set(far.flatMap((one) => [...one.announced.keys()]));
  const routed = far.filter(({ distributed }) => distributed.length > 0);
  return (host) => announced.has(host) || routed.some((one) => isRoutedOn(at, one, host));
}

function isRoutedOn(at: Place, { distributed }: FarPorts, name: string): boolean {
  if (distributed.length === 0) return false;
  const host = at.view.hosts.get(name);
  if (host === undefined) return false;
  return distributed.some((router) => runsHere({ ...at, host }, router));
}

/** What l2population tells of a network. */
interface FarPorts {
  /** Ports that are announced, by host, in the order of the model. */
  readonly announced: ReadonlyMap<string, readonly NeutronPort[]>;
  /** Routers with a distributed interface on it. */
  readonly distributed: readonly NeutronRouter[];
}

/** The same for every host that asks, and asked of each for every other. */
const farPorts = new WeakMap<Cloud, Map<string, FarPorts>>();

function farPortsOf(view: CloudView, { id }: NeutronNetwork): FarPorts {
  let byNetwork = farPorts.get(view.cloud);
  if (byNetwork === undefined) {
    byNetwork = new Map();
    farPorts.set(view.cloud, byNetwork);
  }
  let found = byNetwork.get(id);
  if (found === undefined) {
    found = collectFarPorts(view, view.portsOfNetwork(id));
    byNetwork.set(id, found);
  }
  return found;
}

function collectFarPorts(view: CloudView, ports: readonly NeutronPort[]): FarPorts {
  const announced = new Map<string, NeutronPort[]>();
  const distributed: NeutronRouter[] = [];
  for (const port of ports) {
    const router = view.routers.get(port.deviceId);
    if (port.deviceOwner === DISTRIBUTED && router !== undefined) distributed.push(router);
    if (!isAnnounced(port.deviceOwner, port.status)) continue;
    for (const host of new Set(hostsOf(port, router))) {
      const list = announced.get(host);
      if (list === undefined) announced.set(host, [port]);
      else list.push(port);
    }
  }
  return { announced, distributed };
}

/** An HA router's interfaces are on every host that runs the router. */
function hostsOf(port: NeutronPort, router: NeutronRouter | undefined): readonly string[] {
  const everywhere = router?.ha === true && port.deviceOwner !== HA_INTERFACE;
  return everywhere ? router.agents.map(({ host }) => host) : [port.host];
}

/** Distributed interfaces are on every host and announced by none (l2pop/rpc_manager). */
function isAnnounced(owner: string, status: string): boolean {
  return owner !== DISTRIBUTED && status !== 'DOWN';
}

/** The request becomes its own answer and goes back where it came from (table 21). */
function arpAnswer(vlan: number, address: string, hardware: string): string {
  return flow(
    TUN.ARP_RESPONDER,
    1,
    ['arp', `dl_vlan=${vlan}`, `arp_tpa=${address}`],
    [
      'set_field:2->arp_op',
      'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
      'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
      `set_field:${hardware}->arp_sha`,
      `set_field:${address}->arp_spa`,
      'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
      `set_field:${hardware}->eth_src`,
      'IN_PORT',
    ].join(','),
  );
}

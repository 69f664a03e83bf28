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
import { type Layer2Agent } from '../../model/cloud.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { runsHere } from '../l3/interfaces.ts';
import { type Place } from '../part.ts';
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
  for (const end of bridge.ends) {
    if (end.kind !== kindOf(network)) continue;
    if (!isReached(at, network, end.host)) continue;
    const ports = announcedPorts(at, network, end.host);
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

/**
 * Whether l2population floods frames of the network to a host: one of its ports is up there, be
 * it a distributed router's alone (`get_distributed_active_network_ports`).
 */
export function isReached(at: Place, network: NeutronNetwork, host: string): boolean {
  return announcedPorts(at, network, host).length > 0 || isRoutedOn(at, network, host);
}

function isRoutedOn(at: Place, { id }: NeutronNetwork, name: string): boolean {
  const host = at.view.hosts.get(name);
  if (host === undefined) return false;
  return at.view.portsOfNetwork(id).some((port) => {
    const router = at.view.routers.get(port.deviceId);
    return (
      port.deviceOwner === DISTRIBUTED && router !== undefined && runsHere({ ...at, host }, router)
    );
  });
}

function announcedPorts(at: Place, { id }: NeutronNetwork, host: string): readonly NeutronPort[] {
  return at.view
    .portsOfNetwork(id)
    .filter((port) => hasPortOn(at, port, host) && isAnnounced(port.deviceOwner, port.status));
}

/** An HA router's interfaces are on every host that runs the router. */
function hasPortOn(at: Place, port: NeutronPort, host: string): boolean {
  const router = at.view.routers.get(port.deviceId);
  if (router?.ha === true && port.deviceOwner !== HA_INTERFACE) {
    return router.agents.some((agent) => agent.host === host);
  }
  return port.host === host;
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

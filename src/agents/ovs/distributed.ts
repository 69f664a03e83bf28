/**
 * Distributed routing on the agent's bridges: a router's MAC stands on every host at once, so it
 * never goes on the wire. Leaving a host it becomes the host's own DVR MAC; arriving, the frame
 * gets the gateway's MAC back
 * (neutron/plugins/ml2/drivers/openvswitch/agent/ovs_dvr_neutron_agent.py, Zed).
 */
import { type CloudAddress, type NeutronPort } from '../../model/neutron.ts';
import { type Place } from '../part.ts';
import { flow, ip, mac, UNTAGGED } from './flow-text.ts';
import { type PhysicalNetwork } from './provider-bridge.ts';
import { INT, TUN } from './tables.ts';

const DISTRIBUTED = 'network:router_interface_distributed';

/** A network whose gateway is distributed, on one host. */
export interface RoutedNetwork {
  readonly networkId: string;
  readonly vlan: number;
  /** How frames look on the wire of a `vlan` or `flat` network; null for tunnels. */
  readonly onWire: string | null;
  readonly gatewayMac: bigint;
  /** The interface's address: a distributed router has one per interface. */
  readonly gateway: CloudAddress | null;
  /** OpenFlow port of `qr-…`. */
  readonly router: number;
  /** Devices of the network on this host that frames from other hosts may be for. */
  readonly local: readonly {
    readonly mac: bigint;
    readonly ofport: number;
    readonly guarded: boolean;
  }[];
}

export interface Distribution {
  readonly own: bigint;
  /** DVR MACs of the other hosts, in the order of the model. */
  readonly others: readonly bigint[];
  readonly networks: readonly RoutedNetwork[];
}

/** A device on br-int as distribution needs it. */
export interface Device {
  readonly port: NeutronPort;
  readonly ofport: number;
  readonly vlan: number;
  readonly guarded: boolean;
}

/**
 * The DVR MAC of a host: the cloud's base with the host's place in the model. The server draws
 * them by chance; nothing but these flows depends on them.
 */
function dvrMac(at: Place, host: string): bigint {
  const drawn = at.view.cloud.settings.dvrMacs?.get(host);
  if (drawn !== undefined) return drawn;
  const order = at.view.cloud.hosts.findIndex((each) => each.name === host);
  return at.view.cloud.settings.dvrBaseMac + BigInt(order + 1);
}

/**
 * Simplification: an agent that missed the server's notice of another host's DVR MAC lacks the
 * flows for it until it restarts (ovs-dvr: net1 knows of no other, compute1 of net1 alone); the
 * compiled ones know of all hosts, so a comparison tells them as missing.
 *
 * Simplification: interfaces of one network write the same flows, of which the last one written stands
 * (here that of the last interface), so that a comparison may tell one gateway's MAC for another.
 */
export function distributionOf(at: Place, devices: readonly Device[]): Distribution {
  const hosts = at.view.cloud.hosts.filter((each) => each.layer2?.distributedRouting === true);
  const gateways = devices.filter(({ port }) => port.deviceOwner === DISTRIBUTED);
  return {
    own: dvrMac(at, at.host.name),
    others: hosts.filter(({ name }) => name !== at.host.name).map(({ name }) => dvrMac(at, name)),
    networks: gateways.map(({ port, ofport, vlan }) => {
      const provider = at.view.networks.get(port.networkId)?.provider;
      const [first] = port.fixedIps;
      return {
        networkId: port.networkId,
        vlan,
        onWire:
          provider?.type === 'vlan'
            ? `dl_vlan=${provider.segmentationId ?? 0}`
            : provider?.type === 'flat'
              ? UNTAGGED
              : null,
        gatewayMac: port.mac,
        gateway: first?.address ?? null,
        router: ofport,
        local: devices
          .filter((each) => each.port.fixedIps.some((ip) => ip.subnetId === first?.subnetId))
          .filter((each) => isServed(each.port.deviceOwner))
          .map((each) => ({ mac: each.port.mac, ofport: each.ofport, guarded: each.guarded })),
      };
    }),
  };
}

/** Whose frames a distributed router touches (`is_dvr_serviced`), and the central part's own. */
function isServed(owner: string): boolean {
  return owner.startsWith('compute:') || SERVED.has(owner);
}

const SERVED = new Set([
  'neutron:LOADBALANCER',
  'neutron:LOADBALANCERV2',
  'trunk:subport',
  'network:dhcp',
  'network:router_centralized_snat',
]);

/** Flows of br-int, tables 0 to 4 and 60. */
export function integrationDistributed(
  { own, others, networks }: Distribution,
  physical: readonly PhysicalNetwork[],
  patchTun: number | null,
): string[] {
  const next = `goto_table:${INT.PACKET_RATE_LIMIT}`;
  const wires = physical.map(({ inner }) => inner);
  const flows = [
    flow(INT.DVR_TO_SRC_MAC, 1, '', 'drop'),
    flow(INT.DVR_TO_SRC_MAC_PHYSICAL, 1, '', 'drop'),
    ...wires.map((port) => toOwn(port, own, INT.ARP_DVR_MAC_TO_DST_MAC_PHYSICAL)),
    ...(patchTun === null ? [] : [toOwn(patchTun, own, INT.ARP_DVR_MAC_TO_DST_MAC)]),
  ];
  for (const other of others) {
    for (const port of wires) {
      const match = [`in_port=${port}`, `dl_src=${mac(other)}`];
      flows.push(flow(INT.LOCAL_SWITCHING, 4, match, `goto_table:${INT.DVR_TO_SRC_MAC_PHYSICAL}`));
    }
    if (patchTun === null) continue;
    const match = [`in_port=${patchTun}`, `dl_src=${mac(other)}`];
    flows.push(flow(INT.LOCAL_SWITCHING, 2, match, `goto_table:${INT.DVR_TO_SRC_MAC}`));
  }
  for (const each of networks) {
    const gateway = mac(each.gatewayMac);
    const answer = ['arp', `dl_dst=${mac(own)}`, 'arp_op=2', `arp_tha=${gateway}`];
    if (each.gateway?.version === 4) {
      flows.push(flow(INT.LOCAL_SWITCHING, 99, answer, `set_field:${gateway}->eth_dst,${next}`));
    }
    flows.push(
      flow(
        each.onWire === null ? INT.ARP_DVR_MAC_TO_DST_MAC : INT.ARP_DVR_MAC_TO_DST_MAC_PHYSICAL,
        5,
        [`dl_vlan=${each.vlan}`, `dl_dst=${mac(own)}`],
        `set_field:${gateway}->eth_dst,pop_vlan,output:${each.router}`,
      ),
      ...each.local.flatMap((device) => arrivals(each, device)),
    );
  }
  return flows;
}

function toOwn(port: number, own: bigint, table: number): string {
  const match = [`in_port=${port}`, `dl_dst=${mac(own)}`];
  return flow(INT.LOCAL_SWITCHING, 5, match, `goto_table:${table}`);
}

/** A routed frame from another host gets the gateway's MAC; unguarded devices get it at once. */
function arrivals(
  network: RoutedNetwork,
  device: RoutedNetwork['local'][number],
): readonly string[] {
  const gateway = `set_field:${mac(network.gatewayMac)}->eth_src`;
  const next = `goto_table:${INT.PACKET_RATE_LIMIT}`;
  const to = `dl_dst=${mac(device.mac)}`;
  // Off a wire a frame still has the wire's tag: table 0 sends it here before it is translated.
  const seen = network.onWire ?? `dl_vlan=${network.vlan}`;
  const table = network.onWire === null ? INT.DVR_TO_SRC_MAC : INT.DVR_TO_SRC_MAC_PHYSICAL;
  const first = flow(table, 20, [seen, to], `${gateway},${next}`);
  if (device.guarded) return [first];
  const pop = seen.startsWith('dl_vlan=') ? 'pop_vlan,' : '';
  return [first, flow(INT.TRANSIENT, 20, [seen, to], `${pop}output:${device.ofport}`)];
}

/** Flows of br-tun, tables 1, 9 and 22. */
export function tunnelDistributed(
  { own, others, networks }: Distribution,
  patch: number,
): string[] {
  const tunnelled = networks.filter(({ onWire }) => onWire === null);
  return [
    flow(TUN.DVR_PROCESS, 0, '', `goto_table:${TUN.PATCH_TO_TUNNEL}`),
    flow(TUN.DVR_NOT_LEARN, 0, '', `goto_table:${TUN.LEARN}`),
    ...others.map((other) => flow(TUN.DVR_NOT_LEARN, 1, `dl_src=${mac(other)}`, `output:${patch}`)),
    ...tunnelled.flatMap(({ vlan, gatewayMac, gateway }) => [
      flow(TUN.DVR_PROCESS, 2, [`dl_vlan=${vlan}`, `dl_dst=${mac(gatewayMac)}`], 'drop'),
      flow(
        TUN.DVR_PROCESS,
        1,
        [`dl_vlan=${vlan}`, `dl_src=${mac(gatewayMac)}`],
        `set_field:${mac(own)}->eth_src,goto_table:${TUN.PATCH_TO_TUNNEL}`,
      ),
      ...keptHere(vlan, gatewayMac, gateway),
    ]),
  ];
}

/**
 * Everybody has the gateway here: nobody elsewhere may answer for it, nor hear its advertisements.
 * The agent puts these flows into table 22 of provider bridges too, where no packet gets
 * (br_dvr_process.py `install_dvr_process_ipv4`).
 */
function keptHere(vlan: number, gatewayMac: bigint, gateway: CloudAddress | null): string[] {
  if (gateway === null) return [];
  const match =
    gateway.version === 4
      ? ['arp', `dl_vlan=${vlan}`, `arp_tpa=${ip(gateway)}`]
      : ['icmp6', `dl_vlan=${vlan}`, `dl_src=${mac(gatewayMac)}`, 'icmp_type=134'];
  return [flow(TUN.FLOOD, 3, match, 'drop')];
}

/** Flows of a provider bridge, table 1: the same for networks on the wire. */
export function providerDistributed(
  { own, networks }: Distribution,
  physical: PhysicalNetwork,
  table: { readonly process: number; readonly translate: number },
): string[] {
  return networks
    .filter(({ networkId }) => physical.networks.some(({ network }) => network.id === networkId))
    .flatMap(({ vlan, gatewayMac, gateway }) => [
      ...keptHere(vlan, gatewayMac, gateway),
      flow(table.process, 2, [`dl_vlan=${vlan}`, `dl_dst=${mac(gatewayMac)}`], 'drop'),
      flow(
        table.process,
        1,
        [`dl_vlan=${vlan}`, `dl_src=${mac(gatewayMac)}`],
        `set_field:${mac(own)}->eth_src,goto_table:${table.translate}`,
      ),
    ]);
}

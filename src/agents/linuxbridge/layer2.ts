/**
 * The Linux bridge agent: a bridge `brq…` per network with the taps in it, and the NIC, a VLAN
 * device or a VXLAN device as the way to other hosts
 * (neutron/plugins/ml2/drivers/linuxbridge/agent/linuxbridge_neutron_agent.py).
 *
 * Simplification: a bridge that was there before the agent, as a hypervisor makes it, keeps IPv6 and
 * takes addresses and routes from routers' advertisements, which no object of the API tells; compiled
 * bridges have none.
 */
// Simplification: a host of which all ports of a network were down from the start is told of nobody
// on the network; a compiled one knows all as if they had been up before.
import { type CloudHost, type Layer2Agent } from '../../model/cloud.ts';
import { deviceName, networkBridge, vxlanDevice } from '../../model/ids.ts';
import { type CloudAddress, type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { bridgeFirewall, firstZone } from '../bridge-firewall.ts';
import { novaFloating, novaGateways, novaNetworks, novaTranslation } from '../nova-network.ts';
import { defaultRoutesOf, nicDevices } from '../ovs/root-devices.ts';
import { withSubPorts } from '../ovs/trunks.ts';
import { type Layer2, type Place, type Plug } from '../part.ts';
import {
  type DevicePlan,
  emptyNamespace,
  type FdbPlan,
  type NamespacePlan,
  type NeighbourPlan,
} from '../plan.ts';
import { arpProtection } from './arp-protection.ts';

interface Tapped {
  readonly port: NeutronPort;
  readonly tap: string;
  readonly plug: Plug;
}

export const linuxbridge: Layer2 = (at, plugs) => {
  const { layer2 } = at.host;
  if (layer2 === null) return { switch: null, root: emptyNamespace('root') };
  const tapped = withSubPorts(at, plugs).map((plug) => ({
    port: plug.port,
    tap: deviceName('tap', plug.port.id),
    plug,
  }));
  const routed = novaNetworks(at);
  const networks = [...new Set([...tapped.map(({ port }) => port.networkId), ...routed])].flatMap(
    (id) => at.view.networks.get(id) ?? [],
  );
  const guarded = tapped.filter(({ port }) => isGuarded(port));
  const firewall =
    layer2.firewall === 'noop'
      ? { iptables: '', ip6tables: '', ipset: '' }
      : bridgeFirewall(at.view, 'neutron-linuxbridge-agent', {
          guarded: guarded.map(({ port, tap }) => ({
            port,
            tap,
            behind: networkBridge(port.networkId),
            zone: firstZone(at.view) - 1 + at.numbers.zone(port.networkId),
            label: tap.slice(4),
          })),
          unguarded: tapped.filter(isUnguarded).map(({ tap }) => tap),
          trusted: tapped.filter(isTrusted).map(({ tap }) => tap),
          zoned: routed.length === 0 && at.host.novaNetwork === null,
        });
  const root: NamespacePlan = {
    ...emptyNamespace('root'),
    devices: [
      ...nicsOf(at, layer2, networks),
      ...networks.flatMap((network) => wireOf(at, layer2, network)),
      ...networks.map((network) => bridgeOf(at, network)),
      ...tapped.map((each) => tapOf(at, each)),
    ],
    neighbours: networks.flatMap((network) => neighboursOf(at, layer2, network)),
    fdb: networks.flatMap((network) => fdbOf(at, layer2, network)),
    sysctls: new Map([
      ['net.ipv4.ip_forward', routed.length > 0 ? '1' : '0'],
      ['net.bridge.bridge-nf-call-iptables', '1'],
      ['net.bridge.bridge-nf-call-ip6tables', '1'],
      ['net.bridge.bridge-nf-call-arptables', '1'],
    ]),
    routes: defaultRoutesOf(at.host),
    ...firewall,
    iptables: firewall.iptables + novaTranslation(at),
    ebtables: arpProtection(tapped),
  };
  return { switch: null, root };
};

function isGuarded(port: NeutronPort): boolean {
  return port.portSecurity && !port.deviceOwner.startsWith('network:');
}

/** Routers and DHCP servers (securitygroups_rpc.py, DEVICE_OWNER_NETWORK_PREFIX). */
function isTrusted({ port }: Tapped): boolean {
  return port.deviceOwner.startsWith('network:');
}

/** Any other port without port security. */
function isUnguarded(tapped: Tapped): boolean {
  return !isTrusted(tapped) && !isGuarded(tapped.port);
}

function plain(name: string, kind: DevicePlan['kind'], mtu: number): DevicePlan {
  const nothing = { master: null, peer: null, lower: null, addresses: [], details: {} };
  return { name, kind, mac: macOf(name), mtu, up: true, ...nothing };
}

/** A local address that a name stands for; the kernel draws another, nobody asks for it. */
function macOf(name: string): bigint {
  let hash = 0n;
  for (const letter of name)
    hash = (hash * 31n + BigInt(letter.codePointAt(0) ?? 0)) & 0xff_ffff_ffffn;
  return (0x02n << 40n) | hash;
}

function nicsOf(
  at: Place,
  layer2: Layer2Agent,
  networks: readonly NeutronNetwork[],
): readonly DevicePlan[] {
  return nicDevices(at.host).map((device) => {
    const nic = { ...device, addresses: [...device.addresses, ...novaFloating(at, device.name)] };
    // A flat network takes the NIC itself into its bridge.
    const flat = networks.find(
      ({ provider }) =>
        provider.type === 'flat' &&
        layer2.physicalNetworks.get(provider.physicalNetwork ?? '') === nic.name,
    );
    return flat === undefined ? nic : { ...nic, master: networkBridge(flat.id) };
  });
}

/** Without l2population frames are flooded to a group, one of a range by the key (`get_vxlan_group`). */
function groupOf({ vxlanGroup }: Layer2Agent, key: number): CloudAddress {
  const rest = (1n << BigInt(32 - vxlanGroup.length)) - 1n;
  return { version: 4, value: vxlanGroup.address.value + (BigInt(key) & rest) };
}

/** The VLAN or VXLAN device that leads to the other hosts. */
function wireOf(at: Place, layer2: Layer2Agent, network: NeutronNetwork): readonly DevicePlan[] {
  const { type, segmentationId, physicalNetwork } = network.provider;
  const id = segmentationId ?? 0;
  const mtu = network.mtu ?? 1500;
  const master = networkBridge(network.id);
  if (type === 'vlan') {
    const nic = layer2.physicalNetworks.get(physicalNetwork ?? '');
    if (nic === undefined) return [];
    const mac = at.host.nics.find((each) => each.name === nic)?.mac ?? 0n;
    const details = { protocol: '802.1Q', id, flags: ['REORDER_HDR'] };
    return [{ ...plain(`${nic}.${id}`, 'vlan', mtu), mac, lower: nic, master, details }];
  }
  if (type !== 'vxlan') return [];
  const device = vxlanDevice(id);
  return [
    {
      ...plain(device, 'vxlan', mtu),
      mac: macOf(`${at.host.name} ${device}`),
      master,
      details: {
        id,
        ...(layer2.l2Population
          ? layer2.tunnelAddress === null
            ? {}
            : { local: writeIp(layer2.tunnelAddress) }
          : { group: writeIp(groupOf(layer2, id)) }),
        ...(layer2.tunnelDevice === null ? {} : { link: layer2.tunnelDevice }),
        port: layer2.vxlanPort,
        learning: true,
        proxy: layer2.l2Population && layer2.arpResponder,
        ageing: 300,
      },
    },
  ];
}

function bridgeOf(at: Place, network: NeutronNetwork): DevicePlan {
  const name = networkBridge(network.id);
  const addresses = novaGateways(at, network.id);
  return {
    ...plain(name, 'bridge', network.mtu ?? 1500),
    // Only as a gateway it is somebody on the wire.
    mac: macOf(addresses.length > 0 ? `${at.host.name} ${network.id}` : name),
    addresses,
    details: { stp_state: 0, ageing_time: 30000, vlan_filtering: 0, nf_call_iptables: 0 },
  };
}

function tapOf(at: Place, { port, tap, plug }: Tapped): DevicePlan {
  // A port that is down stays in its bridge and is set down (`ensure_port_admin_state`).
  if (plug.kind === 'sub-port') return { ...subPortOf(at, port, tap), up: port.adminUp };
  const guest = plug.kind === 'tap';
  const mtu = at.view.networks.get(port.networkId)?.mtu ?? 1500;
  const device = guest ? plug.inside : plug.device;
  return {
    ...plain(tap, device === undefined ? 'tun' : 'veth', mtu),
    up: port.adminUp,
    mac: guest ? (port.mac & 0xff_ffff_ffffn) | (0xfen << 40n) : macOf(tap),
    master: networkBridge(port.networkId),
    peer: device === undefined ? null : { namespace: plug.namespace, device },
  };
}

/**
 * A sub-port is a VLAN device on its parent's tap: the guest's tag comes off there
 * (neutron/services/trunk/drivers/linuxbridge/agent/trunk_plumber.py).
 */
function subPortOf(at: Place, port: NeutronPort, tap: string): DevicePlan {
  const trunk = [...at.view.trunks.values()].find(({ subPorts }) =>
    subPorts.some(({ portId }) => portId === port.id),
  );
  const id = trunk?.subPorts.find(({ portId }) => portId === port.id)?.segmentationId ?? 0;
  return {
    ...plain(tap, 'vlan', at.view.networks.get(port.networkId)?.mtu ?? 1500),
    lower: trunk === undefined ? null : deviceName('tap', trunk.portId),
    master: networkBridge(port.networkId),
    details: { protocol: '802.1Q', id, flags: ['REORDER_HDR'] },
  };
}

interface RemotePort {
  readonly port: NeutronPort;
  readonly host: CloudHost;
  /** Whether the server tells of its MAC; an HA router's active host it does not know in time. */
  readonly told: boolean;
}

/** Ports of the network elsewhere, with the address their tunnels end at. */
function remotePorts(
  at: Place,
  layer2: Layer2Agent,
  network: NeutronNetwork,
): readonly RemotePort[] {
  if (network.provider.type !== 'vxlan' || !layer2.l2Population) return [];
  return at.view.portsOfNetwork(network.id).flatMap((port) => {
    if (port.status === 'DOWN') return [];
    const router = at.view.routers.get(port.deviceId);
    // Interfaces of an HA router are on every host that runs it (l2pop/mech_driver.py).
    const several = router?.ha === true && port.deviceOwner !== HA_INTERFACE;
    const names = several ? router.agents.map(({ host }) => host) : [port.host];
    return names.flatMap((name): RemotePort[] => {
      const host = at.view.hosts.get(name);
      // Where no tunnel ends, as on a host of another segment, nothing is announced.
      const elsewhere = host?.layer2?.tunnelAddress != null && host.name !== at.host.name;
      return elsewhere ? [{ port, host, told: !several }] : [];
    });
  });
}

const HA_INTERFACE = 'network:router_ha_interface';

/** Unicast entries of every port elsewhere, and one that floods to each of its hosts. */
function fdbOf(at: Place, layer2: Layer2Agent, network: NeutronNetwork): readonly FdbPlan[] {
  const device = vxlanDevice(network.provider.segmentationId ?? 0);
  if (network.provider.type === 'vxlan' && !layer2.l2Population) {
    const destination = groupOf(layer2, network.provider.segmentationId ?? 0);
    const { tunnelDevice } = layer2;
    const via = tunnelDevice === null ? {} : { via: tunnelDevice };
    return [{ device, mac: 0n, destination, ...via, of: 'self' }];
  }
  const remote = remotePorts(at, layer2, network);
  const hosts = [...new Set(remote.map(({ host }) => host))];
  const entry = (mac: bigint, host: CloudHost): FdbPlan => ({
    device,
    mac,
    destination: host.layer2?.tunnelAddress ?? null,
    of: 'self',
  });
  return [
    ...hosts.map((host) => entry(0n, host)),
    // The server tells of a MAC with each of its addresses, and so of none without any.
    ...remote
      .filter(({ port, told }) => told && port.fixedIps.length > 0)
      .map(({ port, host }) => entry(port.mac, host)),
  ];
}

/** Permanent neighbours, from which the VXLAN device answers ARP for ports elsewhere. */
function neighboursOf(
  at: Place,
  layer2: Layer2Agent,
  network: NeutronNetwork,
): readonly NeighbourPlan[] {
  if (!layer2.arpResponder) return [];
  const device = vxlanDevice(network.provider.segmentationId ?? 0);
  const told = remotePorts(at, layer2, network).filter((each) => each.told);
  return told.flatMap(({ port }) =>
    port.fixedIps
      .filter(({ address }) => address.version === 4)
      .map(({ address }) => ({ address, device, mac: port.mac, state: 'permanent' as const })),
  );
}

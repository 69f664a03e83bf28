/** The host's own namespace: NICs, bridges, and the host's ends of what was plugged in. */
import { type CloudHost, type HostBond, type HostNic } from '../../model/cloud.ts';
import { deviceName } from '../../model/ids.ts';
import { type CloudAddress } from '../../model/neutron.ts';
import { route } from '../namespace-parts.ts';
import { type Place } from '../part.ts';
import {
  type BridgePlan,
  type DevicePlan,
  emptyNamespace,
  type NamespacePlan,
  type RoutePlan,
} from '../plan.ts';
import { nicOf, type Plugged } from './ports.ts';

/** The host's own namespace: NICs, bridges, and the host's ends of what was plugged in. */
export function rootOf(
  { host, view }: Place,
  bridges: readonly BridgePlan[],
  plugged: readonly Plugged[],
): NamespacePlan {
  const mtuOf = ({ port }: Plugged): number => view.networks.get(port.networkId)?.mtu ?? 1500;
  const devices: DevicePlan[] = [
    ...nicDevices(host),
    ...bridges.map(({ name }) => bridgeDevice(host, name)),
    ...plugged
      .filter(({ kind }) => kind === 'tap')
      .flatMap((plug) => guestDevices(host, plug, mtuOf(plug))),
  ];
  return { ...emptyNamespace('root'), devices, routes: defaultRoutesOf(host), sysctls: SYSCTLS };
}

/** What Neutron asks of a compute host: bridged packets see the rules of iptables. */
const SYSCTLS: ReadonlyMap<string, string> = new Map([
  ['net.ipv4.ip_forward', '0'],
  ['net.bridge.bridge-nf-call-iptables', '1'],
  ['net.bridge.bridge-nf-call-ip6tables', '1'],
  ['net.bridge.bridge-nf-call-arptables', '1'],
]);

/**
 * A guest's tap, on br-int itself or in a firewall bridge of its own with a veth to br-int
 * (`qbr…`, `qvb…`, `qvo…`), where iptables can see the packets.
 */
function guestDevices(host: CloudHost, plug: Plugged, mtu: number): readonly DevicePlan[] {
  const tap = { ...tapOf(plug), mtu };
  if (host.layer2?.firewall !== 'iptables_hybrid') return [tap];
  const [qbr, qvb, qvo] = (['qbr', 'qvb', 'qvo'] as const).map((kind) =>
    deviceName(kind, plug.port.id),
  );
  if (qbr === undefined || qvb === undefined || qvo === undefined) return [tap];
  const end = (name: string, peer: string, mac: bigint, master: string | null): DevicePlan => ({
    ...device(name, 'veth'),
    mac,
    mtu,
    master,
    peer: { namespace: 'root', device: peer },
  });
  const low = plug.port.mac & 0xff_ffff_ffffn;
  return [
    { ...tap, master: qbr },
    { ...device(qbr, 'bridge'), mac: (0x06n << 40n) | low, mtu, details: { stp_state: 0 } },
    end(qvb, qvo, (0x06n << 40n) | low, qbr),
    end(qvo, qvb, (0x0an << 40n) | low, null),
  ];
}

/** A bridge's own interface; the one with the tunnels' address is up and holds it. */
function bridgeDevice(host: CloudHost, name: string): DevicePlan {
  const address = host.layer2?.tunnelAddress;
  if (host.layer2?.tunnelDevice !== name || address == null) {
    return { ...device(name, 'openvswitch'), up: false };
  }
  return {
    ...device(name, 'openvswitch'),
    mac: nicOf(host, host.layer2.bridgeNics.get(name) ?? '').mac,
    addresses: [{ address, length: 24, scope: 'global' }],
  };
}

/** NICs and the kernel's bonds of them; of a bond that the switch makes there is no device. */
export function nicDevices(host: CloudHost): readonly DevicePlan[] {
  return host.nics
    .filter(({ bond }) => bond?.by !== 'openvswitch')
    .map((nic) => ({
      ...device(nic.name, nic.bond === null ? '' : 'bond'),
      ...nicDevice(nic),
      master: host.nics.find(({ bond }) => isMember(bond, nic.name))?.name ?? null,
      details: nic.bond === null ? {} : bondDetails(nic.bond),
    }));
}

/** Default routes of the host itself, by the NICs that lead to its gateways. */
export function defaultRoutesOf({ nics }: CloudHost): readonly RoutePlan[] {
  return nics.flatMap(({ name, gateway }) =>
    gateway === undefined ? [] : [route(null, gateway, name)],
  );
}

function isMember(bond: HostBond | null, nic: string): boolean {
  return bond?.by === 'linux' && bond.members.includes(nic);
}

function bondDetails({ mode, members, active }: HostBond): DevicePlan['details'] {
  const used = active ?? members[0];
  return {
    mode,
    miimon: 100,
    ...(mode === 'active-backup' && used !== undefined ? { active_slave: used } : {}),
  };
}

function nicDevice({
  mac,
  mtu,
  addresses,
}: HostNic): Pick<DevicePlan, 'mac' | 'mtu' | 'addresses'> {
  return {
    mac,
    mtu,
    addresses: addresses.map((each) => ({ ...each, scope: scopeOf(each.address) })),
  };
}

export function scopeOf({ version, value }: CloudAddress): 'global' | 'link' {
  return version === 6 && value >> 118n === 0x3fan ? 'link' : 'global';
}

/** A tap is the host's end; its MAC is the guest's with `fe` in front (libvirt). */
export function tapOf({ device: name, port, namespace, inside }: Plugged): DevicePlan {
  const mac = (port.mac & 0xff_ffff_ffffn) | (0xfen << 40n);
  // A guest whose inside is described is at the other end of a veth.
  if (inside === undefined) return { ...device(name, 'tun'), mac };
  return { ...device(name, 'veth'), mac, peer: { namespace, device: inside } };
}

export function device(name: string, kind: DevicePlan['kind']): DevicePlan {
  const nothing = { master: null, peer: null, lower: null, addresses: [], details: {} };
  return { name, kind, mac: 0n, mtu: 1500, up: true, ...nothing };
}

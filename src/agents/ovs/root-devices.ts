/** The host's own namespace: NICs, bridges, and the host's ends of what was plugged in. */
import { type CloudHost, type HostNic } from '../../model/cloud.ts';
import { type CloudAddress } from '../../model/neutron.ts';
import { type BridgePlan, type DevicePlan, emptyNamespace, type NamespacePlan } from '../plan.ts';
import { nicOf, type Plugged } from './ports.ts';

/** The host's own namespace: NICs, bridges, and the host's ends of what was plugged in. */
export function rootOf(
  host: CloudHost,
  bridges: readonly BridgePlan[],
  plugged: readonly Plugged[],
): NamespacePlan {
  const devices: DevicePlan[] = [
    ...host.nics.map((nic) => ({ ...device(nic.name, ''), ...nicDevice(nic) })),
    ...bridges.map(({ name }) => bridgeDevice(host, name)),
    ...plugged.filter(({ kind }) => kind === 'tap').map((plug) => tapOf(plug)),
  ];
  return { ...emptyNamespace('root'), devices };
}

/** A bridge's own interface; the one with the tunnels' address is up and holds it. */
export function bridgeDevice(host: CloudHost, name: string): DevicePlan {
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

export function nicDevice({
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
export function tapOf({ device: name, port }: Plugged): DevicePlan {
  return { ...device(name, 'tun'), mac: (port.mac & 0xff_ffff_ffffn) | (0xfen << 40n) };
}

export function device(name: string, kind: DevicePlan['kind']): DevicePlan {
  const nothing = { master: null, peer: null, lower: null, addresses: [], details: {} };
  return { name, kind, mac: 0n, mtu: 1500, up: true, ...nothing };
}

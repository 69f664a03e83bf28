/** Ports of the agent's bridges as rows of the switch's database. *
 * Simplification: a port that is down counts as one that was taken down, which the agent puts on
 * VLAN 4095 with the firewall's flows left; one that was down before its agent first saw it has
 * neither a VLAN nor flows (ovs_neutron_agent.py `port_dead`), nor has its host tunnels and local
 * VLANs for networks that no other port of it is on, and no object of the API tells which.
 */
import { type CloudHost, type HostNic } from '../../model/cloud.ts';
import { type Place, type Plug } from '../part.ts';
import { type PortPlan } from '../plan.ts';
import { policedRate, policyOf } from './qos.ts';
import { DEAD_VLAN } from './tables.ts';

/** The OpenFlow port of a bridge itself (OFPP_LOCAL). */
const LOCAL = 65534;

/** A plug on br-int with the numbers this host gave it. */
export interface Plugged extends Plug {
  readonly ofport: number;
  readonly vlan: number;
  /** As br-int knows it; with a firewall or trunk bridge between, not the guest's tap. */
  readonly name: string;
  /** The other end of a patch pair to a trunk bridge; null for a device. */
  readonly peer: string | null;
}

export function plainPort(name: string, ofport: number): PortPlan {
  const nothing = {
    options: {},
    tag: null,
    bundle: null,
    trunks: [],
    otherConfig: {},
    externalIds: {},
  };
  return { name, ofport, type: '', mac: 0n, mtu: 1500, ...nothing };
}

export function localPort(name: string): PortPlan {
  return { ...plainPort(name, LOCAL), type: 'internal' };
}

export function patch(name: string, ofport: number, peer: string): PortPlan {
  return { ...plainPort(name, ofport), type: 'patch', options: { peer } };
}

export function devicePort(at: Place, { port, name, ofport, vlan, kind, peer }: Plugged): PortPlan {
  const network = at.view.networks.get(port.networkId);
  const { provider } = network ?? {};
  return {
    ...plainPort(name, ofport),
    otherConfig: {
      net_uuid: port.networkId,
      network_type: provider?.type ?? '',
      physical_network: provider?.physicalNetwork ?? 'None',
      segmentation_id: String(provider?.segmentationId ?? 'None'),
      tag: String(vlan),
    },
    type: peer !== null ? 'patch' : kind === 'internal' ? 'internal' : '',
    options: peer === null ? {} : { peer },
    tag: port.adminUp ? (at.staleTags.get(port.id) ?? vlan) : DEAD_VLAN,
    mac: port.mac,
    mtu: network?.mtu ?? 1500,
    externalIds: externalIdsOf(port),
    policed_kbps: policedRate(policyOf(at.view, port)),
  };
}

/** By what the agent knows a device's port again. */
export function externalIdsOf({ id, mac }: Plug['port']): Readonly<Record<string, string>> {
  return { 'iface-id': id, 'attached-mac': macText(mac) };
}

export function macText(value: bigint): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replaceAll(/(..)(?=.)/g, '$1:');
}

/** A bridge's port of a NIC; of a bond that the switch makes, its members. */
export function nicPorts(at: Place, bridge: string, nic: string): readonly PortPlan[] {
  const bond = at.host.nics.find(({ name }) => name === nic)?.bond;
  if (bond?.by !== 'openvswitch') {
    return [{ ...plainPort(nic, at.numbers.ofport(bridge, nic)), ...nicOf(at.host, nic) }];
  }
  const bundle = { name: nic, mode: bond.mode, active: bond.active ?? bond.members[0] ?? null };
  return bond.members.map((member) => ({
    ...plainPort(member, at.numbers.ofport(bridge, member)),
    ...nicOf(at.host, member),
    bundle,
  }));
}

export function nicOf(host: CloudHost, name: string): Pick<HostNic, 'mac' | 'mtu'> {
  const nic = host.nics.find((each) => each.name === name);
  return { mac: nic?.mac ?? 0n, mtu: nic?.mtu ?? 1500 };
}

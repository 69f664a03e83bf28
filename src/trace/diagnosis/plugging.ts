/**
 * How a server's interface is plugged on its host: a tap on the network's Linux bridge, or, with
 * the hybrid firewall, on a bridge of its own that a veth pair joins with br-int
 * (os_vif, nova/network/model.py `hybrid_plug`).
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { deviceName, networkBridge } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { portLabel, portRef } from '../objects.ts';
import { type Finding } from './case.ts';
import { onHost } from './commands.ts';
import { deviceOn } from './dead-port.ts';

/** What is wrong with the devices of a port on its host; null when nothing is, or it is unknown. */
export function unplugged(network: Network, port: NeutronPort): Finding | null {
  const { host } = port;
  const devices = network.namespace(host, ROOT)?.state.interfaces ?? [];
  const named = (prefix: 'tap' | 'qvb' | 'qvo' | 'qbr'): string => deviceName(prefix, port.id);
  const has = (name: string): boolean => devices.some((one) => one.name === name);
  const hybrid = port.hybridPlug || has(named('qbr')) || has(named('qvb'));
  const onBridge = port.vifType === 'bridge' || port.drivers.includes('linuxbridge');
  if (devices.length === 0 || (!hybrid && !onBridge)) return null;
  if (!port.deviceOwner.startsWith('compute:')) return null;
  const bridge = hybrid ? named('qbr') : networkBridge(port.networkId);
  const chain: readonly (readonly [string, string | null])[] = hybrid
    ? [
        [named('tap'), bridge],
        [named('qvb'), bridge],
        [named('qvo'), null],
      ]
    : [[named('tap'), bridge]];
  for (const [name, master] of [[bridge, null] as const, ...chain]) {
    const fault = faultOf(
      devices.find((one) => one.name === name),
      master,
    );
    if (fault === null) continue;
    return {
      ...fault,
      host,
      component: master === null ? name : `${master} ${name}`,
      origin: null,
      because: [`${name} of ${portLabel(network, port)} on ${host}: ${fault.evidence}`],
      neutron: [portRef(network, port)],
      fix: { summary: `plug the interface again: restart the server on ${host}`, commands: [] },
      confirm: [onHost(host, `ip link show ${name}`)],
    };
  }
  const joined =
    !hybrid || network.hosts.get(host)?.switch == null || deviceOn(network, host, port) !== null;
  return joined ? null : notPlugged(network, port);
}

/** A device that is not there, is down, or is not a port of its bridge. */
export function faultOf(
  device: Interface | undefined,
  master: string | null,
): { readonly code: Finding['code']; readonly evidence: string } | null {
  if (device === undefined)
    return { code: 'INTERFACE_DOWN', evidence: 'there is no such interface' };
  if (!device.up) return { code: 'INTERFACE_DOWN', evidence: 'the interface is down' };
  // A bridge without a working port has no carrier; its ports tell why.
  if (!device.running && device.kind !== 'bridge') {
    return { code: 'INTERFACE_DOWN', evidence: 'no carrier' };
  }
  if (master !== null && device.master !== master) {
    return { code: 'BRIDGE_PORT_NOT_FORWARDING', evidence: `is no port of ${master}` };
  }
  return null;
}

/** Nothing of the port is in br-int of its host; null where there is, or no such bridge is known. */
export function notPlugged(network: Network, port: NeutronPort): Finding | null {
  const host = network.hosts.get(port.host);
  const sw = host?.switch ?? null;
  // Without its bridges there is nothing to say about the host.
  if (sw === null || !sw.bridges.some(({ name }) => name === 'br-int')) return null;
  if (deviceOn(network, port.host, port) !== null) return null;
  const name = portLabel(network, port);
  return {
    code: 'INTERFACE_DOWN',
    host: port.host,
    component: `br-int port of ${port.id}`,
    because: [`nothing of ${name} is plugged into br-int on ${port.host}`],
    neutron: [portRef(network, port)],
    fix: { summary: 'start the server, or plug its interface again', commands: [] },
    confirm: [onHost(port.host, `ovs-vsctl find Interface external_ids:iface-id=${port.id}`)],
  };
}

/**
 * The way of a network out of a host with Linux bridges: its bridge, and on it the VXLAN device of
 * the network, or the NIC (or its VLAN device) of the physical network (neutron
 * plugins/ml2/drivers/linuxbridge/agent/linuxbridge_neutron_agent.py).
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { networkBridge, vxlanDevice } from '../../model/ids.ts';
import { type NeutronNetwork } from '../../model/neutron.ts';
import { isRecord } from '../../text/json-text.ts';
import { networkRef } from '../objects.ts';
import { type Finding } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { faultOf } from './plugging.ts';

const AGENT = 'neutron-linuxbridge-agent';

/** What is wrong with the way out; null when nothing is, or the host has no Linux bridge agent. */
export function linuxUplink(network: Network, host: string, of: NeutronNetwork): Finding | null {
  const devices = network.namespace(host, ROOT)?.state.interfaces ?? [];
  const bridge = networkBridge(of.id);
  const name = deviceOf(network, host, of);
  if (name === null || !devices.some((one) => one.name === bridge)) return null;
  const device = devices.find((one) => one.name === name);
  const vni = of.provider.type === 'vxlan' ? of.provider.segmentationId : null;
  const missing = device === undefined && vni !== null;
  const other = vni !== null && device !== undefined && device.details['id'] !== vni;
  const fault = missing
    ? { code: 'VNI_MAP_MISSING' as const, evidence: 'there is no such interface' }
    : other
      ? { code: 'VNI_MAP_MISMATCH' as const, evidence: `id ${String(device.details['id'])}` }
      : faultOf(device, bridge);
  if (fault === null) return null;
  return {
    ...fault,
    host,
    component: fault.code === 'BRIDGE_PORT_NOT_FORWARDING' ? `${bridge} ${name}` : name,
    origin: null,
    because: [`${name} of ${host}, by which ${of.name} leaves the host: ${fault.evidence}`],
    neutron: [networkRef(of)],
    fix: {
      summary: `restart ${AGENT} on ${host}, which builds the network’s devices anew`,
      commands: [restartAgent(host, AGENT)],
    },
    confirm: [onHost(host, `ip -d link show ${name}`)],
  };
}

/** The device that carries the network; null when the host's agent does not say. */
function deviceOf(network: Network, host: string, of: NeutronNetwork): string | null {
  const agent = network.neutron.agents.find((one) => one.host === host && one.binary === AGENT);
  if (agent === undefined) return null;
  const { type, physicalNetwork, segmentationId } = of.provider;
  if (type === 'vxlan') return segmentationId === null ? null : vxlanDevice(segmentationId);
  const mappings = agent.configurations['interface_mappings'];
  const nic = isRecord(mappings) && physicalNetwork !== null ? mappings[physicalNetwork] : null;
  if (typeof nic !== 'string') return null;
  return type === 'vlan' ? `${nic}.${segmentationId}` : nic;
}

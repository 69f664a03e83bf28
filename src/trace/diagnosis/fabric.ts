/**
 * The physical switch at a host's NIC, where somebody described it: a port that is shut down, or
 * that does not carry the frame's VLAN.
 */
import { FABRIC_BRIDGE } from '../../dataplane/endpoint/physical.ts';
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Case, type Finding } from './case.ts';

/**
 * What a switch between the hosts did to frames from or to a host; null when it did nothing.
 *
 * @param nics through which the network leaves the host; empty when that is not known
 * @param vlan tag with which the frames come and go by `nics`; null is none
 */
export function fabricFault(
  of: Case,
  host: string,
  { nics, vlan }: { readonly nics: readonly string[]; readonly vlan: number | null },
): Finding | null {
  const { network } = of.compiled;
  const ports = portsAt(network, host);
  for (const { fabric, port } of ports) {
    const device = network
      .namespace(fabric, ROOT)
      ?.state.interfaces.find(({ name }) => name === port);
    if (device === undefined || device.up) continue;
    return {
      code: 'INTERFACE_DOWN',
      host: fabric,
      component: `${FABRIC_BRIDGE} ${port}`,
      evidence: 'shutdown',
      origin: null,
      because: [`port ${port} of ${fabric}, to which ${host} is connected, is shut down`],
      fix: { summary: `enable ${port} on ${fabric}`, commands: [] },
    };
  }
  for (const { fabric, port, nic } of ports) {
    const entries = network.namespace(fabric, ROOT)?.state.bridgeVlans ?? [];
    if (vlan === null || !nics.includes(nic)) continue;
    const tagged = entries.some(
      ({ device, from, to, untagged }) =>
        device === port && !untagged && from <= vlan && vlan <= to,
    );
    if (!tagged)
      return notCarried(fabric, port, host, `${port} does not carry VLAN ${vlan} tagged`);
  }
  for (const { ending } of of.reads) {
    const { outcome, device } = ending;
    if (outcome.kind !== 'dropped' || outcome.drop.reason !== 'VLAN_NOT_TRUNKED') continue;
    const { evidence } = outcome.drop;
    const at = ports.find(
      ({ fabric, port, nic }) =>
        fabric === device.host &&
        evidence.startsWith(`${port} `) &&
        (nics.length === 0 || nics.includes(nic)),
    );
    if (at !== undefined) return notCarried(at.fabric, at.port, host, evidence);
  }
  return null;
}

function notCarried(fabric: string, port: string, host: string, evidence: string): Finding {
  return {
    code: 'VLAN_NOT_TRUNKED',
    host: fabric,
    component: `${FABRIC_BRIDGE} ${port}`,
    evidence,
    origin: null,
    because: [`port ${port} of ${fabric}, to which ${host} is connected: ${evidence}`],
    fix: { summary: `add the VLAN to ${port} on ${fabric}`, commands: [] },
  };
}

/** Ports of described switches that a host's NICs are connected to. */
function portsAt(
  network: Network,
  host: string,
): readonly { readonly fabric: string; readonly port: string; readonly nic: string }[] {
  const nics = network.namespace(host, ROOT)?.state.interfaces ?? [];
  return nics.flatMap(({ name }) => {
    const wire = network.wire({ host, namespace: ROOT, name });
    if (wire.kind !== 'interface' || wire.to.host === host) return [];
    return [{ fabric: wire.to.host, port: wire.to.name, nic: name }];
  });
}

/** Bridges of a switch that no agent makes and that nothing of the cloud passes by itself. */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';

const OF_AGENTS = /^(br-int|br-tun|tbr-.*)$/;

/**
 * Whether a bridge is somebody's own: it has no patch, no tunnel, no port with an id of Neutron
 * and no NIC.
 */
export function isForeignBridge(
  network: Pick<Network, 'wire'>,
  host: string,
  { name, ports }: Bridge,
): boolean {
  if (OF_AGENTS.test(name)) return false;
  return ports.every((port) => {
    if (port.type === 'patch' || port.tunnel !== null) return false;
    if (port.externalIds['iface-id'] !== undefined) return false;
    return network.wire({ host, namespace: ROOT, name: port.name }).kind !== 'segment';
  });
}

/**
 * What the hypervisor plugs in for the servers of a host: a tap per port. A server whose inside
 * nobody describes is a guest that answers as its port says.
 */
import { deviceName } from '../model/ids.ts';
import { isBalancerPort } from './lbaas/agent.ts';
import { type DeviceAgent, NOTHING } from './part.ts';

export const compute: DeviceAgent = ({ view, host }) => ({
  ...NOTHING,
  plugs: view
    .portsOnHost(host.name)
    .filter((port) => !port.deviceOwner.startsWith('network:') && port.deviceId !== '')
    .filter((port) => port.deviceOwner !== 'trunk:subport' && !isBalancerPort(port))
    .map((port) => ({
      port,
      device: deviceName('tap', port.id),
      kind: 'tap',
      namespace: `vm-${port.id}`,
      bridge: null,
    })),
});

/**
 * What the hypervisor plugs in for the servers of a host: a tap per port. A server whose inside
 * nobody describes is a guest that answers as its port says.
 */
import { type HostDevice } from '../model/cloud.ts';
import { deviceName } from '../model/ids.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { isBalancerPort } from './lbaas/agent.ts';
import { amphoraDevice } from './lbaas/amphora.ts';
import { addressesOf, linkLocalOf, listen, namespacePlug, portDevice } from './namespace-parts.ts';
import { type DeviceAgent, joinParts, NOTHING, type Part, type Place, type Plug } from './part.ts';
import { emptyNamespace } from './plan.ts';

/** Bindings with which no tap comes: failed ones, and devices that bypass the host's switch. */
const UNPLUGGED = new Set(['binding_failed', 'unbound', 'hw_veb', 'hostdev_physical']);

/** The host's own namespace. */
const ROOT = 'root';

export const compute: DeviceAgent = (at) => {
  const { view, host } = at;
  const ofHosts = new Set(view.cloud.hostDevices.map(({ portId }) => portId));
  const guests: Part = {
    ...NOTHING,
    plugs: view
      .portsOnHost(host.name)
      .filter((port) => !port.deviceOwner.startsWith('network:') && port.deviceId !== '')
      .filter((port) => port.deviceOwner !== 'trunk:subport' && !isBalancerPort(port))
      .filter(({ id, vifType }) => !UNPLUGGED.has(vifType) && !ofHosts.has(id))
      .map((port): Plug => {
        const known = amphoraDevice(view, port);
        return {
          port,
          device: deviceName('tap', port.id),
          kind: 'tap',
          namespace: known?.namespace ?? `vm-${port.id}`,
          bridge: null,
          ...(known === null ? {} : { inside: known.device }),
        };
      }),
  };
  const own = view.cloud.hostDevices.flatMap((each) => {
    const port = view.ports.get(each.portId);
    return port?.host === host.name ? [hostDevice(at, port, each)] : [];
  });
  return joinParts([guests, ...own]);
};

/** An interface of the host itself on one of its networks. */
function hostDevice(at: Place, port: NeutronPort, { device, listens }: HostDevice): Part {
  const addresses = [...addressesOf(at.view, port.fixedIps), linkLocalOf(port.mac)];
  return {
    ...NOTHING,
    plugs: [namespacePlug(at, port, device, ROOT)],
    namespaces: [
      {
        ...emptyNamespace(ROOT),
        devices: [portDevice(at, port, device, addresses)],
        sockets: listens.map((each) => listen(each.protocol, each.port, device)),
      },
    ],
  };
}

/** What a userspace datapath must know to send through its own tunnels: route and neighbours. */
import { type CloudHost, type Layer2Agent } from '../../model/cloud.ts';
import { type CloudAddress } from '../../model/neutron.ts';
import { type Place } from '../part.ts';
import { type SwitchPlan } from '../plan.ts';
import { nicOf } from './ports.ts';

export function tunnelRoutes(host: CloudHost, layer2: Layer2Agent): SwitchPlan['tunnelRoutes'] {
  const { tunnelAddress: address, tunnelDevice: device } = layer2;
  if (address === null || device === null) return [];
  return [{ device, address, length: tunnelPrefix(host, address) }];
}

/** The other hosts' ends, by the NIC or bridge that holds their address. */
export function tunnelNeighbours(at: Place, layer2: Layer2Agent): SwitchPlan['tunnelNeighbours'] {
  const bridge = layer2.tunnelDevice;
  if (bridge === null) return [];
  return at.view.cloud.hosts.flatMap((host) => {
    const address = host.layer2?.tunnelAddress;
    const device = host.layer2?.tunnelDevice;
    if (host.name === at.host.name || address == null || device == null) return [];
    const nic = host.layer2?.bridgeNics.get(device) ?? device;
    return [{ address, mac: nicOf(host, nic).mac, bridge }];
  });
}

/** The length of the tunnels' network; an address on a bridge tells it through its NIC's. */
function tunnelPrefix(host: CloudHost, address: CloudAddress): number {
  const own = host.nics
    .flatMap((nic) => nic.addresses)
    .find((each) => each.address.value === address.value);
  return own?.length ?? 24;
}

/**
 * Load balancers of LBaaS v2: a namespace `qlbaas-…` with the VIP's port, where haproxy takes
 * connections and opens its own to the members
 * (neutron_lbaas/drivers/haproxy/namespace_driver.py).
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type LoadBalancer, type NeutronPort } from '../../model/neutron.ts';
import {
  addressesOf,
  linkLocalOf,
  listen,
  namespacePlug,
  portDevice,
  route,
} from '../namespace-parts.ts';
import { type DeviceAgent, joinParts, type Part, type Place } from '../part.ts';
import { emptyNamespace } from '../plan.ts';
import { haproxyText } from './haproxy-text.ts';

/** Owners of a VIP's port; Octavia's is bound nowhere, its amphorae are servers. */
const OWNERS = new Set(['neutron:LOADBALANCER', 'neutron:LOADBALANCERV2']);

export function isBalancerPort({ deviceOwner }: NeutronPort): boolean {
  return OWNERS.has(deviceOwner);
}

export const lbaasAgent: DeviceAgent = (at) =>
  joinParts(
    at.view
      .portsOnHost(at.host.name)
      .filter(isBalancerPort)
      .map((port) => namespace(at, port)),
  );

function namespace(at: Place, port: NeutronPort): Part {
  const { view } = at;
  const name = NAMESPACES.balancer + port.deviceId;
  const device = deviceName(at.host.layer2?.kind === 'linuxbridge' ? 'ns-' : 'tap', port.id);
  const balancer = view.cloud.loadBalancers.find(
    (each) => each.provider === 'haproxy' && each.vipPortId === port.id,
  );
  const gateway = port.fixedIps
    .map(({ subnetId }) => view.subnets.get(subnetId)?.gateway)
    .find((each) => each != null);
  const program = balancer === undefined ? null : haproxy(balancer);
  return {
    plugs: [namespacePlug(at, port, device, name)],
    namespaces: [
      {
        ...emptyNamespace(name),
        devices: [
          portDevice(at, port, device, [
            ...addressesOf(view, port.fixedIps),
            linkLocalOf(port.mac),
          ]),
        ],
        routes: gateway == null ? [] : [route(null, gateway, device)],
        sysctls: new Map([['net.ipv4.ip_forward', '0']]),
        sockets: (balancer?.listeners ?? [])
          .filter(({ adminUp }) => adminUp)
          .map((each) => listen('tcp', each.port, 'haproxy', balancer?.vipAddress ?? null)),
      },
    ],
    files: program?.files ?? new Map(),
    commandLines: program?.commandLines ?? [],
  };
}

function haproxy(balancer: LoadBalancer): Pick<Part, 'files' | 'commandLines'> {
  const folder = `/var/lib/neutron/lbaas/v2/${balancer.id}`;
  return {
    files: new Map([[`lbaas/v2/${balancer.id}/haproxy.conf`, haproxyText(balancer, folder)]]),
    commandLines: [`haproxy -f ${folder}/haproxy.conf -p ${folder}/haproxy.pid`],
  };
}

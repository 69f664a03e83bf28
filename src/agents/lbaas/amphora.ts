/**
 * Inside an amphora of Octavia: the namespace `amphora-haproxy` with the NIC of the virtual
 * address, haproxy, and with a standby amphora beside it keepalived, which gives the address to one
 * of the two (topology ACTIVE_STANDBY; octavia/amphorae/drivers/keepalived). The dump has it as a
 * lab's hosts have their guests: a namespace `vm-…`, whose veth's other end is the tap.
 *
 * Simplification: listeners for UDP, which keepalived's LVS serves in an amphora, take packets and
 * answer themselves; no member gets them.
 */
import { portsBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { deviceName } from '../../model/ids.ts';
import { type CloudAddress, type LoadBalancer, type NeutronPort } from '../../model/neutron.ts';
import { addressesOf, linkLocalOf, listen, route } from '../namespace-parts.ts';
import { type DeviceAgent, joinParts, type Part, type Place } from '../part.ts';
import {
  type AddressPlan,
  type DevicePlan,
  emptyNamespace,
  type RoutePlan,
  type RulePlan,
} from '../plan.ts';
import { type CloudView } from '../view.ts';
import { type AmphoraKeepalived, amphoraKeepalivedText } from './amphora-keepalived.ts';
import { haproxyText } from './haproxy-text.ts';

/** The table of what leaves with the virtual address. */
const VIRTUAL_TABLE = 1;
const RULE_PRIORITY = 100;

/** The namespace that stands for the inside of the amphora behind a port. */
function amphoraNamespace(port: NeutronPort): string {
  return `vm-${port.id}`;
}

/** A device inside of the amphora that a tap leads to; null for a tap of anything else. */
export function amphoraDevice(
  { cloud, ports }: CloudView,
  port: NeutronPort,
): { readonly namespace: string; readonly device: string } | null {
  for (const { provider, amphoraPortIds } of cloud.loadBalancers) {
    if (provider !== 'amphora') continue;
    for (const id of amphoraPortIds) {
      const own = ports.get(id);
      if (own === undefined || own.deviceId !== port.deviceId) continue;
      const at = nicsOf(cloud.neutron, own).findIndex((nic) => nic.id === port.id);
      if (at >= 0) return { namespace: amphoraNamespace(own), device: nicName(at) };
    }
  }
  return null;
}

/** The NIC of management is eth0, outside of the namespace. */
function nicName(at: number): string {
  return `eth${at + 1}`;
}

/** The amphora's ports in its namespace: the virtual address's first, then members' networks. */
function nicsOf(neutron: CloudView['cloud']['neutron'], own: NeutronPort): readonly NeutronPort[] {
  const beside = portsBehind(neutron, own.host, deviceName('tap', own.id));
  return [own, ...beside.filter(({ id }) => id !== own.id)];
}

export const amphorae: DeviceAgent = (at) =>
  joinParts(
    at.view.cloud.loadBalancers.flatMap((balancer) => {
      if (balancer.provider !== 'amphora') return [];
      const ports = balancer.amphoraPortIds.flatMap((id) => at.view.ports.get(id) ?? []);
      return ports.flatMap((port, order) =>
        port.host === at.host.name ? [inside(at, balancer, port, order, ports)] : [],
      );
    }),
  );

function inside(
  at: Place,
  balancer: LoadBalancer,
  own: NeutronPort,
  order: number,
  ports: readonly NeutronPort[],
): Part {
  const { view } = at;
  const nics = nicsOf(view.cloud.neutron, own);
  // Of two amphorae the first has the higher priority, and so the address.
  const active = order === 0;
  const { vipAddress } = balancer;
  const virtual = virtualAddress(vipAddress);
  const devices = nics.map((port, i): DevicePlan => {
    const name = nicName(i);
    return {
      name,
      kind: 'veth',
      mac: port.mac,
      mtu: view.networks.get(port.networkId)?.mtu ?? 1500,
      up: true,
      master: null,
      peer: { namespace: 'root', device: deviceName('tap', port.id) },
      lower: null,
      addresses: [
        ...addressesOf(view, port.fixedIps),
        ...(i === 0 && active ? [virtual] : []),
        linkLocalOf(port.mac),
      ],
      details: {},
    };
  });
  const routes = nics.flatMap((port, i) => (i === 0 ? defaultRoute(view, port, nicName(i)) : []));
  const redundant = ports.length > 1;
  const programs = [
    haproxy(balancer, own),
    ...(redundant ? [keepalived(view, balancer, own, order, ports)] : []),
  ];
  const ofMaster = redundant && active;
  return {
    plugs: [],
    namespaces: [
      {
        ...emptyNamespace(amphoraNamespace(own)),
        devices,
        routes: [
          ...routes,
          ...(ofMaster ? routes.map((each): RoutePlan => ({ ...each, table: VIRTUAL_TABLE })) : []),
        ],
        rules: ofMaster ? [virtualRule(vipAddress)] : [],
        sysctls: new Map([
          ['net.ipv4.ip_forward', '1'],
          ['net.ipv4.ip_nonlocal_bind', '1'],
          ['net.ipv4.conf.all.rp_filter', '0'],
        ]),
        sockets: balancer.listeners
          .filter(({ adminUp }) => adminUp)
          .map(({ protocol, port }) =>
            protocol === 'UDP'
              ? listen('udp', port, 'keepalived', vipAddress)
              : listen('tcp', port, 'haproxy', vipAddress),
          ),
      },
    ],
    files: new Map(programs.flatMap(({ files }) => [...files])),
    commandLines: programs.flatMap(({ commandLines }) => commandLines),
  };
}

function virtualAddress(address: CloudAddress): AddressPlan {
  return { address, length: address.version === 4 ? 32 : 128, scope: 'global' };
}

function virtualRule(address: CloudAddress): RulePlan {
  return {
    version: address.version,
    priority: RULE_PRIORITY,
    from: { address, length: address.version === 4 ? 32 : 128 },
    to: null,
    inputDevice: null,
    table: VIRTUAL_TABLE,
  };
}

function defaultRoute(view: CloudView, port: NeutronPort, device: string): readonly RoutePlan[] {
  return port.fixedIps.flatMap(({ subnetId }) => {
    const gateway = view.subnets.get(subnetId)?.gateway;
    return gateway == null ? [] : [route(null, gateway, device)];
  });
}

type Program = Pick<Part, 'files' | 'commandLines'>;

function haproxy(balancer: LoadBalancer, { id }: NeutronPort): Program {
  const folder = `/var/lib/octavia/${id}`;
  const served = balancer.listeners.filter(({ protocol }) => protocol !== 'UDP');
  const text = haproxyText({ ...balancer, listeners: served }, folder);
  return {
    files: new Map([[`octavia/${id}/haproxy.cfg`, text]]),
    commandLines: [`haproxy -f ${folder}/haproxy.cfg -p ${folder}/haproxy.pid`],
  };
}

function keepalived(
  view: CloudView,
  balancer: LoadBalancer,
  own: NeutronPort,
  order: number,
  ports: readonly NeutronPort[],
): Program {
  const { version } = balancer.vipAddress;
  const addressOf = (port: NeutronPort): CloudAddress[] =>
    port.fixedIps.flatMap(({ address }) => (address.version === version ? [address] : []));
  const [source] = addressOf(own);
  if (source === undefined) return { files: new Map(), commandLines: [] };
  const subnet = own.fixedIps
    .map(({ subnetId }) => view.subnets.get(subnetId))
    .find((each) => each?.prefix.address.version === version);
  const plan: AmphoraKeepalived = {
    name: balancer.id.replaceAll('-', ''),
    device: nicName(0),
    master: order === 0,
    source,
    peers: ports.filter(({ id }) => id !== own.id).flatMap((each) => addressOf(each).slice(0, 1)),
    virtual: balancer.vipAddress,
    gateway: subnet?.gateway ?? null,
    table: VIRTUAL_TABLE,
    rulePriority: RULE_PRIORITY,
  };
  const path = `/var/lib/octavia/${own.id}/octavia-keepalived.conf`;
  return {
    files: new Map([[`octavia/${own.id}/octavia-keepalived.conf`, amphoraKeepalivedText(plan)]]),
    commandLines: [`keepalived -D -d -f ${path}`],
  };
}

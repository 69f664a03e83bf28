/**
 * A finding about a device that is down, brought to the end that somebody took down: a veth end
 * without carrier is down because of its peer, a port of the switch because of its device, and a
 * device that does not exist because its namespace is gone.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { NAMESPACES } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { networkById, networkRef, portOfDevice, portRef, routerRef } from '../objects.ts';
import { type Case, type Finding } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';

const DOWN: ReadonlySet<string> = new Set(['INTERFACE_DOWN', 'OF_PORT_DOWN']);

/** The finding, about the end that is to blame. */
export function atItsCause(of: Case, found: Finding): Finding {
  if (!DOWN.has(found.code)) return found;
  const { network } = of.compiled;
  const host = found.host ?? of.host;
  const words = (found.component ?? of.drop.where).split(' ');
  const device = words.at(-1) ?? '';
  const [first = ''] = words;
  const inside = words.length > 1 && network.namespace(host, first) !== undefined;
  const namespace = inside ? first : ROOT;
  const own = interfaceAt(network, host, namespace, device);
  if (own === undefined) return homeless(network, host, device) ?? found;
  if (own.up && own.running) return found;
  const peer = own.up ? takenDown(network, host, namespace, device) : null;
  if (peer !== null) return { ...found, ...peer, code: 'INTERFACE_DOWN' };
  // Open vSwitch only repeats what its device says; the host's own namespace goes without saying.
  const bare = found.code === 'OF_PORT_DOWN' || first === ROOT;
  const evidence = own.up ? 'no carrier' : 'the interface is down';
  if (!bare) return found;
  const because =
    found.code === 'OF_PORT_DOWN' ? [`${device} on ${host}: ${evidence}`] : found.because;
  return { ...found, code: 'INTERFACE_DOWN', component: device, evidence, because };
}

function interfaceAt(
  network: Network,
  host: string,
  namespace: string,
  device: string,
): Interface | undefined {
  const state = network.namespace(host, namespace)?.state;
  return state?.interfaces.find(({ name }) => name === device);
}

/** The other end of a veth pair, where that is the one that is down. */
function takenDown(
  network: Network,
  host: string,
  namespace: string,
  name: string,
): Omit<Finding, 'code'> | null {
  const wire = network.wire({ host, namespace, name });
  if (wire.kind !== 'interface' || wire.to.host !== host) return null;
  const { to } = wire;
  const peer = interfaceAt(network, host, to.namespace, to.name);
  if (peer === undefined || peer.up) return null;
  return {
    host,
    component: to.namespace === ROOT ? to.name : `${to.namespace} ${to.name}`,
    evidence: 'the interface is down',
    origin: null,
    because: [`${to.name} on ${host} is down, and so ${name}, its other end, has no carrier`],
    fix: { summary: `set ${to.name} up on ${host}; look why it was taken down`, commands: [] },
    confirm: [inNamespace(host, to.namespace, `ip link show ${to.name}`)],
  };
}

/** The switch has the port of a router or server whose namespace is not there. */
function homeless(network: Network, host: string, device: string): Finding | null {
  const port = portOfDevice(network, host, device);
  if (port === null) return null;
  return withoutRouter(network, host, port, device) ?? withoutServer(network, host, port, device);
}

function withoutRouter(
  network: Network,
  host: string,
  port: NeutronPort,
  device: string,
): Finding | null {
  const router = network.neutron.routers.find(({ id }) => id === port.deviceId);
  if (router === undefined) return null;
  const prefix = device.startsWith('sg-') ? NAMESPACES.snat : NAMESPACES.router;
  const name = `${prefix}${router.id}`;
  if (network.namespace(host, name) !== undefined) return null;
  const label = router.name === '' ? router.id : router.name;
  const down = router.adminUp ? '' : ', as the router is administratively down';
  return {
    code: 'ROUTER_NOT_SCHEDULED',
    host,
    component: name,
    evidence: 'no namespace',
    origin: null,
    because: [`${label} should run on ${host}, but there is no namespace ${name}${down}`],
    neutron: [routerRef(router), portRef(network, port)],
    fix: {
      summary: `restart neutron-l3-agent on ${host}, which builds the router anew`,
      commands: [restartAgent(host, 'neutron-l3-agent')],
    },
    confirm: [inNamespace(host, ROOT, 'ip netns')],
  };
}

function withoutServer(
  network: Network,
  host: string,
  port: NeutronPort,
  device: string,
): Finding | null {
  const of = networkById(network, port.networkId);
  const name = `${NAMESPACES.dhcp}${port.networkId}`;
  if (port.deviceOwner !== 'network:dhcp' || of === null) return null;
  if (network.namespace(host, name) !== undefined) return null;
  return {
    code: 'NOT_LISTENING',
    host,
    component: name,
    evidence: 'no namespace',
    origin: null,
    because: [
      `${host} should serve addresses of ${of.name} on ${device}, but has no namespace ${name}`,
    ],
    neutron: [networkRef(of), portRef(network, port)],
    fix: {
      summary: `restart neutron-dhcp-agent on ${host}, which builds the namespace anew`,
      commands: [restartAgent(host, 'neutron-dhcp-agent')],
    },
    confirm: [inNamespace(host, ROOT, 'ip netns')],
  };
}

/**
 * A router that sends a packet elsewhere, or nowhere, although the destination lies in a subnet
 * that it joins: the interface towards the subnet is gone, is down or has lost its address, and
 * with it the connected route went (net/ipv4/fib_frontend.c fib_del_ifaddr()). Of a highly
 * available router the frame may have come to an instance that is not master.
 */
import { type Network } from '../../dataplane/network.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type RouteStep } from '../../dataplane/routing/steps.ts';
import { type Interface, type IpAddress } from '../../dataplane/routing/types.ts';
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronPort, type NeutronRouter, type NeutronSubnet } from '../../model/neutron.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { portRef, routerOfNamespace, routerRef } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, tupleOf } from './case.ts';
import { inNamespace, onHost, restartAgent } from './commands.ts';

/** Where a router decided, and for which destination. */
interface Visit {
  readonly host: string;
  readonly namespace: string;
  readonly router: NeutronRouter;
  readonly destination: IpAddress;
  /** The device it sent by; null when it had no route. */
  readonly device: string | null;
  /** Index of the visit's first entry in the diary. */
  readonly since: number;
}

/** Standby instances do not forward either (neutron agent/l3/ha_router.py). */
const NO_WAY: ReadonlySet<string> = new Set(['NO_ROUTE', 'IP_FORWARD_OFF']);

export const misrouted: Diagnosis = (of) => {
  for (const visit of visitsOf(of)) {
    const found = judge(of, visit);
    if (found !== null) return found;
  }
  return null;
};

function judge(of: Case, visit: Visit): Finding | null {
  const { network } = of.compiled;
  const { router, destination } = visit;
  const central = visit.namespace.startsWith(NAMESPACES.snat);
  const inner = portsOfRouter(network, router, central).find(({ subnet }) =>
    prefixCovers(subnet.prefix, destination),
  );
  // Without a route at all, the way out by the gateway may be what is missing; of a distributed
  // router it stands in a namespace of its own.
  const outward = visit.device === null && (!router.distributed || central);
  const joined = inner ?? (outward ? gatewayOf(network, router) : undefined);
  if (joined === undefined) return null;
  const names = (['qr-', 'qg-', 'sg-'] as const).map((prefix) =>
    deviceName(prefix, joined.port.id),
  );
  const inside = visit.device !== null && !central && isInside(visit.device);
  if (inside || (visit.device !== null && names.includes(visit.device))) return null;
  const state = network.namespace(visit.host, visit.namespace)?.state;
  const device = state?.interfaces.find(({ name }) => names.includes(name));
  const name = device?.name ?? names[joined !== inner ? 1 : central ? 2 : 0] ?? '';
  const stale = standby(of, visit, joined.port);
  if (stale !== null || of.drop.reason === 'IP_FORWARD_OFF') return stale;
  return faultOf(visit, joined, device, name, joined === inner);
}

/** Ways between the namespaces of one distributed router. */
function isInside(device: string): boolean {
  return /^(rfp-|fpr-|sg-|fg-)/.test(device);
}

interface Joined {
  readonly port: NeutronPort;
  readonly subnet: NeutronSubnet;
}

function faultOf(
  visit: Visit,
  { port, subnet }: Joined,
  device: Interface | undefined,
  name: string,
  connected: boolean,
): Finding | null {
  const { host, namespace, router } = visit;
  const prefix = `${writeIp(subnet.prefix.address)}/${subnet.prefix.length}`;
  const label = router.name === '' ? router.id : router.name;
  const base = {
    host,
    component: `${namespace} ${name}`,
    origin: null,
    neutron: [routerRef(router), { kind: 'port', id: port.id, name: label } as const],
    fix: {
      summary: `restart neutron-l3-agent on ${host}, which builds the router anew`,
      commands: [restartAgent(host, 'neutron-l3-agent')],
    },
    confirm: [inNamespace(host, namespace, 'ip addr'), inNamespace(host, namespace, 'ip route')],
  };
  if (device === undefined) {
    const because = [`${label} has no interface ${name} towards ${prefix} on ${host}`];
    return { ...base, code: 'INTERFACE_DOWN', evidence: 'there is no such interface', because };
  }
  if (!device.up || !device.running) {
    const evidence = device.up ? 'no carrier' : 'the interface is down';
    const because = [`${name} of ${label}, its way to ${prefix}, is down on ${host}`];
    return { ...base, code: 'INTERFACE_DOWN', evidence, because };
  }
  const own = port.fixedIps.filter(({ address }) => prefixCovers(subnet.prefix, address));
  const has = (wanted: IpAddress): boolean =>
    device.addresses.some(({ address }) => sameAddress(address, wanted));
  if (!own.some(({ address }) => has(address))) {
    const because = [`${name} of ${label} has no address in ${prefix}, and so no route there`];
    return { ...base, code: 'GATEWAY_DOWN', evidence: `no address in ${prefix}`, because };
  }
  if (!connected) return null;
  const masked = device.addresses.find(
    ({ address, length }) =>
      length !== subnet.prefix.length && own.some((one) => sameAddress(one.address, address)),
  );
  const because = [
    masked === undefined
      ? `${label} has an address in ${prefix} on ${name}, but no route to the subnet`
      : `${label} has ${writeIp(masked.address)}/${masked.length} on ${name}, but the subnet is ${prefix}`,
  ];
  return { ...base, code: 'NO_ROUTE', evidence: `no route to ${prefix} by ${name}`, because };
}

/** The instance without addresses received what was for the master on another host. */
function standby(of: Case, visit: Visit, port: NeutronPort): Finding | null {
  if (!visit.router.ha || visit.router.distributed) return null;
  const { network } = of.compiled;
  const master = [...network.hosts.values()].find(({ name, namespaces }) => {
    const state = namespaces.get(visit.namespace)?.state;
    return name !== visit.host && state !== undefined && owns(state.interfaces, port);
  });
  if (master === undefined) return null;
  const sent = sentBy(of.diary.slice(0, visit.since));
  if (sent === null) return null;
  const label = visit.router.name === '' ? visit.router.id : visit.router.name;
  return {
    code: 'FDB_STALE',
    host: sent.host,
    component: `${sent.flow.bridge} table ${sent.flow.table}`,
    evidence: 'leads to an instance that is not master',
    origin: sent.flow.flow?.origin ?? null,
    because: [
      `${sent.host} sends what is for ${label} to ${visit.host}, but its master is on ${master.name}`,
    ],
    neutron: [routerRef(visit.router), portRef(network, port)],
    fix: {
      summary: `restart neutron-openvswitch-agent on ${sent.host}, which populates the entries anew`,
      commands: [restartAgent(sent.host, 'neutron-openvswitch-agent')],
    },
    confirm: [onHost(sent.host, 'ovs-ofctl dump-flows br-tun table=20')],
  };
}

function owns(interfaces: readonly Interface[], { fixedIps }: NeutronPort): boolean {
  return interfaces.some(({ addresses }) =>
    addresses.some((own) => fixedIps.some(({ address }) => sameAddress(address, own.address))),
  );
}

/** The last lookup of a tunnel bridge before the packet came to this host. */
function sentBy(diary: readonly DiaryEntry[]): { host: string; flow: FlowStep } | null {
  let host = '';
  let found: { host: string; flow: FlowStep } | null = null;
  for (const { step } of diary) {
    if (step.kind === 'enter') host = (step as EnterStep).host;
    if (step.kind !== 'flow') continue;
    const flow = step as FlowStep;
    if (flow.bridge === 'br-tun' && flow.table >= 20 && flow.table <= 22) found = { host, flow };
  }
  return found;
}

/** The routers' namespaces that the packet came through, with what they decided. */
function visitsOf(of: Case): readonly Visit[] {
  const found: Visit[] = [];
  let place: { readonly enter: EnterStep; readonly since: number } | null = null;
  const add = (words: Uint32Array, device: string | null): void => {
    if (place === null) return;
    const { host, device: namespace } = place.enter;
    const router = routerOfNamespace(of.compiled.network, namespace);
    const destination = tupleOf(words)?.destination;
    if (router === null || destination === undefined) return;
    found.push({ host, namespace, router, destination, device, since: place.since });
  };
  for (const [since, { step, words }] of of.diary.entries()) {
    if (step.kind === 'enter') place = { enter: step as EnterStep, since };
    else if (step.kind === 'route') {
      const { type, device } = step as RouteStep;
      if (type === 'unicast') add(words, device);
    }
  }
  if (NO_WAY.has(of.drop.reason)) add(of.words, null);
  return found;
}

/** Ports by which a router joins subnets: in its own namespace, or in that of its central part. */
function portsOfRouter(
  network: Network,
  { id, gateway }: NeutronRouter,
  central: boolean,
): readonly Joined[] {
  const { ports, subnets } = network.neutron;
  return ports.flatMap((port) => {
    if (port.deviceId !== id || port.networkId === gateway?.networkId) return [];
    // What routes centrally for a distributed router stands in a namespace of its own.
    if (!/^network:(router|ha_router)/.test(port.deviceOwner)) return [];
    if (port.deviceOwner.endsWith('centralized_snat') !== central) return [];
    return port.fixedIps.flatMap(({ subnetId }) => {
      const subnet = subnets.find((one) => one.id === subnetId);
      return subnet === undefined ? [] : [{ port, subnet }];
    });
  });
}

function gatewayOf(network: Network, { id, gateway }: NeutronRouter): Joined | undefined {
  if (gateway === null) return undefined;
  const { ports, subnets } = network.neutron;
  for (const port of ports) {
    if (port.deviceId !== id || port.networkId !== gateway.networkId) continue;
    for (const { subnetId } of port.fixedIps) {
      const subnet = subnets.find((one) => one.id === subnetId);
      if (subnet !== undefined) return { port, subnet };
    }
  }
  return undefined;
}

/**
 * The way of a floating IP through a distributed router: on the server's own host a rule leads
 * from the router's namespace over a veth pair into the floating namespace, whose agent gateway
 * answers ARP for the address (neutron agent/l3/dvr_local_router.py, dvr_fip_ns.py).
 */
import { type Network } from '../../dataplane/network.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { deviceName, floatingVeth, NAMESPACES } from '../../model/ids.ts';
import {
  type NeutronFloatingIp,
  type NeutronPort,
  type NeutronRouter,
} from '../../model/neutron.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { routerRef } from '../objects.ts';
import { type Case, type Diagnosis, type Finding } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';
import { askedFor } from './neighbours.ts';

const AGENT = 'neutron-l3-agent';

/** A floating IP with everything it stands on. */
interface Way {
  readonly floating: NeutronFloatingIp;
  readonly port: NeutronPort;
  readonly router: NeutronRouter;
  readonly host: string;
}

export const floatingPath: Diagnosis = (of) => {
  const { network } = of.compiled;
  for (const floating of concerned(of)) {
    const router = network.neutron.routers.find(({ id }) => id === floating.routerId);
    const port = network.neutron.ports.find(({ id }) => id === floating.portId);
    if (router === undefined || port === undefined) continue;
    if (router.ha && !router.distributed) {
      const leaderless = noMaster(network, router);
      if (leaderless !== null) return leaderless;
    }
    if (!router.distributed || !network.hosts.has(port.host)) continue;
    if (!translatesItself(network, port.host)) continue;
    const found = brokenLink(network, { floating, port, router, host: port.host });
    if (found !== null) return found;
  }
  return null;
};

/** Floating IPs that the question is about: the destination's, the sender's, one asked for. */
function concerned(of: Case): readonly NeutronFloatingIp[] {
  const { question, compiled } = of;
  const asked = askedFor(of);
  return compiled.network.neutron.floatingIps.filter(
    ({ address, portId }) =>
      (question.to.address !== null && sameAddress(address, question.to.address)) ||
      (asked !== null && sameAddress(address, asked)) ||
      (portId !== null && (portId === question.from.port || portId === question.to.port)),
  );
}

/** Whether a host's L3 agent has floating IPs of its own; others leave them to the central part. */
function translatesItself({ neutron }: Network, host: string): boolean {
  const agent = neutron.agents.find(
    (each) => each.host === host && each.binary === 'neutron-l3-agent',
  );
  const mode = agent?.configurations['agent_mode'];
  return mode === undefined || mode === 'dvr' || mode === 'dvr_snat';
}

/** No instance of a highly available router has its addresses. */
function noMaster(network: Network, router: NeutronRouter): Finding | null {
  const name = `${NAMESPACES.router}${router.id}`;
  const instances = [...network.hosts.values()].filter(({ namespaces }) => namespaces.has(name));
  const [first] = instances;
  const isMaster = instances.some(({ namespaces }) =>
    namespaces
      .get(name)
      ?.state.interfaces.some(
        ({ name: device, addresses }) =>
          /^(qr-|qg-)/.test(device) && addresses.some(({ scope }) => scope === 'global'),
      ),
  );
  if (first === undefined || isMaster) return null;
  const label = router.name === '' ? router.id : router.name;
  return {
    code: 'VRRP_NO_MASTER',
    host: first.name,
    component: name,
    evidence: 'no instance has the router’s addresses',
    origin: null,
    because: [`no instance of ${label} is master, so nobody has its floating IPs`],
    neutron: [routerRef(router)],
    confirm: instances.map((host) => inNamespace(host.name, name, 'ip addr')),
  };
}

type Fault = Pick<Finding, 'code' | 'component' | 'evidence'> & { readonly says: string };

function brokenLink(network: Network, way: Way): Finding | null {
  const { floating, router, host } = way;
  const inside = `${NAMESPACES.router}${router.id}`;
  const outside = `${NAMESPACES.floating}${floating.networkId}`;
  const near = network.namespace(host, inside)?.state;
  const far = network.namespace(host, outside)?.state;
  const fault = linkFault(network, way, near, far);
  if (fault === null) return null;
  const { says, ...rest } = fault;
  const text = writeIp(floating.address);
  return {
    ...rest,
    host,
    origin: null,
    because: [`${text} stands on ${host}, but ${says}`],
    neutron: [routerRef(router), { kind: 'floating-ip', id: floating.id, name: text }],
    fix: {
      summary: `restart ${AGENT} on ${host}, which builds the way of floating IPs anew`,
      commands: [restartAgent(host, AGENT)],
    },
    confirm: [inNamespace(host, inside, 'ip rule'), inNamespace(host, outside, 'ip route')],
  };
}

/** The first link of the way that is broken, in the order a packet of the server meets them. */
function linkFault(
  network: Network,
  way: Way,
  near: Namespace | undefined,
  far: Namespace | undefined,
): Fault | null {
  const { floating, router, host } = way;
  const inside = `${NAMESPACES.router}${router.id}`;
  const outside = `${NAMESPACES.floating}${floating.networkId}`;
  if (near === undefined) {
    const says = 'the router has no namespace there';
    return { code: 'ROUTER_NOT_SCHEDULED', component: inside, evidence: 'no namespace', says };
  }
  if (far === undefined) {
    const says = 'there is no floating namespace';
    return { code: 'FIP_AGENT_GW_MISSING', component: outside, evidence: 'no namespace', says };
  }
  const { rfp, fpr } = floatingVeth(router.id);
  return (
    ruleFault(way, near, inside) ??
    down(near, inside, rfp) ??
    down(far, outside, fpr) ??
    gatewayFault(network, host, floating.networkId, far, outside) ??
    routeFault(way, far, outside, fpr)
  );
}

function down(state: Namespace, namespace: string, name: string): Fault | null {
  const device = state.interfaces.find((one) => one.name === name);
  if (device?.up === true && device.running) return null;
  const evidence = device === undefined ? 'there is no such interface' : 'the interface is down';
  const says = `${name} of ${namespace}: ${evidence}`;
  return { code: 'INTERFACE_DOWN', component: `${namespace} ${name}`, evidence, says };
}

/** The rule from the fixed address, and the default route of the table it names. */
function ruleFault({ port }: Way, near: Namespace, namespace: string): Fault | null {
  const [fixed] = port.fixedIps.filter(({ address }) => address.version === 4);
  if (fixed === undefined) return null;
  const text = writeIp(fixed.address);
  const rule = near.rules.find(
    ({ from, action }) =>
      from !== null &&
      from.length === 32 &&
      sameAddress(from.address, fixed.address) &&
      action.kind === 'lookup',
  );
  if (rule?.action.kind !== 'lookup') {
    const evidence = `no rule from ${text}`;
    const says = `no rule leads packets from ${text} to the floating namespace`;
    return { code: 'NO_ROUTE', component: `${namespace} ip rule`, evidence, says };
  }
  const { table } = rule.action;
  if (near.routes.some((route) => route.table === table && route.prefix === null)) return null;
  const evidence = `table ${table} has no default route`;
  const says = `${evidence}, to which the rule for ${text} leads`;
  return { code: 'NO_ROUTE', component: `${namespace} table ${table}`, evidence, says };
}

/** The agent gateway: its address, and that it answers ARP for floating IPs. */
function gatewayFault(
  network: Network,
  host: string,
  networkId: string,
  far: Namespace,
  namespace: string,
): Fault | null {
  const own = network.neutron.ports.find(
    (port) =>
      port.deviceOwner === 'network:floatingip_agent_gateway' &&
      port.host === host &&
      port.networkId === networkId,
  );
  const name = own === undefined ? undefined : deviceName('fg-', own.id);
  const device = far.interfaces.find((one) =>
    name === undefined ? one.name.startsWith('fg-') : one.name === name,
  );
  const label = name ?? 'fg-';
  if (device === undefined || device.addresses.every(({ scope }) => scope !== 'global')) {
    const evidence = device === undefined ? 'there is no such interface' : 'it has no address';
    const says = `the agent gateway ${label}: ${evidence}`;
    return { code: 'FIP_AGENT_GW_MISSING', component: `${namespace} ${label}`, evidence, says };
  }
  const dead = down(far, namespace, device.name);
  if (dead !== null) return dead;
  // Whoever does not forward answers ARP for nobody else either (net/ipv4/arp.c arp_process()).
  if (far.sysctls.get(`net.ipv4.conf.${device.name}.forwarding`) === '0') {
    const evidence = `net.ipv4.conf.${device.name}.forwarding = 0`;
    const says = `the floating namespace does not forward (${evidence})`;
    return { code: 'IP_FORWARD_OFF', component: namespace, evidence, says };
  }
  const proxy = ['all', device.name].some(
    (key) => far.sysctls.get(`net.ipv4.conf.${key}.proxy_arp`) === '1',
  );
  if (proxy || !far.sysctls.has(`net.ipv4.conf.${device.name}.proxy_arp`)) return null;
  const evidence = `net.ipv4.conf.${device.name}.proxy_arp = 0`;
  const says = `${device.name} does not answer ARP for floating IPs (proxy_arp)`;
  return { code: 'ARP_UNANSWERED', component: `${namespace} ${device.name}`, evidence, says };
}

function routeFault(
  { floating }: Way,
  far: Namespace,
  namespace: string,
  fpr: string,
): Fault | null {
  const text = writeIp(floating.address);
  const back = far.routes.some(
    ({ prefix, hops }) =>
      prefix !== null &&
      prefixCovers(prefix, floating.address) &&
      hops.some(({ device }) => device === fpr),
  );
  if (!back) {
    const evidence = `no route to ${text} by ${fpr}`;
    const says = `the floating namespace has no route to ${text}`;
    return { code: 'NO_ROUTE', component: namespace, evidence, says };
  }
  if (far.routes.some(({ version, prefix }) => version === 4 && prefix === null)) return null;
  const evidence = 'no default route';
  const says = 'the floating namespace has no default route';
  return { code: 'NO_ROUTE', component: namespace, evidence, says };
}

/**
 * The way of a network out of a host: from br-int over a patch port to the tunnel bridge, or to
 * the bridge of its physical network and the NIC there (neutron
 * plugins/ml2/drivers/openvswitch/agent/ovs_neutron_agent.py setup_physical_bridges()). Asked when
 * frames did not leave a host, or nobody answered from behind it.
 */
import { tapOfGuest } from '../../dataplane/endpoint/guest.ts';
import { tapOfNic } from '../../dataplane/endpoint/guest-nics.ts';
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { isRecord } from '../../text/json-text.ts';
import { readField } from '../../traffic/words.ts';
import { networkAt, networkById, networkOfTag, networkRef, portOfDevice } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, numberIn, UNANSWERED } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { deadReceiver, deviceOn } from './dead-port.ts';
import { fabricFault } from './fabric.ts';
import { isFallback } from './fallback.ts';
import { homeOf } from './home.ts';
import { wrongTag } from './mapping.ts';
import { askedFor, neighbourHosts } from './neighbours.ts';
import { notPlugged, unplugged } from './plugging.ts';
import { linuxUplink } from './uplink-linux.ts';

const AGENT = 'neutron-openvswitch-agent';
const INTEGRATION = 'br-int';
const TUNNELS = 'br-tun';
const TUNNELLED = /^(vxlan|gre|geneve)$/;

/** A network on a host whose way out is in question, and who is plugged into it there. */
export interface Place {
  readonly host: string;
  readonly of: NeutronNetwork;
  readonly ports: readonly NeutronPort[];
}

export const uplink: Diagnosis = (of) => {
  for (const one of placesOf(of)) {
    const found = wayFault(of, one);
    if (found !== null) return found;
  }
  return null;
};

/** What is wrong with the way of a network out of one host; null when nothing is. */
export function wayFault(of: Case, one: Place): Finding | null {
  const { network } = of.compiled;
  const place = { ...one, of: networkAt(network, one.of.id, one.host) ?? one.of };
  return (
    wrongPlug(network, place) ??
    linuxUplink(network, place.host, place.of) ??
    brokenWay(network, place) ??
    brokenNic(network, place) ??
    lostTranslation(of, place) ??
    fabricFault(of, place.host, onTheWire(network, place))
  );
}

/** Whose way out is in question: of whoever waits and of those who should answer. */
export function placesOf(of: Case): readonly Place[] {
  const { network } = of.compiled;
  if (UNANSWERED.has(of.drop.reason)) {
    const asked = askedFor(of);
    return asked === null ? [] : [...waitingPlaces(of), ...ownersPlaces(of, asked)];
  }
  if (of.device !== 'ovs' && of.device !== ROOT) return [];
  // A frame that a switch or bridge gave up: of the network by whose port it came in.
  const home = homeOf(
    of,
    of.diary.map(({ step }) => step),
  );
  if (home === null) return [];
  const sending = { host: home.host, of: home.of, ports: [home.port] };
  const mac = readField(of.words, field('eth_dst'));
  const target = network.neutron.ports.filter((port) => mac !== 0n && port.mac === mac);
  const hosts = new Set([of.host, ...target.map(({ host }) => host)]);
  hosts.delete(home.host);
  const receiving = [...hosts].map((host) => ({
    host,
    of: home.of,
    ports: target.filter((port) => port.host === host),
  }));
  return [sending, ...receiving].filter(({ host }) => network.hosts.has(host));
}

/** Where the packet waits: the network of the device it wants to leave by. */
function waitingPlaces({ compiled: { network }, host, device, drop }: Case): readonly Place[] {
  const by = /neighbours of (\S+)$/.exec(drop.where)?.[1] ?? '';
  const tap = tapOfGuest(device);
  const nic = tap === null ? null : tapOfNic(network.neutron, host, tap, by);
  const own = network.endpoints.find(
    (one) => one.host === host && (nic === null ? one.namespace === device : one.tap === nic),
  );
  const port = portOfDevice(network, host, by) ?? own?.port ?? null;
  const net = port === null ? null : networkById(network, port.networkId);
  return port === null || net === null ? [] : [{ host, of: net, ports: [port] }];
}

/** Where the address that was asked for stands. */
function ownersPlaces(of: Case, asked: IpAddress): readonly Place[] {
  const { network } = of.compiled;
  const { subnets, ports } = network.neutron;
  const nets = subnets
    .filter(({ prefix }) => prefixCovers(prefix, asked))
    .flatMap(({ networkId }) => networkById(network, networkId) ?? []);
  const meant = neighbourHosts(of);
  return nets.flatMap((net) => {
    const bound = ports.filter(
      ({ networkId, fixedIps }) =>
        networkId === net.id && fixedIps.some(({ address }) => sameAddress(address, asked)),
    );
    // Floating IPs of distributed routers are answered for by the gateway of each host's agent.
    const gateways = ports.filter(
      ({ networkId, deviceOwner }) =>
        networkId === net.id && deviceOwner === 'network:floatingip_agent_gateway',
    );
    const hosts = new Set([...meant, ...bound.map(({ host }) => host)]);
    const all = [...bound, ...gateways];
    return [...hosts]
      .filter((host) => network.hosts.has(host))
      .map((host) => ({ host, of: net, ports: all.filter((port) => port.host === host) }));
  });
}

/** A port with the wrong tag, or whose devices do not hang together. */
function wrongPlug(network: Network, { host, of, ports }: Place): Finding | null {
  for (const port of ports) {
    const device = deviceOn(network, host, port);
    const own = port.host === host;
    const found =
      (own ? deadReceiver(network, port) : null) ??
      (device === null ? null : wrongTag(network, host, device, of)) ??
      (own ? (unplugged(network, port) ?? notPlugged(network, port)) : null);
    if (found !== null) return found;
  }
  return null;
}

/** By which NICs frames of the network leave the host, and with which tag. */
function onTheWire(
  network: Network,
  place: Place,
): { readonly nics: readonly string[]; readonly vlan: number | null } {
  const { type, segmentationId, physicalNetwork } = place.of.provider;
  // Tunnels leave by whichever NIC routes choose.
  if (physicalNetwork === null) return { nics: [], vlan: null };
  const name = wayOut(network, place);
  const bridge = name === null ? null : bridgeOf(network, place.host, name);
  const mapped = mappedNics(network, place.host, physicalNetwork);
  const nics = bridge?.ports.map((port) => port.name) ?? mapped;
  return { nics, vlan: type === 'vlan' ? segmentationId : null };
}

/** The NIC that a Linux bridge agent uses for a physical network. */
function mappedNics(network: Network, host: string, physicalNetwork: string): readonly string[] {
  return network.neutron.agents.flatMap((agent) => {
    const mappings = agent.host === host ? agent.configurations['interface_mappings'] : undefined;
    const nic = isRecord(mappings) ? mappings[physicalNetwork] : undefined;
    return typeof nic === 'string' ? [nic] : [];
  });
}

function bridgeOf(network: Network, host: string, name: string): Bridge | null {
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  return bridges.find((one) => one.name === name) ?? null;
}

/** The bridge that carries the network on the host; null when it stays inside or is unknown. */
function wayOut(network: Network, { host, of }: Place): string | null {
  const { type, physicalNetwork } = of.provider;
  if (TUNNELLED.test(type)) return TUNNELS;
  if (physicalNetwork === null) return null;
  for (const agent of network.neutron.agents) {
    const mappings = agent.host === host ? agent.configurations['bridge_mappings'] : undefined;
    const bridge = isRecord(mappings) ? mappings[physicalNetwork] : undefined;
    if (typeof bridge === 'string') return bridge;
  }
  return null;
}

/** The patch ports between br-int and the way out. */
function brokenWay(network: Network, place: Place): Finding | null {
  const { host, of } = place;
  const name = wayOut(network, place);
  const inner = bridgeOf(network, host, INTEGRATION);
  if (name === null || inner === null || network.hosts.get(host)?.switch === null) return null;
  const outer = bridgeOf(network, host, name);
  const fix = {
    summary: `restart ${AGENT} on ${host}, which builds bridges and patch ports anew`,
    commands: [restartAgent(host, AGENT)],
  };
  const base = {
    code: 'PATCH_PEER_MISSING',
    host,
    origin: null,
    neutron: [networkRef(of)],
    fix,
    confirm: [onHost(host, 'ovs-vsctl show')],
  } as const;
  const because = `on ${host} nothing connects br-int with ${name}, by which ${of.name} leaves`;
  if (outer === null) {
    return { ...base, component: name, evidence: 'there is no such bridge', because: [because] };
  }
  if (patches(inner).some((port) => patches(outer).some((peer) => joined(port, peer)))) return null;
  const all = network.hosts.get(host)?.switch?.bridges.flatMap(({ ports }) => ports) ?? [];
  const half = [...patches(outer), ...patches(inner)].find(
    ({ peer }) => peer !== null && !all.some((one) => one.name === peer),
  );
  const lost = half?.peer ?? 'patch port';
  const side = half !== undefined && inner.ports.includes(half) ? name : INTEGRATION;
  return {
    ...base,
    component: `${side} ${lost}`,
    evidence: half === undefined ? 'no patch port' : `${half.name} has no peer`,
    because: [because],
  };
}

function patches({ ports }: Bridge): readonly Port[] {
  return ports.filter(({ type }) => type === 'patch');
}

function joined(a: Port, b: Port): boolean {
  return a.peer === b.name && b.peer === a.name;
}

/** The NIC of a physical network's bridge. */
function brokenNic(network: Network, place: Place): Finding | null {
  const { host, of } = place;
  const name = wayOut(network, place);
  const bridge = name === null || name === TUNNELS ? null : bridgeOf(network, host, name);
  const found = bridge === null ? null : nicFault(network, host, bridge, of.name);
  return found === null ? null : { ...found, neutron: [networkRef(of)] };
}

/**
 * The NIC of a bridge by which something leaves a host.
 * @param what that leaves by it, in words.
 */
export function nicFault(
  network: Network,
  host: string,
  bridge: Bridge,
  what: string,
): Finding | null {
  const devices = network.namespace(host, ROOT)?.state.interfaces ?? [];
  const nics = bridge.ports.filter(({ name: port }) => {
    const at = network.interfaceOf({ host, bridge: bridge.name, port });
    const wire = at === null ? null : network.wire(at);
    return wire?.kind === 'segment' || (wire?.kind === 'interface' && wire.to.host !== host);
  });
  const base = { host, origin: null };
  if (nics.length === 0) {
    return {
      ...base,
      code: 'FLOOD_BLOCKED',
      component: bridge.name,
      evidence: 'no port leads to the physical network',
      because: [`${bridge.name} of ${host} has no NIC: ${what} ends there`],
      fix: { summary: `add the NIC to ${bridge.name} on ${host}`, commands: [] },
      confirm: [onHost(host, `ovs-vsctl list-ports ${bridge.name}`)],
    };
  }
  const states = nics.flatMap((nic) => devices.find((one) => one.name === nic.name) ?? []);
  const dead = states.find(({ up, running }) => !(up && running));
  if (dead === undefined || states.some(({ up, running }) => up && running)) return null;
  return {
    ...base,
    code: 'INTERFACE_DOWN',
    component: dead.name,
    evidence: dead.up ? 'no carrier' : 'the interface is down',
    because: [`${dead.name} of ${host}, by which ${what} leaves the host, is down`],
    fix: { summary: `set ${dead.name} up on ${host}, check its cable`, commands: [] },
    confirm: [onHost(host, `ip link show ${dead.name}`)],
  };
}

/** Frames of the network that the flows between local and provider VLAN refused. */
function lostTranslation(of: Case, place: Place): Finding | null {
  const { network } = of.compiled;
  const name = wayOut(network, place);
  if (name === null || name === TUNNELS) return null;
  for (const { ending, diary } of of.reads) {
    if (ending.outcome.kind !== 'dropped' || ending.device.host !== place.host) continue;
    const { where, origin, evidence } = ending.outcome.drop;
    const bridge = bridgeNameOf(where);
    if (bridge !== name && bridge !== INTEGRATION) continue;
    const last = diary.findLast(({ step }) => step.kind === 'flow');
    const step = last?.step as FlowStep | undefined;
    if (last === undefined || step?.table !== 0 || step.bridge !== bridge) continue;
    // What a later table refused came through the translation.
    if (!where.endsWith(' table 0')) continue;
    const tag = numberIn(last.words, 'vlan_tci') & 0xfff;
    const outward = bridge === name && networkOfTag(network, place.host, tag)?.id === place.of.id;
    const inward = bridge === INTEGRATION && cameFrom(network, place, last.words, name);
    const arriving =
      bridge === name && step.flow === null && isFromWire(network, place, last.words, name);
    if (!outward && !inward && !arriving) continue;
    const way = outward ? 'to the physical network' : 'from the physical network';
    if (!isFallback(step.flow)) return refusedOnPurpose(place, where, evidence, origin);
    const empty = bridgeOf(network, place.host, bridge)?.flows.length === 0;
    return {
      code: empty ? 'OF_TABLE_MISS' : 'VLAN_MAP_MISMATCH',
      host: place.host,
      component: where,
      evidence,
      origin,
      because: [`${bridge} of ${place.host} has no flow that takes ${place.of.name} ${way}`],
      neutron: [networkRef(place.of)],
      fix: {
        summary: `restart ${AGENT} on ${place.host}, which programs the mapping anew`,
        commands: [restartAgent(place.host, AGENT)],
      },
      confirm: [onHost(place.host, `ovs-ofctl dump-flows ${bridge} table=0`)],
    };
  }
  return null;
}

/** Whether a frame of the network came into the way out by another port than that of br-int. */
function isFromWire(
  network: Network,
  { host, of }: Place,
  words: Uint32Array,
  outer: string,
): boolean {
  const ports = bridgeOf(network, host, outer)?.ports ?? [];
  const port = ports.find(({ ofport }) => ofport === numberIn(words, 'in_port'));
  const vlan = of.provider.type === 'vlan' ? (of.provider.segmentationId ?? 0) : 0;
  return (
    port !== undefined && port.type !== 'patch' && (numberIn(words, 'vlan_tci') & 0xfff) === vlan
  );
}

function refusedOnPurpose(
  { host, of }: Place,
  where: string,
  evidence: string,
  origin: Finding['origin'],
): Finding {
  return {
    code: 'OF_EXPLICIT_DROP',
    host,
    component: where,
    evidence,
    ...(origin === undefined ? {} : { origin }),
    because: [`a flow of ${where} on ${host}, which no agent writes, drops frames of ${of.name}`],
    neutron: [networkRef(of)],
    fix: null,
    confirm: [onHost(host, `ovs-ofctl dump-flows ${bridgeNameOf(where)} table=0`)],
  };
}

function bridgeNameOf(where: string): string {
  return where.split(' ')[0] ?? '';
}

/** Whether a frame with the provider VLAN of the network came into br-int from its bridge. */
function cameFrom(
  network: Network,
  { host, of }: Place,
  words: Uint32Array,
  outer: string,
): boolean {
  const inner = bridgeOf(network, host, INTEGRATION);
  const port = inner?.ports.find(({ ofport }) => ofport === numberIn(words, 'in_port'));
  const peer = bridgeOf(network, host, outer)?.ports.find(({ name }) => name === port?.peer);
  const vlan = of.provider.type === 'vlan' ? (of.provider.segmentationId ?? 0) : 0;
  return peer !== undefined && (numberIn(words, 'vlan_tci') & 0xfff) === vlan;
}

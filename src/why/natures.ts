/**
 * What no setting of ours mends: somebody outside of the cloud, or inside of a guest, would have to
 * act, or what is asked for is not there. Told in place of a fix where no change helped.
 */
import { carrierOf, segmentOn } from '../model/network-segments.ts';
import { type NetworkSegment } from '../model/neutron.ts';
import { prefixCovers, sameAddress } from '../packet/prefix.ts';
import { writeIp } from '../text/address-text.ts';
import { OUTSIDE } from '../trace/outside.ts';
import { type Question } from '../trace/types.ts';
import { hostsOnTheWay, type Stuck } from './attempt.ts';
import { bondsOf } from './changes/fabric.ts';

type Nature = (stuck: Stuck) => string | null;

const NATURES: readonly Nature[] = [
  unknownOutside,
  withoutServer,
  unasked,
  silentGuest,
  servingGuest,
  localNetworks,
  otherSegment,
  nobodyThere,
  foreignNeighbour,
  apart,
  withoutRouter,
  foreignTag,
  foreignClaim,
  ownRoutes,
  unlikeCables,
];

/** A sentence, or null where nothing says that it could not be mended. */
export function natureOf(stuck: Stuck): string | null {
  for (const nature of NATURES) {
    const told = nature(stuck);
    if (told !== null) return told;
  }
  return null;
}

function unknownOutside({ blocker, question: { to } }: Stuck): string | null {
  if (blocker.host !== OUTSIDE || blocker.code !== 'NO_ROUTE') return null;
  return blocker.direction === 'reply'
    ? 'whoever is outside has no way to the sender’s address: it needs a translation or an announced route'
    : `nobody outside knows a way to ${to.label}: its subnet is neither announced nor behind a floating IP`;
}

/** Neutron’s own servers are there only where a subnet has DHCP (networking-api `enable_dhcp`). */
function withoutServer({ blocker, question, situation }: Stuck): string | null {
  const { protocol } = question.packet;
  if (protocol !== 'dhcp' && protocol !== 'dhcp6') return null;
  const { neutron } = situation.network;
  const networkId = neutron.ports.find(({ id }) => id === question.from.port)?.networkId;
  const version = protocol === 'dhcp' ? 4 : 6;
  const own = neutron.subnets.filter((one) => one.networkId === networkId);
  const serving = own.filter(({ prefix, dhcp }) => dhcp && prefix.address.version === version);
  if (networkId === undefined || serving.length > 0) {
    return /-o[0-9a-f]/.test(blocker.component) || blocker.code === 'NOT_FOR_ME'
      ? 'guests do not give out addresses: port security refuses what a DHCP server sends'
      : null;
  }
  return 'no subnet of this network has DHCP: nobody is there to answer';
}

/** Programs are for those who run them. */
function unasked({ blocker, question: { packet, to } }: Stuck): string | null {
  if (blocker.code !== 'NOT_LISTENING') return null;
  const router = blocker.component.startsWith('qrouter-') || blocker.component.startsWith('snat-');
  if (blocker.direction === 'reply' || (router && to.kind !== 'router')) {
    return 'the connection that this belongs to is known to nobody there: its client has to open a new one, or it was never asked for';
  }
  const port = packet.destinationPort === null ? '' : `/${packet.destinationPort}`;
  return `nobody was asked to serve ${packet.protocol}${port} there: only who runs ${to.label} can`;
}

function silentGuest({ blocker }: Stuck): string | null {
  const guest = /^(guest behind |vm-)/.test(blocker.component);
  if (!guest || blocker.code !== 'IP_FORWARD_OFF') return null;
  return 'it is a setting inside of a guest that the snapshot does not hold (net.ipv4.ip_forward)';
}

/** A network of type local has no way between hosts. */
function localNetworks({ question, situation }: Stuck): string | null {
  const { ports, networks, subnets } = situation.network.neutron;
  const port = ports.find(({ id }) => id === question.from.port);
  const network = networks.find(({ id }) => id === port?.networkId);
  if (port === undefined || network?.provider.type !== 'local') return null;
  const { address } = question.to;
  const own = subnets.filter(({ networkId }) => networkId === network.id);
  const meant = address === null || own.some(({ prefix }) => prefixCovers(prefix, address));
  const there = ports.find(({ id }) => id === question.to.port);
  if (!meant || there?.host === port.host) return null;
  return `a network of type local ends at its host, and ${network.name} is one`;
}

function nobodyThere({ question, situation }: Stuck): string | null {
  const { to } = question;
  const { address } = to;
  if (address === null || to.port !== null || to.host !== null || to.kind === 'external') {
    return null;
  }
  const { neutron, endpoints } = situation.network;
  const known =
    neutron.ports.some(({ fixedIps }) =>
      fixedIps.some((one) => sameAddress(one.address, address)),
    ) ||
    neutron.floatingIps.some((one) => sameAddress(one.address, address)) ||
    endpoints.some(({ addresses }) => addresses.some((one) => sameAddress(one, address)));
  return known ? null : `nobody has ${writeIp(address)}: no port of Neutron, and no host`;
}

const INTERFACES = /^network:(ha_)?router_(interface|replicated_interface|centralized)/;

/** Networks that no router joins, or whose routers only meet outside. */
function apart({ question, situation }: Stuck): string | null {
  const { neutron } = situation.network;
  const [from, to] = [question.from, question.to].map((end) => subnetsOf(end, neutron.ports));
  if (from === undefined || to === undefined || from.size === 0 || to.size === 0) return null;
  if ([...from].some((id) => to.has(id))) return null;
  const routersOf = (subnets: ReadonlySet<string>): readonly string[] =>
    neutron.ports.flatMap(({ deviceOwner, deviceId, fixedIps }) =>
      INTERFACES.test(deviceOwner) && fixedIps.some(({ subnetId }) => subnets.has(subnetId))
        ? [deviceId]
        : [],
    );
  const shared = new Set(routersOf(to));
  if (routersOf(from).some((id) => shared.has(id))) return null;
  return 'no router joins these networks: they are apart until somebody wants them joined';
}

function subnetsOf(
  { port }: Question['from'],
  ports: Stuck['situation']['network']['neutron']['ports'],
): ReadonlySet<string> {
  const own = ports.find(({ id }) => id === port);
  return new Set(own?.fixedIps.map(({ subnetId }) => subnetId));
}

/** Frames that a guest tags though its port has no sub-port of that number. */
function foreignTag({ blocker, question, situation }: Stuck): string | null {
  if (blocker.code !== 'VLAN_NOT_TRUNKED' || question.from.port === null) return null;
  if (question.packet.flow === null) return null;
  const trunk = situation.network.neutron.trunks.find(
    ({ portId }) => portId === question.from.port,
  );
  return trunk === undefined
    ? 'the guest tags its frames, and its port is no trunk'
    : 'the guest tags its frames with a number that no sub-port of its trunk has';
}

/** Ports of servers of DHCP and of their clients (RFC 2131 §4.1, RFC 8415 §7.2). */
const DHCP_PORTS: readonly (readonly [server: number, client: number])[] = [
  [67, 68],
  [547, 546],
];

/** A guest that speaks as a DHCP server does. */
function servingGuest({ blocker, question: { from, packet } }: Stuck): string | null {
  const { protocol, sourcePort, destinationPort } = packet;
  const speaks = DHCP_PORTS.some(([a, b]) => sourcePort === a && destinationPort === b);
  if (protocol !== 'udp' || from.kind !== 'vm' || !speaks) return null;
  return blocker.direction === 'reply'
    ? `no DHCP server is known to run in ${from.label}, so nobody there takes an answer: only who runs it can start one`
    : 'guests do not give out addresses: port security refuses what a DHCP server sends';
}

/** One network of several segments: frames stay in theirs (Networking API, multi-provider). */
function otherSegment({ question, situation }: Stuck): string | null {
  const { ports, networks } = situation.network.neutron;
  const [from, to] = [question.from, question.to].map((end) =>
    ports.find(({ id }) => id === end.port),
  );
  const network = networks.find(({ id }) => id === from?.networkId);
  if (from === undefined || to === undefined || network?.id !== to.networkId) return null;
  if (network.segments.length < 2) return null;
  const [a, b] = [from, to].map(({ host }) => {
    const own = situation.cloud?.hosts.find(({ name }) => name === host);
    return own === undefined ? null : segmentOn(network, carrierOf(own.layer2));
  });
  if (a == null || b == null || a === b) return null;
  const ends = `${question.from.label} is on ${segmentText(a)}, ${question.to.label} on ${segmentText(b)}`;
  return `${network.name} has several segments and nothing joins them: ${ends}`;
}

function segmentText({ type, segmentationId, physicalNetwork }: NetworkSegment): string {
  return [type, segmentationId ?? physicalNetwork ?? ''].join(' ').trim();
}

/** Neighbours are asked for on one link (RFC 826), and the address is on another. */
function foreignNeighbour({ question, situation }: Stuck): string | null {
  const { address } = question.to;
  if (question.packet.protocol !== 'arp' || address === null) return null;
  const { ports, networks } = situation.network.neutron;
  const own = ports.find(({ id }) => id === question.from.port)?.networkId;
  const network = networks.find(({ id }) => id === own);
  const has = ports.some(
    ({ networkId, fixedIps, allowedAddressPairs }) =>
      networkId === own &&
      (fixedIps.some((one) => sameAddress(one.address, address)) ||
        allowedAddressPairs.some(({ prefix }) => prefixCovers(prefix, address))),
  );
  if (network === undefined || has) return null;
  return `nobody on ${network.name} has ${writeIp(address)}, and neighbours are asked for within one network`;
}

/** A subnet whose guests are told of a gateway that no router is. */
function withoutRouter({ question, situation }: Stuck): string | null {
  const { address } = question.to;
  const { ports, subnets } = situation.network.neutron;
  const from = ports.find(({ id }) => id === question.from.port);
  if (from === undefined || address === null) return null;
  const own = subnets.filter(({ id }) => from.fixedIps.some(({ subnetId }) => subnetId === id));
  const same = own.filter(({ prefix }) => prefix.address.version === address.version);
  const [subnet] = same;
  if (subnet === undefined || same.some(({ prefix }) => prefixCovers(prefix, address))) return null;
  const { gateway } = subnet;
  if (gateway === null)
    return `${subnet.name} has no gateway: its servers are not meant to leave it`;
  const routed = ports.some(({ fixedIps }) =>
    fixedIps.some((one) => sameAddress(one.address, gateway)),
  );
  if (routed) return null;
  return `no router joins ${subnet.name}, so nobody has its gateway ${writeIp(gateway)}: its project needs a router with a way outside`;
}

/** A guest that speaks for what is not its own. */
function foreignClaim({ blocker, question: { from, packet } }: Stuck): string | null {
  const isSpoof = blocker.code === 'ARP_SPOOF_BLOCKED' || blocker.code === 'MAC_SPOOF_BLOCKED';
  if (!isSpoof || from.kind !== 'vm') return null;
  if (packet.flow === null && packet.source === null) return null;
  return `${from.label} claims what its port does not have, which port security is there to refuse: who runs it has to stop that, or to ask for the address (allowed address pairs)`;
}

/** Routes of a host’s own are its administrator’s: no agent sets them. */
function ownRoutes({ blocker: { code, component, host, because } }: Stuck): string | null {
  if (code !== 'NO_ROUTE' || !component.startsWith('root ') || host === OUTSIDE) return null;
  const told = because[0] === undefined ? '' : ` (${because[0]})`;
  return `who runs ${host} sets its own routes${told}, and no agent of Neutron does`;
}

/** A bond chooses a cable by its own hash, so all of them must lead to the same (IEEE 802.1AX). */
function unlikeCables(stuck: Stuck): string | null {
  if (stuck.trace.verdict !== 'AMBIGUOUS') return null;
  const near = new Set(hostsOnTheWay(stuck));
  for (const { host, bond, cables } of bondsOf(stuck.situation.network)) {
    if (!near.has(host) || new Set(cables.map(({ vlans }) => vlans)).size < 2) continue;
    const each = cables.map(({ port, fabric, vlans }) => `${port} of ${fabric} carries ${vlans}`);
    return `${bond} of ${host} sends by any of its cables, and the switch does not treat them alike (${each.join(', ')}): they need one port channel with the same VLANs`;
  }
  return null;
}

/**
 * Calls to everybody (DHCP, router solicitations) that no server of the network heard: every copy
 * ended where such copies always end. Where the server should be, and what is wrong on the way.
 */
import { type Network } from '../../dataplane/network.ts';
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { networkById, networkRef, portLabel, portRef } from '../objects.ts';
import { type Fix } from '../types.ts';
import { type Case, type Diagnosis, type Finding } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';
import { deadReceiver } from './dead-port.ts';
import { notArriving } from './not-arriving.ts';
import { CALLS, serversOf } from './servers.ts';
import { silentAdvertiser } from './silent-advertiser.ts';
import { tunnelFault } from './tunnel-ends.ts';
import { wayFault } from './uplink.ts';

const SAYS: Readonly<Record<string, string>> = {
  dhcp: 'no DHCP server answers',
  dhcp6: 'no DHCPv6 server answers',
  slaac: 'no router advertises prefixes to',
};

export const unheard: Diagnosis = (of) => {
  const { stray, question, compiled, direction } = of;
  const { protocol } = question.packet;
  if (!CALLS.has(protocol)) return null;
  const { network } = compiled;
  const mute = first(serversOf(network, question), (server) => silentAdvertiser(of, server));
  if (mute !== null) return mute;
  if (direction !== 'request') return null;
  const caller = network.neutron.ports.find(({ id }) => id === question.from.port);
  const own = caller === undefined ? null : networkById(network, caller.networkId);
  if (caller === undefined || own === null) return stray === true ? nobody(of, null) : null;
  const servers = serversOf(network, question);
  // Wherever a copy of the call ended: nobody was to answer it.
  if (servers.length === 0) return nobody(of, own);
  if (stray !== true) return null;
  return (
    deadReceiver(network, caller) ??
    first(servers, (server) => absent(network, protocol, own, server)) ??
    wayFault(of, { host: caller.host, of: own, ports: [caller] }) ??
    first(servers, (server) => silentServer(of, own, caller, server)) ??
    nobody(of, own)
  );
};

function first<T>(all: readonly T[], ask: (one: T) => Finding | null): Finding | null {
  for (const one of all) {
    const found = ask(one);
    if (found !== null) return found;
  }
  return null;
}

/** The server's namespace is not there, though its host was captured. */
function absent(
  network: Network,
  protocol: string,
  own: NeutronNetwork,
  server: NeutronPort,
): Finding | null {
  const host = network.hosts.get(server.host);
  if (!protocol.startsWith('dhcp') || host === undefined || host.namespaces.size === 0) return null;
  const name = `${NAMESPACES.dhcp}${own.id}`;
  // Agents can also work without namespaces, in the host's own one.
  const spaces = [...host.namespaces.values()];
  const device = deviceName('tap', server.id);
  if (spaces.some(({ state }) => state.interfaces.some((one) => isOf(server, device, one)))) {
    return null;
  }
  return {
    code: 'NOT_LISTENING',
    host: server.host,
    component: name,
    evidence: 'no namespace',
    origin: null,
    because: [
      `${server.host} should serve addresses of ${own.name}, but has no namespace ${name} with ${device}`,
    ],
    neutron: [networkRef(own), portRef(network, server)],
    fix: {
      summary: `restart neutron-dhcp-agent on ${server.host}, which builds the namespace anew`,
      commands: [restartAgent(server.host, 'neutron-dhcp-agent')],
    },
    confirm: [inNamespace(server.host, 'root', 'ip netns')],
  };
}

function isOf(
  { mac }: NeutronPort,
  device: string,
  one: { readonly name: string; readonly mac: bigint },
): boolean {
  return one.name === device || one.mac === mac;
}

/** What is wrong at the server's end, or between the hosts. */
function silentServer(
  of: Case,
  own: NeutronNetwork,
  caller: NeutronPort,
  server: NeutronPort,
): Finding | null {
  if (!of.compiled.network.hosts.has(server.host)) return null;
  return (
    deadReceiver(of.compiled.network, server) ??
    (server.host === caller.host
      ? null
      : wayFault(of, { host: server.host, of: own, ports: [server] })) ??
    tunnelFault(of, caller.host, server.host) ??
    notArriving(of, server)
  );
}

function nobody(of: Case, own: NeutronNetwork | null): Finding {
  const { question } = of;
  const { network } = of.compiled;
  const says = SAYS[question.packet.protocol] ?? '';
  const where = own === null ? '' : ` on ${own.name}`;
  const servers = own === null ? [] : serversOf(network, question);
  const which = servers.map((server) => `${portLabel(network, server)} on ${server.host}`);
  const local = own?.provider.type === 'local' ? ', and a local network ends at its host' : '';
  const meant =
    which.length > 0
      ? `it should be ${which.join(' or ')}${local}`
      : own === null
        ? ''
        : noneBecause(of, own);
  return {
    code: 'FLOOD_BLOCKED',
    because: [
      `${says} ${question.from.label}${where}: every copy of the call ended unheard`,
      ...(meant === '' ? [] : [meant]),
    ],
    neutron: own === null ? [] : [networkRef(own)],
    evidence: '',
    origin: null,
    fix: own?.adminUp === false && isDhcp(of) && which.length === 0 ? enable(own) : null,
  };
}

/** Why the server of Neutron gave the network no DHCP server, as its objects tell it. */
function noneBecause(of: Case, own: NeutronNetwork): string {
  const { neutron } = of.compiled.network;
  if (!isDhcp(of)) return 'there is none';
  if (!own.adminUp) return 'there is none, as the network is administratively down';
  const version = of.question.packet.protocol === 'dhcp' ? 4 : 6;
  const served = neutron.subnets.some(
    ({ networkId, dhcp, prefix }) =>
      networkId === own.id && dhcp && prefix.address.version === version,
  );
  if (!served) return `there is none, as no IPv${version} subnet of the network has DHCP`;
  const agents = neutron.agents.filter(({ binary }) => binary === 'neutron-dhcp-agent');
  return agents.length > 0 && !agents.some(({ alive, adminUp }) => alive && adminUp)
    ? 'there is none, as no DHCP agent is alive'
    : 'there is none';
}

function isDhcp({ question }: Case): boolean {
  return question.packet.protocol === 'dhcp' || question.packet.protocol === 'dhcp6';
}

function enable({ id, name }: NeutronNetwork): Fix {
  const summary = `set network ${name} administratively up`;
  return { summary, commands: [`openstack network set --enable ${id}`] };
}

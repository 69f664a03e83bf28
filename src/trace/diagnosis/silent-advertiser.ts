/**
 * A router that heard the solicitation and advertises nothing (RFC 4861 §6.2.6): the agent runs
 * radvd with a file that names the interfaces of subnets in an IPv6 mode (neutron
 * agent/linux/ra.py). Also one that advertises without a prefix for autonomous addresses.
 */

import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { networkById, portLabel, portRef } from '../objects.ts';
import { daemonsIn } from '../programs/daemons.ts';
import { type EnterStep } from '../steps.ts';
import { type Blocker, type Question } from '../types.ts';
import { type Case, type Finding } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';
import { serversOf } from './servers.ts';

/** What the radvd of a router's port lacks; null where the call never came, or nothing is wrong. */
export function silentAdvertiser(of: Case, server: NeutronPort): Finding | null {
  const namespace = `${NAMESPACES.router}${server.deviceId}`;
  const { compiled, question } = of;
  if (question.packet.protocol !== 'slaac') return null;
  const came = of.reads.some(({ steps }) =>
    steps.some(
      (step) =>
        step.kind === 'enter' &&
        (step as EnterStep).host === server.host &&
        (step as EnterStep).device === namespace,
    ),
  );
  const device = deviceName('qr-', server.id);
  const lacks = came ? lacking(compiled, server.host, namespace, device) : null;
  if (lacks === null) return null;
  const { network } = compiled;
  const label = portLabel(network, server);
  return {
    code: 'NOT_LISTENING',
    host: server.host,
    component: `${namespace} radvd`,
    evidence: lacks,
    origin: null,
    because: [`${label} heard the solicitation and advertises nothing: ${lacks}`],
    neutron: [portRef(network, server)],
    fix: {
      summary: `restart neutron-l3-agent on ${server.host}, which starts radvd with a new file`,
      commands: [restartAgent(server.host, 'neutron-l3-agent')],
    },
    confirm: [inNamespace(server.host, namespace, 'ss -nlw')],
  };
}

function lacking(
  compiled: CompiledNetwork,
  host: string,
  namespace: string,
  device: string,
): string | null {
  const radvds = daemonsIn(compiled, host, namespace).flatMap((one) =>
    one.kind === 'radvd' ? [one.config] : [],
  );
  if (radvds.length === 0) return 'no radvd runs in its namespace';
  const own = radvds.flatMap(({ interfaces }) => interfaces).find(({ name }) => name === device);
  if (own === undefined) return `radvd’s file does not name ${device}`;
  if (!own.sends) return `radvd’s file has AdvSendAdvert off for ${device}`;
  const on = compiled.network
    .namespace(host, namespace)
    ?.state.interfaces.find(({ name }) => name === device);
  const speaks = on?.addresses.some(
    ({ address, scope }) => address.version === 6 && scope === 'link',
  );
  return speaks === false ? `${device} has no link-local address to advertise from` : null;
}

/** Routers that advertise themselves and no prefix from which an address could be formed. */
export function noPrefix(compiled: CompiledNetwork, question: Question): Blocker | null {
  const { network } = compiled;
  const [server] = serversOf(network, question);
  if (server === undefined) return null;
  const own = networkById(network, server.networkId);
  const namespace = `${NAMESPACES.router}${server.deviceId}`;
  return {
    code: 'RA_NO_PREFIX',
    host: server.host,
    component: `${namespace} radvd`,
    evidence: 'no prefix with AdvAutonomous on',
    origin: null,
    nearMisses: [],
    direction: 'reply',
    because: [
      `${portLabel(network, server)} advertises no prefix of ${own?.name ?? 'the network'} from which ${question.from.label} may form an address`,
    ],
    neutron: [portRef(network, server)],
    fix: {
      summary: 'ask for an address by DHCPv6, or change the IPv6 modes of the subnet',
      commands: [],
    },
    confirm: [inNamespace(server.host, namespace, 'radvdump')],
  };
}

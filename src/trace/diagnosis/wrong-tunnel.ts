/**
 * Frames that leave by the wrong tunnel: an entry of br-tun table 20 leads to a host where the
 * destination is not plugged, or a tunnel port leads to an address that no host has.
 */
import { type Network } from '../../dataplane/network.ts';
import { type FlowStep, type TunnelStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { tunnelPort } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { readField } from '../../traffic/words.ts';
import { portLabel, portRef, switchPort, tunnelAddressOf } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Fix } from '../types.ts';
import { type Case, type Diagnosis, type Finding } from './case.ts';
import { onHost, restartAgent } from './commands.ts';

const AGENT = 'neutron-openvswitch-agent';
const UNICAST_TABLE = 20;

/** Where a frame was handed to a tunnel. */
export interface Sent {
  readonly host: string;
  readonly port: string;
  readonly flow: FlowStep;
  readonly mac: bigint;
  /** The host it came to next; null when it came nowhere. */
  readonly reached: string | null;
}

export const wrongTunnel: Diagnosis = (of) => {
  const sent = lastTunnel(of);
  if (sent === null) return null;
  const { network } = of.compiled;
  const target = network.neutron.ports.find(({ mac }) => mac === sent.mac) ?? null;
  const port = switchPort(network, sent.host, sent.port);
  if (port === null) return null;
  if (sent.reached === null) return nobodysEnd(network, sent, port, of.drop.evidence);
  if (target === null || !standsAlone(target) || sent.reached !== of.host) return null;
  if (target.host === '' || target.host === sent.reached) return null;
  return misnamed(network, sent, port, target) ?? staleEntry(network, sent, target);
};

/** The MAC of a distributed router's port is on every host. */
function standsAlone({ deviceOwner }: NeutronPort): boolean {
  return !/distributed|ha_router/.test(deviceOwner);
}

/** The last tunnel that the stopped frame was handed to. */
export function lastTunnel(of: Pick<Case, 'diary'>): Sent | null {
  let host = '';
  let flow: FlowStep | null = null;
  let found: Sent | null = null;
  const arrive = (at: string): void => {
    host = at;
    if (found?.reached === null && found.host !== at) found = { ...found, reached: at };
  };
  for (const { step, words } of of.diary) {
    if (step.kind === 'enter') arrive((step as EnterStep).host);
    if (step.kind === 'flow') flow = step as FlowStep;
    if (step.kind !== 'tunnel') continue;
    const { way, port, bridge } = step as TunnelStep;
    if (way !== 'out' || flow === null || flow.bridge !== bridge) continue;
    found = { host, port, flow, mac: readField(words, field('eth_dst')), reached: null };
  }
  return found;
}

/** Native tunnelling could not resolve the far end. */
function nobodysEnd(
  network: Network,
  { host, port: name, flow }: Sent,
  port: Port,
  evidence: string,
): Finding | null {
  if (!evidence.startsWith(`${name}: `)) return null;
  const remote = remoteOf(port);
  if (remote === null || isSomebodys(network, remote)) return null;
  return {
    code: 'TUNNEL_ENDPOINT_MISSING',
    host,
    component: `${flow.bridge} ${name}`,
    evidence: `remote_ip=${writeIp(remote)}`,
    origin: null,
    because: [`${name} of ${host} leads to ${writeIp(remote)}, which no host of the cloud has`],
    fix: restart(host),
    confirm: [onHost(host, `ovs-vsctl get Interface ${name} options`)],
  };
}

function isSomebodys(network: Network, address: IpAddress): boolean {
  return [...network.hosts.values()].some(
    ({ name, namespaces }) =>
      [...namespaces.values()].some(({ state }) =>
        state.interfaces.some(({ addresses }) =>
          addresses.some((own) => sameAddress(own.address, address)),
        ),
      ) || isAgents(network, name, address),
  );
}

function isAgents(network: Network, host: string, address: IpAddress): boolean {
  const own = tunnelAddressOf(network, host);
  return own !== null && sameAddress(own, address);
}

/** Where a tunnel port leads; null when flows say so. */
export function remoteOf({ tunnel }: Port): IpAddress | null {
  const remote = tunnel?.remote;
  if (remote === undefined || remote === null || remote === 'flow') return null;
  return { version: remote.version, value: remote.address };
}

/** A port that is named after the right host, as agents name them, and leads to another one. */
function misnamed(network: Network, sent: Sent, port: Port, target: NeutronPort): Finding | null {
  const meant = tunnelAddressOf(network, target.host);
  const remote = remoteOf(port);
  if (meant === null || remote === null || sameAddress(meant, remote)) return null;
  if (tunnelPort(port.type, meant.value) !== port.name) return null;
  return {
    code: 'TUNNEL_ENDPOINT_MISSING',
    host: sent.host,
    component: `${sent.flow.bridge} ${sent.port}`,
    evidence: `remote_ip=${writeIp(remote)}`,
    origin: null,
    because: [
      `${sent.port} of ${sent.host} is meant for ${target.host} (${writeIp(meant)}) and leads to ${writeIp(remote)}`,
    ],
    neutron: [portRef(network, target)],
    fix: restart(sent.host),
    confirm: [onHost(sent.host, `ovs-vsctl get Interface ${sent.port} options`)],
  };
}

function staleEntry(network: Network, sent: Sent, target: NeutronPort): Finding | null {
  const { host, flow, reached } = sent;
  if (flow.table !== UNICAST_TABLE || flow.flow === null) return null;
  return {
    code: 'FDB_STALE',
    host,
    component: `${flow.bridge} table ${flow.table}`,
    evidence: `${writeMac(target.mac)} by ${sent.port}`,
    origin: flow.flow.origin,
    because: [
      `${host} sends frames for ${portLabel(network, target)} to ${reached}, but it is plugged on ${target.host}`,
    ],
    neutron: [portRef(network, target)],
    fix: restart(host),
    confirm: [onHost(host, `ovs-ofctl dump-flows ${flow.bridge} table=${flow.table}`)],
  };
}

function restart(host: string): Fix {
  return {
    summary: `restart ${AGENT} on ${host}, which programs the tunnels anew`,
    commands: [restartAgent(host, AGENT)],
  };
}

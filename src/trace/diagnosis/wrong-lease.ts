/**
 * A lease with an address that is not the port's: dnsmasq gives what its host file says
 * (dhcp-host in dnsmasq(8)), and what the agent wrote there may be of a port that was changed
 * since. The guest then speaks from an address that the firewall does not let out.
 */
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { readIp, writeIp, writeMac } from '../../text/address-text.ts';
import { type Origin } from '../../text/problem.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { portLabel, portRef } from '../objects.ts';
import { daemonsOf } from '../programs/daemons.ts';
import { type Blocker, type Content, type Question } from '../types.ts';
import { restartAgent } from './commands.ts';

/** What is wrong with a lease; null when the address is the port's, or no port is known. */
export function wrongLease(
  compiled: CompiledNetwork,
  { from }: Question,
  content: Content | null,
): Blocker | null {
  const { network } = compiled;
  const port = network.neutron.ports.find(({ id }) => id === from.port);
  const given = content?.kind === 'lease' ? readIp(content.address) : undefined;
  if (port === undefined || given === undefined) return null;
  const own = port.fixedIps.filter(({ address }) => address.version === given.version);
  if (own.length === 0 || own.some(({ address }) => sameAddress(address, given))) return null;
  const wanted = own.map(({ address }) => writeIp(address)).join(' or ');
  const server = serverOf(compiled, port, given);
  return {
    code: 'DHCP_WRONG_ADDRESS',
    host: server?.host ?? '',
    component: `${server?.namespace ?? 'dhcp'} dnsmasq`,
    evidence: `${writeIp(given)} for ${portLabel(network, port)}`,
    origin: server?.origin ?? null,
    nearMisses: [],
    direction: 'reply',
    because: [
      `dnsmasq gives ${portLabel(network, port)} ${writeIp(given)}, and Neutron gave its port ${wanted}: what the guest sends from the wrong address, its port does not let out`,
    ],
    neutron: [portRef(network, port)],
    fix: {
      summary:
        'restart neutron-dhcp-agent, which writes the host file of dnsmasq anew; then renew the lease',
      commands: server === null ? [] : [restartAgent(server.host, 'neutron-dhcp-agent')],
    },
    confirm: [],
  };
}

/** A server that answers and has no address for the client (RFC 8415 §18.3.2, NoAddrsAvail). */
export function noAddress(compiled: CompiledNetwork, { from }: Question): Blocker | null {
  const { network } = compiled;
  const port = network.neutron.ports.find(({ id }) => id === from.port);
  const server = port === undefined ? null : serverOf(compiled, port, null);
  if (port === undefined || server === null) return null;
  const { host, namespace } = server;
  return {
    code: 'DHCP_NO_ADDRESS',
    host,
    component: `${namespace} dnsmasq`,
    evidence: `no address for ${writeMac(port.mac)}`,
    origin: null,
    nearMisses: [],
    direction: 'reply',
    because: [
      `dnsmasq answers ${portLabel(network, port)} that it has no address: its host file lacks ${writeMac(port.mac)}`,
    ],
    neutron: [portRef(network, port)],
    fix: {
      summary: 'restart neutron-dhcp-agent, which writes the host file of dnsmasq anew',
      commands: [restartAgent(host, 'neutron-dhcp-agent')],
    },
    confirm: [],
  };
}

/** The dnsmasq of the port's network that knows the address, and the line that says so. */
function serverOf(
  compiled: CompiledNetwork,
  { mac, networkId }: NeutronPort,
  given: IpAddress | null,
): { readonly host: string; readonly namespace: string; readonly origin: Origin | null } | null {
  let serving = null;
  for (const host of compiled.network.hosts.keys()) {
    for (const daemon of daemonsOf(compiled, host)) {
      const { namespace } = daemon;
      if (daemon.kind !== 'dnsmasq' || namespace === null) continue;
      if (namespaceOwner(namespace)?.id !== networkId) continue;
      const { hosts, leases } = daemon.config;
      const line =
        hosts.find(
          ({ macs, addresses }) =>
            given !== null &&
            macs.includes(mac) &&
            addresses.some((one) => sameAddress(one, given)),
        ) ?? leases.find(({ address }) => given !== null && sameAddress(address, given));
      if (line !== undefined) return { host, namespace, origin: line.origin };
      serving ??= { host, namespace, origin: null };
    }
  }
  return serving;
}

/** Who sent what a record tells of. */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { resolveEnd } from '../ends.ts';
import { type OutsideName } from '../outside.ts';
import { type ProbeRecord, parseAddress } from '../probe-record.ts';
import { type TraceEnd } from '../types.ts';

/** The sender as an end of a question, or why it is not known. */
export function senderOf(network: Network, record: ProbeRecord): TraceEnd | string {
  const { from, fromHost, source } = record;
  const resolution = resolveEnd(network, from);
  if (resolution.kind === 'found') return resolution.resolved.end;
  const state = fromHost === null ? undefined : network.namespace(fromHost, 'root');
  if (from === fromHost && state !== undefined) {
    return { label: from, kind: 'host', host: from, namespace: 'root', port: null, address: null };
  }
  if (resolution.kind === 'ambiguous') return `${from} is ambiguous`;
  if (source === null || isTenants(network, source)) return resolution.message;
  return {
    label: from,
    kind: 'external',
    host: null,
    namespace: null,
    port: null,
    address: source,
  };
}

/**
 * What people outside are called: senders that the snapshot does not know, with the addresses
 * they sent from, then receivers, with the addresses they were reached at.
 */
export function outsideNames(
  network: Network,
  records: readonly ProbeRecord[],
): readonly OutsideName[] {
  const outside = new Map<string, boolean>();
  const named = (name: string, address: IpAddress | null): readonly OutsideName[] => {
    if (address === null || isTenants(network, address)) return [];
    const isOutside = outside.get(name) ?? resolveEnd(network, name).kind === 'unknown';
    outside.set(name, isOutside);
    return isOutside ? [{ name, address }] : [];
  };
  const senders = records.flatMap(({ from, source }) => named(from, source));
  const receivers = records.flatMap(({ destination, fate }) => {
    const { receivedBy, observedDestination: seen } = fate;
    if (receivedBy === undefined || network.hosts.has(receivedBy)) return [];
    return named(receivedBy, seen === undefined ? destination : parseAddress(seen));
  });
  return [...senders, ...receivers];
}

/** Whether the address is of a subnet that only tenants are on: nobody outside has it. */
function isTenants({ neutron }: Network, address: IpAddress): boolean {
  return neutron.subnets.some(({ prefix, networkId }) => {
    const network = neutron.networks.find(({ id }) => id === networkId);
    return network?.external !== true && prefixCovers(prefix, address);
  });
}

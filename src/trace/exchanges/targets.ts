/**
 * Destinations that are more than an address: `dhcp`, `dhcp6` and `slaac` ask for an address,
 * `arp:ADDRESS` for a MAC, `metadata` for who one is. A server of such a name is meant first.
 */
import { type Network } from '../../dataplane/network.ts';
import { METADATA } from '../../model/metadata-address.ts';
import { parseAddress } from '../probe-record.ts';
import { dhcpServerOf } from '../records/lease.ts';
import { type PacketQuestion, type TraceEnd } from '../types.ts';

/** Where to, and what changes of the packet that was asked about. */
export interface ExchangeTarget {
  readonly to: TraceEnd;
  readonly packet: Partial<PacketQuestion>;
}

/** What such a word means for a sender; null for every other word. */
export function exchangeTarget(
  network: Network,
  word: string,
  from: TraceEnd,
  version: 4 | 6,
): ExchangeTarget | null {
  if (network.find(word).length > 0) return null;
  if (word === 'dhcp' || word === 'dhcp6' || word === 'slaac') {
    const protocol = word === 'dhcp' && version === 6 ? 'dhcp6' : word;
    return { to: dhcpServerOf(network, from, protocol), packet: { protocol } };
  }
  const nobody = { kind: 'address', host: null, namespace: null, port: null } as const;
  if (word === 'metadata') {
    const to = { ...nobody, label: 'the metadata service', address: METADATA[version] };
    return { to, packet: { protocol: 'tcp', destinationPort: METADATA.port } };
  }
  const address = word.startsWith('arp:') ? parseAddress(word.slice('arp:'.length)) : null;
  if (address === null) return null;
  const to = { ...nobody, label: word.slice('arp:'.length), address };
  return { to, packet: { protocol: 'arp' } };
}

/** Records of single packets: who sent what to which address. */
import { type Network } from '../../dataplane/network.ts';
import { type ProbeRecord } from '../probe-record.ts';
import { type PacketQuestion, type Question, type TraceEnd } from '../types.ts';
import { senderOf } from './sender.ts';

/** The question of a probe, or why it cannot be asked. */
export function probeQuestion(network: Network, record: ProbeRecord): Question | string {
  const { protocol } = record;
  if (protocol !== 'icmp' && protocol !== 'tcp' && protocol !== 'udp') {
    return `protocol ${protocol} is not traced`;
  }
  const from = senderOf(network, record);
  if (typeof from === 'string') return from;
  const to = addressOf(record);
  if (to === null) return `its destination ${record.to} is no address`;
  const { sourcePort, destinationPort, source, icmpId, dontFragment } = record;
  const size = record.size ?? (protocol === 'icmp' ? 32 : 16);
  const more = { sourcePort, destinationPort, source, icmpId, dontFragment, size };
  return { from, to, packet: { ...packetOf(protocol), ...more } };
}

/** The address a record was sent to; null when it names none. */
export function addressOf({ to, destination }: ProbeRecord): TraceEnd | null {
  if (destination === null) return null;
  return {
    label: to,
    kind: 'address',
    host: null,
    namespace: null,
    port: null,
    address: destination,
  };
}

/** A packet of which only the protocol is said. */
export function packetOf(protocol: PacketQuestion['protocol']): PacketQuestion {
  return {
    protocol,
    sourcePort: null,
    destinationPort: null,
    source: null,
    icmpId: null,
    size: 16,
    dontFragment: false,
    flow: null,
  };
}

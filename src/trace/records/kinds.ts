/** Kinds of records: which question each asks, and what of the answer it can contradict. */
import { type Network } from '../../dataplane/network.ts';
import { type ProbeRecord } from '../probe-record.ts';
import { compareTrace, type ReplayedProbe } from '../replay.ts';
import { type Question, type Trace } from '../types.ts';
import { arpQuestion, compareArp } from './arp.ts';
import { compareAutonomous, compareLease, dhcpServerOf } from './lease.ts';
import { compareMetadata, metadataQuestion } from './metadata.ts';
import { packetOf, probeQuestion } from './probe.ts';
import { senderOf } from './sender.ts';

/** How records of one kind are asked and compared. */
export interface RecordKind {
  /** The question a record asks, or why it cannot be asked. */
  question(network: Network, record: ProbeRecord): Question | string;
  compare(record: ProbeRecord, trace: Trace): ReplayedProbe;
}

export const RECORD_KINDS: ReadonlyMap<string, RecordKind> = new Map<string, RecordKind>([
  ['probe', { question: probeQuestion, compare: compareTrace }],
  ['dhcp', { question: asking('dhcp'), compare: compareLease }],
  ['dhcp6', { question: asking('dhcp6'), compare: compareLease }],
  ['slaac', { question: asking('slaac'), compare: compareAutonomous }],
  ['arp', { question: arpQuestion, compare: compareArp }],
  ['metadata', { question: metadataQuestion, compare: compareMetadata }],
]);

/** A guest asks for an address. */
function asking(protocol: 'dhcp' | 'dhcp6' | 'slaac'): RecordKind['question'] {
  return (network, record) => {
    const from = senderOf(network, record);
    if (typeof from === 'string') return from;
    return { from, to: dhcpServerOf(network, from, protocol), packet: packetOf(protocol) };
  };
}

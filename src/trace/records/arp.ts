/** Records of ARP questions: who answered, by MAC. */
import { type Network } from '../../dataplane/network.ts';
import { type ProbeRecord } from '../probe-record.ts';
import { predictionOf, type ReplayedProbe } from '../replay.ts';
import { type Question, type Trace } from '../types.ts';
import { addressOf, packetOf } from './probe.ts';
import { senderOf } from './sender.ts';

/**
 * The question of an ARP record, or why it cannot be asked.
 *
 * Simplification: records that name no source address are asked with the sender's own, so a
 * question sent from a foreign address is answered here (ovs-vlan-hybrid, record 358).
 */
export function arpQuestion(network: Network, record: ProbeRecord): Question | string {
  const from = senderOf(network, record);
  if (typeof from === 'string') return from;
  const to = addressOf(record);
  if (to === null) return `its target ${record.to} is no address`;
  return { from, to, packet: { ...packetOf('arp'), source: record.source } };
}

/** Compares whether somebody answered, and who. */
export function compareArp(record: ProbeRecord, trace: Trace): ReplayedProbe {
  const predicted = predictionOf(trace);
  const differs: string[] = [];
  const { delivered } = record.fate;
  if (delivered !== undefined && delivered !== trace.delivered) differs.push('delivered');
  const seen = record.raw['observed_macs'];
  if (Array.isArray(seen)) {
    const recorded = seen.map((one) => String(one).toLowerCase()).sort();
    if (recorded.join() !== (predicted.macs ?? []).join()) differs.push('observed_macs');
  }
  return { index: record.index, predicted, agrees: differs.length === 0, differs };
}

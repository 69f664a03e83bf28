/** Records of guests that asked the metadata service who they are. */
import { type Network } from '../../dataplane/network.ts';
import { type ProbeRecord, parseAddress } from '../probe-record.ts';
import { predictionOf, type ReplayedProbe } from '../replay.ts';
import { type Question, type Trace } from '../types.ts';
import { addressOf, packetOf } from './probe.ts';
import { senderOf } from './sender.ts';

/** The question of a metadata record, or why it cannot be asked. */
export function metadataQuestion(network: Network, record: ProbeRecord): Question | string {
  const from = senderOf(network, record);
  if (typeof from === 'string') return from;
  const to = addressOf(record);
  if (to === null) return `its destination ${record.to} is no address`;
  const { destinationPort, sourcePort, source } = record;
  return { from, to, packet: { ...packetOf('tcp'), destinationPort, sourcePort, source } };
}

/** Compares whether an answer came, and what the proxy told the service about the client. */
export function compareMetadata(record: ProbeRecord, trace: Trace): ReplayedProbe {
  const predicted = predictionOf(trace);
  const differs: string[] = [];
  // An error page is an answer as well: the connection stood, the service behind it did not.
  const page = record.raw['http_text'];
  const answered = record.fate.delivered === true || (typeof page === 'string' && page !== '');
  if (answered !== trace.delivered) differs.push('delivered');
  const { content } = trace;
  const answer = record.raw['answer'];
  if (content?.kind === 'metadata' && typeof answer === 'object' && answer !== null) {
    const said = answer as Readonly<Record<string, unknown>>;
    const client = said['X-Forwarded-For'];
    if (typeof client === 'string' && plain(client) !== content.client) differs.push('client');
    const instance = said['X-Instance-ID'];
    if (content.instance !== null && typeof instance === 'string') {
      if (instance !== content.instance) differs.push('instance');
    }
  }
  return { index: record.index, predicted, agrees: differs.length === 0, differs };
}

/** A proxy that listens for both versions sees IPv4 clients as `::ffff:…` (RFC 4291 §2.5.5.2). */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && parseAddress(mapped) !== null ? mapped : address;
}

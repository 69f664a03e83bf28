/** Questions as a person would ask them, for the tests of traces. */
import { type Network } from '../../src/dataplane/network.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type PacketQuestion, type Question, type Trace } from '../../src/trace/types.ts';

export type Ask = (from: string, to: string, packet?: Partial<PacketQuestion>) => Trace;

/** Asks a network; ends that nobody knows are an error of the test. */
export function askOf(network: Network): Ask {
  const tracer = prepareTracing(network);
  return (from, to, packet = {}) => {
    const result = tracer.trace(resolvedQuestion(network, from, to, packet));
    if (result.kind === 'impossible') throw new Error(result.why);
    return result.trace;
  };
}

/** The question about a small ping, or about a packet that is otherwise as told. */
export function resolvedQuestion(
  network: Network,
  from: string,
  to: string,
  packet: Partial<PacketQuestion> = {},
): Question {
  const [source, target] = [resolveEnd(network, from), resolveEnd(network, to)];
  if (source.kind !== 'found' || target.kind !== 'found') throw new Error('unknown end');
  return {
    from: source.resolved.end,
    to: target.resolved.end,
    packet: {
      protocol: 'icmp',
      sourcePort: null,
      destinationPort: null,
      source: null,
      icmpId: null,
      size: 56,
      dontFragment: false,
      flow: null,
      ...packet,
    },
  };
}

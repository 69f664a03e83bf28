/** A tracer for one snapshot: what is compiled is kept, so that many questions cost little. */
import { type Network } from '../dataplane/network.ts';
import { compileNetwork, type TracingOptions } from './compiled-network.ts';
import { traceAdvertisement } from './exchanges/advertisement.ts';
import { traceArp } from './exchanges/arp.ts';
import { traceDhcp } from './exchanges/dhcp.ts';
import { traceDhcp6 } from './exchanges/dhcp6.ts';
import { isForMetadata, withInstance } from './exchanges/metadata.ts';
import { hooksOf } from './filters.ts';
import { withOutside } from './outside.ts';
import { traceRemembered } from './stale-connections.ts';
import { openSwitchOf } from './switch-device.ts';
import { type Traced } from './trace.ts';
import { type Question } from './types.ts';
import { type traceWorlds } from './worlds.ts';

export interface Tracer {
  trace(question: Question): Traced;
}

/** Questions that are more than one packet and its answer. */
const EXCHANGES: ReadonlyMap<string, typeof traceWorlds> = new Map([
  ['dhcp', traceDhcp],
  ['dhcp6', traceDhcp6],
  ['slaac', traceAdvertisement],
  ['arp', traceArp],
]);

/** Prepares a network for questions. */
export function prepareTracing(network: Network, options: TracingOptions = {}): Tracer {
  const compiled = compileNetwork(withOutside(network), options);
  return {
    trace: (question) => {
      const exchange = EXCHANGES.get(question.packet.protocol) ?? traceRemembered;
      const traced = exchange(compiled, question, { switches: openSwitchOf, hooks: hooksOf });
      if (traced.kind === 'impossible' || !isForMetadata(question)) return traced;
      return { kind: 'traced', trace: withInstance(compiled.network, traced.trace) };
    },
  };
}

/** A tracer for one snapshot: what is compiled is kept, so that many questions cost little. */
import { type Network } from '../dataplane/network.ts';
import { compileNetwork, type TracingOptions } from './compiled-network.ts';
import { hooksOf } from './filters.ts';
import { withOutside } from './outside.ts';
import { openSwitchOf } from './switch-device.ts';
import { type Traced } from './trace.ts';
import { type Question } from './types.ts';
import { traceWorlds } from './worlds.ts';

export interface Tracer {
  trace(question: Question): Traced;
}

/** Prepares a network for questions. */
export function prepareTracing(network: Network, options: TracingOptions = {}): Tracer {
  const compiled = compileNetwork(withOutside(network), options);
  return {
    trace: (question) =>
      traceWorlds(compiled, question, { switches: openSwitchOf, hooks: hooksOf }),
  };
}

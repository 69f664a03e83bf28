/** A tracer for one snapshot: what is compiled is kept, so that many questions cost little. */
import { type Network } from '../dataplane/network.ts';
import { compileNetwork } from './compiled-network.ts';
import { hooksOf } from './filters.ts';
import { openSwitchOf } from './switch-device.ts';
import { type Traced, trace } from './trace.ts';
import { type Question } from './types.ts';

export interface Tracer {
  trace(question: Question): Traced;
}

/** Prepares a network for questions. */
export function prepareTracing(network: Network): Tracer {
  const compiled = compileNetwork(network);
  return {
    trace: (question) => trace(compiled, question, { switches: openSwitchOf, hooks: hooksOf }),
  };
}

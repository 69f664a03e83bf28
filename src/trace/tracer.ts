/** A tracer for one snapshot: what is compiled is kept, so that many questions cost little. */
import { type Network } from '../dataplane/network.ts';
import { compileNetwork } from './compiled-network.ts';
import { hooksOf } from './filters.ts';
import { type OutsideName, withOutside } from './outside.ts';
import { openSwitchOf } from './switch-device.ts';
import { type Traced } from './trace.ts';
import { type Question } from './types.ts';
import { traceWorlds } from './worlds.ts';

export interface Tracer {
  trace(question: Question): Traced;
}

/** Prepares a network for questions; `outsideNames` are what people call hosts outside of it. */
export function prepareTracing(
  network: Network,
  outsideNames: readonly OutsideName[] = [],
): Tracer {
  const compiled = compileNetwork(withOutside(network), outsideNames);
  return {
    trace: (question) =>
      traceWorlds(compiled, question, { switches: openSwitchOf, hooks: hooksOf }),
  };
}

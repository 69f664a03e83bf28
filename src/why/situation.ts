/**
 * A network in which something was changed: the one that was read, with parts of hosts as their
 * agents would configure them now, and with single settings edited. Nothing here touches a host.
 */
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { once } from '../snapshot/read/folder.ts';
import { type TracingOptions } from '../trace/compiled-network.ts';
import { prepareTracing, type Tracer } from '../trace/tracer.ts';
import { blended } from './blended.ts';
import { type Changes } from './edits.ts';

export interface Situation extends Changes {
  readonly real: Network;
  /** The objects that the network was read with. */
  readonly opened: Cloud | null;
  readonly network: Network;
  readonly tracer: Tracer;
  readonly options: TracingOptions;
}

/** The network as it was read. */
export function openSituation(
  real: Network,
  cloud: Cloud | null,
  options: TracingOptions = {},
): Situation {
  return situation(real, cloud, options, { cloud, pieces: new Set(), edits: [] });
}

/** What a change makes otherwise: changes of objects go on from those that were made before. */
export type Makes = Partial<Changes> | ((so: Situation) => Partial<Changes>);

/** What somebody makes who only waits. */
export const NOTHING: Makes = {};

/** The situation with more changed. */
export function changed(so: Situation, makes: Makes): Situation {
  const { real, opened, options, cloud, pieces, edits } = so;
  const more = typeof makes === 'function' ? makes(so) : makes;
  return situation(real, opened, options, {
    cloud: more.cloud ?? cloud,
    pieces: new Set([...pieces, ...(more.pieces ?? [])]),
    edits: [...edits, ...(more.edits ?? [])],
  });
}

function situation(
  real: Network,
  opened: Cloud | null,
  options: TracingOptions,
  changes: Changes,
): Situation {
  const network = once(() => blended(real, changes));
  const tracer = once(() => prepareTracing(network(), options));
  return {
    real,
    opened,
    options,
    ...changes,
    get network() {
      return network();
    },
    get tracer() {
      return tracer();
    },
  };
}

/** The servers behind a host's taps, looked up by name. Before: `dataplane/network.ts`. After: `world.ts`. */
import { type Endpoint, type Network } from '../dataplane/network.ts';

/** The endpoints behind a tap; found anew in a list of all, a large cloud would take long. */
export function endpointsBehind(network: Network, host: string, tap: string): readonly Endpoint[] {
  let known = behindTaps.get(network.endpoints);
  if (known === undefined) {
    known = new Map();
    for (const one of network.endpoints) {
      const key = `${one.host} ${one.tap}`;
      const mine = known.get(key);
      if (mine === undefined) known.set(key, [one]);
      else mine.push(one);
    }
    behindTaps.set(network.endpoints, known);
  }
  return known.get(`${host} ${tap}`) ?? [];
}

/** By a network's list of endpoints: those behind each `HOST TAP`. */
const behindTaps = new WeakMap<readonly Endpoint[], Map<string, Endpoint[]>>();

/**
 * The endpoints at a device of a host: a list of all would be searched for every hop, and that of
 * a large cloud is long. Before: `dataplane/network.ts`. After: `world.ts` and what reads a walk.
 */
import { tapOfGuest } from '../dataplane/endpoint/guest.ts';
import { type Endpoint, type Network } from '../dataplane/network.ts';

/** The endpoints behind a tap. */
export function endpointsBehind(network: Network, host: string, tap: string): readonly Endpoint[] {
  return indexOf(network, host).get(keyOf('tap', tap)) ?? [];
}

/**
 * The endpoints that a device of a walk stands for.
 *
 * @param device a guest behind its tap, or a namespace
 */
export function endpointsAt(network: Network, host: string, device: string): readonly Endpoint[] {
  const tap = tapOfGuest(device);
  if (tap !== null) return endpointsBehind(network, host, tap);
  return indexOf(network, host).get(keyOf('namespace', device)) ?? [];
}

type Index = ReadonlyMap<string, readonly Endpoint[]>;

function indexOf(network: Network, host: string): Index {
  const endpoints = network.endpointsOf(host);
  let index = indexes.get(endpoints);
  if (index === undefined) {
    index = made(endpoints);
    indexes.set(endpoints, index);
  }
  return index;
}

function made(endpoints: readonly Endpoint[]): Index {
  const index = new Map<string, Endpoint[]>();
  const add = (key: string, one: Endpoint): void => {
    const others = index.get(key);
    if (others === undefined) index.set(key, [one]);
    else others.push(one);
  };
  for (const one of endpoints) {
    if (one.tap !== null) add(keyOf('tap', one.tap), one);
    if (one.namespace !== null) add(keyOf('namespace', one.namespace), one);
  }
  return index;
}

function keyOf(kind: 'tap' | 'namespace', name: string): string {
  return `${kind} ${name}`;
}

/** By a host's list of endpoints. */
const indexes = new WeakMap<readonly Endpoint[], Index>();

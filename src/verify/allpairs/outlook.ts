/**
 * Which addresses a namespace cannot tell apart: those that lie in the same networks of its rules
 * and routes and are no address of its own. What becomes of one becomes of all.
 */
import { type Namespace } from '../../dataplane/routing/types.ts';
import { type Chains } from './chains.ts';
import { type Cuts, cutsAt } from './extent.ts';

/** A number for each class of addresses. */
export interface Outlook {
  readonly source: (address: number) => number;
  readonly destination: (address: number) => number;
  /** Runs of addresses of one class each. */
  readonly sourceCuts: Cuts | null;
  readonly destinationCuts: Cuts | null;
}

interface Network {
  readonly value: number;
  readonly mask: number;
}

export function openOutlook(state: Namespace, chains: Chains): Outlook {
  const sources: Network[] = [];
  const destinations: Network[] = [];
  for (const table of chains.values()) {
    for (const { rules } of table.values()) {
      for (const { source, destination } of rules) {
        if (source !== null) sources.push(network(source.value));
        if (destination !== null) destinations.push(network(destination.value));
      }
    }
  }
  const common: Network[] = [];
  for (const { addresses } of state.interfaces) {
    for (const { address } of addresses) {
      if (address.version === 4) common.push({ value: Number(address.value), mask: 0xffff_ffff });
    }
  }
  for (const { version, prefix } of state.routes) {
    if (version !== 4 || prefix === null) continue;
    const mask = prefix.length === 0 ? 0 : (0xffff_ffff << (32 - prefix.length)) >>> 0;
    common.push({ value: (Number(prefix.address.value) & mask) >>> 0, mask });
  }
  return {
    source: classifier([...sources, ...common]),
    destination: classifier([...destinations, ...common]),
    sourceCuts: cutsAt([...sources, ...common]),
    destinationCuts: cutsAt([...destinations, ...common]),
  };
}

function network({ value, mask }: { readonly value: bigint; readonly mask: bigint }): Network {
  return { value: Number(value), mask: Number(mask) };
}

function classifier(networks: readonly Network[]): (address: number) => number {
  const exact = new Set<number>();
  const wide = new Map<string, Network>();
  for (const { value, mask } of networks) {
    if (mask === 0xffff_ffff) exact.add(value);
    else wide.set(`${value} ${mask}`, { value, mask });
  }
  const known = new Map<number, number>();
  const classes = new Map<string, number>();
  return (address) => {
    let found = known.get(address);
    if (found === undefined) {
      let key = exact.has(address) ? `=${address}` : '';
      if (key === '') {
        for (const { value, mask } of wide.values()) {
          key += (address & mask) >>> 0 === value ? '1' : '0';
        }
      }
      found = classes.get(key) ?? classes.size;
      classes.set(key, found);
      known.set(address, found);
    }
    return found;
  };
}

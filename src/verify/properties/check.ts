/** Checks properties over one network: each by the row of its kind. */
import { type Network } from '../../dataplane/network.ts';
import { type Checking } from './kinds/row.ts';
import { rowOf } from './kinds/rows.ts';
import { type Overheard } from './recorder.ts';
import { type Checked, type Property, type PropertyFile } from './types.ts';
import { type KnownWalks, openWalks } from './walks.ts';

export interface CheckOptions {
  /** Opens the network behind a word of the file; a sentence when there is none. */
  readonly open?: (word: string) => Network | string;
  /** Told of every lookup of packets in a table, to count what the properties exercise. */
  readonly overheard?: Overheard;
  /** Walks over a network that differs from this one in some switches and namespaces only. */
  readonly known?: KnownWalks | null;
}

/** Checks all properties of a file, one after the other. */
export function checkProperties(
  network: Network,
  file: PropertyFile,
  options: CheckOptions = {},
): Generator<Checked> {
  return checkAll(network, file, file.properties, options);
}

function* checkAll(
  network: Network,
  file: PropertyFile,
  properties: readonly Property[],
  options: CheckOptions,
): Generator<Checked> {
  const checking: Checking = {
    network,
    walks: openWalks(network, options.overheard ?? null, options.known ?? null),
    file,
    open: options.open ?? ((word) => `${word} cannot be opened here`),
    elsewhere: (other, some) => checkAll(other, file, some, { ...options, known: null }),
  };
  for (const property of properties) yield* checkOne(checking, property);
}

function checkOne(checking: Checking, property: Property): Iterable<Checked> {
  return rowOf(property.kind).check(checking, property);
}

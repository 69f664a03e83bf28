/** One kind of property: the keys it is written with, and how it is checked. */
import { type Network } from '../../../dataplane/network.ts';
import { type JsonNode } from '../../../text/json-text.ts';
import { type Checked, type Property, type PropertyFile } from '../types.ts';
import { type Walks } from '../walks.ts';

/** What is known of a property before its kind reads it. */
export interface Begun {
  /** Null when the file gives none: the kind makes one. */
  readonly name: string | null;
  readonly line: number;
  readonly column: number;
}

/** What a kind may use while it checks. */
export interface Checking {
  readonly network: Network;
  readonly walks: Walks;
  readonly file: PropertyFile;
  /** The network behind a word of the file (`before`); a sentence when there is none. */
  readonly open: (word: string) => Network | string;
  /** Checks properties over another network, as if the file were about it. */
  readonly elsewhere: (network: Network, properties: readonly Property[]) => Iterable<Checked>;
}

export interface KindRow<P extends Property> {
  readonly kind: P['kind'];
  /** The key that tells a property of this kind. */
  readonly sign: string;
  /** All its keys but `name`. */
  readonly keys: readonly string[];
  /** Null, and at least one problem, when it cannot be read. */
  read(node: JsonNode, begun: Begun): P | null;
  check(checking: Checking, property: P): Iterable<Checked>;
}

/** A finding without more than its sentence. */
export function plain(
  property: Property,
  subject: string,
  holds: Checked['holds'],
  because: readonly string[] = [],
): Checked {
  return {
    property,
    subject,
    from: null,
    to: null,
    holds,
    because,
    code: null,
    origin: null,
    witness: null,
    proof: null,
  };
}

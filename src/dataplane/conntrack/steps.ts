/** What connection tracking writes into a packet's diary. */
import { type Step } from '../../traffic/traffic.ts';
import { type ConnectionEntry } from './types.ts';

/**
 * The port (or ICMP id) of one end was picked from a range. Each value of it is possible, and
 * the one in the header is an example (`--random-fully`, or the wished one was taken).
 */
export interface PortChoiceStep extends Step {
  readonly kind: 'port-choice';
  readonly end: 'src' | 'dst';
  readonly from: number;
  readonly to: number;
}

/** The address of one end was picked from a range by a hash. */
export interface AddressChoiceStep extends Step {
  readonly kind: 'address-choice';
  readonly end: 'src' | 'dst';
}

/** The packet belongs to a connection of the dump. */
export interface DumpedConnectionStep extends Step {
  readonly kind: 'dumped-connection';
  readonly entry: ConnectionEntry;
  /** It goes in the direction of the entry's answers. */
  readonly reply: boolean;
}

/**
 * What two networks are compared by: every host's state as statements that each mean one thing.
 * A statement's meaning is free of what a run of an agent chooses (numbers of ports, local VLANs,
 * cookies, drawn addresses), so equal meanings are equal configuration.
 */
import { type Origin, type Problem } from '../../text/problem.ts';
import { type NeutronRef } from '../../trace/objects.ts';

/** One flow, rule, route, address…, as one side has it. */
export interface Statement {
  /** Of what it says something; one side's statement replaces the other's of the same subject. */
  readonly subject: string;
  /** Equal meanings are the same configuration. */
  readonly meaning: string;
  /** As the host's own tools show it. */
  readonly text: string;
  /** Where it was read; asked for only when it differs. */
  readonly origin: () => Origin;
  /** The Neutron object it belongs to; asked for only when it differs. */
  readonly about: () => NeutronRef | null;
  /** Devices that it needs: when one is missing as a whole, that alone is told. */
  readonly needs: readonly string[];
}

/** A place whose statements belong together: a flow table, a chain, a routing table. */
export interface Section {
  readonly host: string;
  /** A bridge, a namespace, or a program. */
  readonly device: string;
  /** `table 60`, `iptables filter FORWARD`, `addresses`. */
  readonly part: string;
  readonly statements: readonly Statement[];
  /** Whether two statements may stand in either order; null where order never counts. */
  readonly commute: ((a: Statement, b: Statement) => boolean) | null;
}

export type DifferenceKind = 'missing' | 'extra' | 'different' | 'order';

/** One thing in which B is not like A. */
export interface Difference {
  /** `missing`: A has it and B lacks it; `extra` is the opposite; `order`: B has it elsewhere. */
  readonly kind: DifferenceKind;
  readonly host: string;
  readonly device: string;
  readonly part: string;
  readonly a: SideText | null;
  readonly b: SideText | null;
  readonly about: NeutronRef | null;
}

export interface SideText {
  readonly text: string;
  readonly origin: Origin;
}

/** A place of which one side's dump says nothing, while the other side has something there. */
export interface Unknown {
  readonly host: string;
  readonly device: string;
  readonly part: string;
  readonly side: 'a' | 'b';
  /** The file that would tell. */
  readonly file: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  readonly unknown: readonly Unknown[];
  /** Of files that could not be read in full: what stands there was not compared. */
  readonly problems: readonly Problem[];
  /** How many statements were compared, to tell an answer from an empty one. */
  readonly statements: number;
}

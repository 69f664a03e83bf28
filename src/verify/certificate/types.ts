/**
 * A certificate that no packet of a question arrives: the books of a walk of all packets, as plain
 * data. At every location stands what came in and what became of it, in parts that do not overlap.
 *
 * Certified is that the books balance: they begin with every packet that was asked about, nothing
 * is lost or made up between one location and the next, every part has an end or goes on to a later
 * location, no end is at the destination, and packets that a rule is said to have caught have the
 * protocol and ports that its text names. Not certified is what an element does to the packets it
 * hands on (translation, copies to further ports, answers); the books name the rule for it.
 */

/**
 * Packets by the values of variables, both ends of an interval included; a variable that is not
 * named may have every value it can have.
 */
export type PacketBox = Readonly<Record<string, readonly [number, number]>>;

/** A byte or less of the packets that were asked about, or of what was chosen on their way. */
export interface Variable {
  readonly name: string;
  /** The values it can have. */
  readonly low: number;
  readonly high: number;
}

export interface Place {
  readonly host: string;
  readonly device: string;
}

/** Packets of which the same became; boxes do not overlap. */
export interface Part {
  readonly boxes: readonly PacketBox[];
  /** Locations they go on to; several where they are copied; none where they end here. */
  readonly to: readonly number[];
}

/** How packets end. */
export type End =
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'delivered'; readonly to: string };

/** What a rule or flow says, and which variables its fields still show. */
export interface RuleText {
  readonly text: string;
  /** `FILE:LINE`. */
  readonly at: string;
  /** By field (`ip_proto`, `tp_dst`, `tp_src`): variables, the most significant first. */
  readonly shows: Readonly<Record<string, readonly string[]>>;
}

export interface Location {
  /** Greater than that of every location the packets come from. */
  readonly id: number;
  readonly place: Place;
  /** What happens here: `flow`, `rule`, `enter`. */
  readonly what: string;
  readonly rule: RuleText | null;
  readonly in: readonly PacketBox[];
  readonly parts: readonly Part[];
  /** Null where packets go on. */
  readonly end: End | null;
}

export interface Certificate {
  readonly version: 1;
  readonly claim: 'never';
  readonly from: Place;
  readonly to: Place;
  readonly variables: readonly Variable[];
  /** Every packet of the question; boxes do not overlap. */
  readonly asked: readonly PacketBox[];
  /** In the order of ids; packets that were asked about begin at locations nobody leads to. */
  readonly locations: readonly Location[];
}

/** What tracking leaves on the packet: the ct_* fields, as both personalities fill them. */
import { allBits, CONNTRACK_TUPLE, CT_STATE, type Field } from '../../packet/fields.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment, numberAssignment, together, wholeFields } from '../../traffic/words.ts';
import { type Connection } from './connection.ts';
import { addressFields, F, hasPorts, type PacketClass } from './protocols.ts';
import { type Tracker } from './tracker.ts';

export type CtStateName = keyof typeof CT_STATE;

/** ct_state bits of the names. */
export function stateBits(...names: readonly CtStateName[]): number {
  return names.reduce((bits, name) => bits | CT_STATE[name], 0);
}

/** Fields to write beside the connection's own. */
export interface Shown<P> {
  /** ct_state bits. */
  readonly state: number;
  readonly zone: number;
  readonly connection: Connection<P> | null;
  /** The class of the packet itself; null when it has no tuple. */
  readonly cls: PacketClass | null;
}

/** Writes ct_state, ct_zone, ct_mark, ct_label, ct_status and the original tuple. */
export function show<P>(tracker: Tracker<P>, p: P, shown: Shown<P>): P {
  const { traffic } = tracker.run;
  const { connection } = shown;
  let out = put(traffic, p, F.ctState, shown.state);
  out = put(traffic, out, F.ctZone, shown.zone);
  out = put(traffic, out, F.ctStatus, connection?.status ?? 0);
  if (connection === null) {
    out = put(traffic, put(traffic, out, F.ctMark, 0), F.ctLabel, 0);
  } else {
    out = traffic.copyAll(out, connection.memo, MARKS);
  }
  const first = connection?.master ?? connection;
  const cls = first?.cls ?? shown.cls;
  return showTuple(traffic, out, first?.before ?? null, cls);
}

function put<P>(traffic: Traffic<P>, p: P, to: Field, value: number): P {
  return traffic.set(p, numberAssignment(to, value));
}

const MARKS = wholeFields([F.ctMark, F.ctLabel]);
const NO_TUPLE = together(CONNTRACK_TUPLE.map((of) => assignment(of, 0n)));
const NOTHING = together(
  [F.ctState, F.ctZone, F.ctMark, F.ctLabel, F.ctStatus, ...CONNTRACK_TUPLE].map((of) =>
    assignment(of, 0n),
  ),
);
/** The addresses of the other version are none. */
const NO_OTHER = {
  4: together([F.ct6Src, F.ct6Dst].map((of) => assignment(of, 0n))),
  6: together([F.ctSrc, F.ctDst].map((of) => assignment(of, 0n))),
} as const;

type Pair = readonly [Field, Field];

const TUPLES = {
  4: tupleFields(4, F.ctSrc, F.ctDst),
  6: tupleFields(6, F.ct6Src, F.ct6Dst),
} as const;

/** Where the parts of a tuple are shown, and where they stand in the packet. */
function tupleFields(version: 4 | 6, ctSrc: Field, ctDst: Field): readonly Pair[] {
  const { src, dst } = addressFields(version);
  return [
    [F.ctProto, F.proto],
    [ctSrc, src],
    [ctDst, dst],
    [F.ctTpSrc, F.tpSrc],
    [F.ctTpDst, F.tpDst],
  ];
}

/** The original direction's tuple; `first` null stands for the packet itself. */
function showTuple<P>(traffic: Traffic<P>, p: P, first: P | null, cls: PacketClass | null): P {
  if (cls === null) return traffic.setAll(p, NO_TUPLE);
  let out = traffic.setAll(p, NO_OTHER[cls.version]);
  for (const [to, from] of TUPLES[cls.version]) {
    out = traffic.copy(out, allBits(to), first ?? out, allBits(from));
  }
  return out;
}

/**
 * Writes what is known of a connection now, as rules of its packets see it: other packets may
 * have changed it since this one was tracked. The tuple is the connection's own.
 *
 * @param state ct_state bits
 */
export function showConnection<P>(
  traffic: Traffic<P>,
  p: P,
  connection: Connection<P>,
  state: number,
): P {
  const { status, zone, memo, before, cls } = connection;
  let out = put(traffic, p, F.ctState, state);
  out = put(traffic, out, F.ctZone, zone.original);
  out = put(traffic, out, F.ctStatus, status);
  out = traffic.copyAll(out, memo, MARKS);
  return showTuple(traffic, out, before, cls);
}

/** Takes the fields away again: `ct_clear`, a packet that enters another namespace. */
export function clear<P>(traffic: Traffic<P>, p: P): P {
  return traffic.setAll(p, NOTHING);
}

/** The mark and the labels that `memo` holds become those in the fields of `p`. */
export function loadMarks<P>(traffic: Traffic<P>, p: P, memo: P): P {
  return traffic.copyAll(p, memo, MARKS);
}

/** The connection's mark and labels become those that stand in the fields of `p`. */
export function remembered<P>(tracker: Tracker<P>, connection: Connection<P>, p: P): P {
  const { traffic } = tracker.run;
  return traffic.copyAll(traffic.fork(connection.memo), p, MARKS);
}

/** The packet as the original direction has it, restored from the tuple that tracking left on `p`. */
export function originalOf<P>(traffic: Traffic<P>, p: P, cls: PacketClass): P {
  const { src, dst } = addressFields(cls.version);
  const pairs: (readonly [Field, Field])[] = [
    [src, cls.version === 4 ? F.ctSrc : F.ct6Src],
    [dst, cls.version === 4 ? F.ctDst : F.ct6Dst],
  ];
  if (hasPorts(cls.kind)) pairs.push([F.tpSrc, F.ctTpSrc], [F.tpDst, F.ctTpDst]);
  let first = traffic.fork(p);
  for (const [to, from] of pairs) first = traffic.copy(first, allBits(to), p, allBits(from));
  return first;
}

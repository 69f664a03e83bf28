/**
 * The connection tracker behind the `ct` datapath action. In front stands `execute.ts`; behind it
 * the tracker of the datapath's personality (the kernel's, or the switch's own).
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type CtRequest } from '../../conntrack/ct-action.ts';
import { executeCt } from '../../conntrack/execute.ts';
import { type Tracker as ConnectionTable } from '../../conntrack/tracker.ts';
import { type Run } from '../../outcome.ts';
import { type TrackRequest } from '../pipeline/part.ts';
import { type Tracker } from './types.ts';

const MARK = field('ct_mark');
const LABEL = field('ct_label');

/** A tracker for the datapath that works on that table of connections. */
export function conntrackOf<P>(run: Run<P>, table: ConnectionTable<P>): Tracker<P> {
  return {
    track: (_run, p, wanted, request) =>
      executeCt(table, p, requestOf(run, wanted, request)).map((result) => result.p),
  };
}

function requestOf<P>(run: Run<P>, wanted: P, request: TrackRequest): CtRequest<P> {
  const { ct, zone, markMask, labelMask } = request;
  const written = [...runsOf(MARK, BigInt(markMask >>> 0)), ...runsOf(LABEL, labelMask)];
  const exec = (p: P): P =>
    written.reduce((marked, bits) => run.traffic.copy(marked, bits, wanted, bits), p);
  return {
    commit: ct.commit,
    force: ct.force,
    zone,
    nat: natOf(ct.nat),
    exec: written.length === 0 ? null : exec,
    alg: ct.alg,
  };
}

function natOf(nat: TrackRequest['ct']['nat']): CtRequest<unknown>['nat'] {
  if (nat === null) return null;
  const range = nat.addresses;
  return {
    manip: nat.direction,
    addresses: range === null ? null : { from: range.from.address, to: range.to.address },
    ports: nat.ports,
    random: nat.flags.includes('random'),
  };
}

/** The runs of ones in a mask, as bits of the field. */
function runsOf(of: FieldBits['field'], mask: bigint): readonly FieldBits[] {
  const runs: FieldBits[] = [];
  let start = 0;
  while (start < of.width) {
    let width = 0;
    while (((mask >> BigInt(start + width)) & 1n) === 1n) width++;
    if (width > 0) runs.push({ field: of, start, width });
    start += width + 1;
  }
  return runs;
}

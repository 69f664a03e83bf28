/**
 * The connection tracker behind the `ct` datapath action. In front stands `execute.ts`; behind it
 * the tracker of the datapath's personality (the kernel's, or the switch's own). Both look at
 * whole packets: fragments wait until all are there. The kernel goes on with the whole
 * (net/openvswitch/conntrack.c handle_fragments()), the switch's own with the fragments, which
 * then are what the whole is (lib/ipf.c).
 *
 * Simplification: fragments whose packet never becomes whole wait as long as in the kernel and are
 * dropped; the switch's own tracker lets them out after 15 seconds, behind a later packet.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { range, test } from '../../../traffic/match.ts';
import { type CtRequest } from '../../conntrack/ct-action.ts';
import { type Reassembly, reassemble, startReassembly } from '../../conntrack/defragment.ts';
import { executeCt } from '../../conntrack/execute.ts';
import { fragmentOf } from '../../conntrack/fragment.ts';
import { refuseUserspaceCt } from '../../conntrack/ovs-userspace.ts';
import { cut } from '../../conntrack/refragment.ts';
import { type Tracker as ConnectionTable } from '../../conntrack/tracker.ts';
import { type Run } from '../../outcome.ts';
import { IS_FRAGMENT } from '../pipeline/conditions.ts';
import { type TrackRequest } from '../pipeline/part.ts';
import { type Tracked, type Tracker } from './types.ts';

const MARK = field('ct_mark');
const LABEL = field('ct_label');
const IP_LEN = field('ip_len');
const IS_V6 = guard(test(field('eth_type'), 0x86ddn));
/** Packets that lib/ipf.c takes for an attack when more fragments are to come. */
const IS_SHORT: Readonly<Record<4 | 6, Guard>> = {
  4: guard(range(IP_LEN, 0n, 1199n)),
  6: guard(range(IP_LEN, 0n, 1279n)),
};

/** A tracker for the datapath that works on that table of connections. */
export function conntrackOf<P>(run: Run<P>, table: ConnectionTable<P>): Tracker<P> {
  const work: Work<P> = { run, table, fragments: startReassembly() };
  return {
    track(_run, p, wanted, request, pass) {
      const asked = requestOf(run, wanted, request);
      const { hit, miss } = run.traffic.split(p, IS_FRAGMENT);
      const out = miss === null ? [] : [...trackAll(work, miss, asked, false)];
      if (hit === null) return out;
      const { hit: six, miss: four } = run.traffic.split(hit, IS_V6);
      if (four !== null) out.push(...trackFragment(work, 4, four, asked, pass));
      if (six !== null) out.push(...trackFragment(work, 6, six, asked, pass));
      return out;
    },
  };
}

interface Work<P> {
  readonly run: Run<P>;
  readonly table: ConnectionTable<P>;
  readonly fragments: Reassembly<P>;
}

function trackAll<P>(
  { table }: Work<P>,
  p: P,
  request: CtRequest<P>,
  remade: boolean,
): readonly Tracked<P>[] {
  return executeCt(table, p, request).map(
    ({ p: part, refused }): Tracked<P> =>
      refused === undefined
        ? { kind: 'tracked', p: part, remade }
        : { kind: 'crowded', p: part, drop: refused },
  );
}

function trackFragment<P>(
  work: Work<P>,
  version: 4 | 6,
  p: P,
  request: CtRequest<P>,
  pass: string,
): readonly Tracked<P>[] {
  const { run, table } = work;
  const { traffic } = run;
  const isOwn = table.personality === 'userspace';
  if (isOwn && isTooShort(run, version, p)) {
    const { p: refused } = refuseUserspaceCt(table, p, request);
    return [{ kind: 'tracked', p: refused, remade: false }];
  }
  const user = isOwn ? `${request.zone} ${pass}` : `${request.zone}`;
  const made = reassemble(run, work.fragments, user, version, p);
  if (made.kind !== 'whole') return [made];
  const remade = traffic.pieces(made.p).length > 0;
  const whole = trackAll(work, made.p, request, remade);
  if (!isOwn || !remade) return whole;
  return whole.flatMap((one): readonly Tracked<P>[] =>
    one.kind === 'tracked'
      ? cut(traffic, version, 65_535, one.p).map((piece) => ({ ...one, p: piece }))
      : [one],
  );
}

function isTooShort<P>({ traffic }: Run<P>, version: 4 | 6, p: P): boolean {
  const content = traffic.content(p);
  if (content === null || fragmentOf(content.bytes, version)?.more !== true) return false;
  return traffic.split(traffic.fork(p), IS_SHORT[version]).hit !== null;
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

const NO_RUNS: readonly FieldBits[] = [];

/** The runs of ones in a mask, as bits of the field. */
function runsOf(of: FieldBits['field'], mask: bigint): readonly FieldBits[] {
  if (mask === 0n) return NO_RUNS;
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

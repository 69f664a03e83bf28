/**
 * The passes of `ofproto/trace`: resumptions in the order they were composed, connection tracking
 * by a list of states instead of a table (ofproto/ofproto-dpif-trace.c). It exists to be compared
 * with the real command; the walk uses `receive.ts`.
 */
import { CT_STATE, field } from '../../../packet/fields.ts';
import { assignment } from '../../../traffic/words.ts';
import { type Run } from '../../outcome.ts';
import { writeNumberTo } from '../pipeline/conditions.ts';
import { type Frozen, type TrackRequest } from '../pipeline/part.ts';
import { type PreparedSwitch } from '../pipeline/prepared.ts';
import { type SwitchState } from '../pipeline/state.ts';
import { type Entry, resume, type TranslationResult, translate } from '../pipeline/translate.ts';

const DEFAULT_STATE = CT_STATE.trk | CT_STATE.new;
/** A trace of a loop through ct() would never end. */
const MOST_PASSES = 4096;

export interface TracePass<P> {
  readonly result: TranslationResult<P>;
  /** The packet as this pass started with it. */
  readonly start: P;
  readonly state: number | null;
}

const F = { state: field('ct_state'), zone: field('ct_zone') } as const;

interface Waiting<P> {
  readonly frozen: Frozen<P>;
  readonly request: TrackRequest;
}

/**
 * Traces as the command does.
 * @param states ct_state of each resumption (`--ct-next`); when used up, `trk|new`.
 * @param each called with every finished pass, before the next one starts.
 */
export function tracePasses<P>(
  context: { readonly run: Run<P>; readonly sw: PreparedSwitch; readonly state: SwitchState<P> },
  entry: Entry<P>,
  states: readonly number[],
  each: (pass: TracePass<P>) => void = () => {},
): TracePass<P>[] {
  const { traffic } = context.run;
  const passes: TracePass<P>[] = [];
  const queue: Waiting<P>[] = [];
  const add = (pass: TracePass<P>): void => {
    passes.push(pass);
    each(pass);
    for (const { resume: frozen, request } of pass.result.resumptions) {
      if (request !== null) queue.push({ frozen, request });
    }
  };
  const start = traffic.fork(entry.p);
  add({ result: translate(context, entry), start, state: null });
  const left = [...states];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (passes.length >= MOST_PASSES) break;
    const state = left.shift() ?? DEFAULT_STATE;
    const p = resumed(context.run, next, state);
    const begin = traffic.fork(p);
    add({ result: resume(context, next.frozen, p), start: begin, state });
  }
  return passes;
}

/** The first address and port of a NAT range are taken; a bare `nat` changes nothing. */
function resumed<P>({ traffic }: Run<P>, { frozen, request }: Waiting<P>, state: number): P {
  const { nat } = request.ct;
  let p = traffic.fork(frozen.p);
  p = traffic.set(p, writeNumberTo(F.state, state));
  p = traffic.set(p, writeNumberTo(F.zone, request.zone));
  if (nat === null || nat.direction === null) return p;
  const end = nat.direction;
  const first = nat.addresses?.from;
  if (first !== undefined) {
    const name = `${first.version === 4 ? 'ip' : 'ipv6'}_${end}`;
    p = traffic.set(p, assignment(field(name), first.address));
    const port = nat.ports?.from ?? 0;
    if (port !== 0) p = traffic.set(p, writeNumberTo(field(`tp_${end}`), port));
  }
  return p;
}

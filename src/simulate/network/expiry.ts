/**
 * Flows of a dump that have timeouts (those that learn() made) go when their time is over: their
 * ages say how much of it had passed when the dump was taken (ovs-ofctl(8), `duration`, `hard_age`,
 * `idle_age`).
 *
 * Simplification: that a dumped flow is used in a simulation does not put off its idle timeout; a
 * packet that is learned from again makes the flow anew, which then lives as long as it is used.
 */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Clock } from '../clock/clock.ts';
import { type Stage } from './stage.ts';

/** The switch looks for flows whose time is over about once a second (ofproto-dpif.c run()). */
const ROUND_US = 1_000_000;

/** Lets the dumped flows of all switches end when they are due. */
export function expireFlows(
  clock: Clock,
  stage: Stage,
  told: (host: string, count: number) => void,
): void {
  for (const [host, { switch: of }] of stage.network.hosts) {
    const rounds = new Map<number, Set<Flow>>();
    for (const flow of of?.bridges.flatMap(({ flows }) => flows) ?? []) {
      const due_us = dueOf(flow);
      if (due_us === null) continue;
      const round = Math.ceil(due_us / ROUND_US) * ROUND_US;
      rounds.set(round, (rounds.get(round) ?? new Set()).add(flow));
    }
    for (const [at_us, gone] of rounds) {
      clock.at(at_us, () => {
        stage.changeSwitch(host, (before) => ({
          ...before,
          bridges: before.bridges.map((bridge) =>
            bridge.flows.some((flow) => gone.has(flow))
              ? { ...bridge, flows: bridge.flows.filter((flow) => !gone.has(flow)) }
              : bridge,
          ),
        }));
        told(host, gone.size);
      });
    }
  }
}

/** When the flow's time is over; null when it has none. Microseconds since the dump. */
function dueOf({ hard_timeout_s, idle_timeout_s, statistics }: Flow): number | null {
  if (hard_timeout_s === 0 && idle_timeout_s === 0) return null;
  const { duration_s = 0, hard_age_s = null, idle_age_s = null } = statistics ?? {};
  const left_s = Math.min(
    hard_timeout_s === 0 ? Number.POSITIVE_INFINITY : hard_timeout_s - (hard_age_s ?? duration_s),
    idle_timeout_s === 0 ? Number.POSITIVE_INFINITY : idle_timeout_s - (idle_age_s ?? 0),
  );
  return Math.max(0, Math.round(left_s * 1e6));
}

/** A simulation as JSON; `schema.ts` describes it. Equal simulations give equal bytes. */
import { type Simulated, type SimulatedWay } from '../simulation.ts';
import { outcomesOf } from './outcomes.ts';

/** The contract's version: additions raise the minor number, readers ignore unknown keys. */
const SIMULATION_VERSION = '1.0';

type Done = Extract<Simulated, { kind: 'simulated' }>;

/** A plain value ready for `JSON.stringify`; times in microseconds of virtual time. */
export function simulationJson(
  done: Done,
  about: { readonly name: string; readonly until_us: number; readonly seed: number },
  toolVersion: string,
): unknown {
  return {
    kind: 'Simulation',
    version: SIMULATION_VERSION,
    tool: { name: 'hopwise', version: toolVersion },
    snapshot: { name: about.name },
    untilUs: about.until_us,
    seed: about.seed,
    events: done.events.map(({ at_us, text }) => ({ atUs: at_us, text })),
    routers: done.instances.map(({ id, host, namespace }) => ({ id, host, namespace })),
    complete: done.complete,
    outcomes: outcomesOf(done.ways).map(({ way, ways, conditions }) => ({
      ways: ways.length,
      conditions,
      ...wayJson(way),
    })),
  };
}

function wayJson({ timeline, probes, masters }: SimulatedWay): object {
  return {
    timeline: timeline.entries.map(({ at_us, kind, who, text }) => ({
      atUs: at_us,
      kind,
      who,
      text,
    })),
    probes: probes.map(({ probe, sent, received, windows }) => ({
      probe: probe.text,
      sent,
      received,
      losses: windows.map((one) => ({
        fromUs: one.from_us,
        untilUs: one.until_us,
        lost: one.lost,
        causes: one.causes.map(({ code, sentence, since_us }) => ({
          code,
          sentence,
          sinceUs: since_us,
        })),
        event: one.event?.text ?? null,
        boundsUs: one.bounds_us,
      })),
    })),
    masters: [...masters].map(([router, hosts]) => ({ router, hosts })),
  };
}

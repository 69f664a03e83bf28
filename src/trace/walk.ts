/**
 * The walk: carries traffic from device to device until all of it has ended.
 * Devices decide what happens inside them; the walk only knows wires. Traffic that waits in a
 * device (for an ARP answer) is asked for once nothing moves any more.
 */
import { type Drop, type Outcome, type Run } from '../dataplane/outcome.ts';
import { type EnterStep, type WalkStep } from './steps.ts';
import { type HopStage } from './types.ts';

/** Something that receives traffic by its ports: a host's switch, a namespace, a guest. */
export interface Device<P> {
  readonly host: string;
  readonly name: string;
  readonly stage: HopStage;
  receive(run: Run<P>, port: string, p: P): readonly Outcome<P>[];
  /** Called when nothing moves any more: what waited longest in vain is given up or retried. */
  settle(run: Run<P>): readonly Outcome<P>[];
}

export interface Arrival<P> {
  readonly device: Device<P>;
  readonly port: string;
  readonly p: P;
}

/** Where frames go that leave a device by a port: several arrivals on a shared segment. */
export interface Wiring<P> {
  across(run: Run<P>, from: Device<P>, port: string, p: P): readonly Landing<P>[];
  /** Devices in which traffic may still wait. */
  waiting(): Iterable<Device<P>>;
}

export type Landing<P> =
  | { readonly kind: 'arrival'; readonly arrival: Arrival<P>; readonly segment: string | null }
  | {
      readonly kind: 'lost';
      readonly drop: Drop;
      readonly p: P;
      /** The device at whose door it was lost; null when it did not get off its sender. */
      readonly at: { readonly device: Device<P>; readonly port: string } | null;
    };

/** How one copy ended, and in which device. */
export interface Ending<P> {
  readonly device: Device<P>;
  readonly p: P;
  readonly outcome:
    | { readonly kind: 'delivered'; readonly to: string }
    | { readonly kind: 'dropped'; readonly drop: Drop };
}

/** More arrivals than this in one walk is a storm: a loop between devices. */
const ARRIVAL_BUDGET = 20_000;

/**
 * Walks until quiet and returns every ending in the order it happened. `onEnding` may inject
 * further traffic (an application that answers) as outcomes of the device it ended in; behind an
 * ending that is enough nothing is followed any more.
 */
export function walk<P>(
  run: Run<P>,
  wiring: Wiring<P>,
  start: readonly { readonly device: Device<P>; readonly outcomes: readonly Outcome<P>[] }[],
  onEnding: (ending: Ending<P>) => readonly Outcome<P>[] = () => [],
  isEnough: (ending: Ending<P>) => boolean = () => false,
): readonly Ending<P>[] {
  const endings: Ending<P>[] = [];
  const queue: Arrival<P>[] = [];
  let arrivals = 0;
  let done = false;

  const take = (device: Device<P>, outcomes: readonly Outcome<P>[]): void => {
    for (const outcome of outcomes) {
      if (done) return;
      if (outcome.kind !== 'sent') {
        const ending = endingOf(run, device, outcome);
        endings.push(ending);
        done = isEnough(ending);
        take(device, onEnding(ending));
        continue;
      }
      const p = note(run, outcome.p, { kind: 'leave', port: outcome.port });
      for (const landing of wiring.across(run, device, outcome.port, p)) {
        if (landing.kind === 'arrival') queue.push(landing.arrival);
        else lose(device, landing);
      }
    }
  };

  const lose = (from: Device<P>, { drop, p, at }: Extract<Landing<P>, { kind: 'lost' }>): void => {
    const came = at === null ? p : note(run, p, enterStep(at.device, at.port));
    take(at?.device ?? from, [{ kind: 'dropped', drop, p: came }]);
  };

  for (const { device, outcomes } of start) take(device, outcomes);
  while (!done) {
    const next = queue.shift();
    if (next === undefined) {
      const late = settled(run, wiring);
      if (late.length === 0) return endings;
      for (const { device, outcomes } of late) take(device, outcomes);
      continue;
    }
    if (++arrivals > ARRIVAL_BUDGET) {
      take(next.device, [{ kind: 'dropped', drop: storm(next), p: next.p }]);
      queue.length = 0;
      continue;
    }
    const p = note(run, next.p, enterStep(next.device, next.port));
    take(next.device, next.device.receive(run, next.port, p));
  }
  return endings;
}

/** The step that opens a hop; also used where a packet is made inside a device. */
export function enterStep<P>(device: Device<P>, port: string | null): EnterStep {
  return { kind: 'enter', host: device.host, device: device.name, stage: device.stage, port };
}

function note<P>(run: Run<P>, p: P, step: WalkStep): P {
  return run.traffic.note(p, () => step);
}

function endingOf<P>(
  run: Run<P>,
  device: Device<P>,
  outcome: Exclude<Outcome<P>, { kind: 'sent' }>,
): Ending<P> {
  if (outcome.kind === 'delivered') {
    const p = note(run, outcome.p, { kind: 'delivered', to: outcome.to });
    return { device, p, outcome: { kind: 'delivered', to: outcome.to } };
  }
  const p = note(run, outcome.p, { kind: 'dropped', drop: outcome.drop });
  return { device, p, outcome: { kind: 'dropped', drop: outcome.drop } };
}

function settled<P>(
  run: Run<P>,
  wiring: Wiring<P>,
): readonly { readonly device: Device<P>; readonly outcomes: readonly Outcome<P>[] }[] {
  const late = [];
  for (const device of wiring.waiting()) {
    const outcomes = device.settle(run);
    if (outcomes.length > 0) late.push({ device, outcomes });
  }
  return late;
}

function storm<P>(arrival: Arrival<P>): Drop {
  return {
    reason: 'OF_LOOP_OR_RESUBMIT_LIMIT',
    where: `${arrival.device.name} ${arrival.port}`,
    evidence: `more than ${ARRIVAL_BUDGET} frames in one walk: devices send in a circle`,
    origin: null,
  };
}

/**
 * A frame crosses an interface: what a packet socket on that interface would see. Whoever hands a
 * frame to an interface, or takes one from it, writes this into the frame's diary.
 */
import { type Step } from '../traffic/traffic.ts';
import { type Run } from './outcome.ts';

/** Where an interface is: in a network namespace, or on an Open vSwitch bridge alone. */
export interface CrossingPlace {
  readonly host: string;
  readonly namespace: string;
  /** The Open vSwitch bridge that owns the interface; null when a kernel's stack does. */
  readonly bridge: string | null;
  readonly interface: string;
}

export interface CrossingStep extends Step {
  readonly kind: 'crossing';
  readonly at: CrossingPlace;
  /** As the interface's owner sees it: `in` is received, `out` is transmitted. */
  readonly direction: 'in' | 'out';
  /** Counts the crossings of one run, from 1: their order in time. */
  readonly order: number;
}

/** Notes the crossing; the header at this note is the frame as it is on the interface. */
export function noteCrossing<P>(
  run: Run<P>,
  at: CrossingPlace,
  direction: CrossingStep['direction'],
  p: P,
): P {
  const order = (run.crossings ?? 0) + 1;
  run.crossings = order;
  const step: CrossingStep = { kind: 'crossing', at, direction, order };
  return run.traffic.note(p, () => step);
}

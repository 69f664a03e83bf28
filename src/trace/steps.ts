/** The steps that the walk itself writes into a diary: where a packet was made, came in, left, ended. */
import { type Drop } from '../dataplane/outcome.ts';
import { type Step } from '../traffic/traffic.ts';
import { type HopStage } from './types.ts';

/** A packet's first step: who made it and why. */
export interface MadeStep extends Step {
  readonly kind: 'made';
  /** The packet that was asked about, data on the connection it opened, the program's answer. */
  readonly role: 'request' | 'data' | 'reply';
}

export interface EnterStep extends Step {
  readonly kind: 'enter';
  readonly host: string;
  readonly device: string;
  readonly stage: HopStage;
  /** The interface or switch port it came in by; null when it was made there. */
  readonly port: string | null;
}

export interface LeaveStep extends Step {
  readonly kind: 'leave';
  readonly port: string;
}

/** A frame crosses a wire between hosts, or a pair of interfaces. */
export interface WireStep extends Step {
  readonly kind: 'wire';
  readonly from: string;
  readonly to: string;
  readonly segment: string | null;
}

export interface DeliveredStep extends Step {
  readonly kind: 'delivered';
  readonly to: string;
}

export interface DroppedStep extends Step {
  readonly kind: 'dropped';
  readonly drop: Drop;
}

/** A program passes on what it received: from here on it is a packet of its own. */
export interface RelayStep extends Step {
  readonly kind: 'relay';
  readonly direction: 'request' | 'reply';
  /** `haproxy FRONTEND`. */
  readonly by: string;
  /** `BACKEND/SERVER`, or the client's address. */
  readonly to: string;
}

export type WalkStep = MadeStep | EnterStep | LeaveStep | WireStep | DeliveredStep | DroppedStep;

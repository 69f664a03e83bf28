/**
 * What the switch writes into a packet's diary, in the order it happens. The trace renders these;
 * they name flows and ports by reference, so that nothing is formatted before somebody reads it.
 */
import { type Origin } from '../../../text/problem.ts';
import { type Step } from '../../../traffic/traffic.ts';
import { type Action, type Flow } from '../types/flow.ts';

/** The packet enters a bridge: from outside, through a patch port, out of a tunnel or resumed. */
export interface BridgeStep extends Step {
  readonly kind: 'bridge';
  readonly bridge: string;
  readonly port: string | null;
  readonly way: 'received' | 'patch' | 'tunnel' | 'resumed' | 'native-tunnel';
}

/** A table lookup. */
export interface FlowStep extends Step {
  readonly kind: 'flow';
  readonly bridge: string;
  readonly table: number;
  /** The flow that matched; null for a table miss. */
  readonly flow: Flow | null;
  /** When a conjunction decided: its id and one flow per clause. */
  readonly conjunction: { readonly id: number; readonly members: readonly Flow[] } | null;
  /**
   * Other flows of the same priority that match as well and do something else: which one wins is
   * undefined. A conjunction that is complete as well counts by the flow it leads to.
   */
  readonly ambiguous: readonly Flow[];
  /** Those that do the same: whichever wins, nothing changes. */
  readonly alike: readonly Flow[];
}

/** An action is about to be executed. */
export interface ActionStep extends Step {
  readonly kind: 'flow-action';
  readonly bridge: string;
  readonly action: Action;
}

/** The accumulated action set is executed. */
export interface ActionSetStep extends Step {
  readonly kind: 'action-set';
  readonly bridge: string;
}

/** What NORMAL decided, and why. */
export interface NormalStep extends Step {
  readonly kind: 'normal';
  readonly bridge: string;
  readonly decision:
    | 'learned'
    | 'flooded'
    | 'same-port'
    | 'vlan-not-allowed'
    | 'reserved-mac'
    | 'partial-tag'
    | 'mirror-port'
    | 'unknown-port'
    | 'bond-refused';
  readonly vlan: number | null;
  /** The bundle it goes to, or came from when it was refused. */
  readonly port: string | null;
}

/** A MAC address was learned by NORMAL, or a flow by learn(). */
export interface LearnStep extends Step {
  readonly kind: 'learned';
  readonly bridge: string;
  readonly what: 'mac' | 'flow';
  readonly table: number | null;
  readonly port: string | null;
}

export interface OutputStep extends Step {
  readonly kind: 'openflow-output';
  readonly bridge: string;
  readonly port: string;
}

/** Something was skipped or is not possible; `text` says what, in one sentence. */
export interface RemarkStep extends Step {
  readonly kind: 'remark';
  readonly bridge: string;
  readonly text: string;
}

/** A limit of the translation was exceeded; nothing at all is sent. */
export interface TranslationErrorStep extends Step {
  readonly kind: 'translation-error';
  readonly bridge: string;
  readonly text: string;
}

/** A tunnel header is put on or taken off. */
export interface TunnelStep extends Step {
  readonly kind: 'tunnel';
  readonly bridge: string;
  readonly port: string;
  readonly way: 'out' | 'in';
}

/** The packet goes to connection tracking, or is resumed after it. */
export interface ConntrackStep extends Step {
  readonly kind: 'conntrack';
  readonly bridge: string;
  readonly zone: number;
  readonly commit: boolean;
  readonly resume: number | null;
}

export interface GroupStep extends Step {
  readonly kind: 'group';
  readonly bridge: string;
  readonly group: number;
  readonly bucket: number | null;
  readonly origin: Origin;
}

export type OvsStep =
  | BridgeStep
  | FlowStep
  | ActionStep
  | ActionSetStep
  | NormalStep
  | LearnStep
  | OutputStep
  | RemarkStep
  | TranslationErrorStep
  | TunnelStep
  | ConntrackStep
  | GroupStep;

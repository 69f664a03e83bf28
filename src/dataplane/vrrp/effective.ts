/**
 * What an instance really does: its own statements, else `global_defs`, else the defaults of
 * keepalived 2.2 (vrrp.h, vrrp_parser.c). Times in microseconds.
 */
import { type GlobalDefinitions, type VrrpInstance } from './types.ts';

/** Values of one instance with nothing left open. */
export interface EffectiveInstance {
  readonly version: 2 | 3;
  readonly initialState: 'MASTER' | 'BACKUP';
  readonly priority: number;
  readonly advertInterval_us: number;
  readonly preempt: boolean;
  readonly preemptDelay_us: number;
  readonly downTimerAdverts: number;
  readonly garpMasterDelay_us: number;
  readonly garpMasterRepeat: number;
  readonly garpMasterRefresh_us: number;
  readonly garpMasterRefreshRepeat: number;
  readonly garpLowerPriorityDelay_us: number;
  readonly garpLowerPriorityRepeat: number;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly accept: boolean;
  readonly strict: boolean;
}

const SECOND_US = 1_000_000;
const CENTISECOND_US = 10_000;
/** Priority of who owns the addresses (RFC 5798 §5.2.4), and of who says nothing. */
const OWNER = 255;
const USUAL_PRIORITY = 100;

/** Fills in what the file leaves open. */
export function effectiveInstance(
  instance: VrrpInstance,
  globals: GlobalDefinitions,
): EffectiveInstance {
  const six = instance.nativeIpv6 === true || instance.addresses[0]?.address.version === 6;
  // VRRP version 2 has no IPv6 (RFC 3768 §1).
  const version = six ? 3 : (instance.version ?? globals.version ?? 2);
  const strict = instance.strict ?? globals.strict ?? false;
  return {
    version,
    ...roleOf(instance, strict),
    advertInterval_us: intervalOf(version, instance.advertInterval_us ?? SECOND_US),
    downTimerAdverts: instance.downTimerAdverts ?? globals.downTimerAdverts ?? 3,
    ...announcingOf(instance, globals, strict),
    lowerPriorityNoAdvert:
      strict || (instance.lowerPriorityNoAdvert ?? globals.lowerPriorityNoAdvert ?? false),
    higherPrioritySendAdvert:
      !strict && (instance.higherPrioritySendAdvert ?? globals.higherPrioritySendAdvert ?? false),
    // RFC 5798 §6.1: accept mode is off unless stated; keepalived has it on outside of strict mode.
    accept: instance.accept ?? !strict,
    strict,
  };
}

/** vrrp_complete_instance(): state, priority and preemption depend on each other. */
function roleOf(
  { initialState: stated, priority: wanted, preempt: preempts, preemptDelay_us }: VrrpInstance,
  strict: boolean,
): Pick<EffectiveInstance, 'initialState' | 'priority' | 'preempt' | 'preemptDelay_us'> {
  const priority = wanted ?? (stated === 'MASTER' ? OWNER : USUAL_PRIORITY);
  const asOwner = priority === OWNER ? 'MASTER' : 'BACKUP';
  const initialState = strict ? asOwner : (stated ?? asOwner);
  // Who begins as master, or owns the addresses, preempts, and at once.
  const eager = initialState === 'MASTER';
  const preempt = eager || priority === OWNER || (preempts ?? true);
  const delays = preempt && !eager && !strict;
  return { initialState, priority, preempt, preemptDelay_us: delays ? (preemptDelay_us ?? 0) : 0 };
}

/** Adverts carry whole seconds in version 2 (8 bits), centiseconds in version 3 (12 bits). */
function intervalOf(version: 2 | 3, interval_us: number): number {
  const [unit_us, most] = version === 2 ? [SECOND_US, 255] : [CENTISECOND_US, 4095];
  return Math.min(most, Math.max(1, Math.floor(interval_us / unit_us + 0.5))) * unit_us;
}

type Announcing = Pick<
  EffectiveInstance,
  | 'garpMasterDelay_us'
  | 'garpMasterRepeat'
  | 'garpMasterRefresh_us'
  | 'garpMasterRefreshRepeat'
  | 'garpLowerPriorityDelay_us'
  | 'garpLowerPriorityRepeat'
>;

function announcingOf(
  instance: VrrpInstance,
  globals: GlobalDefinitions,
  strict: boolean,
): Announcing {
  // Those after a lower rank follow the global master values, not the instance's own ones.
  const lowerDelay_us =
    instance.garpLowerPriorityDelay_us ??
    globals.garpLowerPriorityDelay_us ??
    globals.garpMasterDelay_us ??
    5 * SECOND_US;
  const lowerRepeat =
    instance.garpLowerPriorityRepeat ??
    globals.garpLowerPriorityRepeat ??
    globals.garpMasterRepeat ??
    5;
  return {
    garpMasterDelay_us: instance.garpMasterDelay_us ?? globals.garpMasterDelay_us ?? 5 * SECOND_US,
    garpMasterRepeat: instance.garpMasterRepeat ?? globals.garpMasterRepeat ?? 5,
    garpMasterRefresh_us: instance.garpMasterRefresh_us ?? globals.garpMasterRefresh_us ?? 0,
    garpMasterRefreshRepeat:
      instance.garpMasterRefreshRepeat ?? globals.garpMasterRefreshRepeat ?? 1,
    garpLowerPriorityDelay_us: strict ? 0 : lowerDelay_us,
    garpLowerPriorityRepeat: strict ? 0 : lowerRepeat,
  };
}

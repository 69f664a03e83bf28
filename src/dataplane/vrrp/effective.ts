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

/** Fills in what the file leaves open. */
export function effectiveInstance(
  instance: VrrpInstance,
  globals: GlobalDefinitions,
): EffectiveInstance {
  const six = instance.nativeIpv6 === true || instance.addresses[0]?.address.version === 6;
  const garpMasterDelay_us =
    instance.garpMasterDelay_us ?? globals.garpMasterDelay_us ?? 5 * SECOND_US;
  const garpMasterRepeat = instance.garpMasterRepeat ?? globals.garpMasterRepeat ?? 5;
  const strict = instance.strict ?? globals.strict ?? false;
  // RFC 5798 §6.1: accept mode is off unless stated; keepalived has it on outside of strict mode.
  const accept = instance.accept ?? !strict;
  return {
    // VRRP version 2 has no IPv6 (RFC 3768 §1).
    version: six ? 3 : (instance.version ?? globals.version ?? 2),
    initialState: instance.initialState ?? 'BACKUP',
    priority: instance.priority ?? 100,
    advertInterval_us: instance.advertInterval_us ?? SECOND_US,
    preempt: instance.preempt ?? true,
    preemptDelay_us: instance.preemptDelay_us ?? 0,
    downTimerAdverts: instance.downTimerAdverts ?? globals.downTimerAdverts ?? 3,
    garpMasterDelay_us,
    garpMasterRepeat,
    garpMasterRefresh_us: instance.garpMasterRefresh_us ?? globals.garpMasterRefresh_us ?? 0,
    garpMasterRefreshRepeat:
      instance.garpMasterRefreshRepeat ?? globals.garpMasterRefreshRepeat ?? 1,
    // Both follow the global master values, not the instance's own ones.
    garpLowerPriorityDelay_us:
      instance.garpLowerPriorityDelay_us ??
      globals.garpLowerPriorityDelay_us ??
      globals.garpMasterDelay_us ??
      5 * SECOND_US,
    garpLowerPriorityRepeat:
      instance.garpLowerPriorityRepeat ??
      globals.garpLowerPriorityRepeat ??
      globals.garpMasterRepeat ??
      5,
    lowerPriorityNoAdvert:
      instance.lowerPriorityNoAdvert ?? globals.lowerPriorityNoAdvert ?? strict,
    higherPrioritySendAdvert:
      instance.higherPrioritySendAdvert ?? globals.higherPrioritySendAdvert ?? false,
    accept,
    strict,
  };
}

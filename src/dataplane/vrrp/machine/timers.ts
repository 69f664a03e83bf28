/** The two timers of VRRP in whole microseconds, rounded as keepalived rounds them (vrrp.h). */

import { type InstanceState } from './types.ts';

const SECOND_US = 1_000_000;
const CENTISECOND_US = 10_000;

/** What the timers depend on. */
export interface TimerSettings {
  readonly version: 2 | 3;
  readonly priority: number;
  readonly downTimerAdverts: number;
}

/**
 * Routers of higher priority wait less: (256 - priority) / 256 of a second in version 2 (RFC 3768
 * §6.1), of the master's interval in version 3 (RFC 5798 §6.1). Microseconds, rounded down.
 */
export function skew_us({ version, priority }: TimerSettings, masterInterval_us: number): number {
  if (version === 2) return Math.trunc(((256 - priority) * SECOND_US) / 256);
  const centiseconds = Math.trunc(masterInterval_us / CENTISECOND_US);
  return Math.trunc(((256 - priority) * centiseconds * 625) / 16);
}

/** How long a backup waits for adverts until it believes the master to be gone. Microseconds. */
export function downInterval_us(settings: TimerSettings, masterInterval_us: number): number {
  return settings.downTimerAdverts * masterInterval_us + skew_us(settings, masterInterval_us);
}

/**
 * The state with other timers. Written out, because nearly every event of a simulation ends with
 * it: V8 copies by a spread twenty times more slowly.
 */
export function withTimers(
  state: InstanceState,
  timer_us: number,
  refreshAt_us: number | null,
): InstanceState {
  return {
    role: state.role,
    timer_us,
    goodbyeHeard: state.goodbyeHeard,
    holds: state.holds,
    masterInterval_us: state.masterInterval_us,
    preemptAt_us: state.preemptAt_us,
    announcements: state.announcements,
    refreshAt_us,
    heardFrom: state.heardFrom,
    disputed: state.disputed,
    failed: state.failed,
    awaited: state.awaited,
  };
}

/** Entering the roles of VRRP, shared by everything that makes an instance change its role. */
import { announceAll, saying, takeHoldings } from './holdings.ts';
import { type InstanceSettings, isFatal, type Watch } from './settings.ts';
import { downInterval_us, type TimerSettings } from './timers.ts';
import {
  type Announcement,
  type Because,
  type Effect,
  type InstanceState,
  type Moved,
  type Role,
} from './types.ts';

const OWNER = 255;
const NEVER = Number.POSITIVE_INFINITY;

/** An instance that no process runs yet. */
export function stopped(settings: InstanceSettings): InstanceState {
  return {
    role: 'stopped',
    timer_us: NEVER,
    goodbyeHeard: false,
    holds: false,
    masterInterval_us: settings.advertInterval_us,
    preemptAt_us: null,
    announcements: [],
    refreshAt_us: null,
    heardFrom: null,
    disputed: false,
    failed: [],
    awaited: [],
  };
}

/** The priority it has now: its own, changed by what it watches (RFC 5798 has no such thing). */
export function currentPriority(settings: InstanceSettings, state: InstanceState): number {
  if (settings.priority === OWNER && !state.disputed) return OWNER;
  let priority = settings.priority;
  for (const { kind, name, weight, reverse } of settings.watches) {
    if (weight === 0) continue;
    const key = `${kind} ${name}`;
    // A script that has not told anything yet counts neither way.
    if (state.awaited.includes(key)) continue;
    const well = !state.failed.includes(key);
    if (weight > 0 === well) priority += reverse ? -weight : weight;
  }
  return Math.max(1, Math.min(OWNER - 1, priority));
}

/** Out of init or FAULT: a backup, but for the owner of the addresses. */
export function begin(
  settings: InstanceSettings,
  state: InstanceState,
  because: Because,
  now_us: number,
): Moved {
  const owns = settings.priority === OWNER;
  const stated = because.kind === 'started' && settings.initialState === 'MASTER';
  if (owns && (settings.dialect.ownerStartsAsMaster || stated)) {
    return becomeMaster(settings, state, { kind: 'owner' }, now_us);
  }
  const { advertInterval_us } = settings;
  return {
    state: {
      ...state,
      role: 'backup',
      goodbyeHeard: false,
      masterInterval_us: advertInterval_us,
      timer_us: now_us + downInterval_us(timing(settings, state), advertInterval_us),
      preemptAt_us: null,
    },
    effects: changed(state, 'backup', because),
  };
}

/** vrrp_state_goto_master(): the advert, then what it holds, then the neighbours. */
export function becomeMaster(
  settings: InstanceSettings,
  state: InstanceState,
  because: Because,
  now_us: number,
): Moved {
  const { dialect } = settings;
  const repeat = dialect.announcesOnce ? 1 : settings.garpMasterRepeat;
  const { garpMasterDelay_us, garpMasterRefresh_us } = settings;
  // Delayed announcements of an earlier turn still come.
  const delayed = !dialect.announcesOnce && garpMasterDelay_us > 0;
  const refreshed = !dialect.announcesOnce && garpMasterRefresh_us > 0;
  return {
    state: {
      ...state,
      role: 'master',
      goodbyeHeard: false,
      holds: true,
      timer_us: now_us + settings.advertInterval_us,
      preemptAt_us: null,
      announcements: delayed
        ? withAnnouncement(state.announcements, later(settings, garpMasterDelay_us, now_us))
        : state.announcements,
      refreshAt_us: refreshed ? now_us + garpMasterRefresh_us : null,
    },
    effects: [
      saying(settings, currentPriority(settings, state)),
      ...changed(state, 'master', because),
      ...takeHoldings(settings),
      ...announceAll(settings, repeat),
    ],
  };
}

export function timing(settings: InstanceSettings, state: InstanceState): TimerSettings {
  const { version, downTimerAdverts } = settings;
  return { version, downTimerAdverts, priority: currentPriority(settings, state) };
}

export function isDown(settings: InstanceSettings, state: InstanceState): boolean {
  return settings.watches.some((one) => hasFailed(one, state));
}

/** What is watched without a weight is failed; reversed, that it is well. */
function hasFailed(watch: Watch, { failed, awaited }: InstanceState): boolean {
  const key = `${watch.kind} ${watch.name}`;
  if (!isFatal(watch) || awaited.includes(key)) return false;
  return failed.includes(key) !== watch.reverse;
}

export function failure(settings: InstanceSettings, state: InstanceState): Because {
  const fatal = settings.watches.find((one) => hasFailed(one, state));
  return { kind: 'failed', what: fatal === undefined ? '' : `${fatal.kind} ${fatal.name}` };
}

export function enter(state: InstanceState, role: Role, because: Because): Moved {
  return {
    state: { ...state, role, timer_us: NEVER },
    effects: changed(state, role, because),
  };
}

export function changed(
  { role: from }: InstanceState,
  to: Role,
  because: Because,
): readonly Effect[] {
  return [{ kind: 'role', from, to, because }];
}

const NOTHING: readonly Effect[] = [];

export function still(state: InstanceState): Moved {
  return { state, effects: NOTHING };
}

export function later(settings: InstanceSettings, delay_us: number, now_us: number): Announcement {
  return { at_us: now_us + delay_us, repeat: settings.garpMasterRepeat };
}

export function withAnnouncement(
  waiting: readonly Announcement[],
  one: Announcement,
): readonly Announcement[] {
  return [...waiting, one].sort((a, b) => a.at_us - b.at_us);
}

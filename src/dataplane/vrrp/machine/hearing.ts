/** What an instance makes of an advert it hears (RFC 5798 §6.4.2 and §6.4.3). */
import { type Advert, discardedBecause } from './advert.ts';
import { announceAll, returnHoldings, saying } from './holdings.ts';
import { changed, currentPriority, still, timing, withAnnouncement } from './roles.ts';
import { type InstanceSettings } from './settings.ts';
import { downInterval_us, skew_us } from './timers.ts';
import { type Announcement, type Effect, type InstanceState, type Moved } from './types.ts';

/** The priority of who owns the addresses (RFC 5798 §5.2.4). */
const OWNER = 255;

/** Hears an advert of whatever virtual router. */
export function hear(
  settings: InstanceSettings,
  state: InstanceState,
  advert: Advert,
  now_us: number,
): Moved {
  if (state.role !== 'backup' && state.role !== 'master') return still(state);
  const because = discardedBecause(settings, advert, trusts(settings, state, advert));
  // Other virtual routers on the link are no business of this instance.
  if (because === 'virtual-router-id' || because === 'own-address') return still(state);
  if (because !== null) {
    return {
      state: rearmed(settings, state, now_us),
      effects: [{ kind: 'discard', advert, because }],
    };
  }
  return state.role === 'master'
    ? hearAsMaster(settings, state, advert, now_us)
    : hearAsBackup(settings, state, advert, now_us);
}

/**
 * `skip_check_adv_addr`: a backup looks at the addresses of the first advert of a master, and no
 * more at those of the next ones (vrrp_state_backup()).
 */
function trusts(settings: InstanceSettings, state: InstanceState, { source }: Advert): boolean {
  const { heardFrom, role } = state;
  if (!settings.skipCheckAdvertAddress || role !== 'backup' || heardFrom === null) return false;
  return heardFrom.version === source.version && heardFrom.value === source.value;
}

/**
 * vrrp_dispatcher_read(): whatever a master reads, it waits a whole interval from then on, unless
 * it does not answer lower ranks.
 */
function rearmed(settings: InstanceSettings, state: InstanceState, now_us: number): InstanceState {
  if (state.role !== 'master' || !settings.dialect.anyAdvertRearmsMaster) return state;
  if (settings.lowerPriorityNoAdvert) return state;
  return { ...state, timer_us: now_us + settings.advertInterval_us };
}

/** RFC 5798 §6.4.2. */
function hearAsBackup(
  settings: InstanceSettings,
  state: InstanceState,
  advert: Advert,
  now_us: number,
): Moved {
  const times = timing(settings, state);
  if (advert.priority === 0) {
    const timer_us = now_us + skew_us(times, state.masterInterval_us);
    return still({ ...state, timer_us, goodbyeHeard: true });
  }
  const lower = advert.priority < currentPriority(settings, state);
  const { preempt, preemptDelay_us } = settings;
  let { preemptAt_us } = state;
  if (lower && preempt) {
    // The delay runs from the first advert of lower rank, and again after a better master's.
    if (preemptDelay_us > 0) preemptAt_us ??= now_us + preemptDelay_us;
    if (preemptAt_us === null || preemptAt_us <= now_us) {
      return still({ ...state, preemptAt_us, heardFrom: advert.source });
    }
  } else if (!lower) preemptAt_us = null;
  const masterInterval_us = settings.version === 3 ? advert.interval_us : state.masterInterval_us;
  const timer_us = now_us + downInterval_us(times, masterInterval_us);
  // Written out as withTimers() is, and for the same reason.
  return still({
    role: state.role,
    timer_us,
    goodbyeHeard: false,
    holds: state.holds,
    masterInterval_us,
    preemptAt_us,
    announcements: state.announcements,
    refreshAt_us: state.refreshAt_us,
    heardFrom: advert.source,
    disputed: state.disputed,
    failed: state.failed,
    awaited: state.awaited,
  });
}

/** RFC 5798 §6.4.3, RFC 9568 §6.4.3. */
function hearAsMaster(
  settings: InstanceSettings,
  before: InstanceState,
  advert: Advert,
  now_us: number,
): Moved {
  // Two owners of the same addresses: who hears it makes do with less, and so yields.
  const owned = currentPriority(settings, before) === OWNER && advert.priority === OWNER;
  const disputed = owned && settings.dialect.ownersDispute;
  const state: InstanceState = disputed ? { ...before, disputed } : before;
  const own = currentPriority(settings, state);
  const answer = saying(settings, own);
  const armed = rearmed(settings, state, now_us);
  if (advert.priority === 0) {
    const { anyAdvertRearmsMaster } = settings.dialect;
    const timer_us = now_us + settings.advertInterval_us;
    return { state: anyAdvertRearmsMaster ? armed : { ...state, timer_us }, effects: [answer] };
  }
  const equal = advert.priority === own;
  const outranked = advert.priority > own || (equal && advert.source.value > settings.source.value);
  if (outranked) return yieldTo(settings, state, advert, equal, now_us);
  const { dialect, lowerPriorityNoAdvert, garpLowerPriorityRepeat } = settings;
  if (!dialect.answersLowerRank) return still(armed);
  const answers = lowerPriorityNoAdvert ? [] : [answer];
  const timer_us = lowerPriorityNoAdvert ? state.timer_us : now_us + settings.advertInterval_us;
  if (!dialect.announcesAfterLowerRank) return { state: { ...state, timer_us }, effects: answers };
  const again: Announcement = {
    at_us: now_us + settings.garpLowerPriorityDelay_us,
    repeat: garpLowerPriorityRepeat,
  };
  const repeats = garpLowerPriorityRepeat > 0 && settings.garpLowerPriorityDelay_us > 0;
  return {
    state: {
      ...state,
      timer_us,
      announcements: repeats ? withAnnouncement(state.announcements, again) : state.announcements,
    },
    effects: [...answers, ...announceAll(settings, garpLowerPriorityRepeat)],
  };
}

/** Somebody better is master: give back everything, and wait for its adverts. */
function yieldTo(
  settings: InstanceSettings,
  state: InstanceState,
  advert: Advert,
  equal: boolean,
  now_us: number,
): Moved {
  const masterInterval_us = settings.version === 3 ? advert.interval_us : state.masterInterval_us;
  const next: InstanceState = {
    ...state,
    role: 'backup',
    holds: false,
    goodbyeHeard: false,
    masterInterval_us,
    timer_us: now_us + downInterval_us(timing(settings, state), masterInterval_us),
    preemptAt_us: null,
  };
  const kind = equal ? 'higher-address' : 'higher-priority';
  const answer: readonly Effect[] = settings.higherPrioritySendAdvert
    ? [saying(settings, currentPriority(settings, state))]
    : [];
  return {
    state: next,
    effects: [
      ...answer,
      ...changed(state, 'backup', { kind, advert }),
      ...returnHoldings(settings),
    ],
  };
}

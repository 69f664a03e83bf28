/**
 * The machine of one VRRP instance (RFC 5798 §6.4; keepalived's vrrp.c and vrrp_scheduler.c): a
 * pure function from state and input to the next state and what is done. Time is an argument.
 */
import { hear } from './hearing.ts';
import {
  announceAll,
  exchangeHoldings,
  removeAddresses,
  returnHoldings,
  saying,
  sayingOnly,
} from './holdings.ts';
import {
  becomeMaster,
  begin,
  changed,
  currentPriority,
  enter,
  failure,
  isDown,
  later,
  still,
  stopped,
  timing,
  withAnnouncement,
} from './roles.ts';
import { type InstanceSettings, isFatal } from './settings.ts';
import { downInterval_us, skew_us, withTimers } from './timers.ts';
import {
  type Announcement,
  type Effect,
  type Input,
  type InstanceState,
  type Moved,
} from './types.ts';

const NEVER = Number.POSITIVE_INFINITY;
const NONE: readonly Announcement[] = [];

/** When the next timer of an instance is due; Infinity when none runs. */
export function deadline_us({ timer_us, announcements }: InstanceState): number {
  return Math.min(timer_us, announcements[0]?.at_us ?? NEVER);
}

/** Moves an instance. `now_us` never goes back. */
export function move(
  settings: InstanceSettings,
  state: InstanceState,
  input: Input,
  now_us: number,
): Moved {
  switch (input.kind) {
    case 'start':
      return start(settings, state, now_us);
    case 'kill':
      return {
        state: { ...stopped(settings), failed: state.failed, holds: state.holds },
        effects: changed(state, 'stopped', { kind: 'killed' }),
      };
    case 'stop':
      return stop(settings, state);
    case 'reload':
      return reload(settings, input.settings, state, now_us);
    case 'watched':
      return watched(settings, state, input, now_us);
    case 'time':
      return time(settings, state, now_us);
    case 'advert':
      return hear(settings, state, input.advert, now_us);
  }
}

/**
 * vrrp_init_state(): everybody begins as backup, `state MASTER` changes nothing for others. What
 * a killed process has left on the interfaces is removed.
 */
function start(settings: InstanceSettings, before: InstanceState, now_us: number): Moved {
  const awaited = settings.watches
    .filter(({ kind }) => kind === 'script')
    .map(({ name }) => `script ${name}`);
  const fresh: InstanceState = { ...stopped(settings), failed: before.failed, awaited };
  const begun = started(settings, fresh, now_us);
  if (!before.holds) return begun;
  return { state: begun.state, effects: [...removeAddresses(settings), ...begun.effects] };
}

function started(settings: InstanceSettings, fresh: InstanceState, now_us: number): Moved {
  if (isDown(settings, fresh)) return enter(fresh, 'fault', failure(settings, fresh));
  if (awaitsAny(settings, fresh)) return { state: { ...fresh, role: 'init' }, effects: [] };
  return begin(settings, fresh, { kind: 'started' }, now_us);
}

/** Only scripts without a weight are waited for. */
function awaitsAny(settings: InstanceSettings, { awaited }: InstanceState): boolean {
  return settings.watches.some(
    (watch) => isFatal(watch) && awaited.includes(`${watch.kind} ${watch.name}`),
  );
}

function stop(settings: InstanceSettings, state: InstanceState): Moved {
  const farewell: readonly Effect[] =
    state.role === 'master' ? [saying(settings, 0), ...returnHoldings(settings)] : [];
  return {
    state: { ...stopped(settings), failed: state.failed },
    effects: [...farewell, ...changed(state, 'stopped', { kind: 'stopped' })],
  };
}

// Simplification: keepalived 2.2.7 forgets `reverse` of a weighted script when it reads its file
// again; here it keeps it.
/**
 * SIGHUP. A master adverts before and after it reads the file, and its advert clock starts anew;
 * a backup waits anew. With another id or interface it is another instance (vrrp_exist()): the
 * one of before takes its leave, and the new one begins.
 */
function reload(
  before: InstanceSettings,
  after: InstanceSettings,
  state: InstanceState,
  now_us: number,
): Moved {
  const { virtualRouterId, interface: device } = before;
  const same = after.virtualRouterId === virtualRouterId && after.interface === device;
  if (!same && state.role !== 'stopped') {
    const left = stop(before, state);
    const { failed, awaited } = state;
    const begun = started(after, { ...stopped(after), failed, awaited }, now_us);
    return { state: begun.state, effects: [...left.effects, ...begun.effects] };
  }
  if (state.role === 'backup') {
    const wait_us = downInterval_us(timing(after, state), state.masterInterval_us);
    return { state: { ...state, timer_us: now_us + wait_us }, effects: [] };
  }
  if (state.role !== 'master') return { state, effects: [] };
  const { effects, gained } = exchangeHoldings(before, after);
  return {
    state: {
      ...state,
      timer_us: now_us + after.advertInterval_us,
      announcements: gained
        ? withAnnouncement(state.announcements, later(after, after.garpMasterDelay_us, now_us))
        : state.announcements,
    },
    effects: [
      saying(before, currentPriority(before, state)),
      ...effects,
      ...(gained ? announceAll(after, after.garpMasterRepeat) : []),
      saying(after, currentPriority(after, state)),
    ],
  };
}

function watched(
  settings: InstanceSettings,
  state: InstanceState,
  input: Extract<Input, { kind: 'watched' }>,
  now_us: number,
): Moved {
  const key = `${input.watch} ${input.name}`;
  const others = state.failed.filter((one) => one !== key);
  const failed = input.failed ? [...others, key] : others;
  const awaited = state.awaited.filter((one) => one !== key);
  const next: InstanceState = { ...state, failed, awaited };
  if (next.role === 'stopped' || awaitsAny(settings, next)) return still(next);
  if (isDown(settings, next)) {
    return next.role === 'fault' ? still(next) : fail(settings, next);
  }
  if (next.role === 'init') return begin(settings, next, { kind: 'started' }, now_us);
  if (next.role === 'fault') return begin(settings, next, { kind: 'recovered' }, now_us);
  if (next.role !== 'backup') return still(next);
  // vrrp_set_effective_priority(): a backup that waits goes on waiting, by its new skew.
  const shift_us =
    skew_us(timing(settings, next), next.masterInterval_us) -
    skew_us(timing(settings, state), state.masterInterval_us);
  return still({ ...next, timer_us: Math.max(now_us, next.timer_us + shift_us) });
}

/** down_instance(): a master says goodbye and gives back what it holds. */
function fail(settings: InstanceSettings, state: InstanceState): Moved {
  const why = failure(settings, state);
  const left = enter(state, 'fault', why);
  if (state.role !== 'master') return left;
  const goodbye = saying(settings, 0);
  return {
    state: { ...left.state, holds: false },
    effects: [
      ...left.effects,
      ...Array.from({ length: settings.dialect.goodbyesOnFault }, () => goodbye),
      ...returnHoldings(settings),
    ],
  };
}

/** Timers that are due: announcements first, then the timer of the role. */
function time(settings: InstanceSettings, state: InstanceState, now_us: number): Moved {
  const { role, announcements, refreshAt_us } = state;
  const plain = announcements.length === 0 && refreshAt_us === null;
  if (plain && role === 'master' && state.timer_us <= now_us) {
    // Nearly every event of a simulation is this one.
    return {
      state: withTimers(state, now_us + settings.advertInterval_us, null),
      effects: sayingOnly(settings, currentPriority(settings, state)),
    };
  }
  return timeOf(settings, state, now_us);
}

function timeOf(settings: InstanceSettings, state: InstanceState, now_us: number): Moved {
  const isDue = ({ at_us }: Announcement): boolean => at_us <= now_us;
  const due = state.announcements.some(isDue) ? state.announcements.filter(isDue) : NONE;
  const holds = state.role === 'master';
  const told =
    holds && due !== NONE ? due.flatMap(({ repeat }) => announceAll(settings, repeat)) : [];
  const next =
    due === NONE
      ? state
      : { ...state, announcements: state.announcements.filter((one) => !isDue(one)) };
  if (state.timer_us > now_us) return { state: next, effects: told };
  if (state.role === 'master') {
    const { advertInterval_us, garpMasterRefresh_us, garpMasterRefreshRepeat } = settings;
    const advert = saying(settings, currentPriority(settings, state));
    // vrrp_state_master_tx(): a refresh waits for the next advert.
    const refreshes = state.refreshAt_us !== null && state.refreshAt_us < now_us;
    const refreshAt_us = refreshes ? now_us + garpMasterRefresh_us : state.refreshAt_us;
    return {
      state: withTimers(next, now_us + advertInterval_us, refreshAt_us),
      effects: refreshes
        ? [...told, advert, ...announceAll(settings, garpMasterRefreshRepeat)]
        : told.length === 0
          ? [advert]
          : [...told, advert],
    };
  }
  if (state.role !== 'backup') return { state: { ...next, timer_us: NEVER }, effects: told };
  const because = { kind: 'silence', goodbye: state.goodbyeHeard } as const;
  const master = becomeMaster(settings, next, because, now_us);
  return { state: master.state, effects: [...told, ...master.effects] };
}

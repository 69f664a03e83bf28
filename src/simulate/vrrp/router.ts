/**
 * One VRRP instance on the clock. Nearly all that ever happens to it is a repetition: a master says
 * again what it said, a backup hears the same advert again. Both change nothing but a timer, and that
 * is all that is then touched.
 */
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { deadline_us } from '../../dataplane/vrrp/machine/machine.ts';
import { type ScriptState } from '../../dataplane/vrrp/machine/scripts.ts';
import { type InstanceSettings } from '../../dataplane/vrrp/machine/settings.ts';
import { withTimers } from '../../dataplane/vrrp/machine/timers.ts';
import { type Input, type InstanceState, type Moved } from '../../dataplane/vrrp/machine/types.ts';
import { type VrrpScript } from '../../dataplane/vrrp/types.ts';
import { type EventId } from '../clock/queue.ts';

/** An instance as the clock knows it. */
export interface Router {
  readonly id: string;
  /** Names the link that its adverts are sent on. */
  readonly link: string;
  /** The instances of the same virtual router on the same link, itself included. */
  peers: Router[] | null;
  settings: InstanceSettings;
  /** As of its last move that was more than a repetition: `settle` brings its timer up to date. */
  state: InstanceState;
  timer_us: number;
  /** What the same input would do again, where that is known. */
  repeats: Repeats | null;
  readonly scripts: readonly VrrpScript[];
  readonly scriptStates: Map<string, ScriptState>;
  timer: EventId | null;
  /** Who heard its last advert. */
  heardIds: readonly string[];
  heard: readonly Router[];
  /** Its own tasks, made once: the timer runs out, and the first advert on its way arrives. */
  readonly onDue: () => void;
  readonly onArrival: () => void;
  /** Sent to it and not there yet; every link takes the same time, so the order stays. */
  readonly onWay: Advert[];
  readonly unread: Advert[];
  busyUntil_us: number;
  slow: boolean;
  /** Its master was silent for too long, and it waits for others of its sync group. */
  wantsMaster: boolean;
  /** Its race is decided: this timer asks no more. */
  decided: boolean;
  frozen: boolean;
  /** Counts its processes, so that scripts of an earlier one stop. */
  process: number;
}

/** An input that leaves an instance as it was, but for the timer. */
export interface Repeats {
  /** From the input to when the timer is due. */
  readonly wait_us: number;
  /** What a master says when its timer is due; null for a backup. */
  readonly said: Advert | null;
  /** The advert that a backup heard; null for a master. */
  readonly heard: Advert | null;
}

/** What doing a move's input again would do, when that is the same but for the timer; else null. */
export function repeatedBy(
  before: InstanceState,
  input: Input,
  { state, effects }: Moved,
  now_us: number,
): Repeats | null {
  const { role, announcements, refreshAt_us, preemptAt_us, goodbyeHeard } = state;
  if (role !== before.role || announcements.length > 0 || refreshAt_us !== null) return null;
  const wait_us = state.timer_us - now_us;
  if (input.kind === 'time' && role === 'master') {
    const [only] = effects;
    if (effects.length !== 1 || only?.kind !== 'advert') return null;
    return { wait_us, said: only.advert, heard: null };
  }
  if (input.kind !== 'advert' || role !== 'backup' || effects.length > 0) return null;
  // One that is ignored for its low rank leaves the timer alone, and a delay ends some time.
  if (state.timer_us === before.timer_us || preemptAt_us !== null || goodbyeHeard) return null;
  return { wait_us, said: null, heard: input.advert };
}

/** The state with the timer of now. */
export function settle(router: Router): InstanceState {
  const { state, timer_us } = router;
  if (state.timer_us !== timer_us) router.state = withTimers(state, timer_us, state.refreshAt_us);
  return router.state;
}

/** When the next timer is due; Infinity when none runs. */
export function deadlineOf_us(router: Router): number {
  return router.repeats === null ? deadline_us(settle(router)) : router.timer_us;
}

/** Its timer runs out before that, and it has nothing to read that would make it wait anew. */
export function isNear(
  { state, timer_us, frozen, decided, unread }: Router,
  until_us: number,
): boolean {
  if (timer_us > until_us || frozen || decided) return false;
  return state.role !== 'stopped' && unread.length === 0;
}

/** Takes the first; a list of one, the usual case, is emptied without moving anything. */
export function nextUnread(adverts: Advert[]): Advert | undefined {
  return adverts.length > 1 ? adverts.shift() : adverts.pop();
}

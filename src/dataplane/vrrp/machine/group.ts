/**
 * Instances of a vrrp_sync_group move together (vrrp_sync.c): all are master or none is, and what
 * one of them watches and fails takes all of them out. Pure, as the machine of one instance is.
 */
import { returnHoldings, saying } from './holdings.ts';
import { move } from './machine.ts';
import { becomeMaster, begin, changed, enter, isDown, timing } from './roles.ts';
import { type InstanceSettings } from './settings.ts';
import { downInterval_us } from './timers.ts';
import { type Because, type Effect, type Input, type InstanceState, type Moved } from './types.ts';

/** One instance of a group. */
export interface Member {
  readonly settings: InstanceSettings;
  readonly state: InstanceState;
  /** Its master was silent for too long, but others of its group still hear theirs. */
  readonly wantsMaster: boolean;
}

/** What an input to one member leads to for all of them, in the group's order. */
export interface MovedGroup {
  readonly members: readonly Member[];
  /** What is done, and by which member; the one that was moved comes first. */
  readonly effects: readonly { readonly by: number; readonly effect: Effect }[];
}

/** Moves one member, and the others with it. */
export function moveGroup(
  members: readonly Member[],
  at: number,
  input: Input,
  now_us: number,
): MovedGroup {
  const group = new Moving(members);
  const before = members[at];
  if (before === undefined) return { members, effects: [] };
  group.take(at, moveMember(members, at, before, input, now_us));
  const after = group.members[at] ?? before;
  group.wants(at, wantsMaster(before, after, input, now_us));
  followFaults(group, at, now_us);
  if (after.state.role === 'master' && before.state.role !== 'master') {
    others(
      group,
      at,
      ({ role }) => role === 'backup',
      (one) => becomeMaster(one.settings, one.state, because(before), now_us),
    );
  }
  if (before.state.role === 'master' && after.state.role === 'backup') {
    others(
      group,
      at,
      ({ role }) => role === 'master',
      (one) => leave(one, before, now_us),
    );
  }
  return { members: group.members, effects: group.effects };
}

/** The states of a group while it is moved. */
class Moving {
  readonly members: Member[];
  readonly effects: { readonly by: number; readonly effect: Effect }[] = [];

  constructor(members: readonly Member[]) {
    this.members = [...members];
  }

  take(at: number, { state, effects }: Moved): void {
    const one = this.members[at];
    if (one === undefined) return;
    const wantsMaster = one.wantsMaster && state.role === 'backup';
    this.members[at] = { ...one, state, wantsMaster };
    for (const effect of effects) this.effects.push({ by: at, effect });
  }

  wants(at: number, wantsMaster: boolean): void {
    const one = this.members[at];
    if (one !== undefined) this.members[at] = { ...one, wantsMaster };
  }
}

function others(
  group: Moving,
  at: number,
  which: (state: InstanceState) => boolean,
  how: (one: Member) => Moved,
): void {
  for (const [i, one] of group.members.entries()) {
    if (i !== at && which(one.state)) group.take(i, how(one));
  }
}

/** The member's own move, held back where its group does not go along. */
function moveMember(
  members: readonly Member[],
  at: number,
  { settings, state }: Member,
  input: Input,
  now_us: number,
): Moved {
  const rest = members.filter((_, i) => i !== at);
  if (input.kind === 'time' && state.role === 'backup' && state.timer_us <= now_us) {
    if (rest.every((one) => one.wantsMaster || one.state.role === 'master')) {
      return move(settings, state, input, now_us);
    }
    // vrrp_sync_can_goto_master(): it waits once more for the others.
    const wait_us = downInterval_us(timing(settings, state), state.masterInterval_us);
    return move(settings, { ...state, timer_us: now_us + wait_us }, input, now_us);
  }
  const held = rest.some((one) => one.state.role !== 'stopped' && isDown(one.settings, one.state));
  const waits = rest.some(({ state: one }) => one.role === 'init' && one.awaited.length > 0);
  const moved = move(settings, state, input, now_us);
  const rises = moved.state.role === 'backup' && state.role !== 'backup' && state.role !== 'master';
  if (!rises || !(held || waits)) return moved;
  // try_up_instance(): members that are well stay where they are until all of them are.
  if (!held) return { state: { ...moved.state, role: 'init', timer_us: NEVER }, effects: [] };
  const stays: InstanceState = { ...moved.state, role: 'fault', timer_us: NEVER };
  if (state.role === 'fault') return { state: stays, effects: [] };
  const failing = rest.find((one) => isDown(one.settings, one.state));
  return enter(stays, 'fault', failing === undefined ? STARTED : because(failing));
}

const NEVER = Number.POSITIVE_INFINITY;
const STARTED: Because = { kind: 'started' };

/** An advert of the master that it obeys ends its wish; a goodbye and lower ranks do not. */
function wantsMaster(before: Member, after: Member, input: Input, now_us: number): boolean {
  if (after.state.role !== 'backup') return false;
  const { timer_us } = before.state;
  if (input.kind === 'time') return before.wantsMaster || timer_us <= now_us;
  if (input.kind !== 'advert') return before.wantsMaster && input.kind === 'watched';
  const obeyed = after.state.timer_us !== timer_us && input.advert.priority > 0;
  return before.wantsMaster && !obeyed;
}

/** vrrp_sync_fault(), and back: vrrp_sync_backup() after the last one is well. */
function followFaults(group: Moving, at: number, now_us: number): void {
  const alive = group.members.filter(({ state }) => state.role !== 'stopped');
  const failing = alive.find(({ settings, state }) => isDown(settings, state));
  if (failing !== undefined) {
    others(
      group,
      at,
      ({ role }) => role !== 'fault' && role !== 'stopped',
      (one) => fault(one, failing),
    );
    return;
  }
  if (alive.some(({ state }) => state.role === 'init' && state.awaited.length > 0)) return;
  for (const [i, one] of group.members.entries()) {
    const { role } = one.state;
    if (i === at || (role !== 'fault' && role !== 'init')) continue;
    const why: Because = role === 'init' ? STARTED : { kind: 'recovered' };
    group.take(i, begin(one.settings, one.state, why, now_us));
  }
}

/** A master tells its neighbours once that it goes; the one that failed does so twice. */
function fault({ settings, state }: Member, failing: Member): Moved {
  const left = enter(state, 'fault', because(failing));
  if (state.role !== 'master') return left;
  return {
    state: { ...left.state, holds: false },
    effects: [...left.effects, saying(settings, 0), ...returnHoldings(settings)],
  };
}

/** vrrp_state_leave_master() without a goodbye. */
function leave({ settings, state }: Member, before: Member, now_us: number): Moved {
  const wait_us = downInterval_us(timing(settings, state), state.masterInterval_us);
  return {
    state: {
      ...state,
      role: 'backup',
      holds: false,
      goodbyeHeard: false,
      timer_us: now_us + wait_us,
      preemptAt_us: null,
    },
    effects: [...changed(state, 'backup', because(before)), ...returnHoldings(settings)],
  };
}

function because({ settings }: Member): Because {
  return { kind: 'group', member: settings.name };
}

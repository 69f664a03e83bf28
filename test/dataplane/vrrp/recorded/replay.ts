/**
 * Feeds a recorded run into one machine per router: what was on the wire and what was done are
 * the inputs, what the machines do is compared with what the log has. Nothing of the machines'
 * own timing is carried over: a timer fires when the real one did, if it was due.
 */
import { type Advert } from '../../../../src/dataplane/vrrp/machine/advert.ts';
import { deadline_us, move } from '../../../../src/dataplane/vrrp/machine/machine.ts';
import { stopped } from '../../../../src/dataplane/vrrp/machine/roles.ts';
import { type InstanceSettings } from '../../../../src/dataplane/vrrp/machine/settings.ts';
import {
  type Effect,
  type Input,
  type InstanceState,
} from '../../../../src/dataplane/vrrp/machine/types.ts';
import { type Announcer, announcedAs, compareAnnouncements, dotted } from './announcements.ts';
import { configured } from './configured.ts';
import { type RecordedEvent, type Recording, type RouterDefaults } from './recordings.ts';

/** What was heard less than this ago may still lie in the socket. */
const UNREAD_US = 8_000;
/** Real timers fire late on a busy machine, and never early; log lines are written late. */
const LATE_US = 350_000;
const EARLY_US = 1_500;
const LOG_LATE_US = 150_000;

interface Replayed extends Announcer {
  readonly id: string;
  settings: InstanceSettings;
  state: InstanceState;
  /** Adverts that lie in its socket. */
  readonly unread: { readonly at_us: number; readonly advert: Advert }[];
  /** Adverts it must have sent. */
  readonly owed: { readonly at_us: number; readonly advert: Advert }[];
  readonly roles: string[];
  readonly addresses: string[];
  /** Its timer counts from a log line. */
  sinceLog: boolean;
  deaf: boolean;
  mute: boolean;
  frozen: boolean;
}

export interface ReplayResult {
  /** What differs between the log and the machines; empty when nothing does. */
  readonly differences: readonly string[];
  /** How late the recorded takeovers and adverts were against the machine's timers. */
  readonly lateness_us: readonly number[];
  /** Announcements that a kernel answered while it gave the same address back. */
  readonly answered: number;
}

export function replay(run: Recording): ReplayResult {
  const differences: string[] = [];
  const lateness_us: number[] = [];
  const routers = new Map(run.routers.map(({ id }) => [id, newRouter(run, id)]));
  const at = (id: string): Replayed => {
    const router = routers.get(id);
    if (router === undefined) throw new Error(`no router ${id}`);
    return router;
  };
  const differ = (t_us: number, text: string): void => {
    differences.push(`${(t_us / 1e6).toFixed(4)} ${text}`);
  };

  const act = (router: Replayed, input: Input, now_us: number): void => {
    const moved = move(router.settings, router.state, input, now_us);
    router.state = moved.state;
    if (input.kind === 'reload') router.settings = input.settings;
    for (const effect of moved.effects) note(router, effect, now_us);
  };

  const note = (router: Replayed, effect: Effect, now_us: number): void => {
    if (effect.kind === 'advert') {
      if (!router.mute) router.owed.push({ at_us: now_us, advert: effect.advert });
    } else if (effect.kind === 'role') {
      if (effect.to !== 'stopped') router.roles.push(roleText(effect));
    } else if (effect.kind === 'add-address' || effect.kind === 'remove-address') {
      const { address, length, device } = effect.address;
      if (address.version === 4) {
        const op = effect.kind === 'add-address' ? 'add' : 'del';
        router.addresses.push(`${op} ${device} ${dotted(address.value)}/${length}`);
        const key = announcedAs(router, effect.address);
        if (op === 'del') router.removed.push({ at_us: now_us, address: key });
      }
    } else if (effect.kind === 'announce') {
      if (effect.address.address.version === 4 && !(router.mute && router.deaf)) {
        router.announced.push({
          at_us: now_us,
          address: announcedAs(router, effect.address),
          repeat: effect.repeat,
        });
      }
    }
  };

  /** Reads what came in until a moment. */
  const read = (router: Replayed, until_us: number): void => {
    if (router.frozen) return;
    while (router.unread[0] !== undefined && router.unread[0].at_us <= until_us) {
      const [first] = router.unread.splice(0, 1);
      if (first !== undefined) act(router, { kind: 'advert', advert: first.advert }, first.at_us);
    }
  };

  /** Timers of whom nobody sees, and announcements of whom somebody does. */
  const fireUnseen = (router: Replayed, until_us: number): void => {
    for (let i = 0; i < 1000 && !router.frozen; i++) {
      const due = deadline_us(router.state);
      const unseen = router.mute || due < router.state.timer_us;
      if (due > until_us || !unseen) return;
      act(router, { kind: 'time' }, due);
    }
  };

  const send = (from: Replayed, advert: Advert, now_us: number): void => {
    if (from.mute) return;
    for (const other of routers.values()) {
      if (other === from || other.deaf || other.state.role === 'stopped') continue;
      other.unread.push({ at_us: now_us, advert });
    }
  };

  const sent = (event: Extract<RecordedEvent, { ev: 'advert' }>, now_us: number): void => {
    const router = at(event.router);
    read(router, now_us - UNREAD_US);
    if (router.owed.length === 0) {
      const early = router.sinceLog ? LOG_LATE_US : 0;
      const notDue = router.state.timer_us - now_us > early;
      if (notDue || answers(router)) read(router, now_us);
    }
    if (router.owed.length === 0) {
      const late = now_us - router.state.timer_us;
      if (late < -(router.sinceLog ? LOG_LATE_US : EARLY_US)) {
        const expected = (-late / 1e6).toFixed(4);
        differ(now_us, `${router.id} sent an advert ${expected} s before its timer`);
        return;
      }
      if (!router.sinceLog) lateness_us.push(late);
      router.sinceLog = false;
      const lateState = { ...router.state, timer_us: Math.min(router.state.timer_us, now_us) };
      router.state = lateState;
      act(router, { kind: 'time' }, now_us);
    }
    const [owed] = router.owed.splice(0, 1);
    if (owed === undefined) return;
    const { advert } = owed;
    if (advert.priority !== event.prio) {
      differ(now_us, `${router.id} sent priority ${event.prio}, not ${advert.priority}`);
    }
    const same =
      advert.version === event.ver &&
      advert.virtualRouterId === event.vrid &&
      advert.addresses.length === event.vips &&
      advert.interval_us === Math.round(Number(event.advInt) * 1e6);
    if (!same) differ(now_us, `${router.id} sent another advert than its settings say`);
    send(router, advert, now_us);
  };

  for (const event of run.events) {
    const now_us = Math.round(event.t * 1e6);
    for (const router of routers.values()) {
      read(router, now_us - UNREAD_US);
      fireUnseen(router, now_us);
      const over = now_us - router.state.timer_us;
      if (over > LATE_US && !router.mute && !router.frozen) {
        differ(now_us, `${router.id} (${router.state.role}) should have sent an advert`);
        router.state = { ...router.state, timer_us: Number.POSITIVE_INFINITY };
      }
      const [owed] = router.owed;
      if (owed !== undefined && now_us - owed.at_us > LATE_US) {
        differ(now_us, `${router.id} did not answer with priority ${owed.advert.priority}`);
        router.owed.length = 0;
      }
    }
    if (event.ev === 'action') action(run, at(event.args[0]), event, now_us, act, read);
    else if (event.ev === 'advert') {
      const router = at(event.router);
      if (event.prio === 0 && router.owed.length === 0) scriptFailed(router, now_us, act);
      sent(event, now_us);
    } else if (event.ev === 'state') logged(at(event.router), event.state, now_us, act);
  }
  for (const router of routers.values()) {
    read(router, Math.round(run.durationS * 1e6));
    fireUnseen(router, Math.round(run.durationS * 1e6));
    compare(run, router, differences);
  }
  const answered = compareAnnouncements(run, [...routers.values()], differences);
  return { differences, lateness_us, answered };
}

/** A master that would answer what lies in its socket: the advert was this answer. */
function answers({ settings, state, unread }: Replayed): boolean {
  const [first] = unread;
  if (state.role !== 'master' || first === undefined) return false;
  const { effects } = move(settings, state, { kind: 'advert', advert: first.advert }, first.at_us);
  return effects.some(({ kind }) => kind === 'advert');
}

function newRouter(run: Recording, id: string): Replayed {
  const { settings } = configured(run, id);
  return {
    id,
    settings,
    state: stopped(settings),
    unread: [],
    owed: [],
    roles: [],
    addresses: [],
    announced: [],
    removed: [],
    sinceLog: false,
    deaf: false,
    mute: false,
    frozen: false,
  };
}

type Act = (router: Replayed, input: Input, now_us: number) => void;

/** What was done to a router. Starts and scripts take effect when the log tells so. */
function action(
  run: Recording,
  router: Replayed,
  { action: what, args }: Extract<RecordedEvent, { ev: 'action' }>,
  now_us: number,
  act: Act,
  read: (router: Replayed, until_us: number) => void,
): void {
  const cut = (deaf: boolean, mute: boolean): void => {
    router.deaf = deaf;
    router.mute = mute;
  };
  const link = (failed: boolean): void => {
    cut(failed, failed);
    const name = `ha-${router.id}`;
    if (failed) act(router, { kind: 'watched', watch: 'interface', name, failed }, now_us);
  };
  const doings: Readonly<Record<string, () => void>> = {
    start: () => {},
    stop: () => act(router, { kind: 'stop' }, now_us),
    kill9parent: () => act(router, { kind: 'stop' }, now_us),
    kill9: () => act(router, { kind: 'kill' }, now_us),
    kill9child: () => act(router, { kind: 'kill' }, now_us),
    isolate: () => cut(true, true),
    heal: () => cut(false, false),
    hostdown: () => cut(true, true),
    dropin: () => cut(true, false),
    undropin: () => cut(false, false),
    dropout: () => cut(false, true),
    undropout: () => cut(false, false),
    linkdown: () => link(true),
    peerdown: () => link(true),
    linkup: () => link(false),
    peerup: () => link(false),
    failcheck: () => {},
    okcheck: () => {},
    sigstop: () => {
      router.frozen = true;
    },
    sigcont: () => {
      router.frozen = false;
      read(router, now_us);
    },
    hup: () => act(router, { kind: 'reload', settings: router.settings }, now_us),
    reconf: () => {
      const { settings } = configured(run, router.id, args[1] as RouterDefaults);
      act(router, { kind: 'reload', settings }, now_us);
    },
  };
  const doing = doings[what];
  if (doing === undefined) throw new Error(`unknown action ${what}`);
  doing();
}

/** A log line that stands for something only the router itself could notice. */
function logged(router: Replayed, state: string, now_us: number, act: Act): void {
  const { role } = router.state;
  if (state === 'BACKUP init') {
    act(router, { kind: 'start' }, now_us);
    router.sinceLog = true;
  } else if (state === 'BACKUP' && role === 'stopped') {
    act(router, { kind: 'start' }, now_us);
    act(router, { kind: 'watched', watch: 'script', name: 'chk', failed: false }, now_us);
    router.sinceLog = true;
  } else if (state === 'BACKUP' && role === 'fault') {
    for (const key of router.state.failed) {
      const [watch = '', name = ''] = key.split(' ');
      const kind = watch === 'script' ? 'script' : 'interface';
      act(router, { kind: 'watched', watch: kind, name, failed: false }, now_us);
    }
    router.sinceLog = true;
  } else if (state === 'FAULT' && role !== 'fault') scriptFailed(router, now_us, act);
}

function scriptFailed(router: Replayed, now_us: number, act: Act): void {
  act(router, { kind: 'watched', watch: 'script', name: 'chk', failed: true }, now_us);
}

const ROLE_WORDS = { backup: 'BACKUP', master: 'MASTER', fault: 'FAULT', init: '', stopped: '' };

function roleText({ to, because }: Extract<Effect, { kind: 'role' }>): string {
  return to === 'backup' && because.kind === 'started' ? 'BACKUP init' : ROLE_WORDS[to];
}

/** Roles and addresses of one router, exactly and in order. */
function compare(run: Recording, router: Replayed, differences: string[]): void {
  const mine = run.events.filter((one) => 'router' in one && one.router === router.id);
  const states = mine.flatMap((one) => (one.ev === 'state' ? [one.state] : []));
  const roles = router.roles.map((one, i) =>
    // With scripts the log does not say `init`.
    one === 'BACKUP init' && states[i] === 'BACKUP' ? 'BACKUP' : one,
  );
  if (roles.join() !== states.join()) {
    differences.push(`${router.id} was ${states.join()}, the machine ${roles.join()}`);
  }
  const kept = mine.flatMap((one) =>
    one.ev === 'addr' ? [`${one.op} ${one.dev} ${one.addr}`] : [],
  );
  if (kept.join() !== router.addresses.join()) {
    const machine = router.addresses.join('; ');
    differences.push(`${router.id} had ${kept.join('; ')}, the machine ${machine}`);
  }
}

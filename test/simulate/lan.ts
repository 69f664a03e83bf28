/** The recorded routers on one ideal link: what the simulator predicts for a scenario. */
import { type InstanceSettings } from '../../src/dataplane/vrrp/machine/settings.ts';
import { type Effect, type Role } from '../../src/dataplane/vrrp/machine/types.ts';
import { type VrrpScript } from '../../src/dataplane/vrrp/types.ts';
import { type Choices } from '../../src/simulate/clock/choices.ts';
import { Clock } from '../../src/simulate/clock/clock.ts';
import { USUAL_DELAYS } from '../../src/simulate/vrrp/delays.ts';
import { VrrpRouters } from '../../src/simulate/vrrp/routers.ts';
import { configured } from '../dataplane/vrrp/recorded/configured.ts';
import { type Recording } from '../dataplane/vrrp/recorded/recordings.ts';

/** A line of a router's log, as the recordings name it. */
export interface LogLine {
  readonly at_us: number;
  readonly router: string;
  readonly state: string;
}

export interface LanRun {
  readonly log: readonly LogLine[];
  readonly adverts: readonly {
    readonly at_us: number;
    readonly router: string;
    readonly priority: number;
  }[];
  /** Adverts that came in somewhere, whatever was made of them. */
  readonly heard: readonly {
    readonly at_us: number;
    readonly by: string;
    readonly from: string;
    readonly priority: number;
  }[];
  /** Adverts that were discarded, one way or the other. */
  readonly discarded: number;
  /** Who has the addresses at the end, alive or not. */
  readonly holding: readonly string[];
}

/** When the actions happen, changed against the recording. */
export type Shift = (action: string, router: string, at_us: number) => number;

/** A router on the link, with nothing left open. */
export interface LanRouter {
  readonly id: string;
  readonly settings: InstanceSettings;
  readonly scripts: readonly VrrpScript[];
}

/** Something that is done to a router; a reload may bring other settings. */
export interface LanAction {
  readonly at_us: number;
  readonly action: string;
  readonly id: string;
  readonly change?: () => InstanceSettings;
}

export interface LanGame {
  readonly routers: readonly LanRouter[];
  readonly actions: readonly LanAction[];
  readonly until_us: number;
  /** How a router's log words what it has become. */
  wordOf(effect: Extract<Effect, { kind: 'role' }>): string;
  /** What a check says that was made to fail. */
  failing(role: Role): boolean;
}

/** Plays machines that live on the clock. */
export function playOnLan(game: LanGame, choices: Choices): LanRun {
  const clock = new Clock();
  const log: LogLine[] = [];
  const adverts: { at_us: number; router: string; priority: number }[] = [];
  let discarded = 0;
  const heard: { at_us: number; by: string; from: string; priority: number }[] = [];
  const deaf = new Set<string>();
  const mute = new Set<string>();
  const failing = new Set<string>();
  const line = (router: string, state: string): void => {
    log.push({ at_us: clock.now_us, router, state });
  };
  const ids = game.routers.map(({ id }) => id);
  const world = {
    send: (id: string, advert: { readonly priority: number }): readonly string[] => {
      if (advert.priority === 0 && log.at(-1)?.state !== 'prio0') line(id, 'prio0');
      if (mute.has(id)) return [];
      adverts.push({ at_us: clock.now_us, router: id, priority: advert.priority });
      const hearers = ids.filter((other) => other !== id && !deaf.has(other));
      const at_us = clock.now_us + USUAL_DELAYS.link_us;
      for (const by of hearers) heard.push({ at_us, by, from: id, priority: advert.priority });
      return hearers;
    },
    perform: (id: string, effect: Effect): void => {
      if (effect.kind === 'discard') discarded++;
      if (effect.kind === 'role' && effect.to !== 'stopped') line(id, game.wordOf(effect));
    },
    isWell: (id: string): boolean => !failing.has(id) || game.failing(routers.stateOf(id).role),
  };
  const routers: VrrpRouters = new VrrpRouters(clock, choices, world, USUAL_DELAYS);
  for (const { id, settings, scripts } of game.routers) routers.add(id, 'lan', settings, scripts);
  const cut = (id: string, input: boolean, output: boolean): void => {
    if (input) deaf.add(id);
    else deaf.delete(id);
    if (output) mute.add(id);
    else mute.delete(id);
  };
  const link = (id: string, failed: boolean): void => {
    cut(id, failed, failed);
    routers.interfaceChanged(id, routers.settingsOf(id).interface, failed);
  };
  const doings: Readonly<Record<string, (id: string, action: LanAction) => void>> = {
    start: (id) => routers.start(id),
    stop: (id) => routers.stop(id),
    kill9: (id) => routers.kill(id, false),
    kill9parent: (id) => routers.stop(id),
    kill9child: (id) => routers.kill(id, true),
    isolate: (id) => cut(id, true, true),
    heal: (id) => cut(id, false, false),
    hostdown: (id) => cut(id, true, true),
    dropin: (id) => cut(id, true, false),
    undropin: (id) => cut(id, false, false),
    dropout: (id) => cut(id, false, true),
    undropout: (id) => cut(id, false, false),
    linkdown: (id) => link(id, true),
    peerdown: (id) => link(id, true),
    linkup: (id) => link(id, false),
    peerup: (id) => link(id, false),
    failcheck: (id) => void failing.add(id),
    okcheck: (id) => void failing.delete(id),
    sigstop: (id) => routers.freeze(id, true),
    sigcont: (id) => routers.freeze(id, false),
    hup: (id) => routers.reload(id, routers.settingsOf(id)),
    reconf: (id, { change }) => routers.reload(id, change?.() ?? routers.settingsOf(id)),
    sidedown: (id) => routers.interfaceChanged(id, 'side0', true),
    sideup: (id) => routers.interfaceChanged(id, 'side0', false),
  };
  for (const action of game.actions) {
    const doing = doings[action.action];
    if (doing === undefined) throw new Error(`unknown action ${action.action}`);
    clock.at(action.at_us, () => doing(action.id, action));
  }
  clock.run(game.until_us);
  const holding = ids.filter((id) => routers.stateOf(id).holds);
  return { log, adverts, heard, discarded, holding };
}

/** Runs the actions of a recording. */
export function runOnLan(run: Recording, choices: Choices, shift: Shift): LanRun {
  const actions = run.events.flatMap((event): LanAction[] => {
    if (event.ev !== 'action') return [];
    const [id, change] = event.args;
    const at_us = shift(event.action, id, Math.round(event.t * 1e6));
    const after = typeof change === 'object' ? change : {};
    const { action } = event;
    return [{ at_us, action, id, change: () => configured(run, id, after).settings }];
  });
  return playOnLan(
    {
      routers: run.routers.map(({ id }) => {
        const { config, settings } = configured(run, id);
        return { id, settings, scripts: config.scripts };
      }),
      actions,
      until_us: Math.round(run.durationS * 1e6),
      wordOf: (effect) => wordOf(run, effect),
      // Neutron's health check only fails where the virtual address is.
      failing: (role) => run.run.startsWith('n_health_rr') && role !== 'master',
    },
    choices,
  );
}

function wordOf(run: Recording, { to, because }: Extract<Effect, { kind: 'role' }>): string {
  if (to !== 'backup') return to.toUpperCase();
  const scripted = run.default.track_script === true;
  return because.kind === 'started' && !scripted ? 'BACKUP init' : 'BACKUP';
}

/** The recorded routers on one ideal link: what the simulator predicts for a scenario. */
import { type Effect } from '../../src/dataplane/vrrp/machine/types.ts';
import { Choices } from '../../src/simulate/clock/choices.ts';
import { Clock } from '../../src/simulate/clock/clock.ts';
import { USUAL_DELAYS, VrrpRouters } from '../../src/simulate/vrrp/routers.ts';
import { configured } from '../dataplane/vrrp/recorded/configured.ts';
import { type Recording, type RouterDefaults } from '../dataplane/vrrp/recorded/recordings.ts';

/** A line of a router's log, as the recordings name it. */
export interface LogLine {
  readonly at_us: number;
  readonly router: string;
  readonly state: string;
}

export interface LanRun {
  readonly log: readonly LogLine[];
  readonly adverts: readonly { readonly at_us: number; readonly router: string }[];
}

/** When the actions happen, changed against the recording. */
export type Shift = (action: string, router: string, at_us: number) => number;

/** Runs the actions of a recording over machines that live on the clock. */
export function runOnLan(run: Recording, choices: Choices, shift: Shift): LanRun {
  const clock = new Clock();
  const log: LogLine[] = [];
  const adverts: { at_us: number; router: string }[] = [];
  const deaf = new Set<string>();
  const mute = new Set<string>();
  const failing = new Set<string>();
  const line = (router: string, state: string): void => {
    log.push({ at_us: clock.now_us, router, state });
  };
  const ids = run.routers.map(({ id }) => id);
  const world = {
    send: (id: string, advert: { readonly priority: number }): readonly string[] => {
      if (advert.priority === 0 && log.at(-1)?.state !== 'prio0') line(id, 'prio0');
      if (mute.has(id)) return [];
      adverts.push({ at_us: clock.now_us, router: id });
      return ids.filter((other) => other !== id && !deaf.has(other));
    },
    perform: (id: string, effect: Effect): void => {
      if (effect.kind !== 'role' || effect.to === 'stopped') return;
      line(id, wordOf(run, effect));
    },
    // Neutron's health check only fails where the virtual address is.
    isWell: (id: string): boolean => {
      if (!failing.has(id)) return true;
      return run.run.startsWith('n_health_rr') && routers.stateOf(id).role !== 'master';
    },
  };
  const routers: VrrpRouters = new VrrpRouters(clock, choices, world, USUAL_DELAYS);
  for (const id of ids) {
    const { config, settings } = configured(run, id);
    routers.add(id, 'lan', settings, config.scripts);
  }
  const cut = (id: string, input: boolean, output: boolean): void => {
    if (input) deaf.add(id);
    else deaf.delete(id);
    if (output) mute.add(id);
    else mute.delete(id);
  };
  const link = (id: string, failed: boolean): void => {
    cut(id, failed, failed);
    routers.interfaceChanged(id, `ha-${id}`, failed);
  };
  const doings: Readonly<Record<string, (id: string, change: RouterDefaults) => void>> = {
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
    reconf: (id, change) => routers.reload(id, configured(run, id, change).settings),
  };
  for (const event of run.events) {
    if (event.ev !== 'action') continue;
    const [id, change] = event.args;
    const at_us = shift(event.action, id, Math.round(event.t * 1e6));
    const doing = doings[event.action];
    if (doing === undefined) throw new Error(`unknown action ${event.action}`);
    clock.at(at_us, () => doing(id, typeof change === 'object' ? change : {}));
  }
  clock.run(Math.round(run.durationS * 1e6));
  return { log, adverts };
}

function wordOf(run: Recording, { to, because }: Extract<Effect, { kind: 'role' }>): string {
  if (to !== 'backup') return to.toUpperCase();
  const scripted = run.default.track_script === true;
  return because.kind === 'started' && !scripted ? 'BACKUP init' : 'BACKUP';
}

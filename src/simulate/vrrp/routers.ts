/**
 * VRRP instances living on the clock: their timers, what lies unread in their sockets, their
 * processes and scripts. How adverts travel and what effects change is the world's business.
 */
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { moveGroup } from '../../dataplane/vrrp/machine/group.ts';
import { deadline_us, move } from '../../dataplane/vrrp/machine/machine.ts';
import { currentPriority, stopped } from '../../dataplane/vrrp/machine/roles.ts';
import {
  countResult,
  freshScript,
  type ScriptState,
  scriptInterval_us,
} from '../../dataplane/vrrp/machine/scripts.ts';
import { type InstanceSettings } from '../../dataplane/vrrp/machine/settings.ts';
import { type Effect, type Input, type InstanceState } from '../../dataplane/vrrp/machine/types.ts';
import { type VrrpScript } from '../../dataplane/vrrp/types.ts';
import { type Choices } from '../clock/choices.ts';
import { type Clock } from '../clock/clock.ts';
import { type EventId } from '../clock/queue.ts';
import { chooseHeat, type Racer } from './races.ts';

/** What the instances live in. */
export interface VrrpWorld {
  /** Sends an advert and tells who hears it. */
  send(router: string, advert: Advert): readonly string[];
  /** Does what an instance does beside sending adverts. */
  perform(router: string, effect: Exclude<Effect, { readonly kind: 'advert' }>): void;
  /** What a script of a router says at this moment. */
  isWell(router: string, script: string): boolean;
}

/** How long things take, in microseconds. */
export interface VrrpDelays {
  /** From the sender of an advert to who hears it. */
  readonly link_us: number;
  /** Timers that run out within this time of each other race. */
  readonly race_us: number;
  /** From the advert of a new master to its announcements; while it lasts nothing is read. */
  readonly takeover_us: number;
  /** The same on a busy host that loses a race. */
  readonly slowTakeover_us: number;
  /** Until keepalived's parent starts a killed child again. */
  readonly respawn_us: number;
}

export const USUAL_DELAYS: VrrpDelays = {
  link_us: 100,
  race_us: 1_000,
  takeover_us: 300,
  slowTakeover_us: 4_000,
  respawn_us: 33_000,
};

interface Router {
  readonly id: string;
  /** Names the link that its adverts are sent on. */
  readonly link: string;
  /** The instances of the same virtual router on the same link, itself included. */
  peers: Router[] | null;
  settings: InstanceSettings;
  state: InstanceState;
  readonly scripts: readonly VrrpScript[];
  readonly scriptStates: Map<string, ScriptState>;
  timer: EventId | null;
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

export class VrrpRouters {
  private readonly routers = new Map<string, Router>();
  /** By virtual router and link; made when it is first asked for. */
  private readonly groups = new Map<string, Router[]>();
  /** The members of the sync group that an instance is in. */
  private readonly syncGroups = new Map<string, readonly string[]>();
  private readonly clock: Clock;
  private readonly choices: Choices;
  private readonly world: VrrpWorld;
  private readonly delays: VrrpDelays;

  constructor(clock: Clock, choices: Choices, world: VrrpWorld, delays: VrrpDelays) {
    this.clock = clock;
    this.choices = choices;
    this.world = world;
    this.delays = delays;
  }

  get ids(): Iterable<string> {
    return this.routers.keys();
  }

  /** Adds an instance on a link; without a state no process runs it yet. */
  add(
    id: string,
    link: string,
    settings: InstanceSettings,
    scripts: readonly VrrpScript[] = [],
    state: InstanceState = stopped(settings),
  ): void {
    const router: Router = {
      id,
      link,
      peers: null,
      settings,
      state,
      scripts: scripts.filter(({ name }) =>
        settings.watches.some((watch) => watch.kind === 'script' && watch.name === name),
      ),
      scriptStates: new Map(),
      timer: null,
      unread: [],
      busyUntil_us: 0,
      slow: false,
      wantsMaster: false,
      decided: false,
      frozen: false,
      process: 0,
    };
    this.routers.set(id, router);
    this.groups.clear();
    if (state.role !== 'stopped') this.runScripts(router);
    this.arm(router);
  }

  stateOf(id: string): InstanceState {
    return this.get(id).state;
  }

  settingsOf(id: string): InstanceSettings {
    return this.get(id).settings;
  }

  /** Starts the process of an instance. */
  start(id: string): void {
    const router = this.get(id);
    if (router.state.role !== 'stopped') return;
    router.process++;
    router.frozen = false;
    router.unread.length = 0;
    router.scriptStates.clear();
    this.input(router, { kind: 'start' });
    this.runScripts(router);
  }

  /** SIGTERM; also what happens when only the parent process is killed. */
  stop(id: string): void {
    const router = this.get(id);
    if (router.frozen) return;
    this.input(router, { kind: 'stop' });
    router.process++;
  }

  /** SIGKILL to the whole process, or to the child alone, which its parent starts again. */
  kill(id: string, respawns: boolean): void {
    const router = this.get(id);
    this.input(router, { kind: 'kill' });
    const process = ++router.process;
    if (!respawns) return;
    this.clock.after(this.delays.respawn_us, () => {
      if (router.process === process) this.start(id);
    });
  }

  /** SIGHUP. */
  reload(id: string, settings: InstanceSettings): void {
    const router = this.get(id);
    this.input(router, { kind: 'reload', settings });
  }

  /** SIGSTOP, and SIGCONT: what came in meanwhile is read before the timers. */
  freeze(id: string, frozen: boolean): void {
    const router = this.get(id);
    router.frozen = frozen;
    if (frozen) return;
    this.read(router);
    this.arm(router);
  }

  /** An interface that it watches went down or came up. */
  interfaceChanged(id: string, name: string, failed: boolean): void {
    const router = this.get(id);
    const watched = router.settings.watches.some(
      (watch) => watch.kind === 'interface' && watch.name === name,
    );
    if (watched) this.input(router, { kind: 'watched', watch: 'interface', name, failed });
  }

  private get(id: string): Router {
    const router = this.routers.get(id);
    if (router === undefined) throw new Error(`there is no VRRP router ${id}`);
    return router;
  }

  /** Instances of one process that move together, in the group's order. */
  synchronize(ids: readonly string[]): void {
    for (const id of ids) this.syncGroups.set(id, ids);
  }

  private inputToGroup(router: Router, ids: readonly string[], input: Input): void {
    const members = ids.flatMap((id) => this.routers.get(id) ?? []);
    const at = members.indexOf(router);
    const moved = moveGroup(members, at, input, this.clock.now_us);
    for (const [i, member] of members.entries()) {
      const after = moved.members[i] ?? member;
      member.state = after.state;
      member.wantsMaster = after.wantsMaster;
    }
    if (input.kind === 'reload') this.takeSettings(router, input.settings);
    // One process does it all: the member that was moved first, then the others.
    const order = [at, ...members.keys()].filter((one, i, all) => all.indexOf(one) === i);
    for (const i of order) {
      const member = members[i];
      if (member === undefined) continue;
      this.perform(
        member,
        moved.effects.filter(({ by }) => by === i).map(({ effect }) => effect),
      );
      this.arm(member);
    }
  }

  private input(router: Router, input: Input): void {
    const ids = this.syncGroups.get(router.id);
    if (ids !== undefined) return this.inputToGroup(router, ids, input);
    const { now_us } = this.clock;
    const { state, effects } = move(router.settings, router.state, input, now_us);
    router.state = state;
    if (input.kind === 'reload') this.takeSettings(router, input.settings);
    this.perform(router, effects);
    this.arm(router);
  }

  private takeSettings(router: Router, settings: InstanceSettings): void {
    router.settings = settings;
    this.groups.clear();
  }

  /** Does what the machine wants: announcements come last, and take their time. */
  private perform(router: Router, effects: readonly Effect[]): void {
    let announces = false;
    for (const effect of effects) {
      if (effect.kind === 'advert') this.send(router, effect.advert);
      else if (effect.kind === 'announce') announces = true;
      else this.world.perform(router.id, effect);
    }
    if (!announces) return;
    const { takeover_us, slowTakeover_us } = this.delays;
    const takes_us = router.slow ? slowTakeover_us : takeover_us;
    router.slow = false;
    router.busyUntil_us = this.clock.now_us + takes_us;
    this.clock.after(takes_us, () => {
      for (const effect of effects) {
        if (effect.kind === 'announce') this.world.perform(router.id, effect);
      }
      this.read(router);
    });
  }

  private send(router: Router, advert: Advert): void {
    for (const id of this.world.send(router.id, advert)) {
      this.clock.after(this.delays.link_us, () => {
        const heard = this.routers.get(id);
        if (heard === undefined || heard.state.role === 'stopped') return;
        heard.unread.push(advert);
        if (this.clock.now_us >= heard.busyUntil_us) this.read(heard);
      });
    }
  }

  private read(router: Router): void {
    while (!router.frozen && this.clock.now_us >= router.busyUntil_us) {
      const advert = router.unread.shift();
      if (advert === undefined) return;
      this.input(router, { kind: 'advert', advert });
    }
  }

  /** Sets the clock to the instance's next deadline. */
  private arm(router: Router): void {
    if (router.timer !== null) this.clock.cancel(router.timer);
    router.timer = null;
    router.decided = false;
    const due_us = deadline_us(router.state);
    if (!router.frozen && Number.isFinite(due_us)) this.armAt(router, due_us);
  }

  private armAt(router: Router, at_us: number): void {
    if (router.timer !== null) this.clock.cancel(router.timer);
    router.timer = this.clock.at(at_us, () => this.due(router));
  }

  private due(router: Router): void {
    router.timer = null;
    if (router.frozen) return;
    if (router.state.timer_us <= this.clock.now_us && !router.decided) {
      const racers = this.racersWith(router);
      if (racers.length > 1) {
        this.race(racers);
        return;
      }
    }
    router.decided = false;
    this.input(router, { kind: 'time' });
  }

  /** Instances of the same virtual router whose timers run out about now; this one first. */
  private racersWith(router: Router): readonly Racer[] {
    const until_us = this.clock.now_us + this.delays.race_us;
    const peers = this.peersOf(router);
    const near = ({ frozen, decided, state, unread }: Router): boolean =>
      !frozen &&
      !decided &&
      state.role !== 'stopped' &&
      state.timer_us <= until_us &&
      unread.length === 0;
    if (!peers.some((other) => other !== router && near(other))) return [];
    // Two masters that do not listen to each other: their order changes nothing for anybody.
    if (!peers.some(({ frozen, state }) => !frozen && state.role === 'backup')) return [];
    return peers.filter(near).map(({ id, settings, state }) => ({
      id,
      due_us: state.timer_us,
      priority: currentPriority(settings, state),
      address: settings.source.value,
    }));
  }

  /** Looked for once, and again when somebody has come or reads another file. */
  private peersOf(router: Router): readonly Router[] {
    if (this.groups.size === 0) {
      for (const one of this.routers.values()) {
        const key = groupOf(one);
        one.peers = this.groups.get(key) ?? [];
        one.peers.push(one);
        this.groups.set(key, one.peers);
      }
    }
    return router.peers ?? [];
  }

  private race(racers: readonly Racer[]): void {
    const { now_us } = this.clock;
    const heat = chooseHeat(this.choices, now_us, racers);
    const { race_us, link_us } = this.delays;
    for (const id of heat.late) {
      const router = this.get(id);
      router.decided = true;
      this.armAt(router, now_us + race_us + 2 * link_us);
    }
    for (const id of heat.prompt) {
      const router = this.get(id);
      router.slow = id === heat.slow;
      router.decided = true;
      this.armAt(router, Math.max(now_us, Math.min(router.state.timer_us, now_us + link_us / 2)));
    }
  }

  private runScripts(router: Router): void {
    for (const script of router.scripts) this.runScript(router, script, router.process);
  }

  private runScript(router: Router, script: VrrpScript, process: number): void {
    if (router.process !== process || router.state.role === 'stopped') return;
    const { name } = script;
    if (!router.frozen) {
      const before = router.scriptStates.get(name) ?? freshScript(script);
      const after = countResult(script, before, this.world.isWell(router.id, name));
      router.scriptStates.set(name, after);
      if (after.well !== before.well) {
        this.input(router, {
          kind: 'watched',
          watch: 'script',
          name,
          failed: after.well === false,
        });
      }
    }
    this.clock.after(scriptInterval_us(script), () => this.runScript(router, script, process));
  }
}

function groupOf({ link, settings }: Router): string {
  return `${settings.virtualRouterId} ${link}`;
}

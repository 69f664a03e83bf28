/**
 * VRRP instances living on the clock: their timers, what lies unread in their sockets, their
 * processes and scripts. How adverts travel and what effects change is the world's business.
 */
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { moveGroup } from '../../dataplane/vrrp/machine/group.ts';
import { move } from '../../dataplane/vrrp/machine/machine.ts';
import { currentPriority, stopped } from '../../dataplane/vrrp/machine/roles.ts';
import {
  countResult,
  freshScript,
  scriptInterval_us,
} from '../../dataplane/vrrp/machine/scripts.ts';
import { type InstanceSettings } from '../../dataplane/vrrp/machine/settings.ts';
import { type Effect, type Input, type InstanceState } from '../../dataplane/vrrp/machine/types.ts';
import { type VrrpScript } from '../../dataplane/vrrp/types.ts';
import { type Choices } from '../clock/choices.ts';
import { type Clock } from '../clock/clock.ts';
import { type VrrpDelays } from './delays.ts';
import { chooseHeat, type Racer } from './races.ts';
import { deadlineOf_us, isNear, nextUnread, type Router, repeatedBy, settle } from './router.ts';

/** What the instances live in. */
export interface VrrpWorld {
  /** Sends an advert and tells who hears it. */
  send(router: string, advert: Advert): readonly string[];
  /** Does what an instance does beside sending adverts. */
  perform(router: string, effect: Exclude<Effect, { readonly kind: 'advert' }>): void;
  /** What a script of a router says at this moment. */
  isWell(router: string, script: string): boolean;
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
      timer_us: state.timer_us,
      repeats: null,
      scripts: scripts.filter(({ name }) =>
        settings.watches.some((watch) => watch.kind === 'script' && watch.name === name),
      ),
      scriptStates: new Map(),
      timer: null,
      onDue: () => this.due(router),
      onArrival: () => this.arrive(router),
      heardIds: [],
      heard: [],
      onWay: [],
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
    return settle(this.get(id));
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
    members.forEach(settle);
    const at = members.indexOf(router);
    const moved = moveGroup(members, at, input, this.clock.now_us);
    for (const [i, member] of members.entries()) {
      const after = moved.members[i] ?? member;
      member.state = after.state;
      member.timer_us = after.state.timer_us;
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
    const before = settle(router);
    const moved = move(router.settings, before, input, now_us);
    const { state, effects } = moved;
    router.state = state;
    router.timer_us = state.timer_us;
    router.repeats = repeatedBy(before, input, moved, now_us);
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
    const ids = this.world.send(router.id, advert);
    // The same list for as long as nothing has changed, so that it is looked through once.
    if (router.heardIds !== ids) {
      router.heardIds = ids;
      router.heard = ids.flatMap((id) => this.routers.get(id) ?? []);
    }
    const { heard } = router;
    for (let i = 0; i < heard.length; i++) {
      const one = heard[i]!;
      one.onWay.push(advert);
      this.clock.after(this.delays.link_us, one.onArrival);
    }
  }

  private arrive(router: Router): void {
    const advert = nextUnread(router.onWay);
    if (advert === undefined || router.state.role === 'stopped') return;
    const free = !router.frozen && this.clock.now_us >= router.busyUntil_us;
    if (free && router.unread.length === 0) {
      if (router.repeats?.heard === advert) this.putOff(router, router.repeats.wait_us);
      else this.input(router, { kind: 'advert', advert });
      return;
    }
    router.unread.push(advert);
    if (free) this.read(router);
  }

  private read(router: Router): void {
    while (!router.frozen && this.clock.now_us >= router.busyUntil_us) {
      const advert = nextUnread(router.unread);
      if (advert === undefined) return;
      this.input(router, { kind: 'advert', advert });
    }
  }

  /** Sets the clock to the instance's next deadline. */
  private arm(router: Router): void {
    router.decided = false;
    const due_us = deadlineOf_us(router);
    if (!router.frozen && due_us !== Number.POSITIVE_INFINITY) this.armAt(router, due_us);
    else if (router.timer !== null) {
      this.clock.cancel(router.timer);
      router.timer = null;
    }
  }

  private armAt(router: Router, at_us: number): void {
    if (router.timer !== null && this.clock.move(router.timer, at_us)) return;
    router.timer = this.clock.at(at_us, router.onDue);
  }

  private due(router: Router): void {
    router.timer = null;
    if (router.frozen) return;
    if (!router.decided && router.timer_us <= this.clock.now_us) {
      const racers = this.racersWith(router);
      if (racers.length > 1) {
        this.race(racers);
        return;
      }
    }
    router.decided = false;
    const { repeats } = router;
    if (repeats === null || repeats.said === null || router.timer_us > this.clock.now_us) {
      this.input(router, { kind: 'time' });
      return;
    }
    router.timer_us = this.clock.now_us + repeats.wait_us;
    this.send(router, repeats.said);
    this.arm(router);
  }

  /** What it does again and again changes its timer alone. */
  private putOff(router: Router, wait_us: number): void {
    router.timer_us = this.clock.now_us + wait_us;
    this.arm(router);
  }

  /** Instances of the same virtual router whose timers run out about now; this one first. */
  private racersWith(router: Router): readonly Racer[] {
    const until_us = this.clock.now_us + this.delays.race_us;
    const peers = this.peersOf(router);
    const near = (one: Router): boolean => isNear(one, until_us);
    let alone = true;
    for (const other of peers) if (other !== router && isNear(other, until_us)) alone = false;
    if (alone) return NOBODY;
    // Two masters that do not listen to each other: their order changes nothing for anybody.
    if (!peers.some(({ frozen, state }) => !frozen && state.role === 'backup')) return [];
    return peers.filter(near).map(({ id, settings, state, timer_us }) => ({
      id,
      due_us: timer_us,
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
      this.armAt(router, Math.max(now_us, Math.min(router.timer_us, now_us + link_us / 2)));
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

const NOBODY: readonly Racer[] = [];

function groupOf({ link, settings }: Router): string {
  return `${settings.virtualRouterId} ${link}`;
}

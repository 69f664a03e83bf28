/** The door of the room: a network, events and probes; what comes of it, one way or all ways. */
import { type Network } from '../dataplane/network.ts';
import { once } from '../snapshot/read/folder.ts';
import { type Problem, problemLine } from '../text/problem.ts';
import { compileNetwork } from '../trace/compiled-network.ts';
import { fromOutside } from '../trace/opening.ts';
import { outsideTarget, withOutside } from '../trace/outside.ts';
import { type Question, type Trace } from '../trace/types.ts';
import { HostAgents } from './agents/agents.ts';
import { type Cause, causeOf, routersOnWay } from './causes.ts';
import { type Choices, explore, type Taken } from './clock/choices.ts';
import { Clock, ClockStuck } from './clock/clock.ts';
import { Random } from './clock/random.ts';
import { readEvent } from './events/table.ts';
import { type PlannedEvent, type Play } from './events/types.ts';
import { Cuts } from './network/cuts.ts';
import { expireFlows } from './network/expiry.ts';
import { HealthChecks } from './network/health.ts';
import { Leases } from './network/leases.ts';
import { failedText } from './network/neighbours.ts';
import { Stage } from './network/stage.ts';
import { confirmedBy, type PlannedProbe, readProbe, type Shot, shoot, traceNow } from './probes.ts';
import { Timeline } from './timeline.ts';
import { USUAL_DELAYS, type VrrpDelays } from './vrrp/delays.ts';
import { type PlacedInstance, placedInstances } from './vrrp/instances.ts';
import { NetworkRouters, type RoleChange } from './vrrp/on-network.ts';

export interface SimulationOptions {
  /** In words, as `t=5s fail host net1`. */
  readonly events: readonly string[];
  /** In words, as `vm-a -> external:8.8.8.8 icmp every 100ms`. */
  readonly probes: readonly string[];
  readonly until_us: number;
  /** Decides the phase of adverts and partial losses. */
  readonly seed: number;
  /** How many ways races are tried out; 1 takes the first way. */
  readonly ways: number;
  readonly delays?: VrrpDelays;
  /** Reads a file that an event names; without it there is none. */
  readonly readFile?: (path: string) => string | null;
  /** Opens a snapshot or cloud that an event names, or says what is wrong with it. */
  readonly openNetwork?: (path: string) => Network | string;
  /** Sent at the end of the simulated time. */
  readonly question?: Question;
  /** Called now and then with the simulated time, for long runs. */
  readonly progress?: (way: number, now_us: number) => void;
}

/** Probes lost in a row. */
export interface LossWindow {
  /** When the first lost one was sent. */
  readonly from_us: number;
  /** When the next one came through; null when none did. */
  readonly until_us: number | null;
  readonly lost: number;
  /** Different causes in the order they came up. */
  readonly causes: readonly (Cause & { readonly since_us: number })[];
  /** The event it follows; null when there was none before it. */
  readonly event: PlannedEvent | null;
  /** How long it may take on real hosts from the event on, as the timers say; null when open. */
  readonly bounds_us: readonly [number, number] | null;
}

export interface ProbeResult {
  readonly probe: PlannedProbe;
  readonly sent: number;
  readonly received: number;
  readonly windows: readonly LossWindow[];
}

/** One way it may go. */
export interface SimulatedWay {
  readonly taken: readonly Taken[];
  readonly timeline: Timeline;
  readonly roles: readonly RoleChange[];
  readonly probes: readonly ProbeResult[];
  /** Who holds the addresses of each router at the end, by router. */
  readonly masters: ReadonlyMap<string, readonly string[]>;
  /** The network as it is at the end: what was done to it, and what it has learned. */
  readonly end: Network;
  /** What holds at the end and no dump could show, in words. */
  readonly unseen: readonly string[];
  /** Events that happened on the clock. */
  readonly happened: number;
  /** The answer to the question, if one was put. */
  readonly trace: Trace | null;
}

export type Simulated =
  | {
      readonly kind: 'simulated';
      readonly events: readonly PlannedEvent[];
      readonly instances: readonly PlacedInstance[];
      readonly ways: readonly SimulatedWay[];
      /** False when there are more ways than were tried out. */
      readonly complete: boolean;
    }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

class WrongWords extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Simulates a network. Everything that is wrong with the words is told at once. */
export function simulate(network: Network, options: SimulationOptions): Simulated {
  const compiled = compileNetwork(network);
  const instances = placedInstances(compiled);
  const unread = unreadOf(compiled.problems, instances);
  let events: readonly PlannedEvent[] = [];
  let way = 0;
  try {
    const { runs, complete } = explore(options.ways, (choices) => {
      const played = play(network, { instances, unread }, options, choices, way++);
      events = played.events;
      return played.way;
    });
    const ways = runs.map(({ outcome }) => outcome);
    return { kind: 'simulated', events, instances, ways, complete };
  } catch (error) {
    if (error instanceof WrongWords) return { kind: 'wrong', problems: error.problems };
    if (error instanceof ClockStuck) return { kind: 'wrong', problems: [error.message] };
    throw error;
  }
}

interface Placed {
  readonly instances: readonly PlacedInstance[];
  /** What was not understood in their files. */
  readonly unread: readonly { readonly who: string; readonly text: string }[];
}

/** What was not understood of keepalived's files; a word that nobody follows must not go unsaid. */
function unreadOf(
  problems: readonly Problem[],
  instances: readonly PlacedInstance[],
): Placed['unread'] {
  const owners = new Map(instances.map(({ id, instance }) => [instance.origin.file, id]));
  return problems.flatMap((problem) => {
    const who = owners.get(problem.file);
    return who === undefined ? [] : [{ who, text: problemLine(problem) }];
  });
}

const PROGRESS_US = 1_000_000;
/** Packets of one probe. */
const SHOTS_MAX = 1_000_000;

function play(
  network: Network,
  { instances, unread }: Placed,
  options: SimulationOptions,
  choices: Choices,
  way: number,
): { readonly way: SimulatedWay; readonly events: readonly PlannedEvent[] } {
  const clock = new Clock();
  const random = new Random(options.seed);
  const outside = withOutside(network);
  const read = options.probes.map((text) => readProbe(text, network, outside));
  const probes = read.filter((one) => 'question' in one);
  const question = options.question === undefined ? null : fromOutside(outside, options.question);
  const questions = [
    ...probes.map((one) => one.question),
    ...(question === null ? [] : [question]),
  ];
  const borrowed = questions.flatMap(({ to, from, packet }) => [
    ...outsideTarget(outside, to),
    ...(packet.source === null || from.host === null || from.namespace === null
      ? []
      : [{ host: from.host, namespace: from.namespace, address: packet.source }]),
  ]);
  const stage = new Stage(network, clock, new Cuts(random), {
    borrowed,
    listeners: instances.map(({ host, namespace, settings }) => ({
      host,
      namespace,
      interface: settings.interface,
      virtualRouterId: settings.virtualRouterId,
    })),
  });
  const timeline = new Timeline();
  const delays = options.delays ?? USUAL_DELAYS;
  const vrrp = new NetworkRouters(instances, clock, choices, stage, timeline, delays);
  const agents = new HostAgents(clock, stage, vrrp);
  const process = (host: string, text: string): void => vrrp.tell('process', host, text);
  const health = new HealthChecks(clock, stage, process);
  const leases = new Leases(clock, stage, process);
  expireFlows(clock, stage, (host, count) =>
    vrrp.tell('kernel', host, `${count} flows have reached their timeout`),
  );
  stage.neighbourFailed = (age) =>
    vrrp.tell('kernel', stage.hostOf(age.host, age.namespace), failedText(age));
  const readFile = options.readFile ?? ((): null => null);
  const openNetwork =
    options.openNetwork ?? ((path: string): string => `there is no network ${path}`);
  const files = { readFile, openNetwork };
  const now: Play = { clock, choices, stage, vrrp, agents, leases, health, ...files };
  const crowded = probes.filter((one) => options.until_us / one.every_us > SHOTS_MAX);
  const planned = options.events.map((text) => readEvent(text, now));
  const events = planned.filter((one) => 'apply' in one);
  const problems = [
    ...[...read, ...planned].flatMap((one) =>
      'message' in one ? [`${one.text}: ${one.message}`] : [],
    ),
    ...crowded.map(({ text }) => `${text}: more than ${SHOTS_MAX} packets; send it less often`),
  ];
  if (problems.length > 0) throw new WrongWords(problems);
  for (const { who, text } of unread) vrrp.tell('process', who, text);
  vrrp.begin(random);
  for (const event of events) {
    clock.at(event.at_us, () => {
      vrrp.tell('event', '', event.text);
      vrrp.reach.networkChanged();
      event.apply(now);
    });
  }
  const followed = probes.map((probe) => follow(now, probe, events, options.until_us));
  for (let at_us = 0; at_us < options.until_us; at_us += PROGRESS_US) {
    clock.at(at_us, () => options.progress?.(way, at_us));
  }
  clock.run(options.until_us);
  const trace = question === null ? null : traceNow(stage, question);
  const end = once(() => stage.remembered());
  return {
    events,
    way: {
      taken: choices.taken,
      timeline,
      roles: vrrp.changes,
      probes: followed.map((finish) => finish()),
      masters: mastersOf(now),
      get end() {
        return end();
      },
      unseen: stage.cuts.unseen(),
      happened: clock.happened,
      trace,
    },
  };
}

/** Who holds the addresses of each router, dead hosts left out. */
function mastersOf({ vrrp, stage }: Play): ReadonlyMap<string, readonly string[]> {
  const masters = new Map<string, string[]>();
  for (const one of vrrp.placed.values()) {
    const hosts = masters.get(one.router) ?? [];
    masters.set(one.router, hosts);
    const alive = !stage.cuts.deadHosts.has(one.host);
    if (alive && vrrp.routers.stateOf(one.id).holds) hosts.push(one.host);
  }
  return masters;
}

/** Sends a probe in its rhythm; what is returned reads the windows at the end. */
function follow(
  now: Play,
  probe: PlannedProbe,
  events: readonly PlannedEvent[],
  until_us: number,
): () => ProbeResult {
  const { clock, stage, vrrp } = now;
  const windows: LossWindow[] = [];
  let open: { from_us: number; lost: number; causes: LossWindow['causes'] } | null = null;
  let sent = 0;
  let received = 0;
  let way: ReadonlySet<string> = new Set();
  const again = repeating(now, probe);
  const close = (end_us: number | null): void => {
    if (open === null) return;
    const { from_us } = open;
    const event = events.filter((one) => one.at_us <= from_us).at(-1) ?? null;
    const bounds_us = event === null ? null : boundsOf(vrrp, event, end_us);
    windows.push({ ...open, until_us: end_us, event, bounds_us });
    open = null;
  };
  const once = (): void => {
    const shot = again();
    sent++;
    if (shot.delivered) {
      received++;
      way = shot.visited;
      stage.neighbours.confirm(confirmedBy(probe, shot));
      close(clock.now_us);
    } else {
      const groups = routersOnWay(vrrp, way.size > 0 ? way : shot.visited);
      const cause = causeOf(vrrp, stage, groups, shot);
      open ??= { from_us: clock.now_us, lost: 0, causes: [] };
      open.lost++;
      const last = open.causes.at(-1);
      if (last?.sentence !== cause.sentence) {
        open.causes = [...open.causes, { ...cause, since_us: clock.now_us }];
      }
    }
    if (clock.now_us + probe.every_us < until_us) clock.after(probe.every_us, once);
  };
  clock.at(0, once);
  return () => {
    close(null);
    return { probe, sent, received, windows };
  };
}

/** A packet like the last one fares like it, as long as nothing has happened in between. */
const REPEATED_US = 1_000_000;

function repeating({ clock, stage }: Play, probe: PlannedProbe): () => Shot {
  let last: Shot | null = null;
  let disturbances = -1;
  return () => {
    const at_us = clock.now_us;
    const fresh = last !== null && at_us - last.at_us < REPEATED_US;
    if (last !== null && fresh && disturbances === stage.disturbances) return last;
    stage.cuts.byChance = false;
    const before = stage.disturbances;
    last = shoot(stage, probe, at_us);
    disturbances = stage.cuts.byChance ? -1 : before;
    return last;
  };
}

/**
 * From the event to the next master: at most a whole down interval, less by at most the time
 * since the last advert; after a goodbye the skew alone.
 */
function boundsOf(
  vrrp: NetworkRouters,
  event: PlannedEvent,
  end_us: number | null,
): readonly [number, number] | null {
  const change = vrrp.changes.find(
    (one) =>
      one.to === 'master' &&
      one.at_us >= event.at_us &&
      one.because.kind === 'silence' &&
      (end_us === null || one.at_us <= end_us),
  );
  if (change === undefined || change.because.kind !== 'silence') return null;
  return vrrp.takeoverBounds_us(change.id, change.because.goodbye);
}

/**
 * The network in which a simulation plays: one world of devices that remembers over the whole
 * time (learned addresses, flows, connections), the living network below it, and what is broken.
 */
import { type NamespaceState, type Network } from '../../dataplane/network.ts';
import { type Run } from '../../dataplane/outcome.ts';
import { type PreparedSwitch } from '../../dataplane/ovs/pipeline/prepared.ts';
import { type Switch } from '../../dataplane/ovs/types/switch.ts';
import { sourceTowards } from '../../dataplane/routing/device.ts';
import { send, sendFrame } from '../../dataplane/routing/namespace.ts';
import { type CompiledNamespace, type JoinedGroup } from '../../dataplane/routing/stack.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { field } from '../../packet/fields.ts';
import { type Borrowed } from '../../trace/borrowed-address.ts';
import { type CompiledNetwork, compileNetwork } from '../../trace/compiled-network.ts';
import { hooksOf } from '../../trace/filters.ts';
import { type Opening, type PortAnswers } from '../../trace/opening.ts';
import { OUTSIDE, withOutside } from '../../trace/outside.ts';
import { choicesOf } from '../../trace/programs/choices.ts';
import { type Daemon } from '../../trace/programs/daemon.ts';
import { programsOf } from '../../trace/programs/programs.ts';
import { openSwitchOf } from '../../trace/switch-device.ts';
import { type Assumption, type Question } from '../../trace/types.ts';
import { type Device, type Ending, walk } from '../../trace/walk.ts';
import { openWorld, type World } from '../../trace/world.ts';
import { guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type Clock } from '../clock/clock.ts';
import { type Cuts } from './cuts.ts';
import { neighbourProbe, VRRP_GROUP, VRRP_PROTOCOL } from './frames.ts';
import { Heeding, type Listener } from './heeding.ts';
import { LivingNetwork } from './living.ts';
import { type Age, Neighbours } from './neighbours.ts';
import { remembered } from './remembered.ts';

const FIRST_PORT = 32_768;
const PORTS = 28_232;

const TAKES_ADVERTS = guard(test(field('ip_dst'), VRRP_GROUP[4]));

export class Stage {
  readonly compiled: CompiledNetwork;
  readonly living: LivingNetwork;
  readonly cuts: Cuts;
  readonly heeding: Heeding;
  readonly neighbours: Neighbours;
  /** Is told of every neighbour that was given up. */
  neighbourFailed: (age: Age) => void = () => {};
  /** Whether a balancer takes a port to be well. */
  portAnswers: PortAnswers = () => true;
  /** Counts whatever may make the next packet fare otherwise than the last one. */
  disturbances = 0;
  /** Interfaces on which keepalived listens, by `HOST NAMESPACE`. */
  private readonly listening = new Map<string, string[]>();
  private portsUsed = 0;
  private readonly clock: Clock;
  private readonly run: Run<Packet>;
  private readonly world: World<Packet>;
  private readonly assumed = new Map<string, Assumption>();
  private programs: ReturnType<typeof programsOf>;
  /** Namespaces that are on another host now, by `HOST NAMESPACE`. */
  private readonly moved = new Map<string, string>();

  constructor(
    base: Network,
    clock: Clock,
    cuts: Cuts,
    {
      borrowed,
      listeners,
    }: { readonly borrowed: readonly Borrowed[]; readonly listeners: readonly Listener[] },
  ) {
    this.clock = clock;
    this.cuts = cuts;
    this.living = new LivingNetwork(base);
    const { listening } = this;
    for (const one of listeners) {
      const place = `${one.host} ${one.namespace}`;
      listening.set(place, [...(listening.get(place) ?? []), one.interface]);
    }
    for (const place of listening.keys()) this.listen(place);
    this.heeding = new Heeding(this.living.network, listeners);
    const network = withOutside(this.living.network);
    // Who is outside is what nobody has at the start.
    network.namespace(OUTSIDE, 'root');
    this.compiled = { ...compileNetwork(network), switches: preparedSwitches(base) };
    this.run = {
      traffic: onePacket,
      now_us: 0,
      assume: (code, detail) => {
        if (this.assumed.size < 1000) this.assumed.set(`${code} ${detail}`, { code, detail });
      },
    };
    this.programs = this.freshPrograms(56);
    this.neighbours = new Neighbours(clock, cuts.random, {
      probe: (age) => this.probeNeighbour(age),
      failed: (age) => {
        this.disturbances++;
        this.neighbourFailed(age);
      },
    });
    const world = openWorld<Packet>(this.compiled, this.run, {
      applications: (config) => this.applications(config),
      hooks: hooksOf,
      switches: (compiled, run, host, before) =>
        openSwitchOf(
          compiled,
          heeding(run, (ports, p) => this.heeding.among(host, ports, p)),
          host,
          before,
        ),
      borrowed,
      unconfigured: null,
      groups: (config) => groupsOf(config, listening),
      ages: this.neighbours,
    });
    // A walk ends when nothing waits any more, so that only its own devices need be asked.
    this.world = { ...world, across: cuts.across(world.across), waiting: () => [...cuts.touched] };
  }

  /** What the network looks like now. */
  get network(): Network {
    return this.living.network;
  }

  /** The same with what its switches, bridges and kernels have learned until now. */
  remembered(): Network {
    return remembered(this.network, this.world, this.neighbours, this.cuts, this.clock.now_us);
  }

  /** Changes a namespace and lets its stack know; false when nothing changed. */
  change(host: string, name: string, how: (before: Namespace) => Namespace): boolean {
    if (!this.living.change(host, name, how)) return false;
    this.world.renew(host, name);
    this.heeding.namespaceChanged(host, name);
    this.disturbances++;
    return true;
  }

  /** A port of a new connection that no other has at the time (net.ipv4.ip_local_port_range). */
  freePort(): number {
    return FIRST_PORT + (this.portsUsed++ % PORTS);
  }

  /** What is known of a namespace is looked at anew: a guest whose port has changed. */
  renew(host: string, name: string): void {
    this.world.renew(host, name);
    this.disturbances++;
  }

  /** Programs of a host go on with other files. */
  runInstead(host: string, daemons: readonly Daemon[]): void {
    this.compiled.daemons.set(host, daemons);
    for (const { namespace } of daemons) {
      if (namespace !== null) this.world.renew(host, namespace);
    }
    this.disturbances++;
  }

  /** Rules of a namespace are written anew; what it tracked is forgotten. */
  changeRules(host: string, name: string, source: NamespaceState['source']): void {
    this.living.changeRules(host, name, source);
    this.world.renewRules(host, name);
    this.disturbances++;
  }

  /** Gives a host a namespace with its rules, or takes it away. */
  setNamespace(host: string, name: string, state: NamespaceState | null): void {
    this.living.setNamespace(host, name, state);
    this.world.renew(host, name);
    this.world.renewRules(host, name);
    this.heeding.namespaceChanged(host, name);
    this.disturbances++;
  }

  /** Changes flows or ports of a host's switch, which goes on with what it remembers. */
  changeSwitch(host: string, how: (before: Switch) => Switch, restarted = false): void {
    if (!this.living.changeSwitch(host, how) && !restarted) return;
    this.world.renewSwitch(host, restarted);
    this.disturbances++;
  }

  /** A namespace goes on, on another host: a server that is moved while it runs. */
  moveNamespace(host: string, name: string, to: string): void {
    const known = this.living.network.namespace(host, name);
    if (known !== undefined) {
      this.living.setNamespace(host, name, null);
      this.living.setNamespace(to, name, known);
    }
    this.world.move(host, name, to);
    // Who is behind which NIC of a segment is asked again.
    this.compiled.segments.clear();
    const started = [...this.moved].find(([key, at]) => at === host && key.endsWith(` ${name}`));
    this.moved.set(started?.[0] ?? `${host} ${name}`, to);
    this.disturbances++;
  }

  /** A packet that a program hands to the IP layer, bound to an interface; every ending of it. */
  sendPacket(
    host: string,
    namespace: string,
    device: string,
    p: Packet,
  ): readonly Ending<Packet>[] {
    return this.walkFrom(host, namespace, (stack) => send(this.run, stack, p, device));
  }

  /** A whole frame out of an interface; every ending of it. */
  sendFrame(host: string, namespace: string, device: string, p: Packet): readonly Ending<Packet>[] {
    return this.walkFrom(host, namespace, (stack) => sendFrame(this.run, stack, device, p));
  }

  private probeNeighbour(age: Age): void {
    const host = this.hostOf(age.host, age.namespace);
    const of = this.world.known(`${host} ${age.namespace}`)?.stack.config.of;
    const device = of?.interfaces.find(({ name }) => name === age.device);
    if (of === undefined || device?.up !== true) return;
    const { version, value } = age.address;
    const address = sourceTowards(of, device, version, value);
    if (address === null) return;
    const asked = neighbourProbe({ mac: device.mac, address }, age);
    this.sendFrame(host, age.namespace, age.device, asked);
  }

  /** The opening of a question in this world; null when the sender is not there. */
  open(question: Question): Opening | null {
    const { from, packet } = question;
    if (from.host === null || from.namespace === null) return null;
    const host = this.hostOf(from.host, from.namespace);
    const sender = this.world.namespace(host, from.namespace);
    if (sender === null) return null;
    this.begin(sender);
    this.run.now_us = this.clock.now_us;
    this.programs = this.freshPrograms(packet.size);
    return {
      kind: 'open',
      asked: host === from.host ? question : { ...question, from: { ...from, host } },
      run: this.run,
      world: this.world,
      sender,
      assumptions: () => [...this.assumed.values()],
    };
  }

  /** Where a namespace is now that was on this host at the start. */
  readonly hostOf = (host: string, name: string): string =>
    this.moved.get(`${host} ${name}`) ?? host;

  private walkFrom(
    host: string,
    namespace: string,
    make: (
      stack: NonNullable<ReturnType<World<Packet>['namespace']>>['stack'],
    ) => Parameters<typeof walk<Packet>>[2][number]['outcomes'],
  ): readonly Ending<Packet>[] {
    const device = this.world.namespace(host, namespace);
    if (device === null || this.cuts.deadHosts.has(host)) return [];
    this.run.now_us = this.clock.now_us;
    this.disturbances++;
    this.begin(device);
    return walk(this.run, this.world, [{ device, outcomes: make(device.stack) }]);
  }

  /** A new walk begins at a device; what the last one taught its devices is noted. */
  private begin(device: Device<Packet>): void {
    const { touched } = this.cuts;
    for (const one of touched) {
      const known = one.stage === 'switch' ? null : this.world.known(`${one.host} ${one.name}`);
      if (known !== null) {
        this.heeding.learnedAt(one.host, one.name, known.stack.learned.length);
      }
    }
    touched.clear();
    touched.add(device);
  }

  /** keepalived listens on one more interface, or for one more virtual router. */
  listenTo(one: Listener): void {
    const place = `${one.host} ${one.namespace}`;
    const devices = this.listening.get(place) ?? [];
    this.heeding.listen(one);
    if (devices.includes(one.interface)) return;
    this.listening.set(place, [...devices, one.interface]);
    this.listen(place);
    this.world.renew(one.host, one.namespace);
    this.disturbances++;
  }

  /** keepalived opens a raw socket, which the kernel's own answer to its protocol gives way to. */
  private listen(place: string): void {
    const [host = '', name = ''] = place.split(' ');
    this.living.change(host, name, (before) => {
      const known = before.sockets.some(
        ({ protocol, port }) => protocol === 'raw' && port === VRRP_PROTOCOL,
      );
      if (known) return before;
      const socket = {
        protocol: 'raw',
        address: null,
        version: null,
        port: VRRP_PROTOCOL,
        device: null,
        process: 'keepalived',
      } as const;
      return { ...before, sockets: [...before.sockets, socket] };
    });
  }

  /** Programs answer every question anew: an exchange of one probe says nothing about the next. */
  private applications(config: CompiledNamespace): ReturnType<Stage['programs']> {
    const usual = this.programs(config);
    let made = { programs: this.programs, applications: usual };
    return {
      ...usual,
      answer: (run, socket, p, device) => {
        if (made.programs !== this.programs) {
          made = { programs: this.programs, applications: this.programs(config) };
        }
        return made.applications.answer(run, socket, p, device);
      },
    };
  }

  private freshPrograms(size: number): ReturnType<typeof programsOf> {
    return programsOf({
      compiled: this.compiled,
      size,
      assume: this.run.assume,
      choices: choicesOf(),
      answers: (...asked) => this.portAnswers(...asked),
    });
  }
}

/** What is prepared of a network's switches serves every way it may go, until one is changed. */
const prepared = new WeakMap<Network, Map<string, PreparedSwitch>>();

function preparedSwitches(base: Network): CompiledNetwork['switches'] {
  const shared = prepared.get(base) ?? new Map<string, PreparedSwitch>();
  prepared.set(base, shared);
  return new PreparedSwitches(shared);
}

/** Switches of one way: shared with all ways as long as nothing of them was forgotten. */
class PreparedSwitches extends Map<string, PreparedSwitch> {
  private readonly shared: Map<string, PreparedSwitch>;
  private readonly changed = new Set<string>();

  constructor(shared: Map<string, PreparedSwitch>) {
    super();
    this.shared = shared;
  }

  override get(host: string): PreparedSwitch | undefined {
    return this.changed.has(host) ? super.get(host) : this.shared.get(host);
  }

  override set(host: string, of: PreparedSwitch): this {
    if (this.changed.has(host)) return super.set(host, of);
    this.shared.set(host, of);
    return this;
  }

  override delete(host: string): boolean {
    this.changed.add(host);
    return super.delete(host);
  }
}

/** The run as a switch of one host sees it. */
function heeding(run: Run<Packet>, among: NonNullable<Run<Packet>['heeding']>): Run<Packet> {
  return Object.create(run, { heeding: { value: among } }) as Run<Packet>;
}

/** Interfaces on which keepalived listens, by `HOST NAMESPACE`. */
type Listening = ReadonlyMap<string, readonly string[]>;

function groupsOf({ of }: CompiledNamespace, listening: Listening): readonly JoinedGroup[] {
  const devices = listening.get(`${of.host} ${of.name}`) ?? [];
  return devices.map((device) => ({ device, takes: TAKES_ADVERTS }));
}

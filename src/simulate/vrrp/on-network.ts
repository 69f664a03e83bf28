/**
 * VRRP routers in a network: their adverts and announcements are packets that walk it, their
 * addresses and routes are those of its namespaces, and Neutron's agent follows their roles.
 */
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { stopped } from '../../dataplane/vrrp/machine/roles.ts';
import { downInterval_us, skew_us } from '../../dataplane/vrrp/machine/timers.ts';
import { type Effect, type InstanceState, type Role } from '../../dataplane/vrrp/machine/types.ts';
import { type VirtualAddress } from '../../dataplane/vrrp/types.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type Choices } from '../clock/choices.ts';
import { type Clock } from '../clock/clock.ts';
import { type Random } from '../clock/random.ts';
import { addAddress, addRoute, removeAddress, removeRoute } from '../network/changes.ts';
import { announcement, listenerReport, routerSolicitation } from '../network/frames.ts';
import { addPolicyRule, policyRuleOf, removePolicyRule } from '../network/policy-rules.ts';
import { type Stage } from '../network/stage.ts';
import { type Timeline } from '../timeline.ts';
import { AGENT_PATIENCE_US, configured6, RESPAWN_US } from './agent.ts';
import { becauseText } from './because.ts';
import { type VrrpDelays } from './delays.ts';
import { type PlacedInstance, syncGroupsOf } from './instances.ts';
import { notFollowed } from './not-followed.ts';
import { AdvertReach } from './reach.ts';
import { VrrpRouters, type VrrpWorld } from './routers.ts';

/** Duplicate address detection, then RTR_SOLICITATION_INTERVAL (RFC 4861 §10). */
const FIRST_SOLICITATION_US = 1_000_000;
const SOLICITATION_US = 4_000_000;

/** A change of role, for whoever asks for the reasons of lost probes. */
export interface RoleChange {
  readonly at_us: number;
  readonly id: string;
  readonly to: Role;
  readonly because: Extract<Effect, { kind: 'role' }>['because'];
}

export class NetworkRouters implements VrrpWorld {
  readonly routers: VrrpRouters;
  readonly placed: Map<string, PlacedInstance>;
  readonly reach: AdvertReach;
  readonly changes: RoleChange[] = [];
  /** Scripts that fail, as `ROUTER@HOST NAME`. */
  readonly failingScripts = new Map<string, 'always' | 'as-master'>();
  /** The last frame each instance's host sent with a MAC that its replicas share. */
  readonly lastSaid = new Map<string, { readonly at_us: number; readonly what: string }>();
  /** Hosts whose L3 agent does not run. */
  readonly deadAgents = new Set<string>();
  private readonly byPlace = new Map<string, PlacedInstance[]>();
  private readonly clock: Clock;
  private readonly stage: Stage;
  private readonly timeline: Timeline;

  constructor(
    instances: readonly PlacedInstance[],
    clock: Clock,
    choices: Choices,
    stage: Stage,
    timeline: Timeline,
    delays: VrrpDelays,
  ) {
    this.clock = clock;
    this.stage = stage;
    this.timeline = timeline;
    this.placed = new Map(instances.map((one) => [one.id, one]));
    for (const one of instances) {
      const place = `${one.host} ${one.namespace}`;
      this.byPlace.set(place, [...(this.byPlace.get(place) ?? []), one]);
    }
    this.reach = new AdvertReach(this.placed, this.byPlace, clock, stage);
    this.routers = new VrrpRouters(clock, choices, this, delays);
  }

  /** Puts every instance where the snapshot has it; only the phase of the adverts is by chance. */
  begin(random: Random): void {
    for (const one of this.placed.values()) this.tellNotFollowed(one);
    for (const members of syncGroupsOf(this.placed.values())) {
      this.routers.synchronize(members.map(({ id }) => id));
    }
    const groups = new Map<string, PlacedInstance[]>();
    for (const one of this.placed.values()) {
      const key = `${one.settings.virtualRouterId} ${one.link}`;
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    for (const members of groups.values()) {
      const masters = members.filter((one) => this.holdsNow(one) && !this.isDown(one));
      const interval_us = masters[0]?.settings.advertInterval_us ?? 0;
      const phase_us = masters.length === 0 ? 0 : random.below(interval_us);
      for (const one of members) {
        const { settings } = one;
        const state = this.found(one, masters.length > 0, phase_us);
        const start = state === null;
        this.routers.add(one.id, one.link, settings, one.scripts, state ?? stopped(settings));
        if (start) this.routers.start(one.id);
      }
    }
  }

  /** An instance that came with a file that was read again; it begins now. */
  adopt(one: PlacedInstance): void {
    this.tellNotFollowed(one);
    const place = `${one.host} ${one.namespace}`;
    this.placed.set(one.id, one);
    this.byPlace.set(place, [...(this.byPlace.get(place) ?? []), one]);
    this.stage.listenTo({
      host: one.host,
      namespace: one.namespace,
      interface: one.settings.interface,
      virtualRouterId: one.settings.virtualRouterId,
    });
    this.reach.networkChanged();
    this.routers.add(one.id, one.link, one.settings, one.scripts);
    this.routers.start(one.id);
  }

  /** What its file asks for and a simulation does not do. */
  tellNotFollowed(one: PlacedInstance): void {
    for (const text of notFollowed(one)) this.tell('process', one.id, text);
  }

  /** What an instance must have been doing when the snapshot was taken; null lets it start. */
  private found(one: PlacedInstance, led: boolean, phase_us: number): InstanceState | null {
    const { settings } = one;
    const base = stopped(settings);
    if (this.isDown(one)) {
      const failed = [`interface ${settings.interface}`];
      return { ...base, role: 'fault', failed, holds: this.holdsNow(one) };
    }
    if (this.holdsNow(one)) return { ...base, role: 'master', holds: true, timer_us: phase_us };
    if (!led) return null;
    const { advertInterval_us } = settings;
    const timer_us = phase_us - advertInterval_us + downInterval_us(settings, advertInterval_us);
    return { ...base, role: 'backup', timer_us };
  }

  private isDown({ host, namespace, settings }: PlacedInstance): boolean {
    const state = this.stage.network.namespace(host, namespace)?.state;
    const device = state?.interfaces.find(({ name }) => name === settings.interface);
    return device === undefined || !device.up || !device.running;
  }

  /** Whether the first virtual address is on its interface. */
  holdsNow({ host, namespace, settings }: PlacedInstance): boolean {
    const [first] = settings.addresses;
    const state = this.stage.network.namespace(host, namespace)?.state;
    return (
      first !== undefined &&
      state?.interfaces.some(({ addresses }) =>
        addresses.some(({ address }) => address.value === first.address.value),
      ) === true
    );
  }

  /**
   * Simplification: a goodbye to a unicast peer that is sent while the carrier is lost is lost here.
   * A kernel has forgotten its neighbours with the carrier, keeps the packet while it asks for the
   * peer's MAC, and sends it when the carrier is back within three seconds, a second or two late.
   */
  send(id: string, advert: Advert): readonly string[] {
    const one = this.get(id);
    const heard = this.reach.heardBy(one, advert);
    const kind = advert.priority === 0 ? 'goodbye' : 'advert';
    const whom =
      heard.length === 0
        ? 'nobody hears'
        : `${heard.join(', ')} ${heard.length === 1 ? 'hears' : 'hear'}`;
    this.tell(kind, id, `advert of priority ${advert.priority}, ${whom}`);
    return heard;
  }

  /** Sends a frame that only changes what others know of their neighbours. */
  private spread(one: PlacedInstance, device: string, p: Packet, address: bigint | null): void {
    const { heeding } = this.stage;
    heeding.sending = { kind: 'announcement', address };
    this.stage.sendFrame(one.host, one.namespace, device, p);
    heeding.sending = null;
  }

  perform(id: string, effect: Exclude<Effect, { readonly kind: 'advert' }>): void {
    const one = this.get(id);
    switch (effect.kind) {
      case 'role':
        this.changes.push({ at_us: this.clock.now_us, id, to: effect.to, because: effect.because });
        this.tell('role', id, `${effect.to.toUpperCase()}: ${becauseText(effect.because)}`);
        this.followRole(one, effect.to);
        break;
      case 'add-address':
      case 'remove-address':
        this.changeAddress(one, effect.kind, effect.address);
        break;
      case 'add-route':
      case 'remove-route': {
        const how = effect.kind === 'add-route' ? addRoute : removeRoute;
        this.stage.change(one.host, one.namespace, (before) => how(before, effect.route));
        this.tell('route', id, `${effect.kind === 'add-route' ? 'adds' : 'removes'} a route`);
        break;
      }
      case 'announce':
        this.announce(one, effect.address, effect.repeat);
        break;
      case 'discard':
        this.tell('discard', id, `discards an advert of another ${effect.because}`);
        break;
      case 'add-rule':
      case 'remove-rule': {
        const rule = policyRuleOf(effect.rule);
        if (rule === null) break;
        const adds = effect.kind === 'add-rule';
        const how = adds ? addPolicyRule : removePolicyRule;
        this.stage.change(one.host, one.namespace, (before) => how(before, rule));
        this.tell('route', id, `${adds ? 'adds' : 'removes'} a policy rule`);
        break;
      }
    }
  }

  isWell(id: string, script: string): boolean {
    const fails = this.failingScripts.get(`${id} ${script}`);
    return !(fails === 'as-master'
      ? this.routers.stateOf(id).role === 'master'
      : fails !== undefined);
  }

  private changeAddress(
    one: PlacedInstance,
    what: 'add-address' | 'remove-address',
    address: VirtualAddress,
  ): void {
    const adds = what === 'add-address';
    const how = adds ? addAddress : removeAddress;
    const { host, namespace } = one;
    if (!this.stage.change(host, namespace, (before) => how(before, address))) return;
    const text = `${writeIp(address.address)}/${address.length} on ${address.device}`;
    this.tell('address', one.id, `${adds ? 'adds' : 'removes'} ${text}`);
    // The kernel joins or leaves the address's group and says so (mld_ifc_event()).
    if (address.address.version !== 6) return;
    const device = address.device ?? '';
    this.kernelSays(one, device, 'MLD report', listenerReport);
    if (adds && address.scope === 'link') this.solicitRouters(one, device, FIRST_SOLICITATION_US);
  }

  /**
   * A link-local address asks for routers when it is known to be unique, again and again at
   * growing intervals (RFC 7559), as long as the namespace does not forward IPv6 itself.
   */
  private solicitRouters(one: PlacedInstance, device: string, wait_us: number): void {
    this.clock.after(wait_us, () => {
      const { state } = this.stage.network.namespace(one.host, one.namespace) ?? {};
      const own = state?.interfaces.find(({ name }) => name === device);
      const has = own?.addresses.some(
        ({ address, scope }) => address.version === 6 && scope === 'link',
      );
      if (has !== true || state?.sysctls.get(`net.ipv6.conf.${device}.forwarding`) === '1') return;
      // Neutron's router interfaces listen to no router, whether a dump says so or not.
      const listens = state?.sysctls.get(`net.ipv6.conf.${device}.accept_ra`);
      if ((listens ?? (one.byAgent ? '0' : '1')) === '0') return;
      if (this.stage.cuts.deadHosts.has(one.host)) return;
      this.kernelSays(one, device, 'router solicitation', routerSolicitation);
      const next_us = wait_us === FIRST_SOLICITATION_US ? SOLICITATION_US : 2 * wait_us;
      this.solicitRouters(one, device, next_us);
    });
  }

  private kernelSays(
    one: PlacedInstance,
    device: string,
    what: string,
    frame: (mac: bigint) => Packet,
  ): void {
    const mac = this.macOf(one, device);
    if (mac === null) return;
    this.spread(one, device, frame(mac), null);
    this.said(one, `${what} from ${device}`);
    this.tell('kernel', one.id, `${what} from ${device}`);
  }

  private said({ id }: PlacedInstance, what: string): void {
    this.lastSaid.set(id, { at_us: this.clock.now_us, what });
  }

  private announce(one: PlacedInstance, address: VirtualAddress, repeat: number): void {
    const device = address.device ?? one.settings.interface;
    const mac = this.macOf(one, device);
    if (mac === null) return;
    const what = address.address.version === 4 ? 'gratuitous ARP' : 'neighbour advertisements';
    this.said(one, `${what} on ${device}`);
    this.tell('announce', one.id, `${repeat} ${what} for ${writeIp(address.address)} on ${device}`);
    // One walk stands for all of a row: they leave the same trace in every switch.
    this.spread(one, device, announcement(mac, address.address), address.address.value);
  }

  private macOf({ host, namespace }: PlacedInstance, device: string): bigint | null {
    const state = this.stage.network.namespace(host, namespace)?.state;
    const found = state?.interfaces.find(({ name }) => name === device);
    return found?.up === true ? found.mac : null;
  }

  /** neutron-keepalived-state-change and the agent: late for a primary, at once for a backup. */
  private followRole(one: PlacedInstance, to: Role): void {
    if (!one.byAgent || this.deadAgents.has(one.host)) return;
    if (to === 'stopped') {
      this.clock.after(RESPAWN_US, () => this.respawn(one));
      return;
    }
    if (to === 'init') return;
    const act = (): void => {
      if (this.deadAgents.has(one.host) || this.stage.cuts.deadHosts.has(one.host)) return;
      if ((this.routers.stateOf(one.id).role === 'master') !== (to === 'master')) return;
      this.stage.change(one.host, one.namespace, (before) => configured6(before, to === 'master'));
      const what = to === 'master' ? 'metadata proxy and IPv6 forwarding on' : 'metadata proxy off';
      this.tell('agent', one.id, `the L3 agent acts on ${to}: ${what}`);
    };
    if (to === 'master') this.clock.after(AGENT_PATIENCE_US, act);
    else act();
  }

  private respawn(one: PlacedInstance): void {
    const { cuts } = this.stage;
    if (this.deadAgents.has(one.host) || cuts.deadHosts.has(one.host)) return;
    if (this.routers.stateOf(one.id).role !== 'stopped') return;
    this.tell('process', one.id, 'the L3 agent starts keepalived again');
    this.routers.start(one.id);
  }

  /** How long a takeover by an instance may take from what caused it, by its timers. */
  takeoverBounds_us(id: string, goodbye: boolean): readonly [number, number] {
    const { settings } = this.get(id);
    const { masterInterval_us } = this.routers.stateOf(id);
    if (goodbye) {
      const skew = skew_us(settings, masterInterval_us);
      return [skew, skew];
    }
    const down = downInterval_us(settings, masterInterval_us);
    return [down - masterInterval_us, down];
  }

  tell(kind: Timeline['entries'][number]['kind'], who: string, text: string): void {
    this.timeline.tell({ at_us: this.clock.now_us, kind, who, text });
  }

  private get(id: string): PlacedInstance {
    const one = this.placed.get(id);
    if (one === undefined) throw new Error(`there is no VRRP router ${id}`);
    return one;
  }
}

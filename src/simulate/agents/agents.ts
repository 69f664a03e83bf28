/**
 * The agents of the hosts at work: what they do, when, and in which order. Each host's agent works
 * for itself, so that between two of them a network is neither as before nor as wanted.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type InstanceSettings } from '../../dataplane/vrrp/machine/settings.ts';
import { type VirtualAddress } from '../../dataplane/vrrp/types.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { type Clock } from '../clock/clock.ts';
import { announcement } from '../network/frames.ts';
import { type Stage } from '../network/stage.ts';
import { type PlacedInstance, placedInstances } from '../vrrp/instances.ts';
import { type NetworkRouters } from '../vrrp/on-network.ts';
import { changedSwitch, withoutFlows } from './flows.ts';
import { changeNamespaces, isAgents } from './namespaces.ts';
import { Wanted } from './wanted.ts';

/** `polling_interval` of the layer 2 agent: how late it sees ports, and the canary of table 23. */
export const POLL_US = 2_000_000;
/** From a change in the API until an agent has heard of it and done it. */
export const RPC_US = 1_000_000;
/** Until an agent that was started works: imports, its first report to the server. */
const START_US = 5_000_000;
/** `ha_vrrp… keepalived` reloads of one router are at least this far apart (SIGHUP_THROTTLE). */
const RELOAD_THROTTLE_US = 3_000_000;
/** Tables of the tunnel bridge that l2population fills, after the server has told it. */
const POPULATED = new Set([20, 21, 22]);

export class HostAgents {
  readonly wanted: Wanted;
  /** Hosts whose layer 2 agent does not run. */
  readonly deadLayer2 = new Set<string>();
  private readonly clock: Clock;
  private readonly stage: Stage;
  private readonly vrrp: NetworkRouters;
  /** What an agent will do once it runs again, and its switch too. */
  private readonly left = new Map<string, (() => void)[]>();
  /** Switches as they were when their process ended. */
  private readonly ended = new Map<string, Switch>();
  private readonly reloaded_us = new Map<string, number>();

  constructor(clock: Clock, stage: Stage, vrrp: NetworkRouters) {
    this.clock = clock;
    this.stage = stage;
    this.vrrp = vrrp;
    this.wanted = new Wanted(stage.network);
  }

  /** `ovs-vswitchd` is killed: the datapath of the process ends with it. */
  killSwitch(host: string): void {
    const of = this.stage.network.hosts.get(host)?.switch ?? null;
    if (of === null || this.stage.cuts.deadSwitches.has(host)) return;
    // Simplification: the kernel's datapath goes on with the flows that it had cached when
    // ovs-vswitchd was killed; in a simulation it stops at once.
    this.stage.cuts.deadSwitches.add(host);
    this.ended.set(host, this.ended.get(host) ?? of);
    this.stage.disturbances++;
  }

  /**
   * It starts: bridges and ports are those of the database, a bridge of `fail_mode secure` has no
   * flows until the agent misses its canary (ovs_neutron_agent.py check_ovs_status()).
   */
  startSwitch(host: string): void {
    if (!this.stage.cuts.deadSwitches.delete(host)) return;
    this.stage.changeSwitch(host, withoutFlows, true);
    this.byLayer2(host, POLL_US, () => {
      const before = this.ended.get(host);
      this.ended.delete(host);
      if (before === undefined) return;
      this.stage.changeSwitch(host, (now) => withFlowsOf(now, before));
      this.tell(host, 'the canary of table 23 is gone: all flows are written anew');
    });
  }

  killLayer2(host: string): void {
    this.deadLayer2.add(host);
  }

  /** The agent starts and does what was left. */
  startLayer2(host: string): void {
    this.clock.after(START_US, () => {
      this.deadLayer2.delete(host);
      this.tell(host, 'neutron-openvswitch-agent is at work');
      this.catchUp(host);
    });
  }

  /**
   * The agent has lost its notes and draws new local VLANs. Ports are tagged anew and flows with a
   * new cookie are added first; what l2population tells comes with the server's answer; at the end
   * of the first round all flows with another cookie go (cleanup_stale_flows()).
   */
  renumber(host: string): void {
    this.killLayer2(host);
    this.clock.after(START_US, () => {
      this.deadLayer2.delete(host);
      const change = this.wanted.renumber(host);
      const [before, after] = [switchOf(change?.before, host), switchOf(change?.after, host)];
      if (before === null || after === null) return;
      const none = (): boolean => false;
      const isPopulated = ({ table }: Flow, bridge: string): boolean =>
        bridge === 'br-tun' && POPULATED.has(table);
      this.lay(host, before, after, {
        adds: (flow, bridge) => !isPopulated(flow, bridge),
        removes: none,
      });
      this.tell(host, 'ports get new local VLANs, flows with a new cookie are added');
      this.clock.after(RPC_US, () => {
        this.lay(host, before, after, { adds: isPopulated, removes: none });
        this.tell(host, 'the server has told it the other ends: tables 20 to 22 of br-tun');
      });
      this.clock.after(POLL_US, () => {
        this.lay(host, before, after, { adds: none });
        this.tell(host, 'flows with another cookie are removed');
        this.catchUp(host);
      });
    });
  }

  /** Does something on a host's switch as its agent; later, when agent or switch do not run. */
  byLayer2(host: string, wait_us: number, what: () => void): void {
    this.clock.after(wait_us, () => {
      const { deadSwitches, deadHosts } = this.stage.cuts;
      if (this.deadLayer2.has(host) || deadSwitches.has(host) || deadHosts.has(host)) {
        this.left.set(host, [...(this.left.get(host) ?? []), what]);
      } else what();
    });
  }

  /** What leads from one wanted network to another on the switch of a host. */
  changeLayer2(host: string, before: Network, after: Network): void {
    const [was, will] = [switchOf(before, host), switchOf(after, host)];
    if (was !== null && will !== null) this.lay(host, was, will);
    const inRoot = (name: string): boolean => name === ROOT;
    changeNamespaces(this.stage, host, before, after, { works: inRoot, addresses: inRoot });
  }

  /**
   * What the L3 agent of a host does: rules at once; addresses itself where no keepalived is, else
   * by a file that keepalived reads again.
   */
  changeLayer3(host: string, before: Network, after: Network): void {
    if (this.vrrp.deadAgents.has(host) || this.stage.cuts.deadHosts.has(host)) return;
    const redundant = new Set(
      [...this.vrrp.placed.values()]
        .filter((one) => one.host === host)
        .map(({ namespace }) => namespace),
    );
    const had = this.addressesOn(host);
    changeNamespaces(this.stage, host, before, after, {
      works: (name) => name !== ROOT && isAgents(name),
      addresses: (name) => !redundant.has(name),
    });
    for (const [key, announce] of this.addressesOn(host)) if (!had.has(key)) announce();
    this.reload(host, before, after);
  }

  /** Addresses of the host's namespaces; each with how it is announced (ip_lib.py). */
  private addressesOn(host: string): ReadonlyMap<string, () => void> {
    const found = new Map<string, () => void>();
    for (const [name, { state }] of this.stage.network.hosts.get(host)?.namespaces ?? []) {
      if (!/^(qrouter|snat|fip)-/.test(name)) continue;
      for (const { name: device, mac, addresses } of state.interfaces) {
        for (const { address } of addresses) {
          found.set(`${name} ${device} ${address.value}`, () => {
            this.stage.sendFrame(host, name, device, announcement(mac, address));
          });
        }
      }
    }
    return found;
  }

  private reload(host: string, before: Network, after: Network): void {
    const [old, next] = [before, after].map(
      (network) => new Map(placedInstances(compileNetwork(network)).map((one) => [one.id, one])),
    );
    for (const one of this.vrrp.placed.values()) {
      if (one.host !== host) continue;
      const [was, will] = [old?.get(one.id), next?.get(one.id)];
      if (was === undefined || will === undefined) continue;
      const current = this.vrrp.routers.settingsOf(one.id);
      const settings = reloaded(current, was.settings, will.settings);
      if (settings !== null) this.reloadLater(one, settings);
    }
  }

  /** keepalived_manager: SIGHUPs of one process do not come faster than its throttle. */
  private reloadLater(one: PlacedInstance, settings: InstanceSettings): void {
    const last_us = this.reloaded_us.get(one.id);
    const at_us = Math.max(
      this.clock.now_us,
      (last_us ?? -RELOAD_THROTTLE_US) + RELOAD_THROTTLE_US,
    );
    this.reloaded_us.set(one.id, at_us);
    this.clock.at(at_us, () => {
      this.vrrp.tell('process', one.id, 'keepalived reads its changed file again (SIGHUP)');
      this.vrrp.routers.reload(one.id, settings);
    });
  }

  private lay(
    host: string,
    before: Switch,
    after: Switch,
    which: Parameters<typeof changedSwitch>[3] = {},
  ): void {
    this.stage.changeSwitch(host, (real) => changedSwitch(real, before, after, which));
    this.vrrp.reach.networkChanged();
  }

  private catchUp(host: string): void {
    const left = this.left.get(host) ?? [];
    this.left.delete(host);
    for (const what of left) this.byLayer2(host, 0, what);
  }

  tell(host: string, text: string): void {
    this.vrrp.tell('agent', host, text);
    this.vrrp.reach.networkChanged();
  }
}

function switchOf(network: Network | undefined, host: string): Switch | null {
  return network?.hosts.get(host)?.switch ?? null;
}

function withFlowsOf(now: Switch, before: Switch): Switch {
  const bridges = now.bridges.map((bridge) => {
    const { flows = [], groups = [] } =
      before.bridges.find(({ name }) => name === bridge.name) ?? {};
    return { ...bridge, flows, groups };
  });
  return { ...now, bridges };
}

/** Settings after a change of the addresses; null when nothing changed. */
function reloaded(
  current: InstanceSettings,
  was: InstanceSettings,
  will: InstanceSettings,
): InstanceSettings | null {
  const addresses = changedAddresses(current.addresses, was.addresses, will.addresses);
  const excludedAddresses = changedAddresses(
    current.excludedAddresses,
    was.excludedAddresses,
    will.excludedAddresses,
  );
  const same = addresses === current.addresses && excludedAddresses === current.excludedAddresses;
  return same ? null : { ...current, addresses, excludedAddresses };
}

function changedAddresses(
  real: readonly VirtualAddress[],
  was: readonly VirtualAddress[],
  will: readonly VirtualAddress[],
): readonly VirtualAddress[] {
  const keyOf = ({ address, length, device }: VirtualAddress): string =>
    `${address.version} ${address.value}/${length} ${device}`;
  const [old, next] = [new Set(was.map(keyOf)), new Set(will.map(keyOf))];
  const kept = real.filter((one) => next.has(keyOf(one)) || !old.has(keyOf(one)));
  const added = will.filter((one) => !old.has(keyOf(one)));
  return kept.length === real.length && added.length === 0 ? real : [...kept, ...added];
}

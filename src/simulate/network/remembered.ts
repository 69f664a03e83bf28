/**
 * The network with what its devices remember written into it, as a dump taken at this moment would
 * show it: MAC tables, flows that were learned, neighbours.
 *
 * Simplification: connections that begin or end while time goes on are not written into the state
 * at its end, which holds those of the dump; a question about a new connection asks for none.
 */
import { type Network } from '../../dataplane/network.ts';
import { hasExpired } from '../../dataplane/ovs/pipeline/lookup.ts';
import {
  type BridgeState,
  everyAddress,
  type LearnedFlow,
  type SwitchState,
} from '../../dataplane/ovs/pipeline/state.ts';
import { type Action, type FieldTest, type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type FdbEntry, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type Stack } from '../../dataplane/routing/stack.ts';
import { emptyFdb } from '../../dataplane/routing/text/bridge.ts';
import {
  type BridgeFdbEntry,
  type Namespace,
  type Neighbour,
} from '../../dataplane/routing/types.ts';
import { type FieldBits, field } from '../../packet/fields.ts';
import { type World } from '../../trace/world.ts';
import { type Packet } from '../../traffic/packet.ts';
import { bitsAssignment, readField } from '../../traffic/words.ts';
import { setUp } from './changes.ts';
import { type Cuts } from './cuts.ts';
import { LivingNetwork } from './living.ts';
import { type Neighbours } from './neighbours.ts';

const ETH_SOURCE = field('eth_src');
/** `other_config:mac-aging-time` of a bridge without the statement (ovs-vswitchd.conf.db(5)). */
const AGING_S = 300;
const SECOND_US = 1_000_000;

/** The network as somebody would find it now; devices that no packet has met are as they were. */
export function remembered(
  network: Network,
  world: World<Packet>,
  neighbours: Neighbours,
  { deadHosts, deadSwitches }: Pick<Cuts, 'deadHosts' | 'deadSwitches'>,
  now_us: number,
): Network {
  const end = new LivingNetwork(network);
  for (const [host, { namespaces }] of network.hosts) {
    if (deadHosts.has(host) || deadSwitches.has(host)) end.changeSwitch(host, allPortsDown);
    if (deadHosts.has(host)) {
      // Nobody can dump a host that is down: what is left of it is that nothing gets through.
      for (const name of namespaces.keys()) end.change(host, name, allDown);
      continue;
    }
    const state = world.knownSwitch(host)?.datapath.state ?? null;
    if (state !== null) end.changeSwitch(host, (before) => withMemory(before, state, now_us));
    for (const name of namespaces.keys()) {
      const stack = world.known(`${host} ${name}`)?.stack;
      if (stack !== undefined) end.change(host, name, (before) => known(before, stack, neighbours));
    }
  }
  return end.network;
}

function allPortsDown(before: Switch): Switch {
  const bridges = before.bridges.map((bridge) => ({
    ...bridge,
    ports: bridge.ports.map((port) => ({
      ...port,
      adminUp: false,
      linkUp: false,
      config: [...new Set([...port.config, 'PORT_DOWN'])],
    })),
    fdb: [],
  }));
  return { ...before, bridges };
}

function allDown(before: Namespace): Namespace {
  return before.interfaces.reduce((state, { name }) => setUp(state, name, false), before);
}

function withMemory(before: Switch, { bridges }: SwitchState<Packet>, now_us: number): Switch {
  const after = before.bridges.map((bridge): Bridge => {
    const state = bridges.get(bridge.name);
    if (state === undefined) return bridge;
    const learned = [...state.learnedFlows.values()]
      .flat()
      .filter((one) => !hasExpired(one, now_us));
    const flows = learned.length === 0 ? bridge.flows : [...bridge.flows, ...learned.map(concrete)];
    const touched = state.fdb.size > 0 || now_us > 0;
    const fdb = touched ? fdbOf(bridge, state, now_us) : bridge.fdb;
    return { ...bridge, flows, fdb };
  });
  return { ...before, bridges: after };
}

function fdbOf(bridge: Bridge, state: BridgeState<Packet>, now_us: number): readonly FdbEntry[] {
  const aging_s = Number(bridge.otherConfig['mac-aging-time'] ?? AGING_S);
  const found = new Map<string, FdbEntry & { readonly at_us: number }>();
  for (const { vlan, mac, seen, port, permanent, learned_us } of everyAddress(state)) {
    const value = mac ?? (seen === null ? null : readField(seen.words, ETH_SOURCE));
    const age_s = Math.floor((now_us - learned_us) / SECOND_US);
    if (value === null || (!permanent && !(age_s < aging_s))) continue;
    const key = `${vlan} ${value}`;
    const other = found.get(key);
    if (other !== undefined && other.at_us > learned_us) continue;
    const entry = { port, vlan, mac: value, age_s: permanent ? ('static' as const) : age_s };
    found.set(key, { ...entry, at_us: learned_us });
  }
  return [...found.values()].map(({ at_us: _, ...entry }) => entry);
}

/** What the flow matches and writes is taken from the packet that it was learned from. */
function concrete({ prepared, pairs, seen }: LearnedFlow<Packet>): Flow {
  const { flow, hit } = prepared;
  const tests = pairs.map(([to, from]): FieldTest => {
    const { field: of, value, mask } = bitsAssignment(to, bitsIn(seen, from));
    return { field: of, value, mask };
  });
  const actions = flow.actions.map((action, i): Action => {
    const isRemembered = hit?.actions[i]?.remembered === true;
    if (!isRemembered || action.kind !== 'move') return action;
    const { field: of, value, mask } = bitsAssignment(action.to, bitsIn(seen, action.from));
    return { kind: 'set-field', field: of, value, mask, spelling: 'load' };
  });
  const { statistics, origin } = flow;
  return { ...flow, tests: [...flow.tests, ...tests], actions, statistics, origin };
}

function bitsIn({ words }: Packet, { field: of, start, width }: FieldBits): bigint {
  return (readField(words, of) >> BigInt(start)) & ((1n << BigInt(width)) - 1n);
}

function known(before: Namespace, stack: Stack<Packet>, neighbours: Neighbours): Namespace {
  const learned = stack.learned.flatMap((one): readonly Neighbour[] => {
    const found = neighbours.stateOf(one);
    if (found === null) return [];
    const { address, device, mac, state } = found;
    return [{ address, device, mac: state === 'failed' ? null : mac, state, router: false }];
  });
  const keys = new Set(learned.map(keyOf));
  const neighboursNow = [...before.neighbours.filter((one) => !keys.has(keyOf(one))), ...learned];
  const macs = macsOf(before, stack);
  if (learned.length === 0 && macs.length === 0) return before;
  return {
    ...before,
    neighbours: learned.length === 0 ? before.neighbours : neighboursNow,
    bridgeFdb: macs.length === 0 ? before.bridgeFdb : [...withoutLearned(before, macs), ...macs],
  };
}

function keyOf({ address, device }: Pick<Neighbour, 'address' | 'device'>): string {
  return `${device} ${address.version} ${address.value}`;
}

/** MACs that Linux bridges have learned, newest first. */
function macsOf({ bridgePorts }: Namespace, { bridges }: Stack<Packet>): readonly BridgeFdbEntry[] {
  const found = new Map<string, BridgeFdbEntry>();
  for (const [master, { learned }] of bridges) {
    for (const { port, p } of learned) {
      const mac = readField(p.words, ETH_SOURCE);
      const key = `${master} ${mac}`;
      if (found.has(key) || !bridgePorts.some(({ device }) => device === port)) continue;
      found.set(key, { ...emptyFdb(mac), device: port, master });
    }
  }
  return [...found.values()];
}

function withoutLearned(
  { bridgeFdb }: Namespace,
  macs: readonly BridgeFdbEntry[],
): readonly BridgeFdbEntry[] {
  const moved = new Set(macs.map(({ master, mac }) => `${master} ${mac}`));
  return bridgeFdb.filter(
    ({ master, mac, destination, state }) =>
      destination !== null || state !== '' || !moved.has(`${master} ${mac}`),
  );
}

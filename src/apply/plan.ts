/**
 * From what is wanted and what is there to a plan. Before: a network that somebody wants and one
 * that was just read; after: steps with their way back and what is expected behind each.
 */
import { type Host, type Network } from '../dataplane/network.ts';
import { parseFlows } from '../dataplane/ovs/text/flows.ts';
import { REDACTED } from '../snapshot/collect/redact.ts';
import { type Problem } from '../text/problem.ts';
import { type NeutronRef } from '../trace/objects.ts';
import { aboutDevice, aboutFlow, aboutNamespace } from '../verify/configuration/objects.ts';
import { compareHost } from './difference.ts';
import { scriptOf } from './script.ts';
import { UnsafeName } from './script-words.ts';
import { actualState, desiredState, type OwnedList, operatorBridges } from './state/host.ts';
import { type Draft } from './steps/draft.ts';
import { type FlowOrder } from './steps/flow-order.ts';
import { hostDrafts } from './steps/host-steps.ts';
import { forgetDrafts, movesOf } from './steps/moved.ts';
import { type Hash, numberedSteps, trackedTexts } from './steps/numbered.ts';
import { orderedWaves } from './steps/waves.ts';
import {
  type Change,
  type Conflict,
  type Constraint,
  type HostState,
  type Item,
  PHASES,
  type Plan,
} from './types.ts';

export interface Wanted {
  /** How the person named it. */
  readonly name: string;
  readonly network: Network;
}

export interface Seen {
  readonly network: Network;
  /** What each host noted as ours. */
  readonly owned: ReadonlyMap<string, OwnedList>;
  /** Agents of Neutron that run on each host. */
  readonly agents: ReadonlyMap<string, readonly string[]>;
  /** Programs of daemons that are installed on each host. */
  readonly programs: ReadonlyMap<string, readonly string[]>;
}

export interface PlanOptions {
  readonly hosts: readonly string[];
  readonly order: FlowOrder;
  /** What steps come before others beside the order of the phases; none unless told. */
  readonly constraints?: readonly Constraint[];
  readonly rivals: 'refuse' | 'coexist' | 'takeover';
  readonly hash: Hash;
}

export interface Planned {
  readonly plan: Plan;
  /** Why it must not be run; empty when nothing speaks against it. */
  readonly refusals: readonly string[];
  readonly conflicts: readonly Conflict[];
  readonly problems: readonly Problem[];
  /** Texts by id that each host had when it was read, of everything the plan may touch. */
  readonly tracked: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly desired: ReadonlyMap<string, HostState>;
}

export function makePlan(wanted: Wanted, seen: Seen, options: PlanOptions): Planned {
  const { hash, order, rivals } = options;
  const problems: Problem[] = [];
  const refusals: string[] = [];
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const drafts = new Map<string, readonly Draft[]>();
  const tracked = new Map<string, ReadonlyMap<string, string>>();
  const states = new Map<string, HostState>();
  const hosts: Plan['hosts'][number][] = [];

  for (const name of options.hosts) {
    const [to, from] = [wanted.network.hosts.get(name), seen.network.hosts.get(name)];
    if (to === undefined || from === undefined) {
      refusals.push(`${name} is not in ${to === undefined ? wanted.name : 'what was read'}`);
      continue;
    }
    const agents = seen.agents.get(name) ?? [];
    if (agents.length > 0 && rivals === 'refuse') {
      refusals.push(
        `${name} runs ${agents.join(', ')}, which removes what it did not write; --coexist or --takeover says that this is meant`,
      );
    }
    const desired = desiredState(wanted.network, to, problems);
    const actual = actualState(seen.network, from, seen.owned.get(name) ?? new Set(), problems);
    const about = aboutItem(wanted.network, seen.network);
    const compared = compareHost(desired, actual, {
      takeover: rivals === 'takeover',
      operators: operatorBridges(to),
      about,
    });
    const texts = trackedTexts(actual, desired);
    states.set(name, desired);
    tracked.set(name, texts);
    changes.push(...compared.changes);
    conflicts.push(...compared.conflicts);
    refusals.push(
      ...missingDevices(from, compared.changes),
      ...unready(name, compared.changes, seen.programs.get(name) ?? []),
    );
    hosts.push({
      name,
      state: hash(
        [...texts]
          .map(([id, text]) => `${id}\n${text}`)
          .sort()
          .join('\n'),
      ),
    });
    try {
      const own = hostDrafts(compared.changes, texts, order);
      // Whatever cannot be written as a script is found before anything is done.
      for (const { forward, inverse } of own) scriptOf([...forward, ...inverse]);
      drafts.set(name, own);
    } catch (error) {
      if (!(error instanceof UnsafeName)) throw error;
      refusals.push(`${name}: ${error.message}`);
    }
  }
  for (const { host, id, why } of conflicts) refusals.push(`${host}: ${id}: ${why}`);
  const constraints = options.constraints ?? [];
  if (changes.length > 0) {
    const moves = movesOf(seen.network, wanted.network);
    for (const [name, own] of drafts) {
      const forget = forgetDrafts(seen.network, wanted.network, name, { moves, changes });
      drafts.set(name, [...own, ...forget].sort(byPhase));
    }
  }
  const waves = orderedWaves(drafts, constraints);
  if (waves === null) refusals.push('no order of the steps keeps what was asked of it');
  const steps = numberedSteps(waves ?? [], tracked, hash);
  const body = { desired: wanted.name, order, constraints, hosts, changes, steps };
  const id = hash(JSON.stringify({ order, constraints, hosts, steps }));
  return {
    plan: { version: 1, id, ...body },
    refusals,
    conflicts,
    problems,
    tracked,
    desired: states,
  };
}

function byPhase(a: Draft, b: Draft): number {
  return PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase);
}

/** NICs and taps of guests are made by others; a port without its device would stay dead. */
function missingDevices({ name, namespaces }: Host, changes: readonly Change[]): readonly string[] {
  const there = new Set((namespaces.get('root')?.state.interfaces ?? []).map((each) => each.name));
  const made = new Set(changes.flatMap(({ new: to }) => (to?.kind === 'device' ? [to.key] : [])));
  return changes.flatMap(({ old, new: to }) => {
    if (old !== null || to?.kind !== 'port' || to.data.type !== '') return [];
    if (there.has(to.key) || made.has(to.key)) return [];
    return [`${name}: the device ${to.key} is not there; whoever makes it comes first`];
  });
}

/** Programs that nobody installed, and files of which only a copy without secrets is known. */
function unready(
  host: string,
  changes: readonly Change[],
  programs: readonly string[],
): readonly string[] {
  const found = changes.flatMap(({ new: to }): readonly string[] => {
    if (to?.kind === 'daemon' && !programs.includes(to.data.program))
      return [`${host}: ${to.data.program} is not installed`];
    if (to?.kind === 'file' && to.data.text.includes(REDACTED))
      return [`${host}: ${to.data.path}: its secrets are not known`];
    return [];
  });
  return [...new Set(found)];
}

function aboutItem(wanted: Network, seen: Network) {
  return (name: string, item: Item): NeutronRef | null => {
    for (const network of [wanted, seen]) {
      const found = aboutIn(network, name, item);
      if (found !== null) return found;
    }
    return null;
  };
}

function aboutIn(network: Network, name: string, item: Item): NeutronRef | null {
  switch (item.kind) {
    case 'port':
      return aboutDevice(network, name, item.key);
    case 'flow': {
      const bridge = network.hosts
        .get(name)
        ?.switch?.bridges.find((each) => each.name === item.place);
      const [flow] = parseFlows(new TextEncoder().encode(item.data.line), item.place).value;
      return bridge === undefined || flow === undefined
        ? null
        : aboutFlow(network, name, bridge, flow);
    }
    case 'device':
    case 'member':
      return aboutDevice(network, name, item.key) ?? aboutNamespace(network, item.place);
    default:
      return aboutNamespace(network, item.place);
  }
}

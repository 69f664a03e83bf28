/** Flows of a host's bridges as statements, a section per table. */
import { type Network } from '../../dataplane/network.ts';
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { networkAt } from '../../trace/objects.ts';
import { matchConjunctions } from './conjunctions.ts';
import { type FlowText, flowReader, INTEGRATION, TRANSIENT } from './flow-text.ts';
import { aboutFlow } from './objects.ts';
import { type HostSymbols } from './symbols.ts';
import { type Section, type Statement } from './types.ts';

/** A host's switch on one side. */
export interface SwitchSide {
  readonly network: Network;
  readonly of: Switch;
  readonly symbols: HostSymbols;
}

/** Flows with a timeout were learned from traffic, which is no configuration. */
function isConfigured(flow: Flow): boolean {
  return flow.hard_timeout_s === 0 && flow.idle_timeout_s === 0;
}

/**
 * Flows that some packet may get to: one whose match stands at a higher priority as well is never
 * asked. Of conjunctions all priorities are asked (ovs-fields(7) CONJUNCTIVE MATCH FIELDS).
 */
function reached(flows: readonly Flow[]): readonly Flow[] {
  const highest = new Map<string, number>();
  const keys = flows.map((flow) => {
    if (flow.actions.some(({ kind }) => kind === 'conjunction')) return null;
    const key = `${flow.table} ${printMatch({ ...flow, priority: 0 })}`;
    highest.set(key, Math.max(highest.get(key) ?? 0, flow.priority));
    return key;
  });
  return flows.filter((flow, at) => {
    const key = keys[at] ?? null;
    return key === null || highest.get(key) === flow.priority;
  });
}

/** Flows of the bridges that both sides have. */
export function flowSections(a: SwitchSide, b: SwitchSide): readonly [Section[], Section[]] {
  const [left, right]: [Section[], Section[]] = [[], []];
  for (const bridge of a.of.bridges) {
    const other = b.of.bridges.find(({ name }) => name === bridge.name);
    if (other === undefined) continue;
    const [flowsA, flowsB] = [bridge, other].map((each) =>
      reached(each.flows.filter(isConfigured)),
    );
    if (flowsA === undefined || flowsB === undefined) continue;
    const [readA, readB] = [readFlows(a, bridge, flowsA), readFlows(b, other, flowsB)];
    const [textsA, textsB] = matchConjunctions(
      readA.map(({ text }) => text),
      readB.map(({ text }) => text),
    );
    left.push(...tables(a, bridge, readA, textsA));
    right.push(...tables(b, other, readB, textsB));
  }
  return [left, right];
}

interface ReadFlow {
  readonly flow: Flow;
  readonly text: FlowText;
}

/**
 * Flows in symbols. Where a network's local VLAN happens to be its tag on the wire, one flow of
 * br-int stands for the two that other numbers would make.
 */
function readFlows(side: SwitchSide, bridge: Bridge, flows: readonly Flow[]): readonly ReadFlow[] {
  const read = flowReader(bridge, side.symbols);
  return flows.flatMap((flow) => {
    const text = read(flow);
    const name = /\bdl_vlan=network-([0-9a-f-]+)/.exec(text.match)?.[1];
    if (bridge.name !== INTEGRATION || flow.table !== TRANSIENT || name === undefined) {
      return [{ flow, text }];
    }
    const { provider } = networkAt(side.network, name, side.of.host) ?? {};
    const tag = provider?.type === 'vlan' ? provider.segmentationId : null;
    const local = `network-${name}`;
    if (tag == null || side.symbols.networkOfVlan.get(tag) !== local) return [{ flow, text }];
    const onWire = (words: string): string =>
      words.replace(`dl_vlan=${local}`, `dl_vlan=wire-${tag}`);
    return [
      { flow, text },
      { flow, text: { match: onWire(text.match), whole: onWire(text.whole) } },
    ];
  });
}

function tables(
  { network, of }: SwitchSide,
  bridge: Bridge,
  flows: readonly ReadFlow[],
  texts: readonly FlowText[],
): readonly Section[] {
  const byTable = new Map<number, Statement[]>();
  const portNames = new Set(bridge.ports.map(({ name }) => name));
  for (const [at, { flow }] of flows.entries()) {
    const { match, whole } = texts[at] ?? { match: '', whole: '' };
    const list = byTable.get(flow.table) ?? [];
    byTable.set(flow.table, list);
    list.push({
      subject: match,
      meaning: whole,
      text: printFlow({ ...flow, cookie: 0n }),
      origin: () => flow.origin,
      about: () => aboutFlow(network, of.host, bridge, flow),
      needs: portsNamed(match, portNames).map((name) => portKey(bridge.name, name)),
    });
  }
  return [...byTable]
    .sort(([a], [b]) => a - b)
    .map(([table, statements]) => ({
      host: of.host,
      device: bridge.name,
      part: `table ${table}`,
      statements,
      commute: null,
    }));
}

/** A flow that matches a port which the other side lacks is told by the port. */
function portsNamed(match: string, names: ReadonlySet<string>): readonly string[] {
  const found = match.matchAll(/\b(?:in_port|reg5)=([^,\s]+)/g);
  return [...found].map(([, name = '']) => name).filter((name) => names.has(name));
}

/** How a port of a bridge is called among the things that others need. */
export function portKey(bridge: string, port: string): string {
  return `${bridge} port ${port}`;
}

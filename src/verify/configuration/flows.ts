/** Flows of a host's bridges as statements, a section per table. */
import { type Network } from '../../dataplane/network.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { matchConjunctions } from './conjunctions.ts';
import { type FlowText, flowReader } from './flow-text.ts';
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

/** Flows of the bridges that both sides have. */
export function flowSections(a: SwitchSide, b: SwitchSide): readonly [Section[], Section[]] {
  const [left, right]: [Section[], Section[]] = [[], []];
  for (const bridge of a.of.bridges) {
    const other = b.of.bridges.find(({ name }) => name === bridge.name);
    if (other === undefined) continue;
    const [flowsA, flowsB] = [bridge, other].map((each) => each.flows.filter(isConfigured));
    if (flowsA === undefined || flowsB === undefined) continue;
    const [textsA, textsB] = matchConjunctions(
      flowsA.map(flowReader(bridge, a.symbols)),
      flowsB.map(flowReader(other, b.symbols)),
    );
    left.push(...tables(a, bridge, flowsA, textsA));
    right.push(...tables(b, other, flowsB, textsB));
  }
  return [left, right];
}

function tables(
  { network, of }: SwitchSide,
  bridge: Bridge,
  flows: readonly Flow[],
  texts: readonly FlowText[],
): readonly Section[] {
  const byTable = new Map<number, Statement[]>();
  const portNames = new Set(bridge.ports.map(({ name }) => name));
  for (const [at, flow] of flows.entries()) {
    const { match, whole } = texts[at] ?? { match: '', whole: '' };
    const list = byTable.get(flow.table) ?? [];
    byTable.set(flow.table, list);
    list.push({
      subject: match,
      meaning: whole,
      text: printFlow({ ...flow, cookie: 0n, statistics: null }),
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

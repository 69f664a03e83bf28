/**
 * What an agent does to the flows and ports of a switch: the difference between two configurations
 * that it would write, laid upon what the switch really has (ofctl `add-flow`, `del-flows --strict`).
 */

import { printActions } from '../../dataplane/ovs/text/actions.ts';
import { printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Port, type Switch } from '../../dataplane/ovs/types/switch.ts';

/** Which flows of a change are made now; an agent does not write all of them at once. */
export type Which = (flow: Flow, bridge: string) => boolean;

const EVERY: Which = () => true;

/** The switch after the changes that lead from `before` to `after`. */
export function changedSwitch(
  real: Switch,
  before: Switch,
  after: Switch,
  { adds = EVERY, removes = EVERY }: { readonly adds?: Which; readonly removes?: Which } = {},
): Switch {
  const bridges = real.bridges.map((bridge) => {
    const was = before.bridges.find(({ name }) => name === bridge.name);
    const will = after.bridges.find(({ name }) => name === bridge.name);
    if (was === undefined || will === undefined) return bridge;
    const flows = changedFlows(bridge, was, will, adds, removes);
    const ports = changedPorts(bridge.ports, was.ports, will.ports);
    return flows === bridge.flows && ports === bridge.ports ? bridge : { ...bridge, flows, ports };
  });
  return bridges.some((bridge, i) => bridge !== real.bridges[i]) ? { ...real, bridges } : real;
}

function changedFlows(
  bridge: Bridge,
  was: Bridge,
  will: Bridge,
  adds: Which,
  removes: Which,
): readonly Flow[] {
  const old = new Map(was.flows.map((flow) => [flowKey(flow), flow]));
  const next = new Map(will.flows.map((flow) => [flowKey(flow), flow]));
  const removed = [...old].filter(([key]) => !next.has(key)).map(([, flow]) => flow);
  const added = [...next].filter(([key]) => !old.has(key)).map(([, flow]) => flow);
  if (removed.length === 0 && added.length === 0) return bridge.flows;
  // Ids of conjunctions are drawn anew, so those of a bridge are written together.
  const now = added.filter((flow) => adds(flow, bridge.name));
  const together = [...removed, ...now].some(isConjunctive) && now.length > 0;
  const replaced = new Set(added.map(matchKey));
  const gone = new Set(
    removed
      .filter((flow) => removes(flow, bridge.name))
      .map(matchKey)
      .filter((key) => !replaced.has(key)),
  );
  const written = together ? [...now, ...will.flows.filter(isConjunctive)] : now;
  const fresh = new Map(written.map((flow) => [matchKey(flow), flow]));
  const kept = bridge.flows.filter((flow) => {
    const key = matchKey(flow);
    return !fresh.has(key) && !gone.has(key) && !(together && isConjunctive(flow));
  });
  return [...kept, ...fresh.values()];
}

/** Where the flow stands: one more of the same match and priority takes its place. */
function matchKey(flow: Flow): string {
  return `${flow.table} ${printMatch(flow)}`;
}

function flowKey(flow: Flow): string {
  return `${matchKey(flow)} ${printActions(flow.actions)}`;
}

function isConjunctive({ tests, actions }: Flow): boolean {
  return (
    actions.some(({ kind }) => kind === 'conjunction') ||
    tests.some(({ field }) => field.name === 'conj_id')
  );
}

function changedPorts(
  real: readonly Port[],
  was: readonly Port[],
  will: readonly Port[],
): readonly Port[] {
  const old = new Map(was.map((port) => [port.name, port]));
  const next = new Map(will.map((port) => [port.name, port]));
  const added = will.filter(({ name }) => !old.has(name) && !real.some((one) => one.name === name));
  const changed = real.flatMap((port) => {
    if (old.has(port.name) && !next.has(port.name)) return [];
    const [a, b] = [old.get(port.name), next.get(port.name)];
    if (a === undefined || b === undefined || sameVlan(a, b)) return [port];
    return [{ ...port, vlan: b.vlan }];
  });
  const same = added.length === 0 && changed.every((port, i) => port === real[i]);
  return same && changed.length === real.length ? real : [...changed, ...added];
}

function sameVlan({ vlan: a }: Port, { vlan: b }: Port): boolean {
  return a.mode === b.mode && a.tag === b.tag && a.trunks.join() === b.trunks.join();
}

/** The switch as `ovs-vswitchd` finds it when it starts: ports of the database, no flows. */
export function withoutFlows(of: Switch): Switch {
  const bridges = of.bridges.map((bridge) => ({ ...bridge, flows: [], groups: [], fdb: [] }));
  return { ...of, bridges };
}

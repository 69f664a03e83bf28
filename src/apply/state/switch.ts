/** Bridges, ports and flows of a host's switch as items. */
import { type Host } from '../../dataplane/network.ts';
import { type BridgeRow, type PortRow } from '../../dataplane/ovs/inventory/rows.ts';
import { printGroup } from '../../dataplane/ovs/text/groups.ts';
import { printMeter } from '../../dataplane/ovs/text/meters.ts';
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type SwitchInventory } from '../../snapshot/read/switch.ts';
import { COOKIE, type Item, type ItemOf, OWNER, OWNER_KEY, type PortData } from '../types.ts';

/** An item, and whether it is ours. */
export interface Found {
  readonly item: Item;
  readonly owned: boolean;
}

/** The rows of a host's switch; null without one. */
export function inventoryOf(host: Host): SwitchInventory | null {
  return host.switch !== null && 'rows' in host.switch ? (host.switch as SwitchInventory) : null;
}

/** Everything of the switch. */
export function switchItems(host: Host): readonly Found[] {
  const inventory = inventoryOf(host);
  if (inventory === null) return [];
  return inventory.rows.bridges.flatMap((row): readonly Found[] => {
    const bridge = inventory.bridges.find(({ name }) => name === row.name);
    return [
      { item: bridgeItem(row), owned: isOurs(row.externalIds) },
      ...row.ports.flatMap((port) => portFound(row.name, port)),
      ...(bridge?.flows ?? []).filter(isConfigured).map((flow) => flowFound(row.name, flow)),
      ...(bridge?.groups ?? []).map((group): Found => {
        const line = printGroup(group);
        const data = { line, id: group.id };
        const key = String(group.id);
        // Groups carry no mark of who made them: those on our own bridges are ours.
        const owned = isOurs(row.externalIds);
        return { item: { kind: 'group', place: row.name, key, text: line, data }, owned };
      }),
      ...(bridge?.meters ?? []).flatMap((meter): readonly Found[] => {
        // Those of the controller and of the slow path belong to the switch itself.
        if (typeof meter.id !== 'number') return [];
        const line = printMeter(meter);
        const data = { line, id: meter.id };
        const [key, owned] = [String(meter.id), isOurs(row.externalIds)];
        return [{ item: { kind: 'meter', place: row.name, key, text: line, data }, owned }];
      }),
    ];
  });
}

function isOurs(ids: Readonly<Record<string, string>>): boolean {
  return ids[OWNER_KEY] === OWNER;
}

/** What was learned from traffic is state and no configuration. */
export function isConfigured(flow: Flow): boolean {
  return flow.hard_timeout_s === 0 && flow.idle_timeout_s === 0;
}

function bridgeItem({ name, failMode, datapathType }: BridgeRow): ItemOf<'bridge'> {
  const datapath = datapathType === '' ? 'system' : datapathType;
  const text = `fail_mode ${failMode} datapath ${datapath}`;
  return { kind: 'bridge', place: '', key: name, text, data: { failMode, datapath } };
}

/** A bridge's own port comes with the bridge; bonds are nobody's that agents make. */
function portFound(bridge: string, row: PortRow): readonly Found[] {
  const [face, ...others] = row.interfaces;
  if (face === undefined || others.length > 0 || row.name === bridge) return [];
  const data: PortData = {
    bridge,
    name: row.name,
    type: face.type,
    ofport: face.ofport ?? 0,
    tag: row.tag,
    trunks: [...row.trunks].sort((a, b) => a - b),
    options: sorted(face.options),
    otherConfig: sorted(row.otherConfig),
    externalIds: sorted(withoutMark(face.externalIds)),
  };
  return [{ item: portItem(data), owned: isOurs(face.externalIds) }];
}

function portItem(data: PortData): ItemOf<'port'> {
  const { bridge, name, type, ofport, tag, trunks, options, otherConfig, externalIds } = data;
  const text = JSON.stringify({ type, ofport, tag, trunks, options, otherConfig, externalIds });
  return { kind: 'port', place: bridge, key: name, text, data };
}

function sorted(words: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutMark(ids: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(ids).filter(([key]) => key !== OWNER_KEY));
}

function flowFound(bridge: string, flow: Flow): Found {
  return { item: flowItem(bridge, flow), owned: flow.cookie === COOKIE };
}

/** A flow by its table, priority and match, which are unique in a switch. */
export function flowItem(bridge: string, flow: Flow): ItemOf<'flow'> {
  // A dump leaves the usual priority out; here it is always written.
  const tests = printMatch({ ...flow, priority: 32768 });
  const match = `table=${flow.table},priority=${flow.priority}${tests === '' ? '' : `,${tests}`}`;
  const line = printFlow(flow);
  return { kind: 'flow', place: bridge, key: match, text: line, data: { line, match } };
}

/** A planned switch as `ovs-vsctl --format=json list` and `ovs-ofctl dump-flows` would show it. */
import { writeMac } from '../../text/address-text.ts';
import { type BridgePlan, type PortPlan, type SwitchPlan } from '../plan.ts';

type Cell = unknown;

const uuid = (text: string): Cell => ['uuid', text];
const set = (cells: readonly Cell[]): Cell => (cells.length === 1 ? cells[0] : ['set', cells]);
const map = (of: Readonly<Record<string, string>>): Cell => ['map', Object.entries(of)];

function table(headings: readonly string[], data: readonly (readonly Cell[])[]): string {
  return `${JSON.stringify({ data, headings })}\n`;
}

/** Files of `hosts/HOST/ovs/`, by name. Row ids are made of the names, so equal plans are equal. */
export function switchFiles(plan: SwitchPlan): Map<string, () => string> {
  const files = new Map<string, () => string>();
  files.set('list-Open_vSwitch.json', () =>
    table(
      ['_uuid', 'bridges', 'ovs_version', 'external_ids'],
      [
        [
          uuid('switch'),
          ['set', plan.bridges.map((bridge) => uuid(`bridge ${bridge.name}`))],
          plan.version,
          ['map', []],
        ],
      ],
    ),
  );
  files.set('list-Bridge.json', () => bridgeTable(plan));
  files.set('list-Port.json', () => portTable(plan));
  files.set('list-Interface.json', () => interfaceTable(plan));
  for (const bridge of plan.bridges) {
    files.set(`${bridge.name}.flows.txt`, () => flowText(bridge));
  }
  return files;
}

function bridgeTable(plan: SwitchPlan): string {
  const datapath = plan.datapath === 'userspace' ? 'netdev' : 'system';
  return table(
    ['_uuid', 'name', 'ports', 'fail_mode', 'datapath_type', 'external_ids', 'other_config'],
    plan.bridges.map((bridge) => [
      uuid(`bridge ${bridge.name}`),
      bridge.name,
      ['set', bridge.ports.map((port) => uuid(`port ${port.name}`))],
      bridge.failMode,
      datapath,
      ['map', []],
      ['map', []],
    ]),
  );
}

function portTable(plan: SwitchPlan): string {
  return table(
    ['_uuid', 'name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'external_ids', 'other_config'],
    portsOf(plan).map((port) => [
      uuid(`port ${port.name}`),
      port.name,
      uuid(`interface ${port.name}`),
      port.tag ?? ['set', []],
      set(port.trunks.length === 0 ? [] : [...port.trunks]),
      ['set', []],
      ['map', []],
      ['map', []],
    ]),
  );
}

function interfaceTable(plan: SwitchPlan): string {
  return table(
    [
      '_uuid',
      'name',
      'type',
      'options',
      'ofport',
      'mac_in_use',
      'mtu',
      'admin_state',
      'link_state',
      'external_ids',
    ],
    portsOf(plan).map((port) => [
      uuid(`interface ${port.name}`),
      port.name,
      port.type,
      map(port.options),
      port.ofport,
      writeMac(port.mac),
      port.mtu,
      'up',
      'up',
      map(port.externalIds),
    ]),
  );
}

function portsOf(plan: SwitchPlan): readonly PortPlan[] {
  return plan.bridges.flatMap((bridge) => bridge.ports);
}

function flowText(bridge: BridgePlan): string {
  // The version under which the flows were installed decides what their actions mean.
  return `OFPST_FLOW reply (OF1.3) (xid=0x2):\n${bridge.flows.map((flow) => ` ${flow}\n`).join('')}`;
}

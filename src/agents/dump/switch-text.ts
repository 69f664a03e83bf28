/** A planned switch as `ovs-vsctl --format=json list` and `ovs-ofctl dump-flows` would show it. */
import { writeIp, writeMac } from '../../text/address-text.ts';
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
  if (plan.datapath === 'userspace') {
    files.set('ovs-route.txt', () => routeText(plan));
    files.set('tnl-neigh.txt', () => neighbourText(plan));
  }
  for (const bridge of plan.bridges) {
    files.set(`${bridge.name}.flows.txt`, () => flowText(plan, bridge));
    files.set(`${bridge.name}.of-show.txt`, () => showText(bridge));
    files.set(`${bridge.name}.groups.txt`, () => 'OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):\n');
    // Nothing has been learned yet.
    files.set(`${bridge.name}.fdb.txt`, () => ' port  VLAN  MAC                Age\n');
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
      ['set', portNames(bridge).map((name) => uuid(`port ${name}`))],
      bridge.failMode,
      datapath,
      ['map', []],
      ['map', []],
    ]),
  );
}

function portTable(plan: SwitchPlan): string {
  return table(
    [
      ...['_uuid', 'name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'external_ids'],
      ...['other_config', 'bond_mode', 'bond_active_slave'],
    ],
    rowsOf(plan).map(({ name, members, port }) => [
      uuid(`port ${name}`),
      name,
      members.length === 1
        ? uuid(`interface ${members[0] ?? name}`)
        : ['set', members.map((member) => uuid(`interface ${member}`))],
      port.tag ?? ['set', []],
      set(port.trunks.length === 0 ? [] : [...port.trunks]),
      ['set', []],
      ['map', []],
      map(port.otherConfig),
      port.bundle?.mode ?? ['set', []],
      bondActive(plan, port),
    ]),
  );
}

function portNames({ ports }: BridgePlan): readonly string[] {
  return [...new Set(ports.map(({ name, bundle }) => bundle?.name ?? name))];
}

/** Ports of the database: a bonded one stands for all of its members. */
function rowsOf(
  plan: SwitchPlan,
): readonly { readonly name: string; readonly members: string[]; readonly port: PortPlan }[] {
  const rows = new Map<string, { name: string; members: string[]; port: PortPlan }>();
  for (const port of portsOf(plan)) {
    const name = port.bundle?.name ?? port.name;
    const row = rows.get(name);
    if (row === undefined) rows.set(name, { name, members: [port.name], port });
    else row.members.push(port.name);
  }
  return [...rows.values()];
}

/** The database names the active member by its MAC. */
function bondActive(plan: SwitchPlan, { bundle }: PortPlan): unknown {
  if (bundle?.mode !== 'active-backup') return ['set', []];
  const member = portsOf(plan).find(({ name }) => name === bundle.active);
  return member === undefined ? ['set', []] : writeMac(member.mac);
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
      'ingress_policing_rate',
      'ingress_policing_burst',
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
      port.policed_kbps ?? 0,
      // A burst of what four fifths of a second carry (`DEFAULT_BURST_RATE`).
      Math.floor((port.policed_kbps ?? 0) * 0.8),
    ]),
  );
}

function portsOf(plan: SwitchPlan): readonly PortPlan[] {
  return plan.bridges.flatMap((bridge) => bridge.ports);
}

/** The host's own address first, then the network it is in, as the switch copies them. */
function routeText(plan: SwitchPlan): string {
  const lines = plan.tunnelRoutes.flatMap(({ device, address, length }) => {
    const own = writeIp(address);
    const low = (1n << BigInt((address.version === 4 ? 32 : 128) - length)) - 1n;
    const network = writeIp({ ...address, value: address.value & ~low });
    const whole = address.version === 4 ? 32 : 128;
    return [
      `Cached: ${own}/${whole} dev ${device} SRC ${own} local`,
      `Cached: ${network}/${length} dev ${device} SRC ${own}`,
    ];
  });
  return ['Route Table:', ...lines, ''].join('\n');
}

function neighbourText(plan: SwitchPlan): string {
  const lines = plan.tunnelNeighbours.map(
    ({ address, mac, bridge }) =>
      `${writeIp(address).padEnd(46)}${writeMac(mac).padEnd(20)}${bridge}\n`,
  );
  const head = `${'IP'.padEnd(46)}${'MAC'.padEnd(20)}Bridge\n${'='.repeat(74)}\n`;
  return head + lines.join('');
}

function showText(bridge: BridgePlan): string {
  const ports = bridge.ports.map(
    ({ name, ofport, mac }) =>
      ` ${ofport === 65534 ? 'LOCAL' : ofport}(${name}): addr:${writeMac(mac)}\n` +
      '     config:     0\n     state:      LIVE\n     speed: 0 Mbps now, 0 Mbps max\n',
  );
  return [
    'OFPT_FEATURES_REPLY (OF1.3) (xid=0x2): dpid:0000000000000001\n',
    'n_tables:254, n_buffers:0\n',
    'capabilities: FLOW_STATS TABLE_STATS PORT_STATS GROUP_STATS QUEUE_STATS\n',
    'OFPST_PORT_DESC reply (OF1.3) (xid=0x3):\n',
    ...ports,
    'OFPT_GET_CONFIG_REPLY (OF1.3) (xid=0x9): frags=normal miss_send_len=0\n',
  ].join('');
}

function flowText({ openflow }: SwitchPlan, bridge: BridgePlan): string {
  // The version under which the flows were installed decides what their actions mean.
  const head =
    openflow === '1.0' ? 'NXST_FLOW reply (xid=0x4):' : 'OFPST_FLOW reply (OF1.3) (xid=0x2):';
  return `${head}\n${bridge.flows.map((flow) => ` ${flow}\n`).join('')}`;
}

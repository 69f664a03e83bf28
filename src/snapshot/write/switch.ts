/**
 * A host's Open vSwitch as `ovs-vsctl --format=json list`, `ovs-ofctl` and `fdb/show` would show it.
 * The database is written only when ports have come, gone or got other VLANs.
 */

import {
  type InterfaceRow,
  type PortRow,
  type SwitchRow,
} from '../../dataplane/ovs/inventory/rows.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { RESERVED_PORTS } from '../../dataplane/ovs/types/flow.ts';
import {
  type Bridge,
  type Endpoint,
  type Port,
  type Switch,
  type TunnelSettings,
} from '../../dataplane/ovs/types/switch.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { plainText } from './plain-text.ts';

export interface SwitchTexts {
  /** Files of bridges by `BRIDGE.NAME`, without their ending. */
  readonly bridges: ReadonlyMap<string, string>;
  /** Tables of the database by `list-TABLE`; null when they are as before. */
  readonly tables: ReadonlyMap<string, string> | null;
}

/** What tells something else of a switch than before. `rows` are those that its ports were made of. */
export function switchTexts(before: Switch, after: Switch, rows: SwitchRow | null): SwitchTexts {
  const bridges = new Map<string, string>();
  let changed = false;
  for (const bridge of after.bridges) {
    const was = before.bridges.find(({ name }) => name === bridge.name);
    if (was === bridge) continue;
    const { name } = bridge;
    if (was?.flows !== bridge.flows) bridges.set(`${name}.flows`, flowText(bridge));
    if (was?.fdb !== bridge.fdb) bridges.set(`${name}.fdb`, fdbText(bridge));
    if (plainText(was?.ports) === plainText(bridge.ports)) continue;
    changed = true;
    bridges.set(`${name}.of-show`, showText(bridge));
  }
  return { bridges, tables: changed ? tablesOf(after, rows) : null };
}

const REPLIES = { '1.0': 'NXST_FLOW reply (xid=0x4):' } as const;

function flowText({ flows, dumpVersion }: Bridge): string {
  const head =
    dumpVersion === '1.0' ? REPLIES['1.0'] : `OFPST_FLOW reply (OF${dumpVersion}) (xid=0x2):`;
  return [head, ...flows.map((flow) => ` ${printFlow(flow, { statistics: true })}`), ''].join('\n');
}

function fdbText({ fdb }: Bridge): string {
  const rows = fdb.map(({ port, vlan, mac, age_s }) => {
    const number = port === RESERVED_PORTS.LOCAL ? 'LOCAL' : String(port);
    return `${number.padStart(5)}${String(vlan).padStart(6)}  ${writeMac(mac)}  ${String(age_s).padStart(3)}`;
  });
  return [' port  VLAN  MAC                Age', ...rows, ''].join('\n');
}

function showText({ ports, datapathId }: Bridge): string {
  const id = datapathId === '' ? '0000000000000001' : datapathId;
  const lines = ports.flatMap(({ name, ofport, mac, config, linkUp }) => [
    ` ${ofport === RESERVED_PORTS.LOCAL ? 'LOCAL' : ofport}(${name}): addr:${writeMac(mac)}`,
    `     config:     ${config.length === 0 ? '0' : config.join(' ')}`,
    `     state:      ${linkUp ? 'LIVE' : 'LINK_DOWN'}`,
    '     speed: 0 Mbps now, 0 Mbps max',
  ]);
  return [
    `OFPT_FEATURES_REPLY (OF1.3) (xid=0x2): dpid:${id}`,
    'n_tables:254, n_buffers:0',
    'capabilities: FLOW_STATS TABLE_STATS PORT_STATS GROUP_STATS QUEUE_STATS',
    'OFPST_PORT_DESC reply (OF1.3) (xid=0x3):',
    ...lines,
    'OFPT_GET_CONFIG_REPLY (OF1.3) (xid=0x9): frags=normal miss_send_len=0',
    '',
  ].join('\n');
}

type Cell = unknown;
type Row = Readonly<Record<string, Cell>>;

const uuid = (text: string): Cell => ['uuid', text];
const words = (of: Readonly<Record<string, string>>): Cell => ['map', Object.entries(of)];
const maybe = (value: string | number | null): Cell =>
  value === null || value === '' ? ['set', []] : value;

function table(rows: readonly Row[]): string {
  const headings = Object.keys(rows[0] ?? { _uuid: null });
  const data = rows.map((row) => headings.map((heading) => row[heading]));
  return `${JSON.stringify({ data, headings })}\n`;
}

/** Rows of the ports that a switch has now: the old rows, with other VLANs, and those of new ones. */
function tablesOf(after: Switch, rows: SwitchRow | null): ReadonlyMap<string, string> {
  const known = new Map<string, { readonly port: PortRow; readonly of: InterfaceRow }>();
  for (const port of rows?.bridges.flatMap(({ ports }) => ports) ?? []) {
    for (const of of port.interfaces) known.set(of.name, { port, of });
  }
  const ports = new Map<string, Row>();
  const members = new Map<string, string[]>();
  const interfaces: Row[] = [];
  const bridges = after.bridges.map((bridge) => {
    for (const port of bridge.ports) {
      const old = known.get(port.name);
      interfaces.push(interfaceRow(port, old?.of));
      const own = members.get(port.bundle) ?? [];
      members.set(port.bundle, [...own, port.name]);
      if (own.length === 0) ports.set(port.bundle, portRow(port, old?.port));
    }
    return bridgeRow(bridge);
  });
  return new Map([
    ['list-Open_vSwitch', table([rootRow(after, rows)])],
    ['list-Bridge', table(bridges)],
    [
      'list-Port',
      table(
        [...ports].map(([name, row]) => ({
          ...row,
          interfaces: ['set', (members.get(name) ?? []).map((one) => uuid(`interface ${one}`))],
        })),
      ),
    ],
    ['list-Interface', table(interfaces)],
    ['list-Mirror', table(after.bridges.flatMap(mirrorRows))],
  ]);
}

function rootRow(after: Switch, rows: SwitchRow | null): Row {
  return {
    _uuid: uuid('switch'),
    bridges: ['set', after.bridges.map(({ name }) => uuid(`bridge ${name}`))],
    ovs_version: after.version,
    external_ids: words(rows?.externalIds ?? {}),
    other_config: words(rows?.otherConfig ?? {}),
  };
}

function bridgeRow(bridge: Bridge): Row {
  const { name } = bridge;
  const bundles = [...new Set(bridge.ports.map(({ bundle }) => bundle))];
  return {
    _uuid: uuid(`bridge ${name}`),
    name,
    ports: ['set', bundles.map((one) => uuid(`port ${one}`))],
    mirrors: ['set', bridge.mirrors.map((one) => uuid(`mirror ${one.name}`))],
    fail_mode: bridge.failMode,
    datapath_type: bridge.datapathType,
    datapath_id: maybe(bridge.datapathId),
    external_ids: words({}),
    other_config: words(bridge.otherConfig),
    flood_vlans: ['set', bridge.floodVlans],
    mcast_snooping_enable: bridge.multicastSnooping,
  };
}

function portRow({ bundle, vlan, otherConfig, bond, ...port }: Port, old?: PortRow): Row {
  const stated = old?.vlanMode ?? '';
  // Without the statement a tag makes an access port, and none a trunk.
  const usual = vlan.mode === (vlan.tag === null ? 'trunk' : 'access');
  return {
    _uuid: uuid(`port ${bundle}`),
    name: bundle,
    tag: maybe(vlan.tag),
    trunks: ['set', vlan.trunks],
    cvlans: ['set', vlan.cvlans],
    vlan_mode: maybe(usual ? stated : vlan.mode),
    external_ids: words({}),
    other_config: words(old?.otherConfig ?? otherConfig),
    protected: port.protected,
    bond_mode: maybe(bond?.mode ?? ''),
    bond_active_slave: maybe(old?.bondActive ?? ''),
  };
}

function interfaceRow(port: Port, old?: InterfaceRow): Row {
  const state = (up: boolean): string => (up ? 'up' : 'down');
  const options = old?.options ?? (port.tunnel === null ? patchOf(port) : optionsOf(port.tunnel));
  return {
    _uuid: uuid(`interface ${port.name}`),
    name: port.name,
    type: port.type,
    options: words(options),
    ofport: port.ofport,
    mac_in_use: old?.mac ?? writeMac(port.mac),
    mtu: maybe(port.mtu),
    admin_state: state(old?.adminUp ?? port.adminUp),
    link_state: state(old?.linkUp ?? port.linkUp),
    external_ids: words(port.externalIds),
    other_config: words(old?.otherConfig ?? {}),
  };
}

function patchOf({ peer }: Port): Readonly<Record<string, string>> {
  return peer === null ? {} : { peer };
}

/** ovs-vswitchd.conf.db(5) Interface "Tunnel Options". */
function optionsOf(tunnel: TunnelSettings): Readonly<Record<string, string>> {
  const end = (of: Endpoint | 'flow'): string =>
    of === 'flow' ? of : writeIp({ version: of.version, value: of.address });
  const { local, remote, inKey, outKey, extensions } = tunnel;
  return {
    ...(local === null ? {} : { local_ip: end(local) }),
    ...(remote === null ? {} : { remote_ip: end(remote) }),
    ...(inKey === null ? {} : { in_key: String(inKey) }),
    ...(outKey === null ? {} : { out_key: String(outKey) }),
    ...(tunnel.destinationPort === 0 ? {} : { dst_port: String(tunnel.destinationPort) }),
    tos: String(tunnel.tos),
    ttl: String(tunnel.ttl),
    df_default: String(tunnel.dontFragment),
    csum: String(tunnel.checksum),
    ...(extensions.length === 0 ? {} : { exts: extensions.join(',') }),
    ...(tunnel.egressMark === 0 ? {} : { egress_pkt_mark: String(tunnel.egressMark) }),
  };
}

function mirrorRows({ mirrors }: Bridge): readonly Row[] {
  const ports = (names: readonly string[]): Cell => [
    'set',
    names.map((name) => uuid(`port ${name}`)),
  ];
  return mirrors.map((one) => ({
    _uuid: uuid(`mirror ${one.name}`),
    name: one.name,
    select_all: one.selectAll,
    select_src_port: ports(one.selectSrc),
    select_dst_port: ports(one.selectDst),
    select_vlan: ['set', one.selectVlans],
    output_port: ports(one.outputPort === null ? [] : [one.outputPort]),
    output_vlan: maybe(one.outputVlan),
    snaplen: maybe(one.snapLength === 0 ? null : one.snapLength),
  }));
}

/**
 * A host's bridges as rows, whether the database or `ovs-vsctl show` told them: the words of
 * ovs-vswitchd.conf.db(5), before OpenFlow port numbers and states are joined to them.
 */

import { type Origin } from '../../../text/problem.ts';
import { type Mirror } from '../types/switch.ts';
import {
  countOf,
  mapOf,
  numbersOf,
  type OvsdbRow,
  type OvsdbTables,
  setOf,
  wordOf,
} from './ovsdb.ts';
import { type ShownSwitch } from './vsctl-show.ts';

type Words = Readonly<Record<string, string>>;

export interface BridgeRow {
  readonly name: string;
  readonly failMode: 'standalone' | 'secure';
  readonly datapathType: string;
  readonly datapathId: string;
  readonly otherConfig: Words;
  readonly externalIds: Words;
  readonly floodVlans: readonly number[];
  readonly multicastSnooping: boolean;
  readonly mirrors: readonly Mirror[];
  readonly ports: readonly PortRow[];
  readonly origin: Origin;
}

export interface PortRow {
  readonly name: string;
  readonly tag: number | null;
  readonly trunks: readonly number[];
  readonly cvlans: readonly number[];
  readonly vlanMode: string;
  readonly otherConfig: Words;
  readonly protected: boolean;
  readonly bondMode: string;
  readonly bondActive: string;
  readonly interfaces: readonly InterfaceRow[];
}

export interface InterfaceRow {
  readonly name: string;
  readonly type: string;
  readonly options: Words;
  /** null when the source does not tell; -1 when the switch could not open the device. */
  readonly ofport: number | null;
  readonly mac: string;
  readonly mtu: number | null;
  readonly adminUp: boolean | null;
  readonly linkUp: boolean | null;
  readonly externalIds: Words;
  readonly otherConfig: Words;
}

/** What the Open_vSwitch row says: version and the host's own external ids. */
export interface SwitchRow {
  readonly version: string;
  readonly externalIds: Words;
  readonly otherConfig: Words;
  readonly bridges: readonly BridgeRow[];
}

/** From database tables. Rows that nothing refers to are left out, as the switch does. */
export function rowsOfOvsdb(tables: OvsdbTables, file: string): SwitchRow {
  const byId = (table: string): ReadonlyMap<string, OvsdbRow> =>
    new Map((tables.get(table) ?? []).map((row) => [wordOf(row.get('_uuid')), row]));
  const ports = byId('Port');
  const interfaces = byId('Interface');
  const mirrors = byId('Mirror');
  const follow = (value: unknown, into: ReadonlyMap<string, OvsdbRow>): OvsdbRow[] =>
    setOf(value).flatMap((id) => into.get(String(id)) ?? []);
  const [root] = tables.get('Open_vSwitch') ?? [];
  return {
    version: wordOf(root?.get('ovs_version')),
    externalIds: mapOf(root?.get('external_ids')),
    otherConfig: mapOf(root?.get('other_config')),
    bridges: (tables.get('Bridge') ?? []).map((row) => ({
      ...bridgeOf(row, file),
      mirrors: follow(row.get('mirrors'), mirrors).map((mirror) => mirrorOf(mirror, ports)),
      ports: follow(row.get('ports'), ports).map((port) => ({
        ...portOf(port),
        interfaces: follow(port.get('interfaces'), interfaces).map(interfaceOf),
      })),
    })),
  };
}

function bridgeOf(row: OvsdbRow, file: string): Omit<BridgeRow, 'ports' | 'mirrors'> {
  return {
    name: wordOf(row.get('name')),
    failMode: wordOf(row.get('fail_mode')) === 'secure' ? 'secure' : 'standalone',
    datapathType: wordOf(row.get('datapath_type')),
    datapathId: wordOf(row.get('datapath_id')),
    otherConfig: mapOf(row.get('other_config')),
    externalIds: mapOf(row.get('external_ids')),
    floodVlans: numbersOf(row.get('flood_vlans')),
    multicastSnooping: row.get('mcast_snooping_enable') === true,
    origin: { file, line: 0 },
  };
}

function portOf(row: OvsdbRow): Omit<PortRow, 'interfaces'> {
  return {
    name: wordOf(row.get('name')),
    tag: countOf(row.get('tag')),
    trunks: numbersOf(row.get('trunks')),
    cvlans: numbersOf(row.get('cvlans')),
    vlanMode: wordOf(row.get('vlan_mode')),
    otherConfig: mapOf(row.get('other_config')),
    protected: row.get('protected') === true,
    bondMode: wordOf(row.get('bond_mode')),
    bondActive: wordOf(row.get('bond_active_slave')),
  };
}

function interfaceOf(row: OvsdbRow): InterfaceRow {
  const truth = (column: string): boolean | null => {
    const word = wordOf(row.get(column));
    return word === '' ? null : word === 'up';
  };
  return {
    name: wordOf(row.get('name')),
    type: wordOf(row.get('type')),
    options: mapOf(row.get('options')),
    ofport: countOf(row.get('ofport')),
    mac: wordOf(row.get('mac_in_use')),
    mtu: countOf(row.get('mtu')),
    adminUp: truth('admin_state'),
    linkUp: truth('link_state'),
    externalIds: mapOf(row.get('external_ids')),
    otherConfig: mapOf(row.get('other_config')),
  };
}

function mirrorOf(row: OvsdbRow, ports: ReadonlyMap<string, OvsdbRow>): Mirror {
  const names = (value: unknown): string[] =>
    setOf(value).map((id) => wordOf(ports.get(String(id))?.get('name')));
  return {
    name: wordOf(row.get('name')),
    selectAll: row.get('select_all') === true,
    selectSrc: names(row.get('select_src_port')),
    selectDst: names(row.get('select_dst_port')),
    selectVlans: numbersOf(row.get('select_vlan')),
    outputPort: names(row.get('output_port'))[0] ?? null,
    outputVlan: countOf(row.get('output_vlan')),
    snapLength: countOf(row.get('snaplen')) ?? 0,
  };
}

/** From `ovs-vsctl show`, which prints only what is apart from defaults. */
export function rowsOfShow(shown: ShownSwitch, file: string): SwitchRow {
  return {
    version: shown.version,
    externalIds: {},
    otherConfig: {},
    bridges: shown.bridges.map((bridge) => ({
      name: bridge.name,
      failMode: bridge.failMode === 'secure' ? 'secure' : 'standalone',
      datapathType: bridge.datapathType,
      datapathId: '',
      otherConfig: {},
      externalIds: {},
      floodVlans: [],
      multicastSnooping: false,
      mirrors: [],
      origin: { file, line: bridge.line },
      ports: bridge.ports.map((port) => ({
        name: port.name,
        tag: port.tag,
        trunks: port.trunks,
        cvlans: [],
        vlanMode: port.vlanMode,
        otherConfig: {},
        protected: false,
        bondMode: '',
        bondActive: '',
        interfaces: port.interfaces.map((each) => ({
          name: each.name,
          type: each.type,
          options: each.options,
          ofport: each.error === '' ? null : -1,
          mac: '',
          mtu: null,
          adminUp: null,
          linkUp: null,
          externalIds: {},
          otherConfig: {},
        })),
      })),
    })),
  };
}

/** A host's Open vSwitch from its dumps; the flows of a bridge are read when a packet enters it. */
import { readDatapaths } from '../../dataplane/ovs/inventory/datapath.ts';
import { readFdb } from '../../dataplane/ovs/inventory/learned.ts';
import { readOpenFlowPorts } from '../../dataplane/ovs/inventory/of-show.ts';
import { type OvsdbRow, type OvsdbTables, readOvsdb } from '../../dataplane/ovs/inventory/ovsdb.ts';
import { joinPorts } from '../../dataplane/ovs/inventory/ports.ts';
import {
  type BridgeRow,
  rowsOfOvsdb,
  rowsOfShow,
  type SwitchRow,
} from '../../dataplane/ovs/inventory/rows.ts';
import {
  readTunnelNeighbours,
  readTunnelRoutes,
} from '../../dataplane/ovs/inventory/tunnelling.ts';
import { readVsctlShow } from '../../dataplane/ovs/inventory/vsctl-show.ts';
import { dumpVersion } from '../../dataplane/ovs/text/flows.ts';
import { parseTlvMap } from '../../dataplane/ovs/text/tlv-map.ts';
import { type Flow, type Group, type Meter } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch, type TlvMapping } from '../../dataplane/ovs/types/switch.ts';
import { type Parsed } from '../../text/problem.ts';
import { type HostCatalog } from './catalog.ts';
import { bytesAt, once, readBytesWith, readWith, type Store } from './folder.ts';

/** Readers of OpenFlow text. A dump with `--names` needs the bridge's ports to be read. */
export interface FlowReaders {
  flows(bytes: Uint8Array, file: string, bridge: BridgeNames): Parsed<readonly Flow[]>;
  groups(bytes: Uint8Array, file: string, bridge: BridgeNames): Parsed<readonly Group[]>;
  meters(bytes: Uint8Array, file: string): Parsed<readonly Meter[]>;
}

/** What names and indexes in a bridge's dumps stand for. */
export interface BridgeNames {
  readonly portNumber: (name: string) => number | undefined;
  readonly tlvMap: readonly TlvMapping[];
}

/** OpenFlow port numbers by name. */
export type PortNumbers = ReadonlyMap<string, number>;

/** null when nothing of Open vSwitch was captured on the host. */
export function openSwitch(
  store: Store,
  catalog: HostCatalog,
  readers: FlowReaders,
): SwitchInventory | null {
  if (catalog.bridges.size === 0 && catalog.ovs.size === 0) return null;
  const row = once(() => switchRow(store, catalog));
  const datapaths = once(() => readWith(store, catalog.ovs.get('dpif-show'), readDatapaths, []));
  const numbers = once(() => {
    const found = new Map<string, Map<string, number>>();
    for (const port of datapaths().flatMap((datapath) => datapath.ports)) {
      const of = found.get(port.bridge) ?? new Map<string, number>();
      found.set(port.bridge, of);
      if (port.ofport !== null) of.set(port.name, port.ofport);
    }
    return found;
  });
  const bridges = once(() =>
    bridgeRows(catalog, row()).map((each) =>
      openBridge(store, catalog, each, readers, () => numbers().get(each.name) ?? new Map()),
    ),
  );
  const neighbours = once(() =>
    readWith(store, catalog.ovs.get('tnl-neigh'), readTunnelNeighbours, []),
  );
  const routes = once(() => readWith(store, catalog.ovs.get('ovs-route'), readTunnelRoutes, []));
  const userspace = once(
    () =>
      bridges().some((bridge) => bridge.datapathType === 'netdev') ||
      datapaths().some((datapath) => datapath.type === 'netdev'),
  );
  return {
    get rows() {
      return row();
    },
    host: catalog.name,
    get version() {
      return row().version;
    },
    get datapath() {
      return userspace() ? ('userspace' as const) : ('kernel' as const);
    },
    get vlanLimit() {
      return vlanLimit(row().otherConfig['vlan-limit']);
    },
    get bridges() {
      return bridges();
    },
    get tunnelNeighbours() {
      return neighbours();
    },
    get tunnelRoutes() {
      return routes();
    },
  };
}

/** One tag unless it says otherwise; 0 and whatever is above two mean two (lib/flow.c). */
function vlanLimit(text: string | undefined): number {
  const wanted = text !== undefined && /^\d+$/.test(text) ? Number(text) : 1;
  return wanted === 1 ? 1 : 2;
}

/** A switch, and the database rows it was made of. */
export interface SwitchInventory extends Switch {
  readonly rows: SwitchRow;
}

/** The database tells most; its `list` outputs and `ovs-vsctl show` stand in for it. */
function switchRow(store: Store, catalog: HostCatalog): SwitchRow {
  const dump = catalog.ovs.get('ovsdb-dump');
  const tables = new Map<string, readonly OvsdbRow[]>();
  const none: OvsdbTables = new Map();
  if (dump !== undefined) {
    const read = readWith(store, dump, (file, text) => readOvsdb(file, text, ''), none);
    for (const [table, rows] of read) tables.set(table, rows);
  } else {
    for (const [name, path] of catalog.ovs) {
      if (!name.startsWith('list-')) continue;
      const table = name.slice('list-'.length);
      const read = readWith(store, path, (file, text) => readOvsdb(file, text, table), none);
      for (const [each, rows] of read) tables.set(each, rows);
    }
  }
  if (tables.has('Bridge') && tables.has('Interface')) {
    return rowsOfOvsdb(tables, dump ?? catalog.ovs.get('list-Bridge') ?? '');
  }
  const path = catalog.ovs.get('vsctl-show');
  const shown = readWith(store, path, readVsctlShow, { version: '', bridges: [] });
  return rowsOfShow(shown, path ?? '');
}

/** Bridges of the database, then those of which there are only loose files. */
function bridgeRows(catalog: HostCatalog, row: SwitchRow): readonly BridgeRow[] {
  const known = new Set(row.bridges.map((bridge) => bridge.name));
  const loose = [...catalog.bridges].filter(([name]) => !known.has(name));
  return [
    ...row.bridges,
    ...loose.map(([name, paths]) => ({
      name,
      failMode: 'secure' as const,
      datapathType: '',
      datapathId: '',
      otherConfig: {},
      externalIds: {},
      floodVlans: [],
      multicastSnooping: false,
      mirrors: [],
      ports: [],
      origin: { file: [...paths.values()][0] ?? '', line: 0 },
    })),
  ];
}

function openBridge(
  store: Store,
  catalog: HostCatalog,
  row: BridgeRow,
  readers: FlowReaders,
  numbers: () => PortNumbers,
): Bridge {
  const paths = catalog.bridges.get(row.name) ?? new Map<string, string>();
  const nothing = { datapathId: '', ports: [] };
  const shown = once(() =>
    readWith(store, paths.get('of-show') ?? paths.get('ports-desc'), readOpenFlowPorts, nothing),
  );
  const ports = once(() => joinPorts(row.name, row.ports, shown().ports, numbers()));
  const byName = once(() => new Map(ports().map((port) => [port.name, port.ofport])));
  const flowsPath = paths.get('flows') ?? paths.get('flows-names');
  const tlvMap = once(() =>
    readWith(store, paths.get('tlv-map'), (file, text) => parseTlvMap(text, file), []),
  );
  // The port list is read only when a dump really has names in it.
  const names: BridgeNames = {
    portNumber: (name) => byName().get(name),
    get tlvMap() {
      return tlvMap();
    },
  };
  const open = <T>(
    path: string | undefined,
    reader: (bytes: Uint8Array, file: string, names: BridgeNames) => Parsed<readonly T[]>,
  ): readonly T[] => readBytesWith(store, path, (bytes, file) => reader(bytes, file, names), []);
  const flows = once(() => open(flowsPath, readers.flows));
  const groups = once(() => open(paths.get('groups'), readers.groups));
  const meters = once(() => open(paths.get('meters'), readers.meters));
  const fdb = once(() => readWith(store, paths.get('fdb'), readFdb, []));
  const version = once(() => {
    const bytes = flowsPath === undefined ? undefined : bytesAt(store, flowsPath);
    return (bytes === undefined ? null : dumpVersion(bytes)) ?? '1.0';
  });
  const { ports: _, mirrors, externalIds: __, ...rest } = row;
  return {
    ...rest,
    mirrors,
    get datapathId() {
      return row.datapathId === '' ? shown().datapathId : row.datapathId;
    },
    get ports() {
      return ports();
    },
    get flows() {
      return flows();
    },
    get groups() {
      return groups();
    },
    get meters() {
      return meters();
    },
    get fdb() {
      return fdb();
    },
    get tlvMap() {
      return tlvMap();
    },
    get dumpVersion() {
      return version();
    },
  };
}

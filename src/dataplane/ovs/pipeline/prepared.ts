/**
 * A switch prepared for many packets: ports by number, tables compiled, NORMAL's bundles, groups.
 * Built once per `Switch`; nothing here changes while packets pass (that is `SwitchState`).
 */
import { type Rule, type Table } from '../../../traffic/table.ts';
import { type Flow, type Group } from '../types/flow.ts';
import { type Bridge, type Mirror, type Port, type Switch } from '../types/switch.ts';
import { type PreparedAction, prepareActions } from './actions.ts';
import { FlowRule, type PreparedFlow } from './prepared-flow.ts';

/** OpenFlow number of a bridge's own internal port. */
export const LOCAL_PORT = 0xfffe;

export interface PreparedSwitch {
  readonly source: Switch;
  readonly bridges: ReadonlyMap<string, PreparedBridge>;
  /** Ports by interface name. */
  readonly ports: ReadonlyMap<string, PreparedPort>;
  /** Tunnel ports of all bridges, in the order of the dump. */
  readonly tunnels: readonly PreparedPort[];
}

export interface PreparedBridge {
  readonly name: string;
  readonly source: Bridge;
  readonly ports: ReadonlyMap<number, PreparedPort>;
  /** Port rows by name. */
  readonly bundles: ReadonlyMap<string, Bundle>;
  /** Port rows to which NORMAL may flood a VLAN, by its outer tag alone. */
  readonly flooded: (vlan: number) => readonly Bundle[];
  /** The flow table of that number; undefined when it holds no flow. */
  readonly table: (table: number) => Table<PreparedFlow> | undefined;
  readonly groups: ReadonlyMap<number, PreparedGroup>;
  readonly meters: ReadonlySet<number>;
  readonly mirrors: readonly PreparedMirror[];
  readonly forwardBpdu: boolean;
  readonly macAging_us: number;
}

export interface PreparedPort {
  readonly name: string;
  readonly ofport: number;
  readonly source: Port;
  readonly bridge: PreparedBridge;
  readonly bundle: Bundle;
  /** The far end of a patch port. */
  readonly peer: () => PreparedPort | null;
  readonly noForward: boolean;
  readonly noReceive: boolean;
  readonly noFlood: boolean;
  /** Carrier and administrative state: what `watch_port` and bundles look at. */
  readonly enabled: boolean;
}

/** A Port row: one interface, or the members of a bond (what NORMAL sends to and learns). */
export interface Bundle {
  readonly name: string;
  readonly members: readonly PreparedPort[];
  readonly first: Port;
  readonly floodable: boolean;
  readonly trunks: ReadonlySet<number> | null;
  readonly cvlans: ReadonlySet<number> | null;
  /** Bits of the mirrors that select this bundle, and of those that send to it. */
  readonly mirrorSource: number;
  readonly mirrorDestination: number;
  readonly mirrorOutput: number;
}

export interface PreparedMirror {
  readonly source: Mirror;
  readonly bit: number;
  /** This mirror and those with the same output. */
  readonly duplicates: number;
  readonly vlans: ReadonlySet<number> | null;
  readonly output: () => Bundle | null;
}

export interface PreparedGroup {
  readonly source: Group;
  readonly buckets: readonly PreparedBucket[];
}

export interface PreparedBucket {
  readonly id: number;
  readonly weight: number;
  readonly watchPort: number | null;
  readonly watchGroup: number | null;
  readonly actions: () => readonly PreparedAction[];
}

/** How a table is built from its rules; the linear scan and the diagram obey the same contract. */
export type MakeTable = <E>(rules: readonly Rule<E>[]) => Table<E>;

function lazy<T>(make: () => T): () => T {
  let value: { readonly is: T } | null = null;
  return () => {
    value ??= { is: make() };
    return value.is;
  };
}

/** Tables are compiled one by one, when a packet first comes to them. */
function lazyTables(
  bridge: Bridge,
  make: MakeTable,
): (table: number) => Table<PreparedFlow> | undefined {
  const byTable = lazy(() => {
    const flows = new Map<number, Flow[]>();
    for (const flow of flowsOf(bridge)) {
      const list = flows.get(flow.table);
      if (list === undefined) flows.set(flow.table, [flow]);
      else list.push(flow);
    }
    return flows;
  });
  const compiled: (Table<PreparedFlow> | null | undefined)[] = [];
  return (table) => {
    let found = compiled[table];
    if (found === undefined) {
      const flows = byTable().get(table);
      found = flows === undefined ? null : make(flows.map((flow) => new FlowRule(flow, bridge)));
      compiled[table] = found;
    }
    return found ?? undefined;
  };
}

/** A standalone bridge without any flow forwards as a learning switch (ovs-vsctl(8) fail_mode). */
function flowsOf(bridge: Bridge): readonly Flow[] {
  if (bridge.flows.length > 0 || bridge.failMode === 'secure') return bridge.flows;
  return [
    {
      table: 0,
      priority: 0,
      cookie: 0n,
      tests: [],
      opaque: [],
      actions: [{ kind: 'output', port: 0xfffa, maxLength: null }],
      idle_timeout_s: 0,
      hard_timeout_s: 0,
      importance: 0,
      flags: [],
      statistics: null,
      origin: bridge.origin,
    },
  ];
}

function prepareGroup(group: Group, bridge: Bridge): PreparedGroup {
  return {
    source: group,
    buckets: group.buckets.map((bucket, i) => ({
      id: bucket.id ?? i,
      weight: bucket.weight,
      watchPort: bucket.watchPort,
      watchGroup: bucket.watchGroup,
      actions: lazy(() => prepareActions(bucket.actions, null, bridge)),
    })),
  };
}

/** Mirror bits: which mirrors select, and which use, the Port row of that name. */
function mirrorBits(
  bridge: Bridge,
  name: string,
): Pick<Bundle, 'mirrorSource' | 'mirrorDestination' | 'mirrorOutput'> {
  let mirrorSource = 0;
  let mirrorDestination = 0;
  let mirrorOutput = 0;
  for (const [i, mirror] of bridge.mirrors.entries()) {
    const bit = 1 << i;
    if (mirror.selectAll || mirror.selectSrc.includes(name)) mirrorSource |= bit;
    if (mirror.selectAll || mirror.selectDst.includes(name)) mirrorDestination |= bit;
    if (mirror.outputPort === name) mirrorOutput |= bit;
  }
  return { mirrorSource, mirrorDestination, mirrorOutput };
}

function prepareMirrors(bridge: Bridge, bundles: ReadonlyMap<string, Bundle>): PreparedMirror[] {
  return bridge.mirrors.map((mirror, i) => ({
    source: mirror,
    bit: 1 << i,
    duplicates: bridge.mirrors.reduce(
      (bits, other, j) =>
        other.outputPort === mirror.outputPort && other.outputVlan === mirror.outputVlan
          ? bits | (1 << j)
          : bits,
      0,
    ),
    vlans: mirror.selectVlans.length === 0 ? null : new Set(mirror.selectVlans),
    output: lazy(() => bundles.get(mirror.outputPort ?? '') ?? null),
  }));
}

/** A port with a native VLAN always carries that and never VLAN 0 (ofproto-dpif.c bundle_set()). */
function trunksOf({ vlan }: Port): ReadonlySet<number> | null {
  const native = vlan.mode === 'native-tagged' || vlan.mode === 'native-untagged';
  if (!native || vlan.tag === null || vlan.tag === 0) {
    return vlan.trunks.length === 0 ? null : new Set(vlan.trunks);
  }
  const listed = vlan.trunks.length === 0 ? EVERY_VLAN : vlan.trunks;
  return new Set([...listed, vlan.tag].filter((vid) => vid !== 0));
}

const EVERY_VLAN: readonly number[] = Array.from({ length: 4096 }, (_, vid) => vid);

function prepareBundle(bridge: Bridge, first: Port, members: readonly PreparedPort[]): Bundle {
  return {
    name: first.bundle,
    members,
    first,
    floodable: !first.config.includes('NO_FLOOD'),
    trunks: trunksOf(first),
    cvlans: first.vlan.cvlans.length === 0 ? null : new Set(first.vlan.cvlans),
    ...mirrorBits(bridge, first.bundle),
  };
}

interface Building {
  readonly bridge: PreparedBridge;
  readonly ports: Map<number, PreparedPort>;
  readonly bundles: Map<string, Bundle>;
}

function preparePorts(building: Building, byName: Map<string, PreparedPort>): void {
  const { bridge, ports, bundles } = building;
  const rowsByName = new Map<string, { bundle: Bundle; members: PreparedPort[] }>();
  const rows = bridge.source.ports.some((port) => port.ofport === LOCAL_PORT)
    ? bridge.source.ports
    : [...bridge.source.ports, localPort(bridge.source)];
  for (const source of rows) {
    if (source.ofport < 0) continue;
    let row = rowsByName.get(source.bundle);
    if (row === undefined) {
      const members: PreparedPort[] = [];
      row = { bundle: prepareBundle(bridge.source, source, members), members };
      rowsByName.set(source.bundle, row);
      bundles.set(source.bundle, row.bundle);
    }
    const port: PreparedPort = {
      name: source.name,
      ofport: source.ofport,
      source,
      bridge,
      bundle: row.bundle,
      peer: lazy(() => (source.peer === null ? null : (byName.get(source.peer) ?? null))),
      noForward: source.config.includes('NO_FWD'),
      noReceive: source.config.includes('NO_RECV'),
      noFlood: source.config.includes('NO_FLOOD'),
      enabled: source.adminUp && source.linkUp && !source.config.includes('PORT_DOWN'),
    };
    row.members.push(port);
    ports.set(port.ofport, port);
    byName.set(port.name, port);
  }
}

/** Every bridge has its own internal port, also when the dump does not list it. */
function localPort(bridge: Bridge): Port {
  return {
    name: bridge.name,
    ofport: LOCAL_PORT,
    type: 'internal',
    peer: null,
    mac: 0n,
    bundle: bridge.name,
    vlan: {
      mode: 'trunk',
      tag: null,
      trunks: [],
      cvlans: [],
      priorityTags: 'never',
      qinqEthertype: 0x88a8,
    },
    tunnel: null,
    bond: null,
    adminUp: true,
    linkUp: true,
    config: [],
    protected: false,
    mtu: null,
    externalIds: {},
    otherConfig: {},
  };
}

/** Found once for each VLAN that is flooded; the port rows are complete by then. */
function floodedBy(bundles: ReadonlyMap<string, Bundle>): (vlan: number) => readonly Bundle[] {
  const byVlan = new Map<number, readonly Bundle[]>();
  return (vlan) => {
    let found = byVlan.get(vlan);
    if (found === undefined) {
      found = [...bundles.values()].filter(
        (one) => one.floodable && one.mirrorOutput === 0 && mayCarry(one, vlan),
      );
      byVlan.set(vlan, found);
    }
    return found;
  };
}

function mayCarry({ first, trunks }: Bundle, vlan: number): boolean {
  const { mode, tag } = first.vlan;
  if (mode === 'access' || mode === 'dot1q-tunnel') return vlan === (tag ?? 0);
  return trunks === null || trunks.has(vlan);
}

function prepareBridge(
  source: Bridge,
  byName: Map<string, PreparedPort>,
  make: MakeTable,
): PreparedBridge {
  const ports = new Map<number, PreparedPort>();
  const bundles = new Map<string, Bundle>();
  const bridge: PreparedBridge = {
    name: source.name,
    source,
    ports,
    bundles,
    flooded: floodedBy(bundles),
    table: lazyTables(source, make),
    groups: new Map(source.groups.map((group) => [group.id, prepareGroup(group, source)])),
    meters: new Set(source.meters.flatMap(({ id }) => (typeof id === 'number' ? [id] : []))),
    mirrors: prepareMirrors(source, bundles),
    forwardBpdu: source.otherConfig['forward-bpdu'] === 'true',
    macAging_us: Number(source.otherConfig['mac-aging-time'] ?? 300) * 1e6,
  };
  preparePorts({ bridge, ports, bundles }, byName);
  return bridge;
}

/**
 * Prepares a switch. Tables are compiled when they are first asked.
 * @param make how tables are built: `compileTable`, or `linearTable` for few lookups.
 */
export function prepareSwitch(source: Switch, make: MakeTable): PreparedSwitch {
  const ports = new Map<string, PreparedPort>();
  const bridges = new Map<string, PreparedBridge>();
  for (const bridge of source.bridges) bridges.set(bridge.name, prepareBridge(bridge, ports, make));
  return {
    source,
    bridges,
    ports,
    tunnels: [...ports.values()].filter((port) => port.source.tunnel !== null),
  };
}

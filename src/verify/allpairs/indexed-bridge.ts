/**
 * A bridge as the engine runs frames through it: its tables arranged, its ports and dumped
 * addresses at hand. Before: `flow-index.ts`. After: `bridge-run.ts`.
 */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { field } from '../../packet/fields.ts';
import { type Asked } from './asks.ts';
import { addFlow, emptyIndex, type FlowIndex } from './flow-index.ts';
import { NotCarried } from './frame.ts';
import { type Cell, emptyCell, type Upkeep } from './upkeep.ts';

/** A bridge whose tables are arranged for frames. */
export interface IndexedBridge {
  readonly host: string;
  readonly name: string;
  readonly tables: Map<number, FlowIndex>;
  readonly ports: ReadonlyMap<number, Port>;
  /** Dumped addresses as `VLAN MAC` → port. */
  readonly addresses: ReadonlyMap<string, number>;
  readonly naming: Naming;
  /** How many flows there are. */
  count: number;
  readonly upkeep: Upkeep;
  /** Why nothing through this bridge is carried; null for nothing. */
  readonly refused: string | null;
  /** By VLAN: the ports that a frame of it is flooded to. */
  readonly floods: Map<number, readonly Port[]>;
  /** Ports of which only the VLAN settings are known, by a negative number that stands for them. */
  readonly likes: Map<number, Port>;
}

/** Which destinations flows ask for. */
export interface Naming {
  /** MAC addresses that flows or dumped addresses name as destination, and how many do. */
  readonly macs: Map<number, number>;
  /** How many flows ask for a part of a destination beside the group bit. */
  parts: number;
  /** What was made with it. */
  readonly cell: Cell<null>;
}

/** Numbers of kinds of ports are below those that stand for open words of frames. */
const FIRST_LIKE = -16;

/** Stands for every port of a bridge with the VLAN settings of this one; undefined: no such port. */
export function likeOf({ ports, likes }: IndexedBridge, ofport: number): number | undefined {
  const port = ports.get(ofport);
  if (port === undefined) return undefined;
  for (const [number, { vlan }] of likes) if (sameVlans(vlan, port.vlan)) return number;
  const number = FIRST_LIKE - likes.size;
  likes.set(number, port);
  return number;
}

function sameVlans(a: Port['vlan'], b: Port['vlan']): boolean {
  return (
    a.mode === b.mode &&
    a.tag === b.tag &&
    a.priorityTags === b.priorityTags &&
    a.trunks.length === b.trunks.length &&
    a.trunks.every((one, i) => one === b.trunks[i])
  );
}

const ETH_DST = field('eth_dst');
const ALL_MAC = 0xffff_ffff_ffffn;
const GROUP_BIT = 1n << 40n;

/** The bridge; its flows are read when the first frame comes into it. */
export function indexBridge(
  host: string,
  bridge: Bridge,
  asked: Asked,
  upkeep: Upkeep,
): IndexedBridge {
  return new BridgeOfDump(host, bridge, asked, upkeep);
}

/** What is made of a bridge's flows and dumped addresses. */
interface Arranged {
  readonly tables: Map<number, FlowIndex>;
  readonly addresses: ReadonlyMap<string, number>;
  readonly naming: Naming;
  readonly refused: string | null;
  count: number;
}

class BridgeOfDump implements IndexedBridge {
  readonly name: string;
  readonly ports: ReadonlyMap<number, Port>;
  readonly floods = new Map<number, readonly Port[]>();
  readonly likes = new Map<number, Port>();
  readonly host: string;
  readonly upkeep: Upkeep;
  private readonly bridge: Bridge;
  private readonly asked: Asked;
  private arranged: Arranged | null = null;

  constructor(host: string, bridge: Bridge, asked: Asked, upkeep: Upkeep) {
    this.host = host;
    this.name = bridge.name;
    this.ports = new Map(bridge.ports.map((port) => [port.ofport, port]));
    this.upkeep = upkeep;
    this.bridge = bridge;
    this.asked = asked;
  }

  private get own(): Arranged {
    this.arranged ??= arrange(this.bridge, this.asked, this.upkeep);
    return this.arranged;
  }

  get tables(): Map<number, FlowIndex> {
    return this.own.tables;
  }

  get addresses(): ReadonlyMap<string, number> {
    return this.own.addresses;
  }

  get naming(): Naming {
    return this.own.naming;
  }

  get refused(): string | null {
    return this.own.refused;
  }

  get count(): number {
    return this.own.count;
  }

  set count(count: number) {
    this.own.count = count;
  }
}

function arrange(bridge: Bridge, asked: Asked, upkeep: Upkeep): Arranged {
  const tables = new Map<number, FlowIndex>();
  let refused = refusal(bridge);
  if (refused === null) {
    try {
      for (const flow of bridge.flows) {
        let table = tables.get(flow.table);
        if (table === undefined) {
          table = emptyIndex(upkeep);
          tables.set(flow.table, table);
        }
        addFlow(table, flow, asked);
      }
    } catch (error) {
      if (!(error instanceof NotCarried)) throw error;
      refused = error.message;
    }
  }
  const addresses = new Map<string, number>();
  const naming: Naming = { macs: new Map(), parts: 0, cell: emptyCell() };
  const { macs } = naming;
  for (const { vlan, mac, port } of bridge.fdb) {
    addresses.set(`${vlan} ${mac}`, port);
    macs.set(Number(mac), (macs.get(Number(mac)) ?? 0) + 1);
  }
  for (const flow of bridge.flows) nameBy(naming, flow, 1);
  return { tables, addresses, naming, refused, count: bridge.flows.length };
}

/** A table of a bridge; where flows may come it is there before its first one. */
export function tableOf({ tables, upkeep }: IndexedBridge, table: number): FlowIndex | undefined {
  let found = tables.get(table);
  if (found === undefined && upkeep.on) {
    found = emptyIndex(upkeep);
    tables.set(table, found);
  }
  return found;
}

/**
 * Counts what a flow asks of destinations.
 * @param count 1 for a flow that is there, -1 for one that is taken away
 * @returns whether other destinations are named than before
 */
export function nameBy(naming: Naming, { tests }: Flow, count: 1 | -1): boolean {
  for (let i = 0; i < tests.length; i++) {
    const { field: of, value, mask } = tests[i]!;
    if (of !== ETH_DST) continue;
    if (mask === ALL_MAC) {
      const before = naming.macs.get(Number(value)) ?? 0;
      if (before + count === 0) naming.macs.delete(Number(value));
      else naming.macs.set(Number(value), before + count);
      return before === 0 || before + count === 0;
    }
    if (mask === GROUP_BIT) return false;
    naming.parts += count;
    return true;
  }
  return false;
}

function refusal(bridge: Bridge): string | null {
  if (bridge.flows.length === 0) return 'a bridge without flows';
  if (bridge.mirrors.length > 0) return 'mirrors';
  if (bridge.multicastSnooping) return 'multicast snooping';
  if (bridge.floodVlans.length > 0) return 'flood VLANs';
  const bundles = new Set<string>();
  for (const { bundle, protected: alone } of bridge.ports) {
    if (bundles.has(bundle)) return 'bonds';
    if (alone) return 'protected ports';
    bundles.add(bundle);
  }
  return null;
}

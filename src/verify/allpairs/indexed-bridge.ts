/**
 * A bridge as the engine runs frames through it: its tables arranged, its ports and dumped
 * addresses at hand. Before: `flow-index.ts`. After: `bridge-run.ts`.
 */
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { field } from '../../packet/fields.ts';
import { type Asked } from './asks.ts';
import { addFlow, emptyIndex, type FlowIndex } from './flow-index.ts';
import { NotCarried } from './frame.ts';

/** A bridge whose tables are arranged for frames. */
export interface IndexedBridge {
  readonly host: string;
  readonly name: string;
  readonly tables: Map<number, FlowIndex>;
  readonly ports: ReadonlyMap<number, Port>;
  /** Dumped addresses as `VLAN MAC` → port. */
  readonly addresses: ReadonlyMap<string, number>;
  /** MAC addresses that flows or dumped addresses name as destination. */
  readonly named: ReadonlySet<number>;
  /** Some flow asks for a part of a destination beside the group bit. */
  readonly namesParts: boolean;
  /** Why nothing through this bridge is carried; null for nothing. */
  readonly refused: string | null;
  /** By VLAN: the ports that a frame of it is flooded to. */
  readonly floods: Map<number, readonly Port[]>;
  /** Ports of which only the VLAN settings are known, by a negative number that stands for them. */
  readonly likes: Map<number, Port>;
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

export function indexBridge(host: string, bridge: Bridge, asked: Asked): IndexedBridge {
  const tables = new Map<number, FlowIndex>();
  let refused = refusal(bridge);
  if (refused === null) {
    try {
      for (const flow of bridge.flows) {
        let table = tables.get(flow.table);
        if (table === undefined) {
          table = emptyIndex();
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
  const named = new Set<number>();
  for (const { vlan, mac, port } of bridge.fdb) {
    addresses.set(`${vlan} ${mac}`, port);
    named.add(Number(mac));
  }
  let namesParts = false;
  for (const { tests } of bridge.flows) {
    for (let i = 0; i < tests.length; i++) {
      const { field: of, value, mask } = tests[i]!;
      if (of !== ETH_DST) continue;
      if (mask === ALL_MAC) named.add(Number(value));
      else if (mask !== GROUP_BIT) namesParts = true;
    }
  }
  const ports = new Map(bridge.ports.map((port) => [port.ofport, port]));
  return {
    host,
    name: bridge.name,
    tables,
    ports,
    addresses,
    named,
    namesParts,
    refused,
    floods: new Map(),
    likes: new Map(),
  };
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

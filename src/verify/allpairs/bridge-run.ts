/**
 * A frame's way through the tables of one bridge, to the ports it leaves by: the actions that
 * Neutron's agents install, in the order of ofproto-dpif-xlate.c do_xlate_actions(). Whatever
 * else a flow does is not carried. Before: `flow-index.ts`. After: `forwarding.ts`.
 */
import { type Action, type Ct, type Flow, RESERVED_PORTS } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { CT_STATE, type Field, type FieldBits } from '../../packet/fields.ts';
import { NOWHERE, type Regions } from '../../traffic/sets/regions.ts';
import { wordBits } from '../../traffic/words.ts';
import { addFlow, emptyIndex, type FlowIndex, lookUp } from './flow-index.ts';
import {
  copyOf,
  type Frame,
  KNOWN,
  NotCarried,
  OPEN,
  OTHER,
  readMac,
  SYMBOLIC,
  slotOf,
  W,
} from './frame.ts';

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
}

/** Where a frame leaves the bridge, and the zones in which its connection is now known. */
export interface Leaving {
  readonly port: number;
  readonly frame: Frame;
  readonly zones: readonly number[];
  /** A dumped address decided: it has to lead to somebody, else it may be stale. */
  readonly dumped: boolean;
}

const ALL_MAC = 0xffff_ffff_ffffn;
const GROUP_BIT = 1n << 40n;
const NEW = CT_STATE.trk | CT_STATE.new;
const ARP_OR_IP = [0x0806, 0x0800];
/** OVS refuses deeper recursion (MAX_DEPTH). */
const MAX_DEPTH = 64;
const VLAN_PRESENT = 0x1000;

export function indexBridge(host: string, bridge: Bridge): IndexedBridge {
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
        addFlow(table, flow);
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
    for (const { field: of, value, mask } of tests) {
      if (of.name !== 'eth_dst') continue;
      if (mask === ALL_MAC) named.add(Number(value));
      else if (mask !== GROUP_BIT) namesParts = true;
    }
  }
  const ports = new Map(bridge.ports.map((port) => [port.ofport, port]));
  return { host, name: bridge.name, tables, ports, addresses, named, namesParts, refused };
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

interface Walk {
  readonly regions: Regions;
  readonly bridge: IndexedBridge;
  readonly out: Leaving[];
  zones: readonly number[];
  depth: number;
}

/** Sends a frame through the tables of the bridge; the frame stands in `in_port`. */
export function runBridge(
  regions: Regions,
  bridge: IndexedBridge,
  frame: Frame,
): readonly Leaving[] {
  if (bridge.refused !== null) throw new NotCarried(bridge.refused);
  const walk: Walk = { regions, bridge, out: [], zones: [], depth: 0 };
  enterTable(walk, 0, frame);
  return walk.out;
}

function enterTable(walk: Walk, table: number, frame: Frame): void {
  if (++walk.depth > MAX_DEPTH) throw new NotCarried('too many resubmissions');
  const index = walk.bridge.tables.get(table);
  if (index !== undefined) {
    const found = lookUp(walk.regions, index, frame);
    const { zones } = walk;
    for (let i = 0; i < found.length; i++) {
      const { flow, where } = found[i]!;
      walk.zones = zones;
      // The last part may have the frame for itself.
      const part = i + 1 < found.length ? copyOf(frame) : frame;
      part.where = where;
      act(walk, flow, part);
    }
  }
  walk.depth--;
}

function act(walk: Walk, flow: Flow, frame: Frame): void {
  const { actions } = flow;
  for (let i = 0; i < actions.length; i++) {
    if (frame.where === NOWHERE) return;
    one(walk, actions[i]!, frame, i === actions.length - 1);
  }
}

function one(walk: Walk, action: Action, frame: Frame, last: boolean): void {
  switch (action.kind) {
    case 'drop':
    case 'note':
    case 'learn':
      // What is learned leads back to where a frame came from: an exact entry or a flood do, too.
      return;
    case 'output':
      return output(walk, action.port, last ? frame : copyOf(frame));
    case 'resubmit':
      if (action.ct || (action.port !== null && action.port !== RESERVED_PORTS.IN_PORT)) break;
      // What the table does to the frame is seen by the actions behind it.
      return enterTable(walk, action.table ?? 0, resumed(frame, last));
    case 'goto-table':
      return enterTable(walk, action.table, frame);
    case 'set-field':
      if (
        action.field.name.startsWith('reg') ||
        action.field.metadata ||
        isWritable(action.field)
      ) {
        return write(frame, action);
      }
      break;
    case 'move':
      return move(frame, action.from, action.to);
    case 'pop-vlan':
      if ((frame.words[W.vlan]! & VLAN_PRESENT) !== 0) frame.words[W.vlan] = 0;
      return;
    case 'push-vlan':
      if (action.etherType !== 0x8100 || frame.words[W.vlan] !== 0) break;
      frame.words[W.vlan] = VLAN_PRESENT;
      return;
    case 'set-vlan-vid':
      frame.words[W.vlan] = ((frame.words[W.vlan]! & 0xe000) | VLAN_PRESENT | action.vid) >>> 0;
      return;
    case 'ct-clear':
      for (const at of [W.ctState, W.ctZone, W.ctMark]) frame.words[at] = 0;
      return;
    case 'ct':
      return track(walk, action.ct, frame, last);
    default:
  }
  throw new NotCarried(`the action ${action.kind}`);
}

/**
 * A table entered by resubmit may change the frame for what stands behind it. Flows of agents
 * that do so enter it last, but for the accepting rules that also tell table 91 to 94.
 */
function resumed(frame: Frame, last: boolean): Frame {
  return last ? frame : copyOf(frame);
}

const WRITABLE = new Set([
  'eth_src',
  'eth_dst',
  'vlan_vid',
  'vlan_tci',
  'arp_op',
  'arp_sha',
  'arp_spa',
  'arp_tha',
  'arp_tpa',
]);

function isWritable({ name }: Field): boolean {
  return WRITABLE.has(name);
}

/** A store as words of frames; made once for each action. */
interface Store {
  readonly name: string;
  readonly whole: boolean;
  readonly bits: readonly {
    readonly slot: number;
    readonly mask: number;
    readonly value: number;
  }[];
}

type SetField = Extract<Action, { kind: 'set-field' }>;

const stores = new WeakMap<SetField, Store>();

function storeOf(action: SetField): Store {
  let found = stores.get(action);
  if (found === undefined) {
    const { field: of, value, mask } = action;
    const bits = wordBits(of, value, mask).map((one) => ({ ...one, slot: slotOf(one.word) }));
    found = { name: of.name, whole: mask === 2n ** BigInt(of.width) - 1n, bits };
    stores.set(action, found);
  }
  return found;
}

function write({ words, known }: Frame, action: SetField): void {
  const { name, whole, bits } = storeOf(action);
  for (const { slot, mask, value } of bits) {
    if (known[slot] === SYMBOLIC || slot === OTHER) throw new NotCarried(`${name} is rewritten`);
    if (known[slot] !== KNOWN && !whole) throw new NotCarried(`a part of ${name}`);
    known[slot] = KNOWN;
    words[slot] = ((words[slot]! & ~mask) | value) >>> 0;
  }
}

/** Moves whole fields; what was open stays open. */
function move({ words, known }: Frame, from: FieldBits, to: FieldBits): void {
  const whole = from.width === from.field.width && to.width === to.field.width;
  if (!whole || from.width !== to.width || from.field.shift + to.field.shift > 0) {
    throw new NotCarried('a part of a field is moved');
  }
  for (let i = 0; i < Math.ceil(from.width / 32); i++) {
    const source = slotOf(from.field.word + i);
    const target = slotOf(to.field.word + i);
    if (source === OTHER || target === OTHER) throw new NotCarried('a field is moved');
    if (known[source] === SYMBOLIC || known[target] === SYMBOLIC) {
      throw new NotCarried('an address is moved');
    }
    words[target] = words[source]!;
    known[target] = known[source]!;
  }
}

/** A first packet is new to every zone (ovs-actions(7) ct). */
function track(walk: Walk, ct: Ct, frame: Frame, last: boolean): void {
  if (ct.nat !== null || ct.alg !== null || ct.force) throw new NotCarried('ct with nat');
  const zone = ct.zone.kind === 'value' ? ct.zone.zone : zoneIn(frame, ct.zone.from);
  if (walk.zones.includes(zone) && ct.table !== null) {
    throw new NotCarried('a zone is asked again');
  }
  if (frame.words[W.ethType] === ARP_OR_IP[0]) throw new NotCarried('ct of ARP');
  if (ct.commit) {
    for (const action of ct.exec) {
      if (action.kind !== 'set-field') throw new NotCarried('ct exec');
    }
    if (!walk.zones.includes(zone)) walk.zones = [...walk.zones, zone];
  }
  if (ct.table === null) return;
  const tracked = last ? frame : copyOf(frame);
  if (ct.commit && ct.exec.length > 0) throw new NotCarried('ct exec that goes on');
  tracked.words[W.ctState] = NEW;
  tracked.words[W.ctZone] = zone;
  tracked.words[W.ctMark] = 0;
  enterTable(walk, ct.table, tracked);
}

function zoneIn({ words, known }: Frame, { field, start, width }: FieldBits): number {
  const at = slotOf(field.word);
  if (known[at] !== KNOWN || field.width > 32 || start + width > 32) {
    throw new NotCarried('a zone that is not known');
  }
  return (words[at]! >>> start) & (2 ** width - 1);
}

function output(walk: Walk, port: number, frame: Frame): void {
  const inPort = frame.words[W.inPort]!;
  switch (port) {
    case RESERVED_PORTS.IN_PORT:
      return leave(walk, inPort, frame);
    case RESERVED_PORTS.NORMAL:
      return normal(walk, frame);
    case RESERVED_PORTS.NONE:
      return;
    default:
      if (port >= RESERVED_PORTS.UNSET) throw new NotCarried('a reserved port');
      if (port !== inPort) leave(walk, port, frame);
  }
}

function leave({ bridge, out, zones }: Walk, port: number, frame: Frame, dumped = false): void {
  const to = bridge.ports.get(port);
  if (to === undefined || isDown(to)) return;
  out.push({ port, frame, zones, dumped });
}

function isDown({ adminUp, linkUp, config }: Port): boolean {
  if (config.some((word) => word !== 'PORT_DOWN')) {
    throw new NotCarried('a port with settings of its own');
  }
  return config.length > 0 || !adminUp || !linkUp;
}

/** Forwards as a learning switch that knows what was dumped; elsewhere it floods. */
function normal(walk: Walk, frame: Frame): void {
  const { bridge } = walk;
  const { words, known } = frame;
  const inPort = words[W.inPort]!;
  const from = bridge.ports.get(inPort);
  if (from === undefined || words[W.vlan2] !== 0) throw new NotCarried('NORMAL from nowhere');
  const tci = words[W.vlan]!;
  const vid = tci & 0xfff;
  if ((tci & 0xe000) !== 0) throw new NotCarried('a priority tag');
  let vlan = vid;
  if (from.vlan.mode === 'access') {
    if (vid !== 0) return;
    vlan = from.vlan.tag ?? 0;
  } else if (!trunks(from, vid)) return;
  const open = known[W.ethDst] === OPEN;
  const dumped =
    open || bridge.addresses.size === 0
      ? undefined
      : bridge.addresses.get(`${vlan} ${readMac(words, W.ethDst)}`);
  if (open && bridge.addresses.size > 0) throw new NotCarried('the address decides');
  if (dumped === inPort) throw new NotCarried('an address behind the port it came from');
  for (const port of bridge.ports.values()) {
    if (port.ofport === inPort || port.ofport < 0 || !carries(port, vlan)) continue;
    if (dumped !== undefined && port.ofport !== dumped) continue;
    const copy = copyOf(frame);
    copy.words[W.vlan] = port.vlan.mode === 'access' || vlan === 0 ? 0 : VLAN_PRESENT | vlan;
    leave(walk, port.ofport, copy, dumped !== undefined);
  }
}

function carries(port: Port, vlan: number): boolean {
  return port.vlan.mode === 'access' ? (port.vlan.tag ?? 0) === vlan : trunks(port, vlan);
}

function trunks({ vlan: { mode, trunks: listed, priorityTags } }: Port, vid: number): boolean {
  if (mode !== 'trunk' && mode !== 'access') throw new NotCarried(`a port in mode ${mode}`);
  if (priorityTags !== 'never') throw new NotCarried('priority tags');
  return listed.length === 0 || listed.includes(vid);
}

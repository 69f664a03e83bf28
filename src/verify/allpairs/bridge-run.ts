/**
 * A frame's way through the tables of one bridge, to the ports it leaves by: the actions that
 * Neutron's agents install, in the order of ofproto-dpif-xlate.c do_xlate_actions(). Whatever
 * else a flow does is not carried. Before: `flow-index.ts`. After: `forwarding.ts`.
 */
import { type Action, type Ct, type Flow, RESERVED_PORTS } from '../../dataplane/ovs/types/flow.ts';
import { CT_STATE, type Field, type FieldBits } from '../../packet/fields.ts';
import { EVERYWHERE, NOWHERE, type Regions } from '../../traffic/sets/regions.ts';
import { wordBits } from '../../traffic/words.ts';
import { type FlowIndex, type Found, lookUp } from './flow-index.ts';
import {
  copyOf,
  type Frame,
  given,
  LATER,
  NEEDS_MORE,
  NeedsMore,
  NotCarried,
  OPEN,
  OTHER,
  SLOTS,
  SYMBOLIC,
  slotOf,
  W,
} from './frame.ts';
import { type IndexedBridge, tableOf } from './indexed-bridge.ts';
import { type Leaving, leave, normal, VLAN_PRESENT } from './normal.ts';

const NEW = CT_STATE.trk | CT_STATE.new;
const ARP_OR_IP = [0x0806, 0x0800];
/** OVS refuses deeper recursion (MAX_DEPTH). */
const MAX_DEPTH = 64;

/** No table: the frame stands before the learning switch, whose dumped addresses decide. */
export const AT_NORMAL = -1;

/** A frame that stands before a table which asks for what is given later. */
export interface Paused {
  readonly table: number;
  readonly frame: Frame;
  readonly zones: readonly number[];
  readonly depth: number;
}

/** How far frames go together that differ only in what is given later. */
export interface Together {
  readonly out: readonly Leaving[];
  readonly paused: readonly Paused[];
}

interface Walk {
  readonly regions: Regions;
  readonly bridge: IndexedBridge;
  readonly out: Leaving[];
  /** null: nothing is left for later. */
  readonly paused: Paused[] | null;
  zones: readonly number[];
  depth: number;
  /** Nothing is done to the frame behind the table that is entered. */
  tail: boolean;
}

/** Sends a frame through the tables of the bridge; the frame stands in `in_port`. */
export function runBridge(
  regions: Regions,
  bridge: IndexedBridge,
  frame: Frame,
): readonly Leaving[] {
  if (bridge.refused !== null) throw new NotCarried(bridge.refused);
  const walk = walkOf(regions, bridge, null);
  enterTable(walk, 0, frame);
  return walk.out;
}

/** The same from a table on that a flow of table 0 leads to, where something is given later. */
export function runTogether(
  regions: Regions,
  bridge: IndexedBridge,
  table: number,
  frame: Frame,
): Together {
  if (bridge.refused !== null) throw new NotCarried(bridge.refused);
  const paused: Paused[] = [];
  const walk = walkOf(regions, bridge, paused);
  walk.depth = table === 0 ? 0 : 1;
  enterTable(walk, table, frame);
  return { out: walk.out, paused };
}

/** Goes on with one frame of those that went together. */
export function goOn(
  regions: Regions,
  bridge: IndexedBridge,
  { table, frame, zones, depth }: Paused,
  from: Frame,
): readonly Leaving[] {
  const walk = walkOf(regions, bridge, null);
  walk.zones = zones;
  walk.depth = depth;
  if (table === AT_NORMAL) normal(walk, given(frame, from));
  else enterTable(walk, table, given(frame, from));
  return walk.out;
}

/** Goes on with one frame that stood before the learning switch. */
export function goOnNormal(
  regions: Regions,
  bridge: IndexedBridge,
  { zones }: Paused,
  frame: Frame,
): readonly Leaving[] {
  const walk = walkOf(regions, bridge, null);
  walk.zones = zones;
  normal(walk, frame);
  return walk.out;
}

/** Goes on with a flow that was found for a frame where others stood. */
export function goOnBy(
  regions: Regions,
  bridge: IndexedBridge,
  { zones, depth }: Paused,
  flow: Flow,
  frame: Frame,
): readonly Leaving[] {
  const walk = walkOf(regions, bridge, null);
  walk.zones = zones;
  walk.depth = depth + 1;
  act(walk, flow, frame);
  return walk.out;
}

function walkOf(regions: Regions, bridge: IndexedBridge, paused: Paused[] | null): Walk {
  return { regions, bridge, out: [], paused, zones: [], depth: 0, tail: true };
}

function enterTable(walk: Walk, table: number, frame: Frame): void {
  if (++walk.depth > MAX_DEPTH) throw new NotCarried('too many resubmissions');
  const index = tableOf(walk.bridge, table);
  if (index !== undefined) {
    const found = looked(walk, table, index, frame);
    const { zones, tail } = walk;
    for (let i = 0; i < found.length; i++) {
      const { flow, where } = found[i]!;
      walk.zones = zones;
      walk.tail = tail;
      // The last part may have the frame for itself.
      const part = i + 1 < found.length ? copyOf(frame) : frame;
      part.where = where;
      act(walk, flow, part);
    }
  }
  walk.depth--;
}

/** Looks the frame up, or leaves it standing before the table. */
function looked(walk: Walk, table: number, index: FlowIndex, frame: Frame): readonly Found[] {
  const { paused, tail, zones } = walk;
  if (paused === null || !tail) return lookUp(walk.regions, index, frame);
  try {
    return lookUp(walk.regions, index, frame);
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
    paused.push({ table, frame, zones, depth: walk.depth - 1 });
    return [];
  }
}

function act(walk: Walk, flow: Flow, frame: Frame): void {
  const { actions } = flow;
  const { tail } = walk;
  for (let i = 0; i < actions.length; i++) {
    if (frame.where === NOWHERE) return;
    const last = i === actions.length - 1;
    walk.tail = tail && last;
    one(walk, actions[i]!, frame, last);
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

function write({ words }: Frame, action: SetField): void {
  const { name, whole, bits } = storeOf(action);
  for (const { slot, mask, value } of bits) {
    const held = words[slot]!;
    if (held === SYMBOLIC || slot === OTHER) throw new NotCarried(`${name} is rewritten`);
    if (held < 0 && !whole) throw new NotCarried(`a part of ${name}`);
    words[slot] = held < 0 ? value : ((held & ~mask) | value) >>> 0;
  }
}

/** Moves whole fields; what was open stays open. */
function move({ words }: Frame, from: FieldBits, to: FieldBits): void {
  const whole = from.width === from.field.width && to.width === to.field.width;
  if (!whole || from.width !== to.width || from.field.shift + to.field.shift > 0) {
    throw new NotCarried('a part of a field is moved');
  }
  for (let i = 0; i < Math.ceil(from.width / 32); i++) {
    const source = slotOf(from.field.word + i);
    const target = slotOf(to.field.word + i);
    if (source === OTHER || target === OTHER) throw new NotCarried('a field is moved');
    if (words[source] === SYMBOLIC || words[target] === SYMBOLIC) {
      throw new NotCarried('an address is moved');
    }
    if (words[source] === LATER) throw NEEDS_MORE;
    words[target] = words[source]!;
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

function zoneIn({ words }: Frame, { field: of, start, width }: FieldBits): number {
  const at = slotOf(of.word);
  if (words[at]! < 0 || of.width > 32 || start + width > 32) {
    throw new NotCarried('a zone that is not known');
  }
  return (words[at]! >>> start) & (2 ** width - 1);
}

/** Whether a dumped address may decide that is given later. */
function isDecidedLater({ addresses }: IndexedBridge, { words }: Frame): boolean {
  return addresses.size > 0 && words[W.ethDst] === LATER;
}

function output(walk: Walk, port: number, frame: Frame): void {
  const inPort = frame.words[W.inPort]!;
  switch (port) {
    case RESERVED_PORTS.IN_PORT:
      if (inPort < 0) throw NEEDS_MORE;
      return leave(walk, inPort, frame);
    case RESERVED_PORTS.NORMAL:
      if (walk.paused !== null && isDecidedLater(walk.bridge, frame)) {
        walk.paused.push({ table: AT_NORMAL, frame, zones: walk.zones, depth: walk.depth });
        return;
      }
      return normal(walk, frame);
    case RESERVED_PORTS.NONE:
      return;
    default:
      if (port >= RESERVED_PORTS.UNSET) throw new NotCarried('a reserved port');
      if (port !== inPort) leave(walk, port, frame);
  }
}

/**
 * The table that table 0 sends all frames to that come in by a port and have an Ethernet type,
 * when it does nothing else to them; null when more than these decides.
 */
export function doorOf(
  regions: Regions,
  bridge: IndexedBridge,
  inPort: number,
  ethType: number,
): number | null {
  const index = tableOf(bridge, 0);
  if (index === undefined || bridge.refused !== null) return null;
  const words: number[] = new Array<number>(SLOTS).fill(OPEN);
  words[W.inPort] = inPort;
  words[W.ethType] = ethType;
  try {
    const [only, ...more] = lookUp(regions, index, { words, where: EVERYWHERE });
    const [action, ...others] = only?.flow.actions ?? [];
    if (only?.where !== EVERYWHERE || more.length + others.length > 0) return null;
    if (action?.kind === 'goto-table') return action.table;
    return action?.kind === 'resubmit' && !action.ct && action.port === null ? action.table : null;
  } catch (error) {
    if (error instanceof NotCarried || error instanceof NeedsMore) return null;
    throw error;
  }
}

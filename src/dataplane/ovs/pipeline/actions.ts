/**
 * Actions prepared for the hot path: constants as words, prerequisites as guards, nested lists.
 * Behind this stands `execute.ts`, which runs them in order.
 */
import { type Field, type FieldBits, field } from '../../../packet/fields.ts';
import { type Guard } from '../../../traffic/guard.ts';
import { type Assignment, assignment } from '../../../traffic/words.ts';
import { type Action, type Flow } from '../types/flow.ts';
import { type Bridge } from '../types/switch.ts';
import { HAS_PORTS, PREREQUISITES } from './conditions.ts';
import { type ActionStep } from './steps.ts';

/** What a written field means beside its bits. */
export type Target = 'plain' | 'vlan' | 'in-port';

/** An action with what is prepared of it. Reading `kind` here is fast: all have one shape. */
export type PreparedAction = Preparation & Kinds[Action['kind']];

type Kinds = {
  [K in Action['kind']]: { readonly kind: K; readonly action: Extract<Action, { kind: K }> };
};

interface Preparation {
  /** What set_field, load and the mod_* actions write. */
  readonly write: Assignment | null;
  /** What the packet must be; otherwise the action is skipped. */
  readonly needs: Guard | null;
  readonly sourceNeeds: Guard | null;
  readonly target: Target;
  /** Which bits of the mark and the label ct(exec()) writes. */
  readonly markMask: number;
  readonly labelMask: bigint;
  /** Actions inside of clone, write_actions and ct(exec()). */
  readonly nested: readonly PreparedAction[];
  /** Whether a clone of the list can be undone without the datapath's help. */
  readonly reversible: boolean;
  /** Whether it can follow pop_mpls without parsing the packet anew. */
  readonly afterPopMpls: boolean;
  /** set_vlan_vid, set_vlan_pcp: installed by OpenFlow 1.1+ without a tag in the match, it pushes. */
  readonly pushes: boolean;
  /** Nothing tells which OpenFlow version installed the flow, and a tagged packet would show it. */
  readonly versionMatters: boolean;
  /** The note that the action is about to be executed. */
  readonly step: ActionStep;
  /** A move in a learned flow: it reads the packet that the flow was learned from. */
  readonly remembered: boolean;
}

const VLAN_TCI = field('vlan_tci');
const VLAN_WORD = VLAN_TCI.word;
const PRESENT = 0x1000n;
const IN_PORT_WORD = field('in_port').word;
const NW_TOS = field('nw_tos');
const METADATA = field('metadata');
const TUN_ID = field('tun_id');

export function targetOf(of: Field): Target {
  if (of.word === VLAN_WORD) return 'vlan';
  return of.word === IN_PORT_WORD ? 'in-port' : 'plain';
}

/** `CONTROLLER` and `CONTROLLER:N` are outputs; controller() with more words is an action of its own. */
export function isControllerOutput(action: Action): boolean {
  if (action.kind !== 'controller') return false;
  const { reason, id, userdata, pause, meter } = action;
  return reason === 'action' && id === 0 && userdata === null && !pause && meter === null;
}

/** ofproto-dpif-xlate.c reversible_actions(): these cannot be undone by writing fields back. */
const IRREVERSIBLE: ReadonlySet<Action['kind']> = new Set([
  'ct',
  'meter',
  'encap',
  'decap',
  'dec-nsh-ttl',
]);

/** ofproto-dpif-xlate.c recirc_for_mpls(): these do not look behind the label stack. */
const BLIND: ReadonlySet<Action['kind']> = new Set([
  'output',
  'output-field',
  'enqueue',
  'set-vlan-vid',
  'set-vlan-pcp',
  'set-queue',
  'group',
]);

const L2_FIELDS: ReadonlySet<string> = new Set([
  'eth_src',
  'eth_dst',
  'vlan_tci',
  'vlan_vid',
  'vlan_pcp',
]);

function isReversible(action: Action): boolean {
  if (action.kind === 'output') return action.maxLength === null;
  return !IRREVERSIBLE.has(action.kind);
}

function isBlind(action: Action): boolean {
  if (isControllerOutput(action)) return true;
  if (action.kind !== 'set-field') return BLIND.has(action.kind);
  return action.field.metadata || L2_FIELDS.has(action.field.name);
}

/** The mod_tp_* actions write the ports of any IP packet, whatever its protocol. */
function setNeeds(action: Extract<Action, { kind: 'set-field' }>): Guard | null {
  if (action.spelling === 'mod_tp_src' || action.spelling === 'mod_tp_dst') return HAS_PORTS;
  return PREREQUISITES[action.field.prerequisite];
}

/** The tags that a packet has by then, as ovs-ofctl reckons (lib/ofp-actions.c ofpact_check__()). */
interface Tracked {
  outer: boolean;
  inner: boolean;
}

function fieldNeeds(bits: FieldBits): Guard | null {
  return PREREQUISITES[bits.field.prerequisite];
}

const NOTHING_NESTED: readonly PreparedAction[] = [];

function details(action: Action, tracked: Tracked, bridge: Bridge): Partial<Preparation> {
  switch (action.kind) {
    case 'set-field': {
      // The two low bits of the byte are ECN and stay (meta-flow.c mf_set_flow_value()).
      const mask = action.field === NW_TOS ? action.mask & 0xfcn : action.mask;
      if (action.field === VLAN_TCI) tracked.outer = (action.value & PRESENT) !== 0n;
      return {
        write: assignment(action.field, action.value & mask, mask),
        needs: setNeeds(action),
        target: targetOf(action.field),
      };
    }
    case 'move':
      return {
        needs: fieldNeeds(action.to),
        sourceNeeds: fieldNeeds(action.from),
        target: targetOf(action.to.field),
      };
    case 'pop':
      return { target: targetOf(action.to.field) };
    case 'write-metadata':
      return { write: assignment(METADATA, action.value & action.mask, action.mask) };
    case 'clone':
    case 'write-actions':
      return { nested: prepareList(action.actions, { ...tracked }, bridge) };
    case 'ct':
      return {
        nested: prepareList(action.ct.exec, tracked, bridge),
        ...execMasks(action.ct.exec),
      };
    case 'set-vlan-vid':
    case 'set-vlan-pcp': {
      const had = tracked.outer;
      tracked.outer = true;
      const old = bridge.dumpVersion === '1.0';
      return { pushes: !had && !old, versionMatters: !had && old };
    }
    case 'push-vlan':
      tracked.inner = tracked.outer;
      tracked.outer = true;
      return {};
    case 'pop-vlan':
      tracked.outer = tracked.inner;
      tracked.inner = false;
      return {};
    default:
      return {};
  }
}

/** Which bits of the mark and the label exec() writes. */
function execMasks(exec: readonly Action[]): { markMask: number; labelMask: bigint } {
  let mark = 0n;
  let label = 0n;
  for (const action of exec) {
    const [of, mask] =
      action.kind === 'set-field'
        ? [action.field, action.mask]
        : action.kind === 'move'
          ? [action.to.field, runMask(action.to)]
          : [null, 0n];
    if (of?.name === 'ct_mark') mark |= mask;
    if (of?.name === 'ct_label') label |= mask;
  }
  return { markMask: Number(mark), labelMask: label };
}

function runMask(bits: FieldBits): bigint {
  return ((1n << BigInt(bits.width)) - 1n) << BigInt(bits.start);
}

function prepareList(
  actions: readonly Action[],
  tracked: Tracked,
  bridge: Bridge,
): readonly PreparedAction[] {
  const { singles } = knownOf(bridge);
  return actions.map((action) => {
    const known = singles.get(action);
    if (known !== undefined) return known;
    const made = prepared(action, bridge, details(action, tracked, bridge));
    if (!looksAtTags(action)) singles.set(action, made);
    return made;
  });
}

/** These, and lists that hold them, depend on whether the packet has a tag by then. */
const LOOKS_AT_TAGS: ReadonlySet<Action['kind']> = new Set([
  'set-vlan-vid',
  'set-vlan-pcp',
  'push-vlan',
  'pop-vlan',
  'clone',
  'write-actions',
  'ct',
]);

function looksAtTags(action: Action): boolean {
  if (action.kind === 'set-field') return action.field === VLAN_TCI;
  return LOOKS_AT_TAGS.has(action.kind);
}

/** What is prepared of a bridge: a dump's flows share their actions, and so what is made of them. */
interface Known {
  readonly singles: WeakMap<Action, PreparedAction>;
  readonly tagged: WeakMap<readonly Action[], readonly PreparedAction[]>;
  readonly untagged: WeakMap<readonly Action[], readonly PreparedAction[]>;
}

const known = new WeakMap<Bridge, Known>();

function knownOf(bridge: Bridge): Known {
  let found = known.get(bridge);
  if (found === undefined) {
    found = { singles: new WeakMap(), tagged: new WeakMap(), untagged: new WeakMap() };
    known.set(bridge, found);
  }
  return found;
}

/** Every key is written out in one order: spreads would give every object a shape of its own. */
function prepared(action: Action, bridge: Bridge, more: Partial<Preparation>): PreparedAction {
  const all: Preparation & { readonly kind: Action['kind']; readonly action: Action } = {
    kind: action.kind,
    action,
    step: { kind: 'flow-action', bridge: bridge.name, action },
    write: more.write ?? null,
    needs: more.needs ?? null,
    target: more.target ?? 'plain',
    nested: more.nested ?? NOTHING_NESTED,
    sourceNeeds: more.sourceNeeds ?? null,
    markMask: more.markMask ?? 0,
    labelMask: more.labelMask ?? 0n,
    reversible: isReversible(action),
    afterPopMpls: isBlind(action) || (action.kind === 'set-field' && action.field === TUN_ID),
    pushes: more.pushes ?? false,
    versionMatters: more.versionMatters ?? false,
    remembered: false,
  };
  // The compiler cannot see that the kind is that of the action.
  return all as PreparedAction;
}

/**
 * Prepares a list of actions.
 * @param flow the flow they stand in, or null for the bucket of a group: whether its match has a
 *   VLAN tag decides what `mod_vlan_vid` was turned into (ofp-actions.c encode_SET_VLAN_VID()).
 */
export function prepareActions(
  actions: readonly Action[],
  flow: Pick<Flow, 'tests'> | null,
  bridge: Bridge,
): readonly PreparedAction[] {
  const hasTag =
    flow?.tests.some(
      ({ field: of, value }) => of.word === VLAN_WORD && of.shift === 0 && (value & PRESENT) !== 0n,
    ) ?? false;
  const lists = hasTag ? knownOf(bridge).tagged : knownOf(bridge).untagged;
  let list = lists.get(actions);
  if (list === undefined) {
    list = prepareList(actions, { outer: hasTag, inner: false }, bridge);
    lists.set(actions, list);
  }
  return list;
}

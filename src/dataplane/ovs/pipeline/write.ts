/**
 * Writing fields: set_field, load, mod_*, move, the stack, VLAN tags
 * (lib/meta-flow.c mf_set_flow_value(), lib/flow.c flow_push_vlan_uninit()).
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type Guard } from '../../../traffic/guard.ts';
import { assignment } from '../../../traffic/words.ts';
import { type PreparedAction } from './actions.ts';
import { IS_TAGGED, writeNumberTo } from './conditions.ts';
import { forkPart, type Part, remark, type Translation } from './part.ts';

const VLAN_TCI = field('vlan_tci');
const VLAN_TPID = field('vlan_tpid');
const VLAN_TCI2 = field('vlan_tci2');
const FRAME_LEN = field('frame_len');
const IN_PORT = field('in_port');
const TAG_BYTES = 4;
const NO_TPID = assignment(VLAN_TPID, 0n);
const NO_TCI = assignment(VLAN_TCI, 0n);
const VID_MASK = 0x0fffn;
const CFI = 0x1000n;
const PCP_MASK = 0xe000n;

/** Those parts of the traffic that meet the conditions are changed, the others stay as they are. */
function wherePossible<P>(
  x: Translation<P>,
  part: Part<P>,
  needs: readonly (Guard | null)[],
  change: (part: Part<P>) => Part<P>[],
): Part<P>[] {
  let able: P | null = part.p;
  const others: P[] = [];
  for (const guard of needs) {
    if (guard === null || able === null) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = x.t.split(able, guard);
    if (miss !== null) others.push(miss);
    able = hit;
  }
  if (able !== null && others.length === 0) {
    part.p = able;
    return change(part);
  }
  const results: Part<P>[] = [];
  if (able !== null) {
    const q = forkPart(part, able);
    q.p = able;
    results.push(...change(q));
  }
  for (const p of others) {
    const q = able === null && others.length === 1 ? part : forkPart(part, p);
    q.p = p;
    remark(x, q, 'the packet does not have the field; nothing is written');
    results.push(q);
  }
  return results;
}

/** set_field, load, mod_*: writes a constant where the packet has the field. */
export function write<P>(x: Translation<P>, part: Part<P>, prepared: PreparedAction): Part<P>[] {
  const assigned = prepared.write;
  if (assigned === null) return [part];
  if (prepared.needs === null && prepared.target === 'plain') {
    part.p = x.t.set(part.p, assigned);
    return [part];
  }
  return wherePossible(x, part, [prepared.needs], (q) =>
    written(x, q, prepared, (p) => x.t.set(p, assigned)),
  );
}

/** move: copies bits, from this packet or from the one a flow was learned from. */
export function move<P>(
  x: Translation<P>,
  part: Part<P>,
  prepared: PreparedAction,
  to: FieldBits,
  from: FieldBits,
): Part<P>[] {
  const source = prepared.remembered ? part.seen : null;
  const needs = prepared.remembered ? [prepared.needs] : [prepared.needs, prepared.sourceNeeds];
  return wherePossible(x, part, needs, (q) =>
    written(x, q, prepared, (p) => x.t.copy(p, to, source ?? p, from)),
  );
}

/** Writes, then does what the field means beside its bits. */
function written<P>(
  x: Translation<P>,
  part: Part<P>,
  { target }: Pick<PreparedAction, 'target'>,
  change: (p: P) => P,
): Part<P>[] {
  if (target === 'vlan') return writeTag(x, part, change);
  part.p = change(part.p);
  return target === 'in-port' ? readInPort(x, part) : [part];
}

/** in_port is a number to the pipeline: hairpin checks and NORMAL ask it. */
function readInPort<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  const cases = x.t.cases(part.p, { field: IN_PORT, start: 0, width: 32 }, 4096);
  if (cases === null) return [part];
  return cases.map(({ value, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    q.inPort = value;
    return q;
  });
}

/**
 * Changes the outermost tag. Bit 12 says whether there is one, so a write can make a tag appear
 * or vanish; then the frame grows or shrinks with it.
 */
function writeTag<P>(x: Translation<P>, part: Part<P>, change: (p: P) => P): Part<P>[] {
  const { t } = x;
  const { hit: tagged, miss: bare } = t.split(part.p, IS_TAGGED);
  const results: P[] = [];
  if (tagged !== null) {
    const { hit: still, miss: gone } = t.split(change(tagged), IS_TAGGED);
    if (still !== null) results.push(still);
    if (gone !== null) results.push(dropAllTags(x, gone));
  }
  if (bare !== null) {
    const { hit: made, miss: still } = t.split(change(bare), IS_TAGGED);
    if (made !== null) {
      results.push(t.add(t.set(made, writeNumberTo(VLAN_TPID, 0x8100)), FRAME_LEN, TAG_BYTES));
    }
    if (still !== null) results.push(still);
  }
  return asParts(part, results);
}

/** Without its outermost tag a frame has none: the datapath pops them all (commit_vlan_action()). */
function dropAllTags<P>(x: Translation<P>, p: P): P {
  const { t } = x;
  const inner = t.split(p, HAS_SECOND_TAG);
  const bare = (q: P) => t.add(t.set(t.set(q, NO_TPID), NO_TCI), FRAME_LEN, -TAG_BYTES);
  if (inner.hit === null) return bare(p);
  return bare(t.set(t.add(inner.hit, FRAME_LEN, -TAG_BYTES), writeNumberTo(VLAN_TCI2, 0)));
}

const HAS_SECOND_TAG: Guard = {
  ...IS_TAGGED,
  match: { kind: 'test', field: VLAN_TCI2, value: CFI, mask: CFI },
  test: (words) => (((words[VLAN_TCI2.word] ?? 0) & 0x1000) !== 0 ? 1 : 0),
};

function asParts<P>(part: Part<P>, results: readonly P[]): Part<P>[] {
  return results.map((p) => {
    const q = results.length === 1 ? part : forkPart(part, p);
    q.p = p;
    return q;
  });
}

export function pushVlan<P>(x: Translation<P>, part: Part<P>, etherType: number): Part<P>[] {
  part.p = x.t.push(part.p, 'vlan', etherType);
  return [part];
}

export function popVlan<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  const { hit: tagged, miss: bare } = x.t.split(part.p, IS_TAGGED);
  if (tagged === null) {
    part.p = bare ?? part.p;
    return [part];
  }
  const popped = x.t.pop(tagged, 'vlan');
  if (bare !== null) return asParts(part, [popped, bare]);
  part.p = popped;
  return [part];
}

/**
 * mod_vlan_vid and mod_vlan_pcp. A flow installed by OpenFlow 1.0 changes the tag or adds one; a
 * flow installed by 1.1 or later without a tag in its match pushes a tag in any case, because
 * ovs-ofctl sends push_vlan and set_field for it.
 */
export function setVlanPart<P>(
  x: Translation<P>,
  part: Part<P>,
  prepared: PreparedAction,
): Part<P>[] {
  const { action } = prepared;
  const value =
    action.kind === 'set-vlan-vid'
      ? assignment(VLAN_TCI, CFI | BigInt(action.vid), CFI | VID_MASK)
      : action.kind === 'set-vlan-pcp'
        ? assignment(VLAN_TCI, CFI | (BigInt(action.pcp) << 13n), CFI | PCP_MASK)
        : NO_TCI;
  if (prepared.pushes) {
    part.p = x.t.set(x.t.push(part.p, 'vlan', 0x8100), value);
    return [part];
  }
  if (prepared.versionMatters) sayVersion(x, part);
  return writeTag(x, part, (p) => x.t.set(p, value));
}

function sayVersion<P>(x: Translation<P>, part: Part<P>): void {
  const { hit: tagged } = x.t.split(x.t.fork(part.p), IS_TAGGED);
  if (tagged === null) return;
  const flow = part.flow?.flow;
  x.run.assume(
    'ASSUME_OPENFLOW_VERSION',
    `${part.bridge.name} table ${part.table}${
      flow === undefined ? '' : ` (${flow.origin.file}:${flow.origin.line})`
    }: mod_vlan_vid on a tagged packet is taken as installed by OpenFlow 1.0`,
  );
}

/** push:field[..]; the stack holds at most 64 kB (nx_stack_push()). */
export function pushStack<P>(part: Part<P>, source: P, from: FieldBits): Part<P>[] {
  part.stack = [...part.stack, { source, from }];
  part.stackBytes += Math.ceil(from.width / 8) + 1;
  return [part];
}

/** pop:field[..]; of an empty stack nothing is popped, and the action is skipped. */
export function popStack<P>(
  x: Translation<P>,
  part: Part<P>,
  to: FieldBits,
  prepared: PreparedAction,
): Part<P>[] {
  const top = part.stack.at(-1);
  if (top === undefined) {
    remark(x, part, 'the stack is empty; nothing is popped');
    return [part];
  }
  part.stack = part.stack.slice(0, -1);
  part.stackBytes -= Math.ceil(top.from.width / 8) + 1;
  const width = Math.min(to.width, top.from.width);
  const zero = assignment(to.field, 0n, ((1n << BigInt(to.width)) - 1n) << BigInt(to.start));
  return written(x, part, prepared, (p) =>
    x.t.copy(x.t.set(p, zero), { ...to, width }, top.source, { ...top.from, width }),
  );
}

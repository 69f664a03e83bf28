/** Flows that learn() made, of the emulation and of the live switch, in the same words. */
import {
  type LearnedFlow,
  type SwitchState,
} from '../../../../src/dataplane/ovs/pipeline/state.ts';
import { printActions } from '../../../../src/dataplane/ovs/text/actions.ts';
import { parseFlows } from '../../../../src/dataplane/ovs/text/flows.ts';
import { printTests } from '../../../../src/dataplane/ovs/text/print-match.ts';
import {
  type Action,
  type FieldTest,
  type Flow,
} from '../../../../src/dataplane/ovs/types/flow.ts';
import { type FieldBits } from '../../../../src/packet/fields.ts';
import { type Packet } from '../../../../src/traffic/one-packet.ts';
import { readField } from '../../../../src/traffic/words.ts';
import { type World } from './world.ts';

/** Tables that generated flows learn into. */
const TABLES = [10, 11];

function bitsOf({ words }: Packet, { field, start, width }: FieldBits): bigint {
  return (readField(words, field) >> BigInt(start)) & ((1n << BigInt(width)) - 1n);
}

/** The match with what the packet had, and the actions with constants. */
function concrete({ prepared, pairs, seen }: LearnedFlow<Packet>): Flow {
  const { flow } = prepared;
  const tests = [...flow.tests];
  for (const [to, from] of pairs) {
    const mask = ((1n << BigInt(to.width)) - 1n) << BigInt(to.start);
    tests.push({ field: to.field, value: bitsOf(seen, from) << BigInt(to.start), mask });
  }
  const actions = flow.actions.map((action): Action => {
    if (action.kind !== 'move') return action;
    const { to, from } = action;
    const mask = ((1n << BigInt(to.width)) - 1n) << BigInt(to.start);
    const value = bitsOf(seen, from) << BigInt(to.start);
    return { kind: 'set-field', field: to.field, value, mask, spelling: 'load' };
  });
  return { ...flow, ...placeOf(flow), tests: merged(tests), actions };
}

function placeOf({ statistics, origin }: Flow): Pick<Flow, 'statistics' | 'origin'> {
  return { statistics, origin };
}

/** Tests of the same field are one. */
function merged(tests: readonly FieldTest[]): FieldTest[] {
  const found = new Map<string, FieldTest>();
  for (const test of tests) {
    const old = found.get(test.field.name);
    const value = (old?.value ?? 0n) | test.value;
    found.set(test.field.name, { ...test, value, mask: (old?.mask ?? 0n) | test.mask });
  }
  return [...found.values()];
}

function textOf(flow: Flow): string {
  const tests = [...flow.tests].sort(
    (a, b) => a.field.word - b.field.word || b.field.shift - a.field.shift,
  );
  const timeouts = `idle ${flow.idle_timeout_s} hard ${flow.hard_timeout_s}`;
  const actions = flow.actions
    .filter(({ kind }) => kind !== 'drop')
    .map((action) =>
      action.kind === 'set-field'
        ? `${action.field.word}.${action.field.shift}=${action.value.toString(16)}/${action.mask.toString(16)}`
        : printActions([action]),
    );
  return `${flow.table} ${flow.priority} ${flow.cookie} ${timeouts} ${[...flow.flags].sort().join(' ')} ${printTests(tests)} ${actions.join(',')}`;
}

export function learnedTexts(state: SwitchState<Packet>): string[] {
  const learned =
    state.bridges.get('br0')?.learnedFlows ?? new Map<number, LearnedFlow<Packet>[]>();
  return TABLES.flatMap((table) =>
    (learned.get(table) ?? []).map((one) => textOf(concrete(one))),
  ).sort();
}

export async function realLearned(world: World): Promise<string[]> {
  const text = await world.dumpFlows('br0', { version: '15', names: false, statistics: false });
  const { value } = parseFlows(new TextEncoder().encode(text), 'learned');
  return value
    .filter(({ table }) => TABLES.includes(table))
    .map((flow) => textOf({ ...flow, ...placeOf(flow), tests: merged(flow.tests) }))
    .sort();
}

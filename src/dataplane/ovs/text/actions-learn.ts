/** learn(): a flow that writes flows (ovs-actions(7) "learn", lib/learn.c). */
import { type FieldBits } from '../../../packet/fields.ts';
import { type Action, type Learn, type LearnSource, type LearnSpec } from '../types/flow.ts';
import { type AnyRow, type Argument, row } from './action-row.ts';
import { arrow } from './actions-set.ts';
import { readFieldBits, writeBits } from './bits.ts';
import { FIELD_NAMES, KEYWORD_BY_FIELD } from './keywords.ts';
import {
  big,
  type Fault,
  fault,
  hex,
  isFault,
  looseNumber,
  ones,
  scanInteger,
  scanNumber,
} from './numbers.ts';
import { keyText, nextPair, pairCursor, valueText } from './pairs.ts';
import { readTable, readValue, writeValue } from './values.ts';
import { type NamedBits, type Reading, readBits } from './words.ts';

const LEARN: Learn = {
  table: 1,
  priority: 32768,
  cookie: 0n,
  idle_timeout_s: 0,
  hard_timeout_s: 0,
  fin_idle_timeout_s: 0,
  fin_hard_timeout_s: 0,
  flags: [],
  limit: 0,
  result: null,
  specs: [],
};

const NUMBERS: Readonly<Record<string, keyof Learn>> = {
  priority: 'priority',
  idle_timeout: 'idle_timeout_s',
  hard_timeout: 'hard_timeout_s',
  fin_idle_timeout: 'fin_idle_timeout_s',
  fin_hard_timeout: 'fin_hard_timeout_s',
  limit: 'limit',
};

const LEARN_WORDS = [
  ...Object.keys(NUMBERS),
  ...['table', 'cookie', 'send_flow_rem', 'delete_learned', 'result_dst', 'load', 'output'],
  ...FIELD_NAMES,
];

function readLearn(argument: Argument): Action | Fault {
  let learn = LEARN;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const part = learnPart(keyText(cursor), valueText(cursor), learn, argument.reading);
    if (isFault(part)) return part;
    learn = { ...learn, ...part };
  }
  return { kind: 'learn', learn };
}

function learnPart(
  key: string,
  value: string,
  learn: Learn,
  reading: Reading,
): Partial<Learn> | Fault {
  const number = Object.hasOwn(NUMBERS, key) ? NUMBERS[key] : undefined;
  if (number !== undefined) return { [number]: looseNumber(value, key === 'limit' ? 32 : 16) };
  switch (key) {
    case 'table': {
      const table = readTable(value, reading);
      return table === undefined || table === 255 ? fault('unknown table', value) : { table };
    }
    case 'cookie':
      return { cookie: (scanNumber(value)?.value ?? 0n) & ones(64) };
    case 'send_flow_rem':
    case 'delete_learned':
      return { flags: [...learn.flags.filter((flag) => flag !== key), key] };
    case 'result_dst': {
      const bits = readBits(value, reading);
      if (isFault(bits)) return bits;
      if (!bits.keyword.writable) return fault('read-only field', value);
      if (bits.width !== 1) return fault('result_dst must be a single bit', value);
      return { result: { field: bits.keyword.field, start: bits.start, width: 1 } };
    }
    default: {
      const spec = readSpec(key, value, reading);
      return isFault(spec) ? spec : { specs: [...learn.specs, spec] };
    }
  }
}

function plain(bits: NamedBits): FieldBits {
  return { field: bits.keyword.field, start: bits.start, width: bits.width };
}

function readSpec(key: string, value: string, reading: Reading): LearnSpec | Fault {
  const to = readBits(key, reading);
  if (!isFault(to)) return readMatchSpec(to, value, reading);
  if (key === 'load') return readLoadSpec(value, reading);
  if (key === 'output') {
    const from = readFieldBits(value, reading);
    return isFault(from) ? from : { kind: 'output', from };
  }
  return fault('unknown word of learn()', key, LEARN_WORDS);
}

function readMatchSpec(to: NamedBits, value: string, reading: Reading): LearnSpec | Fault {
  const target = plain(to);
  if (value === '') return { kind: 'match', to: target, source: { kind: 'field', from: target } };
  const from = readFieldBits(value, reading);
  if (!isFault(from)) {
    if (from.width !== to.width) return fault('the two sides differ in width', value);
    return { kind: 'match', to: target, source: { kind: 'field', from } };
  }
  const number = immediate(to, value, reading);
  if (isFault(number)) return number;
  return { kind: 'match', to: target, source: { kind: 'value', value: number } };
}

/** A constant: in the field's own spelling when it fills the field, else a number. */
function immediate(to: NamedBits, text: string, reading: Reading): bigint | Fault {
  if (to.start === 0 && to.width === to.keyword.bits) {
    const read = readValue(text, to.keyword, reading);
    if (isFault(read)) return read;
    const limit = ones(8 * to.keyword.bytes);
    return read.mask === limit || (read.mask & ones(to.width)) === ones(to.width)
      ? read.value & ones(to.keyword.field.width)
      : fault('a mask is not allowed here', text);
  }
  const number = scanInteger(text, to.keyword.bytes);
  if (isFault(number) || number.rest !== '') return fault('not a number or field', text);
  return number.value >> big(to.width)
    ? fault(`value does not fit into ${to.width} bits`, text)
    : number.value;
}

function readLoadSpec(text: string, reading: Reading): LearnSpec | Fault {
  const parts = arrow(text);
  if (isFault(parts)) return parts;
  const to = readFieldBits(parts[1], reading);
  if (isFault(to)) return to;
  const number = scanInteger(parts[0], 128);
  if (!isFault(number)) {
    if (number.rest !== '') return fault('not a number or field', parts[0]);
    if (number.value >> big(to.width)) {
      return fault(`value does not fit into ${to.width} bits`, parts[0]);
    }
    return { kind: 'load', to, source: { kind: 'value', value: number.value } };
  }
  const from = readFieldBits(parts[0], reading);
  if (isFault(from)) return from;
  if (from.width !== to.width) return fault('the two sides differ in width', text);
  return { kind: 'load', to, source: { kind: 'field', from } };
}

function writeLearn(learn: Learn): string {
  const parts = [`table=${learn.table}`];
  const add = (name: string, value: number): void => {
    if (value !== 0) parts.push(`${name}=${value}`);
  };
  add('idle_timeout', learn.idle_timeout_s);
  add('hard_timeout', learn.hard_timeout_s);
  add('fin_idle_timeout', learn.fin_idle_timeout_s);
  add('fin_hard_timeout', learn.fin_hard_timeout_s);
  if (learn.priority !== 32768) parts.push(`priority=${learn.priority}`);
  for (const flag of ['send_flow_rem', 'delete_learned']) {
    if (learn.flags.includes(flag)) parts.push(flag);
  }
  if (learn.cookie !== 0n) parts.push(`cookie=${hex(learn.cookie)}`);
  add('limit', learn.limit);
  if (learn.result !== null) parts.push(`result_dst=${writeBits(learn.result)}`);
  return `learn(${[...parts, ...learn.specs.map(writeSpec)].join(',')})`;
}

function writeSpec(spec: LearnSpec): string {
  if (spec.kind === 'output') return `output:${writeBits(spec.from)}`;
  if (spec.kind === 'load') return `load:${writeSource(spec.source)}->${writeBits(spec.to)}`;
  const { to, source } = spec;
  if (source.kind === 'field') {
    const { from } = source;
    const same = from.field === to.field && from.start === to.start;
    return same ? writeBits(to) : `${writeBits(to)}=${writeBits(from)}`;
  }
  const keyword = KEYWORD_BY_FIELD.get(to.field.name);
  if (keyword !== undefined && to.start === 0 && to.width === keyword.bits) {
    return `${keyword.name}=${writeValue(source.value, null, keyword)}`;
  }
  return `${writeBits(to)}=${hex(source.value)}`;
}

function writeSource(source: LearnSource): string {
  return source.kind === 'value' ? hex(source.value) : writeBits(source.from);
}

export const LEARN_ROWS: readonly AnyRow[] = [
  row({
    kind: 'learn',
    words: ['learn'],
    read: readLearn,
    write: ({ learn }) => writeLearn(learn),
  }),
];

/** Control flow and the rest: resubmit, clone, conjunction, notes, samples, instructions. */
import { type Action } from '../types/flow.ts';
import { type AnyRow, type Argument, argumentText, row } from './action-row.ts';
import { hashFieldsOf, readHexBytes } from './actions-output.ts';
import { arrow } from './actions-set.ts';
import { readFieldBits, writeBits } from './bits.ts';
import {
  type Fault,
  fault,
  hex,
  isFault,
  looseNumber,
  number32,
  number64,
  ones,
  wholeNumber,
} from './numbers.ts';
import { keyText, nextPair, pairCursor, valueText } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';
import { readPort, readTable, writePort } from './values.ts';

/** An action without arguments: what stands behind its word is ignored, as ovs-ofctl does. */
function bare<K extends 'exit' | 'ct-clear' | 'debug-recirc' | 'debug-slow' | 'clear-actions'>(
  kind: K,
  word: string,
): AnyRow {
  const action: Action = { kind };
  return { kind, words: [word], read: () => action, write: () => word };
}

function readResubmit(argument: Argument): Action | Fault {
  const [portText = '', tableText = '', ctText = ''] = argumentText(argument).split(',');
  const port = portText === '' ? 0xfff8 : readPort(portText, argument.reading);
  if (port === undefined) return fault('resubmit to an unknown port', portText);
  const table = tableText === '' ? 255 : readTable(tableText, argument.reading);
  if (table === undefined) return fault('resubmit to an unknown table', tableText);
  if (ctText !== '' && ctText !== 'ct') return fault('unknown parameter', ctText, ['ct']);
  if (port === 0xfff8 && table === 255) return fault('resubmit needs a port or a table');
  return {
    kind: 'resubmit',
    port: port === 0xfff8 ? null : port,
    table: table === 255 ? null : table,
    ct: ctText === 'ct',
  };
}

function readConjunction(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  const parts = /^\s*(0[xX][0-9a-fA-F]+|-?[0-9]+)\s*,\s*([0-9]+)\s*\/\s*([0-9]+)\s*$/.exec(text);
  if (parts === null) return fault('conjunction is written conjunction(ID,K/N)', text);
  const clause = Number(parts[2]);
  const clauses = Number(parts[3]);
  if (clauses < 2 || clauses > 64) return fault('a conjunction has 2 to 64 clauses', text);
  if (clause < 1 || clause > clauses) return fault('no such clause', text);
  const id = Number(BigInt.asUintN(32, BigInt(parts[1] ?? 0)));
  return { kind: 'conjunction', id, clause, clauses };
}

const MULTIPATHS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'] as const;

function readMultipath(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  const parts = text.split(/[, ]+/).filter((part) => part !== '');
  if (parts.length < 6) return fault('multipath has too few arguments', text);
  const fields = hashFieldsOf(parts[0]);
  if (isFault(fields)) return fields;
  const wanted = parts[2]?.toLowerCase();
  const algorithm = MULTIPATHS.find((name) => name === wanted);
  if (algorithm === undefined) return fault('unknown algorithm', parts[2], MULTIPATHS);
  const links = looseNumber(parts[3] ?? '', 32);
  if (links < 1 || links > 65536) return fault('multipath has 1 to 65536 links', parts[3]);
  const to = readFieldBits(parts[5] ?? '', argument.reading);
  if (isFault(to)) return to;
  if (to.width < 16 && links > 2 ** to.width)
    return fault('too many links for the field', parts[5]);
  const basis = looseNumber(parts[1] ?? '', 16);
  const argumentNumber = looseNumber(parts[4] ?? '', 32);
  return { kind: 'multipath', fields, basis, algorithm, links, argument: argumentNumber, to };
}

function readSample(argument: Argument): Action | Fault {
  let probability = 0;
  const numbers: Record<string, number> = {
    collector_set_id: 0,
    obs_domain_id: 0,
    obs_point_id: 0,
  };
  let tail = '';
  let direction = '';
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    const value = valueText(cursor);
    if (key === 'probability') {
      const found = wholeNumber(value, 0xffff, 'probability');
      if (isFault(found)) return found;
      probability = found;
    } else if (Object.hasOwn(numbers, key)) {
      const found = number32(value, key);
      if (isFault(found)) return found;
      numbers[key] = found;
    } else if (key === 'sampling_port') {
      const port = readPort(value, argument.reading);
      if (port === undefined) return fault('unknown port', value);
      tail = port === 0xffff ? '' : `,sampling_port=${writePort(port)}`;
    } else if (key === 'ingress' || key === 'egress') {
      direction = `,${key}`;
    } else {
      return fault('unknown key of sample()', key, ['probability', ...Object.keys(numbers)]);
    }
  }
  if (probability === 0) return fault('sample needs a probability above zero');
  const middle = Object.entries(numbers).map(([key, value]) => `,${key}=${value}`);
  const text = `probability=${probability}${middle.join('')}${tail}${direction}`;
  return { kind: 'sample', text, probability };
}

function readTimeouts(argument: Argument): Action | Fault {
  let idle = 0;
  let hard = 0;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    if (key !== 'idle_timeout' && key !== 'hard_timeout') {
      return fault('unknown key of fin_timeout()', key, ['idle_timeout', 'hard_timeout']);
    }
    const value = wholeNumber(valueText(cursor), 0xffff, key);
    if (isFault(value)) return value;
    if (key === 'idle_timeout') idle = value;
    else hard = value;
  }
  return { kind: 'fin-timeout', idle_timeout_s: idle, hard_timeout_s: hard };
}

function readPacketLarger(argument: Argument): Action | Fault {
  const parts = arrow(argumentText(argument));
  if (isFault(parts)) return parts;
  const to = readFieldBits(parts[1], argument.reading);
  if (isFault(to)) return to;
  if (to.width !== 1) return fault('the destination must be one bit', parts[1]);
  const bytes = wholeNumber(parts[0].replace(/\)$/, ''), 0xffff, 'the length');
  return isFault(bytes) ? bytes : { kind: 'check-pkt-larger', bytes, to };
}

function readWriteMetadata(argument: Argument): Action | Fault {
  argument.reading.protocols &= PROTOCOLS.nxm | PROTOCOLS.v11up;
  const text = argumentText(argument);
  const slash = text.indexOf('/');
  const value = number64(slash < 0 ? text : text.slice(0, slash), 'the metadata');
  if (isFault(value)) return value;
  const mask = slash < 0 ? ones(64) : number64(text.slice(slash + 1), 'the mask');
  return isFault(mask) ? mask : { kind: 'write-metadata', value, mask };
}

export const CONTROL_ROWS: readonly AnyRow[] = [
  row({
    kind: 'resubmit',
    words: ['resubmit'],
    read: readResubmit,
    write({ port, table, ct }) {
      const from = port === null ? '' : writePort(port);
      if (port !== null && table === null) return `resubmit:${from}`;
      return `resubmit(${from},${table ?? ''}${ct ? ',ct' : ''})`;
    },
  }),
  row({
    kind: 'clone',
    words: ['clone'],
    read(argument) {
      const actions = argument.reading.nested(argument, 'clone');
      return isFault(actions) ? actions : { kind: 'clone', actions };
    },
    write: ({ actions }, list) => `clone(${list(actions)})`,
  }),
  row({
    kind: 'conjunction',
    words: ['conjunction'],
    read: readConjunction,
    write: ({ id, clause, clauses }) => `conjunction(${id},${clause}/${clauses})`,
  }),
  row({
    kind: 'multipath',
    words: ['multipath'],
    read: readMultipath,
    write: ({ fields, basis, algorithm, links, argument, to }) =>
      `multipath(${fields},${basis},${algorithm},${links},${argument},${writeBits(to)})`,
  }),
  row({
    kind: 'note',
    words: ['note'],
    read(argument) {
      const bytes = readHexBytes(argumentText(argument));
      return isFault(bytes) ? bytes : { kind: 'note', bytes };
    },
    write: ({ bytes }) => `note:${bytes}`,
  }),
  row({
    kind: 'sample',
    words: ['sample'],
    read: readSample,
    write: ({ text }) => `sample(${text})`,
  }),
  row({
    kind: 'fin-timeout',
    words: ['fin_timeout'],
    read: readTimeouts,
    write({ idle_timeout_s, hard_timeout_s }) {
      const parts: string[] = [];
      if (idle_timeout_s !== 0) parts.push(`idle_timeout=${idle_timeout_s}`);
      if (hard_timeout_s !== 0) parts.push(`hard_timeout=${hard_timeout_s}`);
      return `fin_timeout(${parts.join(',')})`;
    },
  }),
  row({
    kind: 'check-pkt-larger',
    words: ['check_pkt_larger'],
    read: readPacketLarger,
    write: ({ bytes, to }) => `check_pkt_larger(${bytes})->${writeBits(to)}`,
  }),
  bare('exit', 'exit'),
  bare('ct-clear', 'ct_clear'),
  bare('debug-recirc', 'debug_recirc'),
  bare('debug-slow', 'debug_slow'),
  row({
    kind: 'meter',
    words: ['meter'],
    read(argument) {
      argument.reading.protocols &= PROTOCOLS.v13up;
      const meter = number32(argumentText(argument), 'the meter');
      return isFault(meter) ? meter : { kind: 'meter', meter };
    },
    write: ({ meter }) => `meter:${meter}`,
  }),
  bare('clear-actions', 'clear_actions'),
  row({
    kind: 'write-actions',
    words: ['write_actions'],
    read(argument) {
      const actions = argument.reading.nested(argument, 'write_actions');
      return isFault(actions) ? actions : { kind: 'write-actions', actions };
    },
    write: ({ actions }, list) => `write_actions(${list(actions)})`,
  }),
  row({
    kind: 'write-metadata',
    words: ['write_metadata'],
    read: readWriteMetadata,
    write: ({ value, mask }) =>
      `write_metadata:${hex(value)}${mask === ones(64) ? '' : `/${hex(mask)}`}`,
  }),
  row({
    kind: 'goto-table',
    words: ['goto_table'],
    read(argument) {
      const table = readTable(argumentText(argument), argument.reading);
      if (table === undefined) return fault('unknown table', argumentText(argument));
      return { kind: 'goto-table', table };
    },
    write: ({ table }) => `goto_table:${table}`,
  }),
];

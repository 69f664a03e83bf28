/** Where packets go: ports, controllers, queues, groups and bundles (ovs-actions(7) "Output"). */
import { type Action, type Bundle, type HashFields, RESERVED_PORTS } from '../types/flow.ts';
import { type AnyRow, type Argument, argumentText, row } from './action-row.ts';
import { readFieldBits, writeBits } from './bits.ts';
import { type Fault, fault, isFault, looseNumber, number32, wholeNumber } from './numbers.ts';
import { keyText, nextPair, pairCursor, valueText } from './pairs.ts';
import { readPort, writePort } from './values.ts';

const CONTROLLER: Extract<Action, { kind: 'controller' }> = {
  kind: 'controller',
  maxLength: 0xffff,
  reason: 'action',
  id: 0,
  userdata: null,
  pause: false,
  meter: null,
};

/** The action of a port alone; the controller is an action of its own. */
export function outputTo(port: number): Action {
  return port === RESERVED_PORTS.CONTROLLER
    ? CONTROLLER
    : { kind: 'output', port, maxLength: null };
}

function readOutput(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  if (text.includes('port') && text.includes('max_len')) return readTruncated(argument);
  const port = readPort(text, argument.reading);
  if (port !== undefined) return outputTo(port);
  const from = readFieldBits(text, argument.reading);
  return isFault(from) ? fault('output to an unknown port', text) : { kind: 'output-field', from };
}

function readTruncated(argument: Argument): Action | Fault {
  let port: number | undefined;
  let maxLength: number | Fault = 0;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    const value = valueText(cursor);
    if (key === 'port') {
      port = readPort(value, argument.reading);
      const special = port === RESERVED_PORTS.LOCAL || port === RESERVED_PORTS.IN_PORT;
      if (port === undefined || (port > 0xff00 && !special)) {
        return fault('output to an unknown or unsupported port', value);
      }
    } else if (key === 'max_len') {
      maxLength = number32(value, 'max_len');
      if (isFault(maxLength)) return maxLength;
      if (maxLength < 14) return fault('max_len is less than 14, an Ethernet header', value);
    } else {
      return fault('unknown key of output()', key, ['port', 'max_len']);
    }
  }
  return { kind: 'output', port: port ?? 0, maxLength };
}

/** The empty one is a table miss; only hidden flows have it. */
const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out', ''];

function readController(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  if (text === '') return CONTROLLER;
  if (/^[0-9]+$/.test(text)) {
    const maxLength = wholeNumber(text, 0xffff, 'max_len');
    return isFault(maxLength) ? maxLength : { ...CONTROLLER, maxLength };
  }
  let action = CONTROLLER;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const part = controllerPart(keyText(cursor), valueText(cursor));
    if (isFault(part)) return part;
    action = { ...action, ...part };
  }
  return action;
}

function controllerPart(key: string, value: string): Partial<typeof CONTROLLER> | Fault {
  switch (key) {
    case 'reason': {
      const reason = value.toLowerCase();
      return REASONS.includes(reason) ? { reason } : fault('unknown reason', value, REASONS);
    }
    case 'max_len': {
      const maxLength = wholeNumber(value, 0xffff, 'max_len');
      return isFault(maxLength) ? maxLength : { maxLength };
    }
    case 'id': {
      const id = wholeNumber(value, 0xffff, 'id');
      return isFault(id) ? id : { id };
    }
    case 'meter_id': {
      const meter = number32(value, 'meter_id');
      return isFault(meter) ? meter : { meter };
    }
    case 'userdata': {
      const userdata = readHexBytes(value);
      return isFault(userdata) ? userdata : { userdata: userdata === '' ? null : userdata };
    }
    case 'pause':
      return { pause: true };
    default:
      return fault('unknown key of controller()', key, [
        ...['reason', 'max_len', 'id', 'userdata', 'pause', 'meter_id'],
      ]);
  }
}

/** `00.11.22`, dots and blanks optional (lib/ofpbuf.c ofpbuf_put_hex). */
export function readHexBytes(text: string): string | Fault {
  const digits = text.replace(/[ \t\r\n.]/g, '');
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) return fault('not hexadecimal bytes', text);
  return (digits.toLowerCase().match(/../g) ?? []).join('.');
}

function writeController(action: typeof CONTROLLER): string {
  const { maxLength, reason, id, userdata, pause, meter } = action;
  const parts: string[] = [];
  if (reason !== 'action') parts.push(`reason=${reason}`);
  if (maxLength !== 0xffff) parts.push(`max_len=${maxLength}`);
  if (id !== 0) parts.push(`id=${id}`);
  if (userdata !== null) parts.push(`userdata=${userdata}`);
  if (pause) parts.push('pause');
  if (meter !== null) parts.push(`meter_id=${meter}`);
  const plain = reason === 'action' && id === 0 && userdata === null && !pause && meter === null;
  return plain ? `CONTROLLER:${maxLength}` : `controller(${parts.join(',')})`;
}

const HASH_FIELDS: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'symmetric_l3',
  'nw_src',
  'nw_dst',
];

/** The arguments of bundle() and multipath(): strtok() at commas and blanks. */
export function hashFieldsOf(text: string | undefined): HashFields | Fault {
  const wanted = text?.toLowerCase();
  const found = HASH_FIELDS.find((name) => name === wanted);
  return found ?? fault('unknown hash fields', text ?? '', HASH_FIELDS);
}

function readBundle(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  const load = argument.word === 'bundle_load';
  const head = load ? 6 : 5;
  const parts = text.split(/[, ]+/).filter((part) => part !== '');
  const [fieldsText, basis, algorithmText, type] = parts;
  const list = parts.slice(head - 1).join(',');
  const members = /^(members|slaves)(?::([\s\S]*))?$/i.exec(list);
  if (members === null) return fault('bundle has too few arguments or no members', text);
  const fields = hashFieldsOf(fieldsText);
  if (isFault(fields)) return fields;
  const algorithm = algorithmText?.toLowerCase();
  if (algorithm !== 'hrw' && algorithm !== 'active_backup') {
    return fault('unknown algorithm', algorithmText ?? '', ['hrw', 'active_backup']);
  }
  if (type?.toLowerCase() !== 'ofport') return fault('unknown member type', type ?? '', ['ofport']);
  const to = load ? readFieldBits(parts[4] ?? '', argument.reading) : null;
  if (isFault(to)) return to;
  const ports: number[] = [];
  for (const name of (members[2] ?? '').split(/[, [\]]+/)) {
    if (name === '') continue;
    const port = readPort(name, argument.reading);
    if (port === undefined) return fault('not an OpenFlow port', name);
    ports.push(port);
  }
  const bundle: Bundle = {
    fields,
    basis: looseNumber(basis ?? '', 16),
    algorithm,
    members: ports,
    to,
  };
  return { kind: 'bundle', bundle };
}

function writeBundle(bundle: Bundle): string {
  const { fields, basis, algorithm, members, to } = bundle;
  const head = `${fields},${basis},${algorithm},ofport,`;
  const list = `members:${members.map(writePort).join(',')}`;
  return to === null ? `bundle(${head}${list})` : `bundle_load(${head}${writeBits(to)},${list})`;
}

export const OUTPUT_ROWS: readonly AnyRow[] = [
  row({
    kind: 'output',
    words: ['output', 'output_reg'],
    read: readOutput,
    write({ port, maxLength }) {
      if (maxLength !== null) return `output(port=${writePort(port)},max_len=${maxLength})`;
      return port < 0xff00 ? `output:${port}` : writePort(port);
    },
  }),
  row({
    kind: 'output-field',
    words: [],
    read: readOutput,
    write: ({ from }) => `output:${writeBits(from)}`,
  }),
  row({ kind: 'controller', words: ['controller'], read: readController, write: writeController }),
  row({
    kind: 'enqueue',
    words: ['enqueue'],
    read(argument) {
      const parts = /^[:q,]*([^:q,]+)[:q,]([\s\S]+)$/.exec(argumentText(argument));
      if (parts === null) return fault('enqueue needs a port and a queue', argumentText(argument));
      const port = readPort(parts[1] ?? '', argument.reading);
      if (port === undefined) return fault('enqueue to an unknown port', parts[1]);
      const queue = number32(parts[2] ?? '', 'the queue');
      return isFault(queue) ? queue : { kind: 'enqueue', port, queue };
    },
    write: ({ port, queue }) => `enqueue:${writePort(port)}:${queue}`,
  }),
  row({
    kind: 'set-queue',
    words: ['set_queue'],
    read(argument) {
      const queue = number32(argumentText(argument), 'the queue');
      return isFault(queue) ? queue : { kind: 'set-queue', queue };
    },
    write: ({ queue }) => `set_queue:${queue}`,
  }),
  row({
    kind: 'pop-queue',
    words: ['pop_queue'],
    read: () => ({ kind: 'pop-queue' }),
    write: () => 'pop_queue',
  }),
  row({
    kind: 'group',
    words: ['group'],
    read(argument) {
      const group = number32(argumentText(argument), 'the group');
      return isFault(group) ? group : { kind: 'group', group };
    },
    write: ({ group }) => `group:${group}`,
  }),
  row({
    kind: 'bundle',
    words: ['bundle', 'bundle_load'],
    read: readBundle,
    write: ({ bundle }) => writeBundle(bundle),
  }),
];

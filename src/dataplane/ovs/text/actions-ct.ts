/** Connection tracking: ct() with its zone, table, NAT and exec (ovs-actions(7) "ct"). */
import { readIpv4, readIpv6 } from '../../../text/address-text.ts';
import { type Action, type Ct, type Nat, type NatRange } from '../types/flow.ts';
import { type AnyRow, type Argument, row, type WriteList } from './action-row.ts';
import { readFieldBits, writeBits } from './bits.ts';
import { type Fault, fault, isFault, wholeNumber } from './numbers.ts';
import { keyText, nextPair, pairCursor, valueText } from './pairs.ts';
import { readTable, writeIpv6 } from './values.ts';

const CT: Ct = {
  commit: false,
  force: false,
  table: null,
  zone: { kind: 'value', zone: 0 },
  nat: null,
  exec: [],
  alg: null,
};

const CT_WORDS = ['commit', 'force', 'table', 'zone', 'alg', 'nat', 'exec'];

function readCt(argument: Argument): Action | Fault {
  let ct = CT;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const inner = { ...argument, start: cursor.valueStart, end: cursor.valueEnd };
    const part = ctPart(keyText(cursor), valueText(cursor), inner, ct);
    if (isFault(part)) return part;
    ct = { ...ct, ...part };
  }
  if (ct.force && !ct.commit) return fault('force needs commit');
  return { kind: 'ct', ct };
}

/** `nat` may also stand inside exec(), where dumps put it when it came behind other actions. */
function execPart(argument: Argument, before: Ct): Partial<Ct> | Fault {
  let ct = before;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const value = { ...argument, start: cursor.valueStart, end: cursor.valueEnd };
    if (keyText(cursor).toLowerCase() === 'nat') {
      const part = natPart(value, ct);
      if (isFault(part)) return part;
      ct = { ...ct, ...part };
      continue;
    }
    const one = argument.reading.nested(
      { ...argument, start: cursor.keyStart, end: cursor.at },
      'ct',
    );
    if (isFault(one)) return one;
    ct = { ...ct, exec: [...ct.exec, ...one] };
  }
  return ct;
}

/**
 * Simplification: a second nat in one ct() is refused, where ovs-ofctl keeps both; nobody can
 * mean two translations of one packet.
 */
function natPart(argument: Argument, before: Ct): Partial<Ct> | Fault {
  if (before.nat !== null) return fault('ct() translates once', 'nat');
  const nat = readNat(argument);
  if (isFault(nat)) return nat;
  return before.exec.length === 0 ? { nat } : { nat, natAfter: before.exec.length };
}

function ctPart(key: string, value: string, argument: Argument, ct: Ct): Partial<Ct> | Fault {
  switch (key) {
    case 'commit':
      return { commit: true };
    case 'force':
      return { force: true };
    case 'table': {
      const table = readTable(value, argument.reading);
      return table === undefined || table === 255 ? fault('unknown table', value) : { table };
    }
    case 'zone': {
      const zone = wholeNumber(value, 0xffff, 'the zone');
      if (!isFault(zone)) return { zone: { kind: 'value', zone } };
      const from = readFieldBits(value, argument.reading);
      return isFault(from) ? from : { zone: { kind: 'field', from } };
    }
    case 'alg':
      return value === 'ftp' || value === 'tftp'
        ? { alg: value }
        : fault('unknown helper', value, ['ftp', 'tftp']);
    case 'nat':
      return natPart(argument, ct);
    case 'exec':
      return execPart(argument, ct);
    default:
      return fault('unknown argument of ct()', key, CT_WORDS);
  }
}

function readNat(argument: Argument): Nat | Fault {
  let direction: Nat['direction'] = null;
  let range: Pick<Nat, 'addresses' | 'ports'> = { addresses: null, ports: null };
  const flags: Nat['flags'][number][] = [];
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    if (key === 'src' || key === 'dst') {
      if (direction !== null && direction !== key) return fault('nat takes one of src and dst');
      direction = key;
      const read = readNatRange(valueText(cursor));
      if (isFault(read)) return read;
      range = read;
    } else if (key === 'persistent' || key === 'hash' || key === 'random') {
      if (!flags.includes(key)) flags.push(key);
    } else {
      return fault('unknown argument of nat()', key, [
        'src',
        'dst',
        'persistent',
        'hash',
        'random',
      ]);
    }
  }
  if (direction === null && flags.length > 0) return fault('nat flags need src or dst');
  if (flags.includes('hash') && flags.includes('random')) {
    return fault('nat takes one of hash and random');
  }
  return { direction, ...range, flags };
}

/** An address, IPv6 also in brackets. */
const ADDRESS = '(?:\\[([0-9a-fA-F:.]+)\\]|([0-9a-fA-F:.]+?))';
const RANGE = new RegExp(`^${ADDRESS}(?:-${ADDRESS})?(?::([0-9]+)(?:-([0-9]+))?)?$`);

/** `10.0.0.1-10.0.0.9:1-65535`, `[2001:db8::1]:80` (lib/ofp-actions.c str_to_nat_range). */
export function readNatRange(text: string): Pick<Nat, 'addresses' | 'ports'> | Fault {
  if (text === '') return { addresses: null, ports: null };
  const plain = plainIpv6Range(text);
  if (plain !== undefined) return plain;
  const parts = RANGE.exec(text);
  const from = addressOf(parts?.[1] ?? parts?.[2] ?? '');
  if (parts === null || from === undefined) return fault('not a NAT range', text);
  const end = parts[3] ?? parts[4];
  const to = end === undefined ? from : addressOf(end);
  if (to === undefined || to.version !== from.version || to.address < from.address) {
    return fault('the range ends before it starts', text);
  }
  const first = Number(parts[5] ?? 0);
  const last = Number(parts[6] ?? first);
  if (last < first || last > 0xffff) return fault('not a port range', text);
  return { addresses: { from, to }, ports: first === 0 ? null : { from: first, to: last } };
}

/** An IPv6 range without brackets has no ports: every colon belongs to an address. */
function plainIpv6Range(text: string): Pick<Nat, 'addresses' | 'ports'> | undefined {
  const [start = '', end = start, more] = text.split('-');
  const from = readIpv6(start);
  const to = readIpv6(end);
  if (from === undefined || to === undefined || more !== undefined || to < from) return undefined;
  return {
    addresses: { from: { version: 6, address: from }, to: { version: 6, address: to } },
    ports: null,
  };
}

function addressOf(text: string): NatRange['from'] | undefined {
  const v4 = readIpv4(text);
  if (v4 !== undefined) return { version: 4, address: v4 };
  const v6 = readIpv6(text);
  return v6 === undefined ? undefined : { version: 6, address: v6 };
}

function writeNat({ direction, addresses, ports, flags }: Nat): string {
  if (direction === null) return 'nat';
  let range = '';
  if (addresses !== null) {
    const { from, to } = addresses;
    const same = to.address === from.address;
    const bracket = ports !== null;
    range = `=${writeAddress(from, bracket)}${same ? '' : `-${writeAddress(to, bracket)}`}`;
    if (ports !== null) range += `:${ports.from}${ports.to === ports.from ? '' : `-${ports.to}`}`;
  }
  const order = ['persistent', 'hash', 'random'] as const;
  const words = order.filter((flag) => flags.includes(flag)).map((flag) => `,${flag}`);
  return `nat(${direction}${range}${words.join('')})`;
}

function writeAddress(of: NatRange['from'], bracket: boolean): string {
  if (of.version === 6) return bracket ? `[${writeIpv6(of.address)}]` : writeIpv6(of.address);
  return [24n, 16n, 8n, 0n].map((down) => (of.address >> down) & 255n).join('.');
}

function writeCt(ct: Ct, list: WriteList): string {
  const parts: string[] = [];
  if (ct.commit) parts.push('commit');
  if (ct.force) parts.push('force');
  if (ct.table !== null) parts.push(`table=${ct.table}`);
  if (ct.zone.kind === 'field') parts.push(`zone=${writeBits(ct.zone.from)}`);
  else if (ct.zone.zone !== 0) parts.push(`zone=${ct.zone.zone}`);
  const after = ct.natAfter ?? 0;
  const first = after === 0 ? '' : list(ct.exec.slice(0, after));
  const rest = ct.exec.length > after ? list(ct.exec.slice(after)) : '';
  const nat = ct.nat === null ? '' : writeNat(ct.nat);
  if (after === 0 && nat !== '') parts.push(nat);
  const exec = (after === 0 ? [rest] : [first, nat, rest]).filter((part) => part !== '');
  if (exec.length > 0) parts.push(`exec(${exec.join(',')})`);
  if (ct.alg !== null) parts.push(`alg=${ct.alg}`);
  return `ct(${parts.join(',')})`;
}

export const CT_ROWS: readonly AnyRow[] = [
  row({ kind: 'ct', words: ['ct'], read: readCt, write: ({ ct }, list) => writeCt(ct, list) }),
];

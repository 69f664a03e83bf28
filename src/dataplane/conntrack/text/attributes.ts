/** What every form of dump has in common: numbers, addresses and protocols of a tuple. */
import { readIp, writeIp } from '../../../text/address-text.ts';
import { type Origin } from '../../../text/problem.ts';
import { counterpart } from '../protocols.ts';
import { type Address, type ConnectionEntry, type Tuple } from '../types.ts';

/** A tuple while it is read. */
export type TupleDraft = { -readonly [K in keyof Tuple]?: Tuple[K] };

/** An entry while it is read. */
export interface Draft {
  original: TupleDraft;
  reply: TupleDraft;
  protocol: number;
  zone: number;
  zoneReply: number | null;
  state: string | null;
  stateReply: string | null;
  status: string[];
  mark: number;
  labels: bigint;
  timeout_s: number | null;
  helper: string | null;
  extra: Record<string, string>;
}

export function emptyDraft(): Draft {
  return {
    original: {},
    reply: {},
    protocol: 0,
    zone: 0,
    zoneReply: null,
    state: null,
    stateReply: null,
    status: [],
    mark: 0,
    labels: 0n,
    timeout_s: null,
    helper: null,
    extra: {},
  };
}

/** An attribute of an entry; every form of dump has a table of them in the order of printing. */
export interface AttributeRow {
  readonly key: string;
  /** False when the value is wrong. */
  readonly read: (draft: Draft, value: string) => boolean;
  /** Undefined when the entry does not have it. */
  readonly print: (entry: ConnectionEntry) => string | undefined;
}

/** Kept as text and printed back. */
export function kept(key: string): AttributeRow {
  return {
    key,
    read: (draft, value) => {
      draft.extra[key] = value;
      return true;
    },
    print: (entry) => entry.extra[key],
  };
}

/** A whole number from 0 to `most`, or undefined. */
export function readCount(text: string, most: number): number | undefined {
  if (!/^(?:\d{1,15}|0x[0-9a-fA-F]{1,8})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

/** Protocol names as OVS and conntrack write them; others are numbers. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

export function readProtocol(text: string): number | undefined {
  return PROTOCOLS[text] ?? readCount(text, 255);
}

export function protocolName(protocol: number): string | undefined {
  return Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === protocol);
}

export const PROTOCOL_NAMES: readonly string[] = Object.keys(PROTOCOLS);

/** One row for each `key=value` of a tuple. */
export interface TupleRow {
  readonly key: string;
  readonly applies: (tuple: Tuple) => boolean;
  readonly read: (tuple: TupleDraft, text: string) => boolean;
  readonly print: (tuple: Tuple) => string;
}

function isIcmp({ protocol }: Tuple): boolean {
  return protocol === 1 || protocol === 58;
}

function hasPorts({ protocol }: Tuple): boolean {
  return [6, 17, 33, 132, 136].includes(protocol);
}

function addressRow(key: string, of: 'source' | 'destination'): TupleRow {
  return {
    key,
    applies: () => true,
    read: (tuple, text) => {
      const address = readIp(text);
      if (address !== undefined) tuple[of] = address;
      return address !== undefined;
    },
    print: (tuple) => writeIp(tuple[of]),
  };
}

type NumberKey = 'sourcePort' | 'destinationPort' | 'icmpId' | 'icmpType' | 'icmpCode';

function numberRow(
  key: string,
  of: NumberKey,
  most: number,
  applies: (tuple: Tuple) => boolean,
): TupleRow {
  return {
    key,
    applies,
    read: (tuple, text) => {
      const value = readCount(text, most);
      if (value !== undefined) tuple[of] = value;
      return value !== undefined;
    },
    print: (tuple) => String(tuple[of]),
  };
}

const SRC = addressRow('src', 'source');
const DST = addressRow('dst', 'destination');
const SPORT = numberRow('sport', 'sourcePort', 65_535, hasPorts);
const DPORT = numberRow('dport', 'destinationPort', 65_535, hasPorts);
const TYPE = numberRow('type', 'icmpType', 255, isIcmp);
const CODE = numberRow('code', 'icmpCode', 255, isIcmp);
const ID = numberRow('id', 'icmpId', 65_535, isIcmp);

/** Tuples in the order of conntrack(8); OVS has `id` before `type` (ct_dpif_format_tuple()). */
export const CONNTRACK_TUPLE: readonly TupleRow[] = [SRC, DST, SPORT, DPORT, TYPE, CODE, ID];
/** OVS writes ports for every protocol but ICMP, zeros where there are none. */
const DPCTL_PORTS = [SPORT, DPORT].map((row) => ({ ...row, applies: (t: Tuple) => !isIcmp(t) }));
export const DPCTL_TUPLE: readonly TupleRow[] = [SRC, DST, ...DPCTL_PORTS, ID, TYPE, CODE];

export function printTuple(tuple: Tuple, rows: readonly TupleRow[], between: string): string {
  return rows
    .filter((row) => row.applies(tuple))
    .map((row) => `${row.key}=${row.print(tuple)}`)
    .join(between);
}

/** The finished entry; undefined while a direction lacks an address. */
export function finished(draft: Draft, origin: Origin): ConnectionEntry | undefined {
  const original = tupleOf(draft.original, draft.protocol);
  if (original === undefined) return undefined;
  const reply = tupleOf(draft.reply, draft.protocol) ?? inverse(original);
  const { protocol: _, ...rest } = draft;
  return { ...rest, original, reply, origin };
}

function tupleOf(draft: TupleDraft, protocol: number): Tuple | undefined {
  const { source, destination } = draft;
  if (source === undefined || destination === undefined) return undefined;
  if (source.version !== destination.version) return undefined;
  return {
    source,
    destination,
    protocol,
    sourcePort: draft.sourcePort ?? 0,
    destinationPort: draft.destinationPort ?? 0,
    icmpId: draft.icmpId ?? 0,
    icmpType: draft.icmpType ?? 0,
    icmpCode: draft.icmpCode ?? 0,
  };
}

function inverse(tuple: Tuple): Tuple {
  const { source, destination, sourcePort, destinationPort, icmpType } = tuple;
  const type = counterpart(source.version, icmpType) ?? icmpType;
  return {
    ...tuple,
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    icmpType: isIcmp(tuple) ? type : 0,
  };
}

/** 4 or 6, as `ipv4     2` or `ipv6     10` in the kernel's forms. */
export function versionOf(entry: ConnectionEntry): Address['version'] {
  return entry.original.source.version;
}

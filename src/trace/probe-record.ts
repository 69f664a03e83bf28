/**
 * Recorded probes: what somebody sent and what became of it. The file is a JSON array; a record
 * that cannot be read is a problem with its place, and the others still count.
 */

import { type IpAddress } from '../dataplane/routing/types.ts';
import { parseIpv4, parseIpv6 } from '../packet/addresses.ts';
import {
  items,
  type JsonNode,
  jsonRoot,
  member,
  numberOf,
  textOf,
  truthOf,
  wrong,
} from '../text/json-text.ts';
import { type Parsed, type Problem } from '../text/problem.ts';

/**
 * One record, as far as a trace needs it.
 *
 * Simplification: records name no source MAC, so a probe sent with a foreign one is traced with
 * the sender's own (ovs-vxlan-ovsfw, record 229, which MAC anti-spoofing stopped).
 */
export interface ProbeRecord {
  /** Place in the file, from 0. */
  readonly index: number;
  readonly kind: string;
  readonly phase: string;
  readonly from: string;
  readonly fromHost: string | null;
  readonly protocol: string;
  readonly source: IpAddress | null;
  readonly sourcePort: number | null;
  /** The destination as recorded: an address, or a name. */
  readonly to: string;
  readonly destination: IpAddress | null;
  readonly destinationPort: number | null;
  readonly icmpId: number | null;
  readonly size: number | null;
  readonly dontFragment: boolean;
  /** Marked by whoever recorded it as not to be relied upon. */
  readonly invalid: boolean;
  readonly note: string;
  readonly fate: RecordedFate;
  /** The record as it stands in the file: what only its kind has. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What really happened; `undefined` where the record does not say. */
export interface RecordedFate {
  readonly delivered: boolean | undefined;
  readonly requestDelivered: boolean | undefined;
  readonly receivedBy: string | undefined;
  readonly observedSource: string | undefined;
  readonly observedDestination: string | undefined;
  readonly observedSourcePort: number | undefined;
  readonly observedDestinationPort: number | undefined;
  readonly answerFrom: string | undefined;
  readonly icmpError:
    | { readonly from: string; readonly type: number; readonly code: number }
    | undefined;
}

/** What a probe file holds. */
export interface ProbeFile extends Parsed<readonly ProbeRecord[]> {
  /** False when the file is no list of records at all. */
  readonly isList: boolean;
  /** Records with something that cannot be read: nobody knows what they asked. */
  readonly unreadable: readonly { readonly index: number; readonly why: string }[];
}

/** Problems kept of one file. */
const MOST_PROBLEMS = 100;

/** Reads a probe file: a list of records, or an object with one under `probes`. */
export function parseProbeRecords(text: string, file: string): ProbeFile {
  const problems: Problem[] = [];
  // Editors of some systems begin a file with a byte order mark.
  const root = jsonRoot(file, text.replace(/^\ufeff/, ''), problems);
  const list = root === undefined || Array.isArray(root.value) ? root : member(root, 'probes');
  if (root !== undefined && !Array.isArray(list?.value)) {
    wrong(list ?? root, 'expected an array of probe records');
  }
  if (list === undefined || !Array.isArray(list.value)) {
    return { value: [], problems, isList: false, unreadable: [] };
  }
  const records: ProbeRecord[] = [];
  const unreadable: { index: number; why: string }[] = [];
  for (const [index, entry] of items(list).entries()) {
    const own: Problem[] = [];
    const source = { ...entry.source, problems: own };
    // Places are searched for from the start of the text; that is for the first problems only.
    if (problems.length >= MOST_PROBLEMS) source.offset = () => 0;
    const record = recordOf({ source, path: entry.path, value: entry.value }, index);
    const [first] = own;
    if (first === undefined) records.push(record);
    else unreadable.push({ index, why: `it cannot be read: ${first.message}` });
    problems.push(...own.slice(0, MOST_PROBLEMS - problems.length));
  }
  return { value: records, problems, isList: true, unreadable };
}

function recordOf(entry: JsonNode, index: number): ProbeRecord {
  const text = (key: string): string | undefined => textOf(member(entry, key));
  const kind = text('kind') ?? 'probe';
  const from = text('from');
  // What is no probe (a failover, a remark) needs no sender to be passed over.
  if (member(entry, 'from') === undefined && kind === 'probe')
    wrong(entry, `record ${index} has no "from"`);
  const to = text('to') ?? '';
  const truth = (key: string): boolean | undefined => truthOf(member(entry, key));
  const port = (key: string): number | undefined => whole(entry, key, 0xffff);
  const error = member(entry, 'icmp_error');
  const raw = isObject(entry.value) ? entry.value : {};
  return {
    index,
    kind,
    phase: text('phase') ?? '',
    from: from ?? '',
    fromHost: text('from_host') ?? null,
    protocol: (text('proto') ?? 'icmp').toLowerCase(),
    source: sourceOf(entry),
    sourcePort: port('sport') || null,
    to,
    destination: parseAddress(to),
    destinationPort: port('dport') ?? null,
    icmpId: port('icmp_id') ?? null,
    size: whole(entry, 'size', MOST_DATA) ?? null,
    dontFragment: truth('df') ?? false,
    invalid: raw['invalid'] !== undefined && raw['invalid'] !== null && raw['invalid'] !== false,
    note: text('note') ?? '',
    raw,
    fate: {
      delivered: truth('delivered'),
      requestDelivered: truth('request_delivered'),
      receivedBy: text('received_by'),
      observedSource: text('observed_src'),
      observedDestination: text('observed_dst'),
      observedSourcePort: port('observed_sport'),
      observedDestinationPort: port('observed_dport'),
      answerFrom: text('answer_from'),
      icmpError:
        error === undefined
          ? undefined
          : {
              from: textOf(member(error, 'from')) ?? '',
              type: whole(error, 'type', 255) ?? -1,
              code: whole(error, 'code', 255) ?? -1,
            },
    },
  };
}

/** What an IP packet has room for behind its own header and that of UDP or ICMP. */
const MOST_DATA = 65_507;

/** A whole number from 0 on. */
function whole(entry: JsonNode, key: string, most: number): number | undefined {
  const node = member(entry, key);
  const value = numberOf(node);
  if (node === undefined || value === undefined) return undefined;
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  wrong(node, `Expected a whole number from 0 to ${most}`);
  return undefined;
}

/** An address of either version. */
export function parseAddress(word: string): IpAddress | null {
  const four = parseIpv4(word);
  if (four !== null) return { version: 4, value: four };
  const six = parseIpv6(word);
  return six === null ? null : { version: 6, value: six };
}

/** A sender that had no route records the unspecified address, or none: it chose none. */
function sourceOf(entry: JsonNode): IpAddress | null {
  const node = member(entry, 'src');
  const word = textOf(node);
  if (node === undefined || word === undefined || word === '') return null;
  const address = parseAddress(word);
  if (address === null) wrong(node, 'This is not an address');
  return address === null || address.value === 0n ? null : address;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

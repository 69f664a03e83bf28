/**
 * Recorded probes: what somebody sent and what became of it. The file is a JSON array; a record
 * that cannot be read is a problem with its index, and the others still count.
 */

import { type IpAddress } from '../dataplane/routing/types.ts';
import { parseIpv4, parseIpv6 } from '../packet/addresses.ts';
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

/** Reads a probe file. */
export function parseProbeRecords(text: string, file: string): Parsed<readonly ProbeRecord[]> {
  const problems: Problem[] = [];
  const complain = (message: string, about: string): void => {
    problems.push({ file, line: 1, column: 1, text: about.slice(0, 200), message });
  };
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    complain(`not JSON (${error instanceof Error ? error.message : 'unreadable'})`, text);
    return { value: [], problems };
  }
  const list = Array.isArray(data) ? data : isObject(data) ? data['probes'] : undefined;
  if (!Array.isArray(list)) {
    complain('expected an array of probe records', text);
    return { value: [], problems };
  }
  const records: ProbeRecord[] = [];
  for (const [index, entry] of list.entries()) {
    // What is no probe (a failover, a remark) needs no sender to be passed over.
    const other = isObject(entry) && typeof entry['kind'] === 'string' && entry['kind'] !== 'probe';
    if (isObject(entry) && (other || typeof entry['from'] === 'string')) {
      records.push(recordOf(entry, index));
    } else complain(`record ${index} has no "from"`, JSON.stringify(entry) ?? '');
  }
  return { value: records, problems };
}

function recordOf(entry: Readonly<Record<string, unknown>>, index: number): ProbeRecord {
  const to = text(entry, 'to') ?? '';
  const error = entry['icmp_error'];
  return {
    index,
    kind: text(entry, 'kind') ?? 'probe',
    phase: text(entry, 'phase') ?? '',
    from: text(entry, 'from') ?? '',
    fromHost: text(entry, 'from_host') ?? null,
    protocol: text(entry, 'proto') ?? 'icmp',
    source: usableSource(text(entry, 'src')),
    sourcePort: number(entry, 'sport') || null,
    to,
    destination: parseAddress(to),
    destinationPort: number(entry, 'dport') ?? null,
    icmpId: number(entry, 'icmp_id') ?? null,
    size: number(entry, 'size') ?? null,
    dontFragment: entry['df'] === true || entry['df'] === 1,
    invalid: entry['invalid'] !== undefined && entry['invalid'] !== false,
    note: text(entry, 'note') ?? '',
    raw: entry,
    fate: {
      delivered: truth(entry, 'delivered'),
      requestDelivered: truth(entry, 'request_delivered'),
      receivedBy: text(entry, 'received_by'),
      observedSource: text(entry, 'observed_src'),
      observedDestination: text(entry, 'observed_dst'),
      observedSourcePort: number(entry, 'observed_sport'),
      observedDestinationPort: number(entry, 'observed_dport'),
      answerFrom: text(entry, 'answer_from'),
      icmpError: isObject(error)
        ? {
            from: text(error, 'from') ?? '',
            type: number(error, 'type') ?? -1,
            code: number(error, 'code') ?? -1,
          }
        : undefined,
    },
  };
}

/** An address of either version. */
export function parseAddress(word: string): IpAddress | null {
  const four = parseIpv4(word);
  if (four !== null) return { version: 4, value: four };
  const six = parseIpv6(word);
  return six === null ? null : { version: 6, value: six };
}

/** A sender that had no route records the unspecified address: it chose none. */
function usableSource(word: string | undefined): IpAddress | null {
  const address = word === undefined ? null : parseAddress(word);
  return address === null || address.value === 0n ? null : address;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(entry: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = entry[key];
  return typeof value === 'string' ? value : undefined;
}

function number(entry: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = entry[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function truth(entry: Readonly<Record<string, unknown>>, key: string): boolean | undefined {
  const value = entry[key];
  return typeof value === 'boolean' ? value : undefined;
}

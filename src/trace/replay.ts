/** Compares what a trace predicts for a recorded probe with what really became of it. */
import { type ProbeRecord, type RecordedFate } from './probe-record.ts';
import { type Trace } from './types.ts';

/** The prediction of one probe; these names are a contract with users' own scripts. */
export interface Prediction {
  readonly verdict: Trace['verdict'];
  readonly request_delivered: boolean;
  readonly delivered: boolean;
  /** Who listened and got it; null when nobody did, or the kernel of a router answered. */
  readonly received_by: string | null;
  /** All who may get it, where something that no file tells decides: a balancer's servers. */
  readonly received_by_any: readonly string[];
  /** Whose answer came back, a router's own one included. */
  readonly answered_by: string | null;
  readonly observed_src: string | null;
  readonly observed_dst: string | null;
  readonly observed_sport: number | null;
  readonly observed_dport: number | null;
  readonly answer_from: string | null;
  readonly icmp_error: {
    readonly from: string;
    readonly type: number;
    readonly code: number;
  } | null;
  readonly reason: {
    readonly code: string;
    readonly host: string;
    readonly component: string;
  } | null;
  /** The address that a guest was given or formed. */
  readonly address: string | null;
  /** What else a DHCP server said, by dhclient's names. */
  readonly settings: Readonly<Record<string, string>> | null;
  /** Who answered an ARP question. */
  readonly macs: readonly string[] | null;
  /** Whom the metadata service takes the client for. */
  readonly instance: string | null;
  /** Of a failover: who was master, and who may be it next. */
  readonly old_master: string | null;
  readonly new_masters: readonly string[] | null;
}

/** The prediction of records that ask for no packet. */
export const NOTHING: Prediction = {
  verdict: 'UNDETERMINED',
  request_delivered: false,
  delivered: false,
  received_by: null,
  received_by_any: [],
  answered_by: null,
  observed_src: null,
  observed_dst: null,
  observed_sport: null,
  observed_dport: null,
  answer_from: null,
  icmp_error: null,
  reason: null,
  address: null,
  settings: null,
  macs: null,
  instance: null,
  old_master: null,
  new_masters: null,
};

export interface ReplayedProbe {
  readonly index: number;
  readonly predicted: Prediction;
  readonly agrees: boolean;
  /** Which of the compared values differ. */
  readonly differs: readonly string[];
}

export interface ReplayTotals {
  readonly probes: number;
  readonly agree: number;
  readonly disagree: number;
  /** Records of kinds that are not traced, or that their recorder marked as invalid. */
  readonly skipped: number;
}

/** What the contract says of a trace. */
export function predictionOf(trace: Trace): Prediction {
  const [blocker] = trace.blockers;
  // A router or DHCP server answers by its kernel: no program of it observes anything.
  const listens = trace.receiverRole !== 'router' && trace.receiverRole !== 'dhcp';
  const observed = listens ? trace.observed : null;
  return {
    ...NOTHING,
    ...contentOf(trace.content),
    verdict: trace.verdict,
    request_delivered: trace.requestDelivered,
    delivered: trace.delivered,
    received_by: listens ? trace.receivedBy : null,
    received_by_any: receiversOf(trace),
    answered_by: trace.delivered ? trace.receivedBy : null,
    observed_src: observed?.source ?? null,
    observed_dst: observed?.destination ?? null,
    observed_sport: observed?.sourcePort ?? null,
    observed_dport: observed?.destinationPort ?? null,
    answer_from: trace.answerFrom,
    icmp_error: trace.icmpError,
    reason:
      blocker === undefined
        ? null
        : { code: blocker.code, host: blocker.host, component: blocker.component },
  };
}

function contentOf(content: Trace['content']): Partial<Prediction> {
  switch (content?.kind) {
    case 'lease':
      return { address: content.address, settings: Object.fromEntries(content.settings) };
    case 'autonomous':
      return { address: content.addresses[0] ?? null };
    case 'neighbour':
      return { macs: content.macs };
    case 'metadata':
      return { instance: content.instance };
    default:
      return {};
  }
}

function receiversOf({ receivedBy, alternatives }: Trace): readonly string[] {
  const named = alternatives.map((one) => one.trace.receivedBy);
  return [...new Set([receivedBy, ...named])].filter((name) => name !== null);
}

/**
 * Compares a trace with a record. Where a trace leaves several worlds possible, reality was one
 * of them: the record agrees when it agrees with one.
 */
export function compareTrace(record: ProbeRecord, trace: Trace): ReplayedProbe {
  const predicted = predictionOf(trace);
  const worlds = trace.alternatives.map((one) => compare(record, predictionOf(one.trace)));
  if (worlds.some(({ agrees }) => agrees)) {
    return { index: record.index, predicted, agrees: true, differs: [] };
  }
  const [first] = worlds;
  return first === undefined ? compare(record, predicted) : { ...first, predicted };
}

/** Compares a prediction with a record; only what the record says can differ. */
export function compare(record: ProbeRecord, predicted: Prediction): ReplayedProbe {
  const { fate } = record;
  const differs: string[] = [];
  const check = (name: string, wanted: unknown, actual: unknown): void => {
    if (wanted !== undefined && wanted !== actual) differs.push(name);
  };
  check('delivered', fate.delivered, predicted.delivered);
  check('request_delivered', fate.requestDelivered, predicted.request_delivered);
  if (fate.requestDelivered !== false && predicted.request_delivered) {
    checkObservation(check, fate, predicted);
  }
  return { index: record.index, predicted, agrees: differs.length === 0, differs };
}

/** A predicted null stands for any value: a translated source port may be every port. */
function checkObservation(
  check: (name: string, wanted: unknown, actual: unknown) => void,
  fate: RecordedFate,
  predicted: Prediction,
): void {
  check('received_by', fate.receivedBy, predicted.received_by);
  const checkKnown = (name: string, wanted: unknown, actual: unknown): void => {
    if (actual !== null) check(name, wanted, actual);
  };
  checkKnown('observed_src', fate.observedSource, predicted.observed_src);
  checkKnown('observed_dst', fate.observedDestination, predicted.observed_dst);
  checkKnown('observed_sport', fate.observedSourcePort, predicted.observed_sport);
  checkKnown('observed_dport', fate.observedDestinationPort, predicted.observed_dport);
}

/** Sums up a run. */
export function totalsOf(probes: readonly ReplayedProbe[], skipped: number): ReplayTotals {
  const agree = probes.filter((probe) => probe.agrees).length;
  return { probes: probes.length, agree, disagree: probes.length - agree, skipped };
}

/**
 * A trace as JSON. 64-bit values are hexadecimal strings, so that no reader loses digits; keys
 * stand in a fixed order, so that equal traces are equal bytes.
 */
import { REASONS } from '../../reasons/codes.ts';
import { formatAddress } from '../ends.ts';
import { changedFields } from '../header.ts';
import { type Blocker, type Hop, type Journey, type Trace, type TraceEnd } from '../types.ts';
import { stepText } from './step-text.ts';

/** The contract's version: additions raise the minor number. */
export const TRACE_VERSION = '1.0';

/** A plain value ready for `JSON.stringify`. */
export function traceJson(trace: Trace, snapshot: string, toolVersion: string): unknown {
  const { from, to, packet } = trace.question;
  return {
    kind: 'Trace',
    version: TRACE_VERSION,
    tool: { name: 'hopwise', version: toolVersion },
    snapshot: { name: snapshot },
    query: {
      src: endJson(from),
      dst: endJson(to),
      packet: {
        proto: packet.protocol,
        srcPort: packet.sourcePort,
        dstPort: packet.destinationPort,
        size: packet.size,
        df: packet.dontFragment,
        flow: packet.flow?.text ?? null,
      },
    },
    verdict: trace.verdict,
    requestDelivered: trace.requestDelivered,
    delivered: trace.delivered,
    receivedBy: trace.receivedBy,
    observed: trace.observed,
    answerFrom: trace.answerFrom,
    icmpError: trace.icmpError,
    blockers: trace.blockers.map(blockerJson),
    hops: trace.request === null ? [] : hopsJson(trace.request),
    returnPath: trace.reply === null ? null : { hops: hopsJson(trace.reply), end: trace.reply.end },
    assumptions: trace.assumptions,
    unmodelled: trace.unmodelled,
  };
}

function endJson({ label, kind, host, port, address }: TraceEnd): unknown {
  return {
    name: label,
    kind,
    host,
    port,
    address: address === null ? null : formatAddress(address),
  };
}

function blockerJson(blocker: Blocker): unknown {
  const { code, host, component, evidence, origin, direction, because, neutron } = blocker;
  return {
    code,
    sentence: REASONS[code].sentence,
    direction,
    host,
    component,
    because,
    rule: { text: evidence, source: origin },
    neutron,
    nearMisses: blocker.nearMisses.map(({ rule, origin: source, differs }) => ({
      rule,
      source,
      because: differs.map(({ field, wanted, actual }) => ({ field, want: wanted, have: actual })),
    })),
    fix: blocker.fix,
    confirm: blocker.confirm,
  };
}

function hopsJson({ hops }: Journey): readonly unknown[] {
  return hops.map((hop, i) => hopJson(hop, i + 1));
}

function hopJson(hop: Hop, n: number): unknown {
  return {
    n,
    host: hop.host,
    stage: hop.stage,
    device: hop.device,
    in: hop.input,
    out: hop.output,
    steps: hop.steps.map(({ step }) => ({ kind: step.kind, ...stepText(step) })),
    header: {
      before: hop.before,
      after: hop.after,
      changed: changedFields(hop.before, hop.after).map(({ field }) => field),
    },
  };
}

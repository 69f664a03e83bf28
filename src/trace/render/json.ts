/**
 * A trace as JSON; `schema.ts` describes it. 64-bit values are hexadecimal strings, so that no
 * reader loses digits; keys stand in a fixed order, so that equal traces are equal bytes.
 */
import { REASONS } from '../../reasons/codes.ts';
import { type Problem } from '../../text/problem.ts';
import { formatAddress } from '../ends.ts';
import { changedFields } from '../header.ts';
import {
  type Assumption,
  type Blocker,
  type Hop,
  type Journey,
  type NearMiss,
  type Trace,
  type TraceEnd,
} from '../types.ts';
import { stepText } from './step-text.ts';

/** The contract's version: additions raise the minor number, readers ignore unknown keys. */
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
    remarks: trace.remarks.map(({ kind, code, text }) => ({ kind, code, text })),
    hops: trace.request === null ? [] : hopsJson(trace.request),
    end: trace.request === null ? null : endingJson(trace.request),
    returnPath:
      trace.reply === null ? null : { hops: hopsJson(trace.reply), end: endingJson(trace.reply) },
    assumptions: trace.assumptions.map(assumptionJson),
    unmodelled: trace.unmodelled.map(assumptionJson),
    missing: trace.missing.map(({ file, consequence }) => ({ file, consequence })),
    problems: trace.problems.map(problemJson),
    content: contentJson(trace.content),
    alternatives: trace.alternatives.map(({ chosen, trace: one }) => ({
      chosen,
      verdict: one.verdict,
      delivered: one.delivered,
      receivedBy: one.receivedBy,
      blockers: one.blockers.map(({ code }) => code),
    })),
  };
}

function contentJson(content: Trace['content']): unknown {
  if (content?.kind !== 'lease') return content;
  return { ...content, settings: Object.fromEntries(content.settings) };
}

function problemJson({ file, line, column, text, message, didYouMean }: Problem): unknown {
  return { file, line, column, text, message, didYouMean: didYouMean ?? null };
}

function endJson({ label, kind, host, namespace, port, address }: TraceEnd): unknown {
  return {
    name: label,
    kind,
    host,
    namespace,
    port,
    address: address === null ? null : formatAddress(address),
  };
}

function assumptionJson({ code, detail }: Assumption): unknown {
  return { code, sentence: REASONS[code].sentence, detail };
}

/** One blocker, as the schema of traces describes it. */
export function blockerJson(blocker: Blocker): unknown {
  const { code, host, component, evidence, origin, direction, because, neutron, fix } = blocker;
  return {
    code,
    sentence: REASONS[code].sentence,
    direction,
    host,
    component,
    because,
    rule: { text: evidence, source: origin },
    neutron: neutron.map(({ kind, id, name }) => ({ kind, id, name })),
    nearMisses: blocker.nearMisses.map(missJson),
    fix: fix === null ? null : { summary: fix.summary, commands: fix.commands },
    confirm: blocker.confirm,
  };
}

function missJson({ rule, origin, differs }: NearMiss): unknown {
  const because = differs.map(({ field, wanted, actual }) => {
    return { field, want: wanted, have: actual };
  });
  return { rule, source: origin, because };
}

function endingJson({ end }: Journey): unknown {
  if (end.kind === 'delivered') {
    const { host, namespace, to } = end;
    return { kind: 'delivered', host, namespace, to };
  }
  const { host, device, code, where, evidence, origin } = end;
  return { kind: 'dropped', host, device, code, where, rule: { text: evidence, source: origin } };
}

function hopsJson({ hops }: Journey): readonly unknown[] {
  return hops.map((hop, i) => hopJson(hop, i + 1));
}

function hopJson(hop: Hop, n: number): unknown {
  const { before, after } = hop;
  return {
    n,
    host: hop.host,
    stage: hop.stage,
    device: hop.device,
    label: hop.label,
    in: hop.input,
    out: hop.output,
    notes: hop.notes,
    steps: hop.steps.map(({ step }) => {
      const { text, origin, ambiguous } = stepText(step);
      const others = ambiguous === undefined ? {} : { ambiguous };
      return { kind: step.kind, text, source: origin, ...others };
    }),
    header: {
      before,
      after,
      changed: changedFields(before, after).map(({ field }) => field),
    },
  };
}

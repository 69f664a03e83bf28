/** One step in words, with where it was read: the only place that knows every element's steps. */
import { type OvsStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { printAction } from '../../dataplane/ovs/text/actions.ts';
import { printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type RoutingStep } from '../../dataplane/routing/steps.ts';
import { type Origin } from '../../text/problem.ts';
import { type Step } from '../../traffic/traffic.ts';
import { formatAddress } from '../ends.ts';

export interface StepText {
  readonly text: string;
  readonly origin: Origin | null;
  /** Other flows that may win instead. */
  readonly ambiguous?: readonly string[];
}

/** Words for a step; unknown kinds show their name, so that nothing is hidden. */
export function stepText(step: Step): StepText {
  return ovsText(step as OvsStep) ?? routingText(step as RoutingStep) ?? plain(step.kind);
}

function plain(text: string, origin: Origin | null = null): StepText {
  return { text, origin };
}

function ovsText(step: OvsStep): StepText | null {
  switch (step.kind) {
    case 'bridge':
      return plain(
        `bridge ${step.bridge}${step.port === null ? '' : `, port ${step.port}`} (${step.way})`,
      );
    case 'flow':
      return flowText(step);
    case 'flow-action':
      return plain(`  ${printAction(step.action)}`);
    case 'action-set':
      return plain('  action set');
    case 'normal': {
      const vlan = step.vlan === null ? '' : ` vlan ${step.vlan}`;
      return plain(
        `  NORMAL: ${step.decision}${vlan}${step.port === null ? '' : ` → ${step.port}`}`,
      );
    }
    case 'learned':
      return plain(
        `  learns a ${step.what}${step.table === null ? '' : ` in table ${step.table}`}`,
      );
    case 'openflow-output':
      return plain(`  output to ${step.port}`);
    case 'remark':
      return plain(`  ${step.text}`);
    case 'translation-error':
      return plain(`error: ${step.text}`);
    case 'tunnel':
      return plain(`tunnel ${step.way}: ${step.port}`);
    case 'conntrack': {
      const commit = step.commit ? ' commit' : '';
      const resume = step.resume === null ? '' : `, resumes at table ${step.resume}`;
      return plain(`conntrack zone ${step.zone}${commit}${resume}`);
    }
    case 'group':
      return plain(`group ${step.group} bucket ${step.bucket ?? '-'}`, step.origin);
    default:
      return null;
  }
}

function flowText(step: Extract<OvsStep, { kind: 'flow' }>): StepText {
  const { flow, table, conjunction, ambiguous } = step;
  if (flow === null) return plain(`table ${table}: no match`);
  const match = printMatch(flow);
  const clauses =
    conjunction === null
      ? ''
      : ` (conjunction ${conjunction.id}: ${conjunction.members.map((one) => printMatch(one)).join(' + ')})`;
  const text = `table ${table}: ${match === '' ? '' : `${match}, `}priority ${flow.priority}${clauses}`;
  if (ambiguous.length === 0) return plain(text, flow.origin);
  return { text, origin: flow.origin, ambiguous: ambiguous.map((one) => printMatch(one)) };
}

function routingText(step: RoutingStep): StepText | null {
  switch (step.kind) {
    case 'route': {
      const prefix =
        step.prefix === null
          ? 'default'
          : `${formatAddress(step.prefix.address)}/${step.prefix.length}`;
      const via = step.gateway === null ? '' : ` via ${formatAddress(step.gateway)}`;
      const device = step.device === null ? '' : ` dev ${step.device}`;
      return plain(
        `route ${step.type} ${prefix}${via}${device} (table ${step.table})`,
        step.origin,
      );
    }
    case 'neighbour': {
      const who = step.gateway === null ? 'destination' : formatAddress(step.gateway);
      return plain(`neighbour ${who} on ${step.device} (${step.state})`);
    }
    case 'resolution':
      return plain(
        `${step.message} on ${step.device}${step.proxied ? ' (for somebody else)' : ''}`,
      );
    case 'answer':
      return plain(
        step.type === undefined ? step.what : `${step.what} type ${step.type} code ${step.code}`,
      );
    case 'forward':
      return plain(`forwarded from ${step.input} to ${step.output}`);
    case 'device':
      return plain(`${step.device}: ${step.what}`);
    default:
      return null;
  }
}

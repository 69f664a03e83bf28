/** One step in words, with where it was read: the only place that knows every element's steps. */
import {
  type AddressChoiceStep,
  type DumpedConnectionStep,
  type PortChoiceStep,
} from '../../dataplane/conntrack/steps.ts';
import { type FrameRuleStep } from '../../dataplane/iptables/frames.ts';
import { type RuleStep, type TranslationStep } from '../../dataplane/iptables/steps.ts';
import { type VxlanStep } from '../../dataplane/linuxbridge/vxlan.ts';
import { type BridgedStep } from '../../dataplane/linuxbridge/work.ts';
import { type OvsStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { printAction } from '../../dataplane/ovs/text/actions.ts';
import { printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type RoutingStep } from '../../dataplane/routing/steps.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Origin } from '../../text/problem.ts';
import { type Step } from '../../traffic/traffic.ts';
import { formatAddress } from '../ends.ts';

export interface StepText {
  readonly text: string;
  readonly origin: Origin | null;
  /** 0 for what decides, 1 for what was done because of it. */
  readonly depth: 0 | 1;
  /** Other flows that may win instead. */
  readonly ambiguous?: readonly string[];
}

type LinuxStep =
  | RuleStep
  | FrameRuleStep
  | TranslationStep
  | BridgedStep
  | VxlanStep
  | PortChoiceStep
  | DumpedConnectionStep
  | AddressChoiceStep;

/** Words for a step; unknown kinds show their name, so that nothing is hidden. */
export function stepText(step: Step): StepText {
  return (
    ovsText(step as OvsStep) ??
    linuxText(step as LinuxStep) ??
    routingText(step as RoutingStep) ??
    decides(step.kind)
  );
}

function decides(text: string, origin: Origin | null = null): StepText {
  return { text, origin, depth: 0 };
}

function done(text: string, origin: Origin | null = null): StepText {
  return { text, origin, depth: 1 };
}

function ovsText(step: OvsStep): StepText | null {
  switch (step.kind) {
    case 'bridge':
      return decides(
        `bridge ${step.bridge}${step.port === null ? '' : `, port ${step.port}`} (${step.way})`,
      );
    case 'flow':
      return flowText(step);
    case 'flow-action':
      return done(printAction(step.action));
    case 'action-set':
      return done('action set');
    case 'normal': {
      const vlan = step.vlan === null ? '' : ` vlan ${step.vlan}`;
      return done(`NORMAL: ${step.decision}${vlan}${step.port === null ? '' : ` → ${step.port}`}`);
    }
    case 'learned':
      return done(`learns a ${step.what}${step.table === null ? '' : ` in table ${step.table}`}`);
    case 'openflow-output':
      return done(`output to ${step.port}`);
    case 'remark':
      return done(step.text);
    case 'translation-error':
      return decides(`error: ${step.text}`);
    case 'tunnel':
      return decides(`tunnel ${step.way}: ${step.port}`);
    case 'conntrack': {
      const commit = step.commit ? ' commit' : '';
      const resume = step.resume === null ? '' : `, resumes at table ${step.resume}`;
      return done(`conntrack zone ${step.zone}${commit}${resume}`);
    }
    case 'group':
      return done(`group ${step.group} bucket ${step.bucket ?? '-'}`, step.origin);
    default:
      return null;
  }
}

/** As `ofproto/trace` shows a lookup: the table's number, the match, the priority. */
function flowText(step: Extract<OvsStep, { kind: 'flow' }>): StepText {
  const { flow, table, conjunction, ambiguous } = step;
  const number = `${String(table).padStart(2)}. `;
  if (flow === null) return decides(`${number}no match`);
  const clauses =
    conjunction === null
      ? ''
      : ` (conjunction ${conjunction.id}: ${conjunction.members.map(matchText).join(' + ')})`;
  const text = `${number}${matchText(flow)}${clauses}`;
  const told = decides(text, flow.origin);
  return ambiguous.length === 0 ? told : { ...told, ambiguous: ambiguous.map(matchText) };
}

function matchText(flow: Flow): string {
  const match = printMatch({ ...flow, priority: 32768 });
  return `${match === '' ? '' : `${match}, `}priority ${flow.priority}`;
}

function linuxText(step: LinuxStep): StepText | null {
  switch (step.kind) {
    case 'rule': {
      const tool = step.version === 6 ? 'ip6tables' : 'iptables';
      const what =
        step.what === 'rule' ? `rule ${step.number}: ${step.text}` : `${step.what}: ${step.text}`;
      return decides(`${tool} ${step.table} ${step.chain} ${what}`, step.origin);
    }
    case 'frame-rule':
      return decides(
        `ebtables ${step.table} ${step.chain} rule ${step.number}: ${step.text.trim()}`,
        step.origin,
      );
    case 'translation': {
      const why = step.byRule ? '' : ' (another connection has the port)';
      return done(`NAT of the ${step.manip === 'src' ? 'source' : 'destination'}${why}`);
    }
    case 'bridged':
      return decides(
        `bridge ${step.bridge}: ${step.input ?? 'the host'} → ${step.output ?? 'the host'} (${step.because})`,
      );
    case 'vxlan': {
      const remote = step.remote === null ? '' : ` ${writeIp({ version: 4, value: step.remote })}`;
      return decides(`${step.device}: ${step.direction} vni ${step.vni}${remote}`);
    }
    case 'port-choice':
      return done(
        `port of the ${step.end === 'src' ? 'source' : 'destination'} chosen from ${step.from}-${step.to}`,
      );
    case 'dumped-connection':
      return done(
        `a connection of the dump, ${step.reply ? 'in the direction of its answers' : 'as its first packet'}`,
        step.entry.origin,
      );
    case 'address-choice':
      return done(
        `address of the ${step.end === 'src' ? 'source' : 'destination'}: chosen by a hash`,
      );
    default:
      return null;
  }
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
      return decides(
        `route ${step.type} ${prefix}${via}${device} (table ${step.table})`,
        step.origin,
      );
    }
    case 'neighbour': {
      const who = step.gateway === null ? 'destination' : formatAddress(step.gateway);
      return decides(`neighbour ${who} on ${step.device} (${step.state})`);
    }
    case 'resolution':
      return decides(
        `${step.message} on ${step.device}${step.proxied ? ' (for somebody else)' : ''}`,
      );
    case 'answer':
      return decides(
        step.type === undefined ? step.what : `${step.what} type ${step.type} code ${step.code}`,
      );
    case 'forward':
      return decides(`forwarded from ${step.input} to ${step.output}`);
    case 'device':
      return decides(`${step.device}: ${step.what}`);
    default:
      return null;
  }
}

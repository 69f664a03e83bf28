/**
 * Flows that are missing, said otherwise, or too many. A new one gets the cookie that most flows of
 * its bridge have: the agent removes others when it starts (ovs_neutron_agent.py
 * cleanup_stale_flows).
 */
import { parseFlows } from '../../dataplane/ovs/text/flows.ts';
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { word } from '../../trace/diagnosis/commands.ts';
import { type Edit } from '../edits.ts';
import { type Mend, type Mender, type Sides } from './types.ts';

export const flowMends: Mender = (sides, differences) =>
  differences.flatMap((difference): readonly Mend[] => {
    const { device, part, a, b } = difference;
    const bridge = bridgeOf(sides, device);
    if (bridge === undefined || !part.startsWith('table ')) return [];
    const [to, from] = [a, b].map((side) => (side === null ? null : readFlow(side.text, device)));
    // Ids of conjunctions are the run's own: a single flow of one cannot be taken over.
    if ([to, from].some((flow) => flow != null && isConjunctive(flow))) return [];
    const text = [a, b].flatMap((side) => side?.text ?? []).join('\n');
    const mend = flowMend(sides, bridge, to ?? null, from ?? null);
    return [{ ...mend, part, text }];
  });

function bridgeOf({ real }: Sides, name: string): Bridge | undefined {
  return real.host.switch?.bridges.find((bridge) => bridge.name === name);
}

function readFlow(text: string, bridge: string): Flow | null {
  return parseFlows(new TextEncoder().encode(text), bridge).value[0] ?? null;
}

function isConjunctive({ actions, tests }: Flow): boolean {
  return (
    actions.some(({ kind }) => kind === 'conjunction') ||
    tests.some(({ field }) => field.name === 'conj_id')
  );
}

/** One flow in place of another; null for none. */
export function flowMend(
  { real }: Sides,
  bridge: Bridge,
  to: Flow | null,
  from: Flow | null,
): Pick<Mend, 'host' | 'device' | 'lines' | 'edits'> {
  const host = real.host.name;
  const cookie = usualCookie(bridge);
  const at = word(bridge.name);
  const gone = from !== null && (to === null || matchOf(from) !== matchOf(to));
  const lines = [
    ...(to === null
      ? []
      : [`ovs-ofctl -O OpenFlow14 add-flow ${at} ${word(withCookie(to, cookie))}`]),
    ...(gone ? [`ovs-ofctl -O OpenFlow14 --strict del-flows ${at} ${word(matchOf(from))}`] : []),
  ];
  return { host, device: bridge.name, lines, edits: [flowEdit(host, bridge.name, to, from)] };
}

function withCookie(flow: Flow, cookie: bigint): string {
  const line = printFlow({ ...flow, cookie: 0n });
  return `cookie=0x${cookie.toString(16)}, ${line}`.replaceAll(', ', ',');
}

/** Table, priority and match, which are unique in a switch. */
function matchOf(flow: Flow): string {
  const tests = printMatch({ ...flow, priority: 32768 });
  return `table=${flow.table},priority=${flow.priority}${tests === '' ? '' : `,${tests}`}`;
}

function flowEdit(host: string, name: string, to: Flow | null, from: Flow | null): Edit {
  const gone = new Set([to, from].flatMap((flow) => (flow === null ? [] : [matchOf(flow)])));
  return {
    of: 'switch',
    host,
    change: (before) => ({
      ...before,
      bridges: before.bridges.map((bridge) =>
        bridge.name === name
          ? {
              ...bridge,
              flows: [
                ...bridge.flows.filter((flow) => !gone.has(matchOf(flow))),
                ...(to === null ? [] : [to]),
              ],
            }
          : bridge,
      ),
    }),
  };
}

function usualCookie({ flows }: Bridge): bigint {
  const counts = new Map<bigint, number>();
  for (const { cookie } of flows) counts.set(cookie, (counts.get(cookie) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0n, 0] as const)[0];
}

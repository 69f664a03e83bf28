/**
 * How packets leave layer 2: by a device, into a tunnel of the kernel, to a controller, or not at
 * all (net/openvswitch/actions.c do_output(), lib/dpif-netdev.c). In front stands `execute.ts`.
 */
import { field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { test } from '../../../traffic/match.ts';
import { cut, longestPiece } from '../../conntrack/refragment.ts';
import { encapsulate } from '../pipeline/encapsulate.ts';
import { type DatapathAction } from '../pipeline/part.ts';
import { type PreparedPort } from '../pipeline/prepared.ts';
import { tunnelEntry } from './tunnel.ts';
import { type Work } from './work.ts';

const IS_V6 = guard(test(field('eth_type'), 0x86ddn));

type Leaving<P> = Extract<
  DatapathAction<P>,
  { kind: 'output' | 'tunnel' | 'tunnel-pop' | 'controller' | 'ended' }
>;

/** Outputs and other ends. */
export function leave<P>(work: Work<P>, action: Leaving<P>, p: P, depth: number): void {
  for (const one of cutAgain(work, action, p)) leaveAs(work, action, one, depth);
}

function leaveAs<P>(work: Work<P>, action: Leaving<P>, p: P, depth: number): void {
  switch (action.kind) {
    case 'output':
      // Simplification: truncation (max_len) changes the length on the wire, not the way.
      transmit(work, action.port, p);
      return;
    case 'controller':
      work.outcomes.push({
        kind: 'delivered',
        to: `OpenFlow controller of ${action.bridge} (${action.reason})`,
        p,
      });
      return;
    case 'ended':
      work.outcomes.push({ kind: 'dropped', drop: action.drop, p });
      return;
    case 'tunnel': {
      const { tunnel } = action.port.source;
      if (tunnel === null) return;
      const version =
        tunnel.remote !== null && tunnel.remote !== 'flow' ? tunnel.remote.version : 4;
      const outer = encapsulate(work.dp.run.traffic, p, tunnel, version);
      work.outcomes.push({ kind: 'sent', port: kernelTunnelDevice(action.port), p: outer });
      return;
    }
    case 'tunnel-pop': {
      const found = tunnelEntry(work.dp, p);
      work.outcomes.push(...found.outcomes);
      for (const entry of found.entries) {
        work.again({ kind: 'enter', entry, depth: depth + 1 });
      }
    }
  }
}

/** The kernel device that stands for all tunnel ports of a kind: `tunnel:vxlan_sys_4789`. */
function kernelTunnelDevice({ source }: PreparedPort): string {
  const tunnel = source.tunnel;
  switch (tunnel?.kind) {
    case 'vxlan':
      return `tunnel:vxlan_sys_${tunnel.destinationPort}`;
    case 'geneve':
      return `tunnel:genev_sys_${tunnel.destinationPort}`;
    case 'gre':
      return 'tunnel:gre_sys';
    case 'ip6gre':
      return 'tunnel:ip6gre_sys';
    default:
      return `tunnel:${tunnel?.kind ?? source.name}_sys`;
  }
}

function transmit<P>(work: Work<P>, port: PreparedPort, p: P): void {
  if (port.source.adminUp && !port.source.config.includes('PORT_DOWN')) {
    work.outcomes.push({ kind: 'sent', port: port.name, p });
    return;
  }
  work.outcomes.push({
    kind: 'dropped',
    drop: {
      reason: 'OF_PORT_DOWN',
      where: `${port.bridge.name} ${port.name}`,
      evidence: 'the interface is down',
      origin: null,
    },
    p,
  });
}

/**
 * What the kernel put together from fragments leaves as fragments no longer than they were
 * (net/openvswitch/actions.c do_output(), ovs_fragment()).
 */
function cutAgain<P>(work: Work<P>, action: Leaving<P>, p: P): readonly P[] {
  const { traffic } = work.dp.run;
  if (action.kind !== 'output' && action.kind !== 'tunnel') return [p];
  if (traffic.pieces(p).length === 0) return [p];
  const version = traffic.split(traffic.fork(p), IS_V6).hit === null ? 4 : 6;
  const longest = longestPiece(traffic, version, p);
  const { mtu } = action.port.source;
  if (action.kind !== 'output' || mtu === null || longest <= mtu) {
    return cut(traffic, version, longest, p);
  }
  const drop = {
    reason: 'MTU_BLACKHOLE_NO_ICMP',
    where: `${action.port.bridge.name} ${action.port.name}`,
    evidence: `fragments of ${longest} bytes are longer than the MTU ${mtu}`,
    origin: null,
  } as const;
  work.outcomes.push({ kind: 'dropped', drop, p });
  return [];
}

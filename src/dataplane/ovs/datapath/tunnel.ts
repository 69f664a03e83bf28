/**
 * Receiving out of a tunnel: which OpenFlow port gets the inner packet (ofproto/tunnel.c
 * tnl_find()). Several tunnel ports share one datapath port; key and addresses tell them apart.
 */
import { ENCAPSULATION, field } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { linearTable } from '../../../traffic/linear.ts';
import { and, type Match, or, test } from '../../../traffic/match.ts';
import { type Rule, type Table } from '../../../traffic/table.ts';
import { assignment } from '../../../traffic/words.ts';
import { type Drop, type Outcome } from '../../outcome.ts';
import { bitsOf, writeNumberTo } from '../pipeline/conditions.ts';
import { decapsulate } from '../pipeline/encapsulate.ts';
import { TUNNEL_METADATA } from '../pipeline/metadata-fields.ts';
import { wipePipelineFields } from '../pipeline/patch.ts';
import { type PreparedPort, type PreparedSwitch } from '../pipeline/prepared.ts';
import { type Entry } from '../pipeline/translate.ts';
import { type Endpoint, type TunnelSettings } from '../types/switch.ts';
import { type Datapath } from './types.ts';

const IN_PORT = field('in_port');
const KINDS: readonly (readonly [TunnelSettings['kind'], number])[] = [
  ['vxlan', ENCAPSULATION.vxlan],
  ['geneve', ENCAPSULATION.geneve],
  ['gre', ENCAPSULATION.gre],
  ['ip6gre', ENCAPSULATION.gre],
  ['gtpu', ENCAPSULATION.gtpu],
];
const IS_V6: Guard = guard(test(field('eth_type'), 0x86ddn));
const OUTER_CE: Guard = guard(test(field('tun_tos'), 3n, 3n));
const INNER_NOT_ECT: Guard = guard(
  and(test(field('eth_type'), 0x0800n), test(field('nw_ecn'), 0n)),
);
const MARK_CE = assignment(field('nw_ecn'), 3n);

const tables = new WeakMap<PreparedSwitch, Table<PreparedPort>>();

/** Exact key before flow key; within that exact remote before flow; then local set, unset, flow. */
function rankOf({ inKey, remote, local }: TunnelSettings): number {
  const ofLocal = local === null ? 1 : local === 'flow' ? 2 : 0;
  return (inKey === 'flow' ? 6 : 0) + (remote === 'flow' ? 3 : 0) + ofLocal;
}

function endpointTest(endpoint: Endpoint | 'flow' | null, v4: string, v6: string): Match {
  if (endpoint === null || endpoint === 'flow') return { kind: 'any' };
  return test(field(endpoint.version === 4 ? v4 : v6), endpoint.address);
}

function ruleOf(port: PreparedPort, tunnel: TunnelSettings): Rule<PreparedPort> {
  const kind = KINDS.find(([name]) => name === tunnel.kind)?.[1] ?? 0;
  const isUdp = tunnel.kind === 'vxlan' || tunnel.kind === 'geneve' || tunnel.kind === 'gtpu';
  return {
    match: and(
      test(field('encap_kind'), BigInt(kind)),
      isUdp ? test(field('udp_dst'), BigInt(tunnel.destinationPort)) : { kind: 'any' },
      tunnel.inKey === 'flow' ? { kind: 'any' } : test(field('encap_id'), tunnel.inKey ?? 0n),
      endpointTest(tunnel.remote, 'ip_src', 'ipv6_src'),
      endpointTest(tunnel.local, 'ip_dst', 'ipv6_dst'),
    ),
    rank: rankOf(tunnel),
    decisive: true,
    entry: port,
  };
}

function tableOf(sw: PreparedSwitch): Table<PreparedPort> {
  let found = tables.get(sw);
  if (found === undefined) {
    const rules = sw.tunnels.flatMap((port) =>
      port.source.tunnel === null ? [] : [ruleOf(port, port.source.tunnel)],
    );
    found = linearTable(rules);
    tables.set(sw, found);
  }
  return found;
}

/** Where the packets inside of tunnel frames enter; frames that fit no port end. */
export function tunnelEntry<P>(
  dp: Datapath<P>,
  outer: P,
): { readonly entries: Entry<P>[]; readonly outcomes: Outcome<P>[] } {
  const { traffic } = dp.run;
  const entries: Entry<P>[] = [];
  const outcomes: Outcome<P>[] = [];
  for (const { entries: found, p } of traffic.lookup(outer, tableOf(dp.sw))) {
    const port = found.find(({ certain }) => certain)?.entry;
    if (port === undefined) {
      outcomes.push(...unfitting(dp, p));
      continue;
    }
    const { hit: v6, miss: v4 } = traffic.split(p, IS_V6);
    for (const [frame, version] of [
      [v4, 4],
      [v6, 6],
    ] as const) {
      const inner = frame === null ? null : decapsulate(traffic, frame, version);
      if (inner === null) continue;
      const accepted = congestion(dp, inner, outcomes);
      if (accepted !== null) entries.push(enter(dp, accepted, port));
    }
  }
  return { entries, outcomes };
}

/** RFC 6040 §4.2: congestion marked outside moves inside; what cannot carry it is dropped. */
function congestion<P>(dp: Datapath<P>, inner: P, outcomes: Outcome<P>[]): P | null {
  const { traffic } = dp.run;
  const { hit: congested, miss } = traffic.split(inner, OUTER_CE);
  if (congested === null) return miss;
  const { hit: incapable, miss: capable } = traffic.split(congested, INNER_NOT_ECT);
  if (incapable !== null) {
    const evidence = 'congestion was marked and the packet is not ECN capable';
    outcomes.push(dropped(incapable, 'OF_EXPLICIT_DROP', evidence, placeOf(dp.sw)));
  }
  const marked = capable === null ? null : traffic.set(capable, MARK_CE);
  // Simplification: traffic of which only a part is congested goes on as that part alone.
  return marked ?? miss;
}

function enter<P>({ run, state }: Datapath<P>, inner: P, port: PreparedPort): Entry<P> {
  const { traffic } = run;
  const tunnel = traffic.fork(inner);
  let p = wipePipelineFields({ t: traffic }, inner);
  for (const bits of TUNNEL_BITS) p = traffic.copy(p, bits, tunnel, bits);
  p = traffic.set(p, writeNumberTo(IN_PORT, port.ofport));
  const step = () =>
    ({ kind: 'tunnel', bridge: port.bridge.name, port: port.name, way: 'in' }) as const;
  p = traffic.note(p, step);
  state.onStep?.(step());
  return { bridge: port.bridge, inPort: port.ofport, p };
}

const TUNNEL_BITS = TUNNEL_METADATA.map(bitsOf);

/** A frame that no port takes: of a sender without a port here, or to an address of none. */
function unfitting<P>({ run, sw }: Datapath<P>, p: P): readonly Outcome<P>[] {
  const senders = sw.tunnels.flatMap(({ source: { tunnel } }) => {
    const remote = tunnel?.remote;
    if (remote === undefined || remote === null) return [];
    return [endpointTest(remote, 'ip_src', 'ipv6_src')];
  });
  const { hit, miss } = run.traffic.split(p, guard(or(...senders)));
  const outcomes: Outcome<P>[] = [];
  const evidence = 'no tunnel port fits key and addresses of the frame';
  if (hit !== null) outcomes.push(dropped(hit, 'TUNNEL_LOCAL_IP_MISMATCH', evidence, placeOf(sw)));
  if (miss !== null) {
    const unknown = 'no tunnel port has the sender as its remote address';
    outcomes.push(dropped(miss, 'TUNNEL_ENDPOINT_MISSING', unknown, placeOf(sw)));
  }
  return outcomes;
}

/** The bridges that have tunnel ports. */
function placeOf({ tunnels }: PreparedSwitch): string {
  const bridges = new Set(tunnels.map(({ bridge }) => bridge.name));
  return bridges.size === 0 ? 'tunnel' : [...bridges].join(', ');
}

function dropped<P>(p: P, reason: Drop['reason'], evidence: string, where: string): Outcome<P> {
  return { kind: 'dropped', drop: { reason, where, evidence, origin: null }, p };
}

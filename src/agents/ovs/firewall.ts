/**
 * The openvswitch firewall driver: security groups as flows of br-int.
 *
 *   60 ─> 71 anti-spoofing ─> 72 egress rules ─> 73 ─┬─> 94 to the network
 *   60 ─> 81 base ingress  ─> 82 ingress rules ─> out │
 *                             81 <────────────────────┘ same host
 *
 * (neutron/agent/linux/openvswitch_firewall/firewall.py, Zed). Register 5 is the port, register 6
 * the local VLAN, which is the connection tracking zone as well.
 *
 * Simplification: a sub-port on tunnels that shares its parent's MAC takes away the parent's flow of
 * table 60 for a flat network whenever it is handled after it (`delete_physical_direct_flow` holds a
 * port without a VLAN for one on a flat network); the compiled flow stays, and a comparison tells it.
 */
import { linkLocalAddress } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { flow, hex, ip, mac, prefixText } from './flow-text.ts';
import { INT } from './tables.ts';

/** A port of br-int that the firewall knows. */
export interface GuardedPort {
  readonly port: NeutronPort;
  readonly ofport: number;
  readonly vlan: number;
  /** How frames for the port look that come straight off a wire; null where none do. */
  readonly onWire: string | null;
}

const ZONE = 'zone=NXM_NX_REG6[0..15]';
/** ICMPv6 that a guest may send without rules: MLD query, router and neighbour solicitation. */
const ND_OUT = [130, 133, 135] as const;
/** ICMPv6 that reaches a guest without rules: MLD query, router advertisement, NS, NA. */
const ND_IN = [130, 134, 135, 136] as const;
const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_ADVERTISEMENT = 136;

/** Flows that stand whatever ports there are. */
export function firewallBase(): string[] {
  return [
    flow(INT.BASE_EGRESS, 110, 'ct_state=+trk', `ct_clear,resubmit(,${INT.BASE_EGRESS})`),
    ...[
      INT.BASE_EGRESS,
      INT.RULES_EGRESS,
      INT.ACCEPT_OR_INGRESS,
      INT.BASE_INGRESS,
      INT.RULES_INGRESS,
      INT.ACCEPTED_INGRESS,
      INT.DROPPED,
    ].map((table) => flow(table, 0, '', 'drop')),
    flow(INT.ACCEPTED_EGRESS, 1, '', `resubmit(,${INT.ACCEPTED_EGRESS_NORMAL})`),
    flow(INT.ACCEPTED_EGRESS_NORMAL, 1, '', 'NORMAL'),
  ];
}

/** Once any port is guarded, invalid packets are dropped for all. */
export function invalidDropped(): string[] {
  return [INT.RULES_EGRESS, INT.RULES_INGRESS].map((table) =>
    flow(table, 50, 'ct_state=+inv+trk', `resubmit(,${INT.DROPPED})`),
  );
}

/** A port without port security, or of a router or DHCP server: straight to table 73 and out. */
export function trustedPort({ ofport, vlan }: Pick<GuardedPort, 'ofport' | 'vlan'>): string[] {
  return [
    flow(INT.TRANSIENT, 100, `in_port=${ofport}`, toTable(ofport, vlan, INT.ACCEPT_OR_INGRESS)),
    flow(
      INT.ACCEPT_OR_INGRESS,
      80,
      `reg5=${hex(ofport)}`,
      `resubmit(,${INT.ACCEPTED_EGRESS_NORMAL})`,
    ),
  ];
}

function toTable(ofport: number, vlan: number, table: number, pop = ''): string {
  return `set_field:${hex(ofport)}->reg5,set_field:${hex(vlan)}->reg6,${pop}resubmit(,${table})`;
}

/** All of a guarded port's own flows; rules of its groups stand in `rules.ts`. */
export function guardedPort(at: GuardedPort): string[] {
  return [...entry(at), ...antiSpoofing(at), ...tracking(at), ...leaving(at), ...arriving(at)];
}

/** Table 60: whose packet it is, or whom it is for. */
function entry({ port, ofport, vlan, onWire }: GuardedPort): string[] {
  const arrival = (match: string, mac: string): string => {
    const pop = match.startsWith('dl_vlan=') ? 'pop_vlan,' : '';
    const actions = toTable(ofport, vlan, INT.BASE_INGRESS, pop);
    return flow(INT.TRANSIENT, 90, [match, `dl_dst=${mac}`], actions);
  };
  return [
    flow(INT.TRANSIENT, 100, `in_port=${ofport}`, toTable(ofport, vlan, INT.BASE_EGRESS)),
    ...macsOf(port).flatMap((each) => [
      arrival(`dl_vlan=${vlan}`, mac(each)),
      // A distributed router's frames keep the tag of the wire (`install_physical_direct_flow`).
      ...(onWire === null ? [] : [arrival(onWire, mac(each))]),
    ]),
  ];
}

interface Pair {
  readonly mac: bigint;
  /** As text: an address or a prefix. */
  readonly source: string;
}

function macsOf(port: NeutronPort): readonly bigint[] {
  return [...new Set([port.mac, ...port.allowedAddressPairs.map((pair) => pair.mac ?? port.mac)])];
}

/** MAC and source address that belong together: fixed addresses, allowed pairs, link-local. */
function pairsOf(port: NeutronPort, version: 4 | 6): readonly Pair[] {
  const fixed = port.fixedIps
    .filter(({ address }) => address.version === version)
    .map(({ address }) => ({ mac: port.mac, source: ip(address) }));
  const allowed = port.allowedAddressPairs
    .filter(({ prefix }) => prefix.address.version === version)
    .map((pair) => ({ mac: pair.mac ?? port.mac, source: prefixText(pair.prefix) }));
  const own = version === 6 ? [{ mac: port.mac, source: ip(linkLocalAddress(port.mac)) }] : [];
  const seen = new Map(
    [...own, ...fixed, ...allowed].map((pair) => [`${pair.mac} ${pair.source}`, pair]),
  );
  return [...seen.values()];
}

/** Table 71: only what carries the port's own addresses gets further. */
function antiSpoofing({ port, ofport }: GuardedPort): string[] {
  const from = [`reg5=${hex(ofport)}`, `in_port=${ofport}`];
  const next = `ct(table=${INT.RULES_EGRESS},${ZONE})`;
  const accepted = `resubmit(,${INT.ACCEPTED_EGRESS_NORMAL})`;
  const dropped = `resubmit(,${INT.DROPPED})`;
  const dhcp = `resubmit(,${INT.ACCEPT_OR_INGRESS})`;
  const table = INT.BASE_EGRESS;
  const flows: string[] = [];
  for (const pair of pairsOf(port, 6)) {
    const source = [`dl_src=${mac(pair.mac)}`, `ipv6_src=${pair.source}`];
    for (const type of ND_OUT) {
      flows.push(flow(table, 95, ['icmp6', ...from, ...source, `icmp_type=${type}`], accepted));
    }
    const target = [`icmp_type=${NEIGHBOUR_ADVERTISEMENT}`, `nd_target=${pair.source}`];
    flows.push(flow(table, 95, ['icmp6', ...from, ...target], accepted));
    flows.push(flow(table, 65, ['ipv6', ...from, ...source], next));
    flows.push(flow(table, 80, ['udp6', ...from, ...source, 'tp_src=546', 'tp_dst=547'], dhcp));
  }
  for (const pair of pairsOf(port, 4)) {
    const sender = [`dl_src=${mac(pair.mac)}`, `arp_spa=${pair.source}`];
    const source = [`dl_src=${mac(pair.mac)}`, `nw_src=${pair.source}`];
    flows.push(flow(table, 95, ['arp', ...from, ...sender], accepted));
    flows.push(flow(table, 65, ['ip', ...from, ...source], next));
    flows.push(flow(table, 80, ['udp', ...from, ...source, 'tp_src=68', 'tp_dst=67'], dhcp));
  }
  // A guest that has no address yet asks from 0.0.0.0 (RFC 2131 §4.1), with its own MAC alone.
  const asking = [`dl_src=${mac(port.mac)}`, 'nw_src=0.0.0.0', 'tp_src=68', 'tp_dst=67'];
  flows.push(flow(table, 80, ['udp', ...from, ...asking], dhcp));
  return [
    ...flows,
    flow(table, 70, ['udp', ...from, 'tp_src=67', 'tp_dst=68'], dropped),
    flow(table, 70, ['udp6', ...from, 'tp_src=547', 'tp_dst=546'], dropped),
    flow(table, 70, ['icmp6', ...from, `icmp_type=${ROUTER_ADVERTISEMENT}`], dropped),
    flow(table, 10, from, `ct_clear,resubmit(,${INT.DROPPED})`),
  ];
}

/** Tables 72 and 82: replies and related packets pass, what is no longer allowed is marked. */
function tracking({ ofport, vlan }: GuardedPort): string[] {
  const port = `reg5=${hex(ofport)}`;
  const revoke = `ct(commit,${ZONE},exec(set_field:0x1->ct_mark))`;
  const dropped = `resubmit(,${INT.DROPPED})`;
  const known = [`ct_zone=${vlan}`, 'ct_mark=0', port];
  return [INT.RULES_EGRESS, INT.RULES_INGRESS].flatMap((table) => {
    const pass =
      table === INT.RULES_EGRESS ? `resubmit(,${INT.ACCEPTED_EGRESS_NORMAL})` : `output:${ofport}`;
    return [
      flow(table, 50, ['ct_state=+est-rel+rpl', ...known], pass),
      flow(table, 50, ['ct_state=-new-est+rel-inv', ...known], pass),
      flow(table, 50, ['ct_mark=0x1', port], dropped),
      flow(table, 40, ['ct_state=-est', port], dropped),
      flow(table, 40, ['ct_state=+est', 'ip', port], revoke),
      flow(table, 40, ['ct_state=+est', 'ipv6', port], revoke),
    ];
  });
}

/** Table 73: to another guest of this host, or committed and out. */
function leaving({ port, ofport, vlan }: GuardedPort): string[] {
  const table = INT.ACCEPT_OR_INGRESS;
  const commit = `ct(commit,${ZONE}),resubmit(,${INT.ACCEPTED_EGRESS})`;
  const from = `reg5=${hex(ofport)}`;
  return [
    ...macsOf(port).map((each) =>
      flow(
        table,
        100,
        [`reg6=${hex(vlan)}`, `dl_dst=${mac(each)}`],
        `set_field:${hex(ofport)}->reg5,resubmit(,${INT.BASE_INGRESS})`,
      ),
    ),
    flow(table, 90, ['ct_state=+new-est', 'ip', from], commit),
    flow(table, 90, ['ct_state=+new-est', 'ipv6', from], commit),
    flow(table, 80, from, `resubmit(,${INT.ACCEPTED_EGRESS_NORMAL})`),
  ];
}

/** Table 81: what every guest gets without rules, and the way into connection tracking. */
function arriving({ ofport }: GuardedPort): string[] {
  const table = INT.BASE_INGRESS;
  const port = `reg5=${hex(ofport)}`;
  const out = `output:${ofport}`;
  const track = `ct(table=${INT.RULES_INGRESS},${ZONE})`;
  return [
    flow(table, 100, ['arp', port], out),
    ...ND_IN.map((type) => flow(table, 100, ['icmp6', port, `icmp_type=${type}`], out)),
    flow(table, 95, ['udp', port, 'tp_src=67', 'tp_dst=68'], out),
    flow(table, 95, ['udp6', port, 'tp_src=547', 'tp_dst=546'], out),
    flow(table, 90, ['ct_state=-trk', 'ip', port], track),
    flow(table, 90, ['ct_state=-trk', 'ipv6', port], track),
    flow(table, 80, ['ct_state=+trk', port], `resubmit(,${INT.RULES_INGRESS})`),
  ];
}

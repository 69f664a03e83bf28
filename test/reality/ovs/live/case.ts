/** A generated case: flows and groups that hold much of one feature, and packets that meet them. */
import { parseFlowMod } from '../../../../src/dataplane/ovs/text/flow-mods.ts';
import { PROTOCOLS } from '../../../../src/dataplane/ovs/text/protocols.ts';
import { FEATURES, type Place, someAction } from './actions.ts';
import { matchPlan, type PacketKind, type PacketPlan, packetPlan } from './packets.ts';
import { Rng } from './rng.ts';
import { PORTS } from './world.ts';

/** Whether OpenFlow 1.5 can carry the flow; the generators do not care about every prerequisite. */
function isPossible(text: string): boolean {
  // Open vSwitch 3.1 aborts when the groups that a flow names twice are deleted.
  const named = text.match(/\bgroup:\d+/g) ?? [];
  if (new Set(named).size < named.length) return false;
  // What the switch makes of a tag's prerequisites behind encap() is a matter of its own.
  if (/encap|decap/.test(text) && text.includes('vlan')) return false;
  const { value, problems } = parseFlowMod(text);
  return problems.length === 0 && (value.protocols & PROTOCOLS.of15) !== 0;
}

export interface LiveCase {
  readonly id: string;
  readonly focus: string;
  readonly flows: Readonly<Record<string, readonly string[]>>;
  readonly groups: readonly string[];
  readonly packets: readonly { readonly flow: string; readonly states: readonly string[] }[];
}

const ANY_KIND: readonly PacketKind[] = [
  'tcp',
  'tcp',
  'udp',
  'icmp',
  'sctp',
  'ip',
  'tcp6',
  'udp6',
  'icmp6',
  'sctp6',
  'nd',
  'arp',
  'mpls',
  'eth',
];
const IP_KINDS: readonly PacketKind[] = ['tcp', 'udp', 'icmp', 'tcp6', 'udp6', 'sctp', 'nd'];
const KINDS: Readonly<Record<string, readonly PacketKind[]>> = {
  mpls: ['mpls', 'mpls', 'tcp', 'udp6', 'arp'],
  ct: IP_KINDS,
  'ct-clear': IP_KINDS,
  'resubmit-ct': IP_KINDS,
  'decrement-ttl': IP_KINDS,
  conjunction: ['tcp', 'udp', 'icmp'],
};
/** Open vSwitch 3.1 aborts when a packet with a pending action set is recirculated. */
const SETS = ['action-set', 'clear-actions'];
const PACKETS = 12;
const STATES = ['trk,new', 'trk,est', 'trk,est,rpl', 'trk,inv', 'trk,rel', 'trk,new,rel'];

/** The case of a seed about a feature. */
export function liveCase(seed: number, focus: string): LiveCase {
  const rng = new Rng(seed);
  const tunnel = focus === 'tunnel';
  const packets = Array.from({ length: PACKETS }, () =>
    packetPlan(rng, KINDS[focus] ?? ANY_KIND, tunnel && rng.chance(0.5)),
  );
  return casesOf(rng, seed, focus, packets, 'traces');
}

/**
 * How a case is run: by traces; by frames that are all met by the same fresh switch, for then a
 * hash may choose; or by frames that change what the switch remembers, for then it may not.
 */
export type Manner = 'traces' | 'fresh' | 'lasting';

/** Nothing is remembered from packet to packet. */
function forgetful(text: string): string {
  const plain = text.replaceAll('NORMAL', '2');
  const at = plain.search(/\b(?:ct|learn)\(/);
  if (at < 0) return plain;
  let end = plain.indexOf('(', at) + 1;
  for (let depth = 1; depth > 0 && end < plain.length; end++) {
    if (plain[end] === '(') depth++;
    if (plain[end] === ')') depth--;
  }
  return forgetful(`${plain.slice(0, at)}2${plain.slice(end)}`);
}

/** The case about a feature for these packets. */
export function casesOf(
  rng: Rng,
  seed: number,
  focus: string,
  packets: readonly PacketPlan[],
  manner: Manner,
): LiveCase {
  const groups = groupsFor(rng, focus, manner !== 'lasting');
  const ids = groups.map((_, i) => i + 1);
  const flows = [...mainFlows(rng, focus, packets, ids), ...extraFlows(rng, focus)];
  // A frame that is cut to less than a header does not leave the dummy device.
  // The datapath changes two bytes of a later fragment, as if it had a checksum, with an address.
  const addresses = /(?:mod_nw_(?:src|dst):|set_field:)[\d./]+(?:->ip_(?:src|dst))?\b/g;
  const cutLonger = (given: string) => {
    // Which of several addresses and ports a translation takes is a hash's choice.
    const text = given
      .replaceAll('max_len=14', 'max_len=64')
      .replaceAll(/(nat\((?:src|dst)=[^,)]*?)-[\w.:]+(?=[,)])/g, '$1');
    if (focus !== 'fragments') return text;
    return text.replace(addresses, (set) => (/mod_nw|ip_/.test(set) ? 'mod_nw_ttl:7' : set));
  };
  const forget = (texts: readonly string[]) => {
    if (manner === 'traces') return texts;
    return texts.map((text) => (manner === 'fresh' ? forgetful(cutLonger(text)) : cutLonger(text)));
  };
  return {
    id: `${focus}-${seed}`,
    focus,
    flows: { br0: forget(flows), br1: forget(peerFlows(rng, focus === 'reserved')) },
    groups: forget(groups),
    packets: packets.map(({ words }) => ({
      flow: words.join(','),
      states: Array.from({ length: rng.int(0, 3) }, () => rng.pick(STATES)),
    })),
  };
}

function mainFlows(
  rng: Rng,
  focus: string,
  packets: readonly PacketPlan[],
  groups: readonly number[],
): string[] {
  const flows: string[] = [];
  const frozen = !SETS.includes(focus);
  for (let table = 0; table < 5; table++) {
    const priorities = new Set<number>([0]);
    const count = table === 0 ? 4 : rng.int(1, 3);
    for (let i = 0; i < count; i++) {
      let priority = rng.pick([1, 5, 100, 32_768]);
      while (priorities.has(priority)) priority = rng.int(1, 65_535);
      priorities.add(priority);
      const match = matchPlan(rng, rng.pick(packets), table > 0);
      const place = { rng, match, table, depth: 0, groups, frozen };
      flows.push(possibleFlow(place, [`table=${table}`, `priority=${priority}`], focus));
    }
    const match = { words: [], kind: 'any', tagged: false } as const;
    const place = { rng, match, table, depth: 0, groups, frozen };
    flows.push(possibleFlow(place, [`table=${table}`, 'priority=0'], focus));
  }
  return flows;
}

function possibleFlow(place: Place, head: readonly string[], focus: string): string {
  const words = [...head, ...place.match.words].join(',');
  for (let i = 0; i < 20; i++) {
    const text = `${words} actions=${actionList(place, focus)}`;
    if (isPossible(text)) return text;
  }
  return `${words} actions=1`;
}

/** Instructions in the order that OpenFlow asks for. */
const ORDER = ['meter:', 'clear_actions', 'write_actions', 'write_metadata', 'goto_table'];

function actionList(place: Place, focus: string): string {
  const { rng, table } = place;
  const made: string[] = [];
  const count = rng.int(1, 4);
  for (let i = 0; i < count; i++) {
    const action = rng.chance(0.5) ? FEATURES[focus]?.(place) : someAction(place);
    if (action !== null && action !== undefined) made.push(action);
  }
  if (focus === 'clear-actions' || (focus === 'action-set' && rng.chance(0.3))) {
    made.push(FEATURES['action-set']?.(place) ?? 'drop');
  }
  const isInstruction = (action: string) => ORDER.findIndex((word) => action.startsWith(word));
  const apply = made.filter((action) => isInstruction(action) < 0);
  const rest = ORDER.flatMap((word) =>
    made.filter((action) => action.startsWith(word)).slice(0, 1),
  );
  const meters = rest.filter((action) => action.startsWith('meter:'));
  const others = rest.filter((action) => !action.startsWith('meter:'));
  if (rng.chance(table === 0 ? 0.5 : 0.25))
    others.push(`goto_table:${table + rng.pick([1, 1, 2])}`);
  const all = [...meters, ...apply.filter((action) => action !== 'drop'), ...others];
  return all.length === 0 ? 'drop' : all.join(',');
}

function groupsFor(rng: Rng, focus: string, hashes: boolean): string[] {
  const wanted = focus.startsWith('group-') || focus === 'action-set';
  if (!wanted && !rng.chance(0.2)) return [];
  const types = ['group-all', 'group-indirect', 'group-failover', 'group-hash', 'group-dp-hash'];
  const count = rng.int(2, 5);
  return Array.from({ length: count }, (_, i) => {
    const type =
      types.includes(focus) && rng.chance(0.7) ? focus : rng.pick(types.slice(0, hashes ? 4 : 3));
    return groupText(rng, i + 1, count, type, focus === 'group-chained');
  });
}

const GROUP_TYPES: Readonly<Record<string, string>> = {
  'group-all': 'all',
  'group-indirect': 'indirect',
  'group-failover': 'fast_failover',
  'group-hash': 'select',
  'group-dp-hash': 'select',
};

function groupText(rng: Rng, id: number, count: number, type: string, chained: boolean): string {
  const kind = GROUP_TYPES[type] ?? 'all';
  const parts = [`group_id=${id}`, `type=${kind}`];
  if (type === 'group-hash') {
    const fields = rng.pick(['ip_src', 'ip_src,ip_dst', 'eth_dst', 'eth_src,ip_proto', 'tcp_src']);
    parts.push(`selection_method=hash`, `fields(${fields})`);
  } else if (type === 'group-dp-hash' && rng.chance(0.5)) parts.push('selection_method=dp_hash');
  const buckets = kind === 'indirect' ? 1 : rng.int(kind === 'all' ? 0 : 1, 4);
  for (let i = 0; i < buckets; i++) parts.push(bucketText(rng, id, count, kind, chained));
  return parts.join(',');
}

function bucketText(rng: Rng, id: number, count: number, kind: string, chained: boolean): string {
  const words: string[] = [];
  if (kind === 'select' && rng.chance(0.6)) words.push(`weight:${rng.pick([0, 1, 2, 50])}`);
  if (kind === 'fast_failover') {
    const later = id < count && rng.chance(0.25);
    words.push(
      later ? `watch_group:${rng.int(id + 1, count)}` : `watch_port:${rng.pick([1, 7, 2, 77, 8])}`,
    );
  } else if (kind === 'select' && rng.chance(0.3)) words.push(`watch_port:${rng.pick([1, 7])}`);
  const port = rng.pick([...PORTS.plain, PORTS.patch]);
  const actions = rng.pick([
    `output:${port}`,
    `set_field:02:00:00:00:00:0a->eth_dst,output:${port}`,
    `push_vlan:0x8100,set_field:4097->vlan_vid,output:${port}`,
    'resubmit(,12)',
    `load:7->NXM_NX_REG0[],resubmit(,${rng.pick([12, 13])})`,
    `output:${port},output:1`,
    'LOCAL',
    'drop',
    'IN_PORT',
    'CONTROLLER:64',
    `note:01,output:${port}`,
    `push_mpls:0x8847,output:${port}`,
    'ct_clear',
  ]);
  const next = id < count && rng.chance(chained ? 0.6 : 0.1);
  return `bucket=${[...words, `actions=${next ? `group:${rng.int(id + 1, count)}` : actions}`].join(',')}`;
}

/** Tables that some features need. */
function extraFlows(rng: Rng, focus: string): string[] {
  if (focus.startsWith('group-')) return bucketTables(rng);
  if (focus === 'conjunction') return conjunctionFlows(rng);
  // Floods that come back by way of a table or a patch port grow beyond any measure.
  if (focus === 'reserved') return ['table=0,priority=65535,reg15=1 actions=2,resubmit(,4)'];
  if (focus === 'limits') return limitFlows(rng);
  return [];
}

/** Tables that buckets may ask; they lead to no group again. */
function bucketTables(rng: Rng): string[] {
  const choices = [
    '2,CONTROLLER:99,4',
    'set_field:02:00:00:00:00:02->eth_src,resubmit(,13),5',
    'push_vlan:0x8100,set_field:4098->vlan_vid,NORMAL',
    'clone(set_field:9->reg2,1),output:reg0',
    'write_actions(output:2),goto_table:13',
  ];
  return [
    `table=12,priority=0 actions=${rng.pick(choices)}`,
    `table=12,priority=5,ip actions=${rng.pick(['ct(table=13)', 'dec_ttl,6', ...choices.slice(0, 2)])}`,
    'table=13,priority=0 actions=output:NXM_NX_REG0[0..15],10',
  ];
}

function conjunctionFlows(rng: Rng): string[] {
  const flows = ['table=30,priority=0 actions=8'];
  const one = (text: string, actions: string) => {
    if (!flows.some((flow) => flow.startsWith(`${text} `)))
      flows.push(`${text} actions=${actions}`);
  };
  const [a, b] = [rng.int(2, 3), rng.pick([2, 4])];
  for (const source of rng.sample(['10.0.0.1', '10.0.0.2', '10.0.1.0/24', '192.0.2.0/24'], 3)) {
    const also = rng.chance(0.3) ? `,conjunction(9,1/${b})` : '';
    one(`table=30,priority=100,ip,nw_src=${source}`, `conjunction(7,1/${a})${also}`);
  }
  for (const to of rng.sample(['10.0.0.1', '10.0.0.2', '10.0.1.0/24', '0.0.0.0/1'], 3)) {
    one(`table=30,priority=100,ip,nw_dst=${to}`, `conjunction(7,2/${a})`);
  }
  for (const mac of rng.sample(
    ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:0a'],
    2,
  )) {
    one(
      `table=30,priority=100,ip,dl_src=${mac}`,
      a === 3 ? 'conjunction(7,3/3)' : `conjunction(9,2/${b})`,
    );
  }
  one('table=30,priority=90,ip,nw_src=10.0.0.1', 'conjunction(5,1/2)');
  one('table=30,priority=90,tcp,tcp_dst=0x50/0xfff0', 'conjunction(5,2/2)');
  one(
    `table=30,priority=${rng.pick([3, 100, 200])},conj_id=7,ip`,
    `set_field:7->reg7,${rng.pick([1, 2])}`,
  );
  one(`table=30,priority=${rng.pick([4, 95])},conj_id=5,ip`, '4');
  if (rng.chance(0.5)) one('table=30,priority=100,tcp,tcp_src=1000', '6');
  return flows;
}

function limitFlows(rng: Rng): string[] {
  const deep = rng.pick([10, 30]);
  const flows = [
    'table=20,priority=0 actions=2,resubmit(,21)',
    `table=40,priority=0 actions=1,${rng.pick(['resubmit(,40)', 'resubmit(,40),2', 'clone(resubmit(,40))', 'to1'])}`.replace(
      ',to1',
      ',10,resubmit(,40)',
    ),
  ];
  for (let table = 21; table < 21 + deep && table < 36; table++) {
    const twice = rng.chance(0.8) ? `,resubmit(,${table + 1})` : '';
    flows.push(`table=${table},priority=0 actions=resubmit(,${table + 1})${twice}`);
  }
  if (rng.chance(0.3)) {
    const push = Array.from({ length: 800 }, () => 'push:xxreg0').join(',');
    flows.push(`table=36,priority=0 actions=${push},resubmit(,36)`);
  }
  return flows;
}

function peerFlows(rng: Rng, ends: boolean): string[] {
  const flows = [
    'table=0,priority=0 actions=NORMAL',
    `table=0,priority=5,in_port=10 actions=${rng.pick(['NORMAL', 'set_field:02:00:00:00:00:01->eth_src,1', 'resubmit(,1),2', ends ? '2' : 'IN_PORT', 'set_field:9->reg0,resubmit(,1)'])}`,
    `table=1,priority=0 actions=${rng.pick(['1,exit', ends ? '1' : 'FLOOD', 'clone(set_field:5->reg3,1),2', 'drop', 'LOCAL'])}`,
  ];
  if (rng.chance(0.4)) {
    flows.push(`table=0,priority=9,ip,in_port=10 actions=ct(table=1,zone=${rng.int(1, 9)})`);
  }
  return flows;
}

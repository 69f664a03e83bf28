/** Actions for generated cases, one generator for each feature. */
import { hasPorts, isIp, isIp4, isIp6, type MatchPlan } from './packets.ts';
import { type Rng } from './rng.ts';
import { PORTS } from './world.ts';

/** Where an action will stand. */
export interface Place {
  readonly rng: Rng;
  readonly match: MatchPlan;
  readonly table: number;
  /** 0 at the top of a flow, more inside of clone or a bucket. */
  readonly depth: number;
  /** Groups that exist; a bucket may only name later ones. */
  readonly groups: readonly number[];
  /** Whether the packet may come back from the datapath. */
  readonly frozen: boolean;
}

/** An action, or null where it is not possible. */
type Make = (place: Place) => string | null;

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:0a'];
const port = (rng: Rng): number =>
  rng.pick([...PORTS.plain.slice(0, 6), ...PORTS.plain.slice(0, 2), PORTS.patch]);
const further = ({ rng, table }: Place): number => table + rng.pick([1, 1, 2]);
const HASHES = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'symmetric_l3',
  'nw_src',
  'nw_dst',
];

const ip = ({ match }: Place): boolean => match.kind !== 'any' && isIp(match.kind);
const ip4 = ({ match }: Place): boolean => match.kind !== 'any' && isIp4(match.kind);
const ports = ({ match }: Place): boolean => match.kind !== 'any' && hasPorts(match.kind);

function setField(place: Place): string {
  const { rng, match } = place;
  const general = [
    `set_field:${rng.pick(MACS)}->eth_dst`,
    `mod_dl_src:${rng.pick(MACS)}`,
    'set_field:02:00:00:00:00:00/02:00:00:00:00:ff->eth_src',
    'set_field:0x5->pkt_mark',
    'set_field:1/0xf->metadata',
  ];
  if (ip4(place)) general.push('mod_nw_src:10.9.9.9', 'set_field:0.0.0.9/0.0.0.255->ip_dst');
  if (ip(place)) general.push('mod_nw_tos:32', 'set_field:10->ip_dscp', 'mod_nw_ttl:7');
  if (match.kind !== 'any' && isIp6(match.kind)) {
    general.push('set_field:2001:db8::99->ipv6_dst', 'set_field:0x5->ipv6_label');
  }
  if (ports(place)) general.push('mod_tp_src:1234', `set_field:8080->${nameOf(place)}_dst`);
  if (match.kind === 'nd') {
    const isSolicit = match.words.includes('icmpv6_type=135');
    general.push(
      'set_field:2001:db8::77->nd_target',
      `set_field:02:00:00:00:00:77->${isSolicit ? 'nd_sll' : 'nd_tll'}`,
      `move:eth_src->${isSolicit ? 'nd_sll' : 'nd_tll'}`,
    );
  }
  if (match.kind === 'arp') general.push('set_field:2->arp_op', 'move:arp_spa->arp_tpa');
  return rng.pick(general);
}

function nameOf({ match }: Place): string {
  return match.kind.replace('6', '');
}

function ct(place: Place): string | null {
  if (!ip(place) || !place.frozen) return null;
  const { rng } = place;
  const parts: string[] = [];
  const commit = rng.chance(0.5);
  if (commit) parts.push('commit');
  if (rng.chance(0.7)) parts.push(`table=${further(place)}`);
  if (rng.chance(0.5))
    parts.push(rng.pick(['zone=5', 'zone=NXM_NX_REG0[0..15]', 'zone=reg6[0..15]']));
  if (commit && rng.chance(0.2)) parts.push('force');
  if (commit && rng.chance(0.4)) {
    parts.push(
      `exec(${rng.pick(['set_field:0x1->ct_mark', 'load:0x5->NXM_NX_CT_MARK[0..7]', 'set_field:0x11->ct_label', 'move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]'])})`,
    );
  }
  if (rng.chance(0.25)) {
    const source = ip4(place) ? '10.1.1.1' : '2001:db8::5';
    const range = ip4(place) ? '10.1.1.1-10.1.1.9' : '2001:db8::5-2001:db8::9';
    const bound = ip4(place) ? source : `[${source}]`;
    parts.push(
      commit
        ? rng.pick([
            `nat(src=${source})`,
            `nat(dst=${source})`,
            'nat',
            `nat(src=${range})`,
            `nat(src=${bound}:5000-5010,random)`,
            `nat(dst=${bound}:80,persistent)`,
          ])
        : 'nat',
    );
  }
  return `ct(${parts.join(',')})`;
}

function learn(place: Place): string {
  const { rng, match } = place;
  const specs = ['NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]'];
  const more = [
    'NXM_OF_VLAN_TCI[0..11]',
    'NXM_NX_REG2[]=0x7',
    'NXM_OF_ETH_SRC[0..15]=NXM_OF_ETH_DST[16..31]',
    'reg3[0..3]=5',
  ];
  specs.push(...rng.sample(more, rng.int(0, 2)));
  const acts = [
    'output:NXM_OF_IN_PORT[]',
    'load:0x9->NXM_NX_REG1[]',
    'load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]',
    'load:0->NXM_OF_VLAN_TCI[]',
    'load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[]',
    'load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
  ];
  if (ip4(place)) {
    specs.push('eth_type=0x800', 'NXM_OF_IP_DST[]=NXM_OF_IP_SRC[]');
    acts.push('load:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]');
  }
  if (match.kind === 'tcp') {
    specs.push(
      'nw_proto=6',
      rng.pick(['NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[]', 'tcp_dst=tcp_src', 'tcp_src=80']),
    );
  }
  if (match.kind === 'udp6') {
    specs.push('eth_type=0x86dd', 'NXM_NX_IPV6_DST[]=NXM_NX_IPV6_SRC[]', 'nw_proto=17');
    acts.push('load:NXM_OF_UDP_SRC[]->NXM_NX_REG4[16..31]');
  }
  acts.push(
    'load:NXM_OF_ETH_SRC[0..31]->NXM_NX_REG3[]',
    'output:NXM_NX_REG0[0..15]',
    'load:0x123456789abcdef->OXM_OF_METADATA[]',
    'load:0x5->NXM_NX_REG6[28..31]',
  );
  specs.push(...rng.sample(acts, rng.int(0, 3)));
  const options = [`table=${rng.pick([10, 11])}`, `priority=${rng.pick([1, 100])}`];
  if (rng.chance(0.3)) options.push('hard_timeout=300');
  if (rng.chance(0.3)) options.push('idle_timeout=60');
  if (rng.chance(0.3)) options.push('cookie=0x77');
  if (rng.chance(0.2)) options.push('send_flow_rem');
  if (rng.chance(0.2)) options.push('delete_learned');
  if (rng.chance(0.2)) options.push(`limit=${rng.pick([1, 3])}`, 'result_dst=reg5[0]');
  if (ports(place) && nameOf(place) === 'tcp' && rng.chance(0.2))
    options.push('fin_idle_timeout=5');
  return `learn(${[...options, ...specs].join(',')})`;
}

function bundle({ rng }: Place, load: boolean): string {
  const algorithm = rng.pick(['hrw', 'active_backup']);
  const members = rng.sample(['1', '2', '7', '4', '77'], rng.int(1, 4)).join(',');
  const basis = rng.pick([0, 50]);
  const hash = rng.pick(HASHES);
  return load
    ? `bundle_load(${hash},${basis},${algorithm},ofport,NXM_NX_REG0[0..15],members:${members})`
    : `bundle(${hash},${basis},${algorithm},ofport,members:${members})`;
}

function multipath({ rng }: Place): string {
  const algorithm = rng.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash']);
  const links = rng.pick([1, 2, 3, 5]);
  const argument = algorithm === 'iter_hash' ? rng.pick([1, 10]) : 0;
  const to = rng.pick(['NXM_NX_REG0[0..7]', 'NXM_NX_REG1[4..11]', 'reg0[0..15]']);
  return `multipath(${rng.pick(HASHES)},${rng.pick([0, 50])},${algorithm},${links},${argument},${to})`;
}

function registers({ rng }: Place): string {
  return rng.pick([
    'move:NXM_OF_ETH_SRC[0..31]->NXM_NX_REG2[]',
    'move:reg0[0..7]->reg3[8..15]',
    'set_field:0x1122334455667788->xreg1',
    'move:xreg1[8..39]->reg4',
    'set_field:0x123456789abcdef0fedcba987654321->xxreg0',
    'move:xxreg0[0..63]->xxreg1[32..95]',
    'load:0x1f->NXM_NX_REG1[3..9]',
    'move:in_port->reg5[0..15]',
    'load:5->NXM_NX_REG0[0..15]',
    'move:metadata[0..31]->reg7',
    'move:vlan_tci->reg8[4..19]',
    'set_field:0x5/0xff->reg9',
    'set_field:0x00ff00000000000000000000000000f0/0x0fff00000000000000000000000000ff->xxreg1',
    'move:NXM_OF_ETH_DST[16..47]->NXM_NX_XXREG2[90..121]',
    'load:0x3->OXM_OF_METADATA[60..63]',
    'move:OXM_OF_METADATA[56..63]->NXM_NX_REG5[0..7]',
    'move:NXM_NX_PKT_MARK[0..7]->NXM_NX_REG6[24..31]',
    'load:0xffff->NXM_OF_ETH_SRC[8..23]',
    'move:NXM_NX_REG2[]->NXM_OF_ETH_DST[4..35]',
    'set_field:0x8000000000000001->metadata',
  ]);
}

function stack({ rng }: Place): string {
  const push = [
    'push:NXM_NX_REG0[]',
    'push:xreg1',
    'push:NXM_OF_ETH_SRC[]',
    'push:in_port',
    'push:reg1[3..17]',
    'push:xxreg0',
  ];
  const pop = [
    'pop:NXM_NX_REG5[0..15]',
    'pop:reg6',
    'pop:NXM_OF_ETH_DST[]',
    'pop:xxreg1',
    'pop:NXM_NX_REG0[4..7]',
  ];
  const items = [rng.pick(push), rng.pick([...push, ...pop]), rng.pick(pop)];
  return items.slice(0, rng.int(1, 3)).join(',');
}

function vlan({ rng, match }: Place): string {
  return rng.pick([
    'push_vlan:0x8100,set_field:4196->vlan_vid',
    'push_vlan:0x88a8,set_field:4100->vlan_vid',
    'push_vlan:0x88a8,set_field:4196->vlan_vid,push_vlan:0x8100,set_field:4097->vlan_vid',
    'push_vlan:0x8100,set_field:3->vlan_pcp,push_vlan:0x8100',
    'push_vlan:0x8100,pop_vlan',
    'mod_vlan_vid:7',
    'mod_vlan_pcp:5',
    'load:0->NXM_OF_VLAN_TCI[]',
    'load:0x1005->NXM_OF_VLAN_TCI[]',
    'load:9->NXM_OF_VLAN_TCI[0..11]',
    match.tagged ? 'pop_vlan' : 'mod_vlan_vid:100',
    match.tagged ? 'set_field:4101->vlan_vid' : 'push_vlan:0x88a8',
    match.tagged ? 'pop_vlan,pop_vlan' : 'mod_vlan_vid:1,pop_vlan',
  ]);
}

function mpls(place: Place): string {
  const { rng, match } = place;
  if (match.kind === 'mpls') {
    return rng.pick([
      'set_field:7->mpls_label',
      'dec_mpls_ttl',
      'set_mpls_ttl:9',
      'set_mpls_tc:3',
      'pop_mpls:0x0800',
      'pop_mpls:0x8847',
      'pop_mpls:0x0800,dec_ttl',
      'push_mpls:0x8847,set_field:8->mpls_label',
      'push_mpls:0x8848',
      'push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847',
      'move:mpls_label->reg1[0..19]',
    ]);
  }
  const pushes = [
    'push_mpls:0x8847',
    'push_mpls:0x8847,set_field:55->mpls_label',
    'push_mpls:0x8848,set_mpls_ttl:3,dec_mpls_ttl',
    'push_mpls:0x8847,push_mpls:0x8847,set_field:56->mpls_label',
  ];
  if (match.kind === 'any' || match.kind === 'eth') return rng.pick(pushes);
  const popped = isIp6(match.kind) ? '0x86dd' : match.kind === 'arp' ? '0x0806' : '0x0800';
  return rng.pick([
    ...pushes,
    `push_mpls:0x8847,1,pop_mpls:${popped}`,
    `push_mpls:0x8847,set_field:5->mpls_label,pop_mpls:${popped},${ip(place) ? 'mod_nw_tos:4' : 'set_field:1->reg0'}`,
    `push_mpls:0x8847,push_mpls:0x8847,pop_mpls:0x8847,pop_mpls:${popped}`,
  ]);
}

function tunnel({ rng }: Place): string {
  const to = rng.pick(PORTS.tunnels);
  const sets = rng.sample(
    [
      'set_field:192.0.2.7->tun_dst',
      'set_field:192.0.2.8->tun_src',
      'set_field:0x55->tun_id',
      'load:0x1/0xff->NXM_NX_TUN_ID[]'.replace('/0xff', ''),
      'set_field:2001:db8::7->tun_ipv6_dst',
      'set_field:0x7->tun_metadata0',
      'set_field:0x1/0xf->tun_metadata0',
      'move:NXM_NX_TUN_METADATA0[]->NXM_NX_REG1[]',
      'move:reg2->tun_metadata0',
      'delete_field:tun_metadata0',
      'set_field:0x9988->tun_metadata1',
      'set_field:0xff00/0xff00->tun_metadata1',
      'load:0x9->NXM_NX_TUN_METADATA1[8..15]',
      'move:NXM_NX_TUN_METADATA1[0..31]->NXM_NX_REG4[]',
      'set_field:0x55/0xff->tun_id',
      'set_tunnel:0x33',
      'set_tunnel64:0x44',
      'move:tun_id[0..31]->reg3',
      'move:tun_src->reg4',
    ],
    rng.int(0, 3),
  );
  return [...sets, `output:${to}`].join(',');
}

function reserved({ rng }: Place): string {
  return rng.pick([
    'FLOOD',
    'ALL',
    'IN_PORT',
    'LOCAL',
    'load:1->NXM_NX_REG15[],TABLE',
    'NORMAL',
    'output:in_port',
    '65531',
    '65532',
    '65528',
    'load:0xfffb->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]',
    'load:0xfffc->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]',
    'load:0xfff8->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]',
    'load:0xfffe->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]',
    'load:0xfffd->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]',
    'load:0->NXM_OF_IN_PORT[],FLOOD',
    'load:2->NXM_OF_IN_PORT[],ALL',
    'set_field:3->in_port,NORMAL',
  ]);
}

function outputs(place: Place): string {
  const { rng } = place;
  const to = port(rng);
  return rng.pick([
    `output(port=${to},max_len=100)`,
    `output(port=${to},max_len=14)`,
    'output(port=LOCAL,max_len=64)',
    'output(port=IN_PORT,max_len=64)',
    `load:${to}->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15]`,
    'output:reg1[2..9]',
    `load:${to}->NXM_NX_REG5[],output:reg5`,
    'load:0x12345->NXM_NX_REG5[],output:NXM_NX_REG5[]',
    `enqueue:${to}:3`,
  ]);
}

function controller({ rng }: Place): string {
  return rng.pick([
    'CONTROLLER:128',
    'controller',
    'controller(max_len=77,reason=no_match,id=3)',
    'controller(reason=invalid_ttl)',
    'controller(userdata=01.02.03)',
    'controller(max_len=5,userdata=aa,meter_id=1)',
  ]);
}

function misc(place: Place): string {
  const choices = [
    'note:01.02.03',
    'sample(probability=65535,collector_set_id=1,obs_domain_id=2,obs_point_id=3)',
    'sample(probability=1000,collector_set_id=1,sampling_port=2,egress)',
    'set_queue:3',
    'set_queue:3,pop_queue',
    'note:ff',
  ];
  if (ports(place) && nameOf(place) === 'tcp')
    choices.push('fin_timeout(idle_timeout=5,hard_timeout=9)');
  return place.rng.pick(choices);
}

/** Actions that write_actions takes. */
function forSet(place: Place): string {
  const { rng } = place;
  const items = [
    `output:${port(rng)}`,
    setField({ ...place, match: place.match }),
    'push_vlan:0x8100',
    'set_field:4196->vlan_vid',
    'set_field:0x6->reg1',
    'move:reg1->reg2',
    'set_queue:2',
  ].filter((item) => item !== 'set_field:4196->vlan_vid' || place.match.tagged);
  if (ip(place)) items.push('dec_ttl');
  if (place.match.tagged) items.push('pop_vlan');
  if (place.match.kind === 'mpls') items.push('dec_mpls_ttl');
  if (place.groups.length > 0) items.push(`group:${rng.pick(place.groups)}`);
  if (rng.chance(0.3)) items.push(`resubmit(,${further(place)})`, 'push_mpls:0x8847');
  const list = rng.sample(items, rng.int(1, 4));
  return list.join(',');
}

function writeActions(place: Place): string | null {
  return place.depth > 0 ? null : `write_actions(${forSet(place)})`;
}

function clone(place: Place): string | null {
  if (place.depth > 1) return null;
  const { rng } = place;
  const inner = Array.from({ length: rng.int(1, 3) }, () =>
    someAction({ ...place, depth: place.depth + 1 }),
  ).filter((action) => action !== null && !/^(write_|goto|clear_|meter)/.test(action));
  return inner.length === 0 ? null : `clone(${inner.join(',')})`;
}

function encap({ rng }: Place): string {
  return rng.pick([
    'encap(ethernet)',
    'encap(nsh(md_type=1)),set_field:0x5->nsh_spi',
    'encap(nsh(md_type=1)),encap(ethernet)',
    'decap',
    'encap(mpls)',
    'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678)))',
    'decap()',
  ]);
}

function limits(place: Place): string {
  const { rng, table } = place;
  return rng.pick([
    `resubmit(,${table})`,
    `resubmit(,${Math.max(0, table - 1)})`,
    'resubmit(,0)',
    `resubmit(,20),${port(rng)}`,
    'resubmit(,40)',
    'resubmit(,254)',
  ]);
}

const group: Make = ({ rng, groups }) =>
  groups.length === 0 ? null : `group:${rng.chance(0.97) ? rng.pick(groups) : groups[0]}`;

/** Generators by feature; several features share one when cases differ in their groups. */
export const FEATURES: Readonly<Record<string, Make>> = {
  'group-all': group,
  'group-indirect': group,
  'group-failover': group,
  'group-hash': group,
  'group-dp-hash': group,
  'group-chained': group,
  meter: ({ depth, rng }) => (depth > 0 ? null : `meter:${rng.pick([1, 2])}`),
  mpls,
  clone,
  bundle: (place) => bundle(place, false),
  'bundle-load': (place) => `${bundle(place, true)},output:NXM_NX_REG0[0..15]`,
  multipath,
  learn,
  conjunction: (place) => `resubmit(,30),${port(place.rng)}`,
  'packet-length': ({ rng }) =>
    `check_pkt_larger(${rng.pick([100, 1500])})->NXM_NX_REG0[${rng.pick([0, 5])}]`,
  'action-set': writeActions,
  'clear-actions': ({ depth }) => (depth > 0 ? null : 'clear_actions'),
  'write-metadata': ({ depth }) => (depth > 0 ? null : 'write_metadata:0x5/0xff'),
  misc,
  controller,
  'resubmit-ct': (place) => (ip(place) ? `resubmit(,${further(place)},ct)` : null),
  ct,
  fragments: ct,
  'ct-clear': (place) => (ip(place) ? 'ct_clear' : null),
  encap,
  registers,
  stack,
  'decrement-ttl': (place) =>
    ip(place) ? place.rng.pick(['dec_ttl', 'dec_ttl', 'dec_ttl(1,2)', 'dec_ttl(3)']) : null,
  'output-forms': outputs,
  reserved,
  vlan,
  tunnel,
  limits,
  'set-field': setField,
  exit: () => 'exit',
  resubmit: (place) =>
    place.rng.pick([
      `resubmit(,${further(place)})`,
      `resubmit(${place.rng.pick([1, 2])},${further(place)})`,
      `resubmit(,${further(place)})`,
    ]),
};

const USUAL: readonly string[] = [
  'set-field',
  'registers',
  'resubmit',
  'resubmit',
  'vlan',
  'output-forms',
  'ct',
  'clone',
  'controller',
];

/** Any usual action, most often an output. */
export function someAction(place: Place): string | null {
  const { rng } = place;
  if (rng.chance(0.35)) return `${port(rng)}`;
  return FEATURES[rng.pick(USUAL)]?.(place) ?? null;
}

/**
 * br-int of a made-up compute host, with the flows that the Open vSwitch agent's firewall driver
 * installs for every port: anti-spoofing, security groups by register and connection state,
 * conjunctions over the members of remote groups. Benchmarks run on it, beside the real switch.
 */

/** A server's port, here or on another host. */
export interface ServerPort {
  /** OpenFlow number; that of the patch port for servers elsewhere. */
  readonly ofport: number;
  readonly vlan: number;
  readonly mac: string;
  readonly ip: string;
  readonly linkLocal: string;
}

export interface ComputeHost {
  readonly local: readonly ServerPort[];
  readonly remote: readonly ServerPort[];
  /** One flow each, as ovs-ofctl add-flows takes it. */
  readonly flows: readonly string[];
}

/** The patch port to br-tun. */
export const TO_TUNNELS = 2;
const FIRST_OFPORT = 10;
const ZONE = 'zone=NXM_NX_REG6[0..15]';
const STATES = ['+est-rel-rpl', '+new-est'] as const;

/** As many servers as give about `size` flows, in networks of some twenty ports. */
export function computeHost(size: number): ComputeHost {
  // 64 flows for every port, two for every member of its groups; half of the members are elsewhere.
  const ports = Math.max(2, Math.round(size / 68));
  const networks = Math.max(1, Math.round(ports / 20));
  const local = Array.from({ length: ports }, (_, i) => serverPort(i, networks, FIRST_OFPORT + i));
  const remote = Array.from({ length: ports }, (_, i) => {
    return serverPort(ports + i, networks, TO_TUNNELS);
  });
  const flows = [...fixedFlows(), ...local.flatMap(portFlows), ...local.flatMap(groupFlows)];
  for (const member of [...local, ...remote]) flows.push(...memberFlows(member));
  return { local, remote, flows };
}

function serverPort(i: number, networks: number, ofport: number): ServerPort {
  const vlan = 1 + (i % networks);
  const hex = (byte: number): string => (byte & 255).toString(16).padStart(2, '0');
  return {
    ofport,
    vlan,
    mac: `fa:16:3e:${hex(i >> 16)}:${hex(i >> 8)}:${hex(i)}`,
    ip: `10.${vlan & 255}.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`,
    linkLocal: `fe80::f816:3eff:fe${hex(i >> 16)}:${((i & 0xffff) | 0).toString(16)}`,
  };
}

function fixedFlows(): readonly string[] {
  return [
    'table=0,priority=65535,dl_vlan=4095 actions=drop',
    'table=0,priority=0 actions=goto_table:59',
    'table=23,priority=0 actions=drop',
    'table=24,priority=0 actions=drop',
    'table=30,priority=0 actions=goto_table:59',
    'table=31,priority=0 actions=goto_table:59',
    'table=59,priority=0 actions=goto_table:60',
    'table=60,priority=3 actions=NORMAL',
    'table=62,priority=3 actions=NORMAL',
    'table=71,priority=110,ct_state=+trk actions=ct_clear,resubmit(,71)',
    'table=72,priority=50,ct_state=+inv+trk actions=resubmit(,93)',
    'table=82,priority=50,ct_state=+inv+trk actions=resubmit(,93)',
    ...[71, 72, 73, 81, 82].map((table) => `table=${table},priority=0 actions=drop`),
    'table=91,priority=1 actions=resubmit(,94)',
    'table=92,priority=0 actions=drop',
    'table=93,priority=0 actions=drop',
    'table=94,priority=1 actions=NORMAL',
  ];
}

/** What every port gets, whatever its security groups. */
function portFlows({ ofport, vlan, mac, ip, linkLocal }: ServerPort): readonly string[] {
  const flows: string[] = [];
  const add = (table: number, match: string, actions: string): void => {
    flows.push(`table=${table},priority=${match} actions=${actions}`);
  };
  const reg5 = `reg5=0x${ofport.toString(16)}`;
  const reg6 = `0x${vlan.toString(16)}->reg6`;
  const load = `set_field:0x${ofport.toString(16)}->reg5`;
  const from = `${reg5},in_port=${ofport}`;
  const own = `${from},dl_src=${mac}`;
  add(60, `100,in_port=${ofport}`, `${load},set_field:${reg6},resubmit(,71)`);
  const arrives = `${load},set_field:${reg6},pop_vlan,resubmit(,81)`;
  add(60, `90,dl_vlan=${vlan},dl_dst=${mac}`, arrives);
  add(71, `95,arp,${own},arp_spa=${ip}`, 'resubmit(,94)');
  for (const type of [130, 133, 135]) {
    add(71, `95,icmp6,${own},ipv6_src=${linkLocal},icmp_type=${type}`, 'resubmit(,94)');
  }
  add(71, `95,icmp6,${from},icmp_type=136,nd_target=${linkLocal}`, 'resubmit(,94)');
  for (const source of [ip, '0.0.0.0']) {
    add(71, `80,udp,${own},nw_src=${source},tp_src=68,tp_dst=67`, 'resubmit(,73)');
  }
  add(71, `80,udp6,${own},ipv6_src=${linkLocal},tp_src=546,tp_dst=547`, 'resubmit(,73)');
  add(71, `70,udp,${from},tp_src=67,tp_dst=68`, 'resubmit(,93)');
  add(71, `70,udp6,${from},tp_src=547,tp_dst=546`, 'resubmit(,93)');
  add(71, `70,icmp6,${from},icmp_type=134`, 'resubmit(,93)');
  add(71, `65,ip,${own},nw_src=${ip}`, `ct(table=72,${ZONE})`);
  add(71, `65,ipv6,${own},ipv6_src=${linkLocal}`, `ct(table=72,${ZONE})`);
  add(71, `10,${from}`, 'ct_clear,resubmit(,93)');
  add(73, `100,reg6=0x${vlan.toString(16)},dl_dst=${mac}`, `${load},resubmit(,81)`);
  for (const family of ['ip', 'ipv6']) {
    for (const state of STATES) add(72, `74,ct_state=${state},${family},${reg5}`, 'resubmit(,73)');
    add(73, `90,ct_state=+new-est,${family},${reg5}`, `ct(commit,${ZONE}),resubmit(,91)`);
    add(81, `90,ct_state=-trk,${family},${reg5}`, `ct(table=82,${ZONE})`);
  }
  add(73, `80,${reg5}`, 'resubmit(,94)');
  add(81, `100,arp,${reg5}`, `output:${ofport}`);
  for (const type of [130, 134, 135, 136]) {
    add(81, `100,icmp6,${reg5},icmp_type=${type}`, `output:${ofport}`);
  }
  add(81, `95,udp,${reg5},tp_src=67,tp_dst=68`, `output:${ofport}`);
  add(81, `95,udp6,${reg5},tp_src=547,tp_dst=546`, `output:${ofport}`);
  add(81, `80,ct_state=+trk,${reg5}`, 'resubmit(,82)');
  for (const [table, accept] of [
    [72, 'resubmit(,94)'],
    [82, `output:${ofport}`],
  ] as const) {
    const zone = `ct_zone=${vlan},ct_mark=0,${reg5}`;
    add(table, `50,ct_mark=0x1,${reg5}`, 'resubmit(,93)');
    add(table, `50,ct_state=+est-rel+rpl,${zone}`, accept);
    add(table, `50,ct_state=-new-est+rel-inv,${zone}`, accept);
    add(table, `40,ct_state=-est,${reg5}`, 'resubmit(,93)');
    for (const family of ['ip', 'ipv6']) {
      const mark = `ct(commit,${ZONE},exec(set_field:0x1->ct_mark))`;
      add(table, `40,ct_state=+est,${family},${reg5}`, mark);
    }
  }
  return flows;
}

/** Rules of the port's groups: some ports open to all, everything from members of the group. */
function groupFlows({ ofport, vlan }: ServerPort): readonly string[] {
  const reg5 = `reg5=0x${ofport.toString(16)}`;
  const accept = [`output:${ofport}`, `ct(commit,${ZONE}),output:${ofport},resubmit(,92)`] as const;
  return STATES.flatMap((state, i) => {
    const id = 16 * vlan + i;
    const match = `table=82,priority=77,ct_state=${state},tcp,${reg5}`;
    return [
      // 22, 80, 443, and 8000 to 8099 as the agent's aligned blocks.
      ...['22', '80', '443', '0x1f40/0xffc0', '0x1f80/0xffe0', '0x1fa0/0xfffc'].map(
        (port) => `${match},tp_dst=${port} actions=${accept[i]}`,
      ),
      `table=82,priority=75,ct_state=${state},icmp,${reg5} actions=${accept[i]}`,
      `table=82,priority=70,ct_state=${state},ip,${reg5} actions=conjunction(${id},2/2)`,
      `table=82,priority=70,conj_id=${id},ct_state=${state},ip,${reg5} actions=` +
        `set_field:0x${id.toString(16)}->reg7,${accept[i]}`,
    ];
  });
}

function memberFlows({ vlan, ip }: ServerPort): readonly string[] {
  const match = `ip,reg6=0x${vlan.toString(16)},nw_src=${ip}`;
  return STATES.map(
    (state, i) =>
      `table=82,priority=70,ct_state=${state},${match} actions=conjunction(${16 * vlan + i},1/2)`,
  );
}

/** Lines as `ovs-ofctl dump-flows` prints them, with counters that differ. */
export function dumpedLines(flows: readonly string[]): readonly string[] {
  return flows.map((flow, n) => {
    const packets = n % 3 === 0 ? 0 : n * 7919;
    const [table = '', rest = ''] = split(flow);
    return (
      ` cookie=0x3e0fb7608f9b2f14, duration=${n % 9000}.${100 + (n % 900)}s, ${table}, ` +
      `n_packets=${packets}, n_bytes=${packets * 98}, ${rest}`
    );
  });
}

function split(flow: string): readonly [string, string] {
  const comma = flow.indexOf(',');
  return [flow.slice(0, comma), flow.slice(comma + 1)];
}

/** Questions as `ofproto/trace` takes them: within the host, to other hosts, refused, forged. */
export function packetsOf({ local, remote }: ComputeHost, count: number): readonly string[] {
  const at = (list: readonly ServerPort[], i: number): ServerPort => {
    const found = list[i % list.length];
    if (found === undefined) throw new Error('a host without ports');
    return found;
  };
  return Array.from({ length: count }, (_, i) => {
    const from = at(local, i * 7919);
    const others = (i % 5 < 3 ? local : remote).filter(
      (port) => port.vlan === from.vlan && port !== from,
    );
    const to = at(others.length > 0 ? others : remote, i * 104_729 + 1);
    const port = [80, 22, 9999, 443, 5432][i % 5] ?? 80;
    const source = i % 5 === 2 ? '192.0.2.9' : from.ip;
    return (
      `in_port=${from.ofport},tcp,dl_src=${from.mac},dl_dst=${to.mac},nw_src=${source},` +
      `nw_dst=${to.ip},nw_ttl=64,tp_src=${1024 + ((i * 31) % 60_000)},tp_dst=${port}`
    );
  });
}

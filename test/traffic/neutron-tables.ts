/**
 * Tables like those of br-int under Neutron's Open vSwitch firewall: per port anti-spoofing,
 * security groups by register and connection state, conjunctions over the members of groups.
 */
import { CT_STATE, field, PACKET_WORDS } from '../../src/packet/fields.ts';
import { and, type Match, test } from '../../src/traffic/match.ts';
import { type Rule } from '../../src/traffic/table.ts';
import { assignment } from '../../src/traffic/words.ts';

export interface Port {
  readonly number: number;
  readonly vlan: number;
  readonly mac: bigint;
  readonly ip: bigint;
}

export interface Host {
  readonly ports: readonly Port[];
  /** Members of the same security group on other hosts. */
  readonly remote: readonly Port[];
}

const F = Object.fromEntries(
  [
    ...['in_port', 'reg5', 'reg6', 'eth_src', 'eth_dst', 'eth_type', 'vlan_tci', 'ip_proto'],
    ...['ip_src', 'ip_dst', 'tp_src', 'tp_dst', 'arp_spa', 'ct_state', 'ct_mark', 'ct_zone'],
    ...['conj_id', 'ipv6_src', 'nd_target'],
  ].map((name) => [name, field(name)]),
);

function is(name: string, value: number | bigint, mask?: number | bigint): Match {
  const of = F[name]!;
  return mask === undefined ? test(of, BigInt(value)) : test(of, BigInt(value), BigInt(mask));
}

const IP = is('eth_type', 0x800);
const ARP = is('eth_type', 0x806);
const IPV6 = is('eth_type', 0x86dd);
const TCP = and(IP, is('ip_proto', 6));

/** `+new-est` and so on. */
function state(text: string): Match {
  let value = 0;
  let mask = 0;
  for (const [, sign, name] of text.matchAll(/([+-])([a-z]+)/g)) {
    const bit = CT_STATE[name as keyof typeof CT_STATE];
    mask |= bit;
    if (sign === '+') value |= bit;
  }
  return is('ct_state', value, mask);
}

export function hostWith(ports: number, remote: number, vlans: number): Host {
  const port = (i: number): Port => ({
    number: 100 + i,
    vlan: 1 + (i % vlans),
    mac: 0xfa163e000000n + BigInt(i),
    ip: 0x0a000000n + BigInt(i % vlans) * 0x10000n + BigInt(i),
  });
  const all = Array.from({ length: ports + remote }, (_, i) => port(i));
  return { ports: all.slice(0, ports), remote: all.slice(ports) };
}

/** The rules of the tables 60, 71, 72, 73, 81 and 82. */
export function neutronTables(host: Host): Map<number, Rule<string>[]> {
  const tables = new Map<number, Rule<string>[]>();
  const add = (table: number, priority: number, ...of: Match[]) => {
    const rules = tables.get(table) ?? [];
    tables.set(table, rules);
    const match: Match = { kind: 'and', of: of.flatMap((m) => (m.kind === 'and' ? m.of : [m])) };
    const conjunction = (table === 72 || table === 82) && of.some((m) => touches(m, 'reg6'));
    const entry = `table=${table},priority=${priority} #${rules.length}`;
    rules.push({ match, rank: 65535 - priority, decisive: !conjunction, entry });
  };
  for (const table of [71, 72, 73, 81, 82]) add(table, 0);
  add(60, 3);
  add(71, 110, state('+trk'));
  for (const port of host.ports) {
    spoofing(add, port);
    for (const table of [72, 82]) connections(add, table, port);
    for (const tcp of [22, 80, 443, 3306, 8080]) ingress(add, port, tcp);
  }
  for (const member of [...host.ports, ...host.remote]) {
    for (const seen of ['+est-rel-rpl', '+new-est']) {
      add(82, 70, IP, is('reg6', member.vlan), is('ip_src', member.ip), state(seen));
    }
  }
  return tables;
}

type Add = (table: number, priority: number, ...of: Match[]) => void;

function touches(match: Match, name: string): boolean {
  if (match.kind === 'and') return match.of.some((part) => touches(part, name));
  return match.kind === 'test' && match.field.name === name;
}

function spoofing(add: Add, { number, vlan, mac, ip }: Port): void {
  const reg5 = is('reg5', number);
  const from = [is('in_port', number), reg5];
  const own = is('eth_src', mac);
  const link = (0xfe80n << 112n) | (mac << 8n);
  add(60, 100, is('in_port', number));
  add(60, 90, is('eth_dst', mac), is('vlan_tci', 0x1000 | vlan, 0x1fff));
  add(71, 95, ...from, own, ARP, is('arp_spa', ip));
  add(71, 65, ...from, own, IP, is('ip_src', ip));
  add(71, 65, ...from, own, IPV6, is('ipv6_src', link));
  for (const type of [130, 133, 135]) {
    add(71, 95, ...from, own, IPV6, is('ip_proto', 58), is('tp_src', type), is('ipv6_src', link));
  }
  add(71, 95, ...from, IPV6, is('ip_proto', 58), is('tp_src', 136), is('nd_target', link));
  add(71, 80, ...from, own, IP, is('ip_proto', 17), is('tp_src', 68), is('tp_dst', 67));
  add(71, 70, ...from, IP, is('ip_proto', 17), is('tp_src', 67), is('tp_dst', 68));
  add(71, 10, ...from);
  add(73, 100, is('reg6', vlan), is('eth_dst', mac));
  for (const type of [IP, IPV6]) add(73, 90, type, reg5, state('+new-est'));
  add(73, 80, reg5);
  add(81, 100, ARP, reg5);
  for (const type of [IP, IPV6]) add(81, 90, type, reg5, state('-trk'));
  add(81, 80, reg5, state('+trk'));
}

function connections(add: Add, table: number, { number, vlan }: Port): void {
  const reg5 = is('reg5', number);
  add(table, 50, state('+inv+trk'));
  add(table, 50, reg5, is('ct_mark', 1));
  for (const seen of ['+est-rel+rpl', '-new-est+rel-inv']) {
    add(table, 50, reg5, state(seen), is('ct_mark', 0), is('ct_zone', vlan));
  }
  add(table, 40, reg5, state('-est'));
  for (const type of [IP, IPV6]) add(table, 40, type, reg5, state('+est'));
  for (const seen of ['+est-rel-rpl', '+new-est']) {
    if (table === 72) for (const type of [IP, IPV6]) add(72, 74, type, reg5, state(seen));
    else add(82, 70, IP, reg5, is('conj_id', seen === '+new-est' ? 17 : 16), state(seen));
  }
}

function ingress(add: Add, { number }: Port, tcp: number): void {
  for (const seen of ['+est-rel-rpl', '+new-est']) {
    add(82, 77, TCP, is('reg5', number), is('tp_dst', tcp), state(seen));
  }
  // 8000-8099 as the agent's aligned blocks.
  if (tcp !== 8080) return;
  for (const [value, mask] of [
    [0x1f40, 0xffc0],
    [0x1f80, 0xffe0],
    [0x1fa0, 0xfffc],
  ] as const) {
    add(82, 77, TCP, is('reg5', number), is('tp_dst', value, mask), state('+new-est'));
  }
}

/** A packet with some fields set. */
export function packetWith(values: Readonly<Record<string, number | bigint>>): Uint32Array {
  const words = new Uint32Array(PACKET_WORDS);
  for (const [name, value] of Object.entries(values)) {
    for (const bits of assignment(field(name), BigInt(value)).words) {
      words[bits.word] = (words[bits.word]! & ~bits.mask) | bits.value;
    }
  }
  return words;
}

/** A TCP packet from one port's VM to another, as it looks in each table on its way. */
export function wayOf(
  from: Port,
  to: Port,
  tcp: number,
): readonly (readonly [number, Uint32Array])[] {
  const header = {
    ...{ in_port: from.number, eth_src: from.mac, eth_dst: to.mac, eth_type: 0x800 },
    ...{ ip_proto: 6, ip_src: from.ip, ip_dst: to.ip, tp_src: 40000, tp_dst: tcp, nw_ttl: 64 },
  };
  const tracked = { ct_state: 0x21, ct_zone: from.vlan };
  const out = { reg5: from.number, reg6: from.vlan };
  const into = { reg5: to.number, reg6: to.vlan };
  return [
    [60, packetWith(header)],
    [71, packetWith({ ...header, ...out })],
    [72, packetWith({ ...header, ...out, ...tracked })],
    [73, packetWith({ ...header, ...out, ...tracked })],
    [81, packetWith({ ...header, ...into })],
    [82, packetWith({ ...header, ...into, ...tracked })],
  ];
}

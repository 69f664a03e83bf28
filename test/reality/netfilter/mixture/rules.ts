/** Random rules of a mixture: tables, chains and conditions drawn towards packets that are sent. */
import { type Rng } from '../../ovs/live/rng.ts';
import { type Step } from '../case.ts';
import { knowledgeTests } from './knowledge.ts';

/** What rules are drawn from. */
export interface Scene {
  readonly version: 4 | 6;
  readonly rng: Rng;
  /** Lists of `recent` outlive a case under their names. */
  readonly name: string;
  readonly packets: readonly Step[];
  readonly devices: readonly string[];
  /** Bridge ports; empty without a bridge. */
  readonly ports: readonly string[];
  /** Set names with the number of their dimensions. */
  readonly sets: readonly (readonly [string, number])[];
  /** Own and foreign addresses to translate to. */
  readonly addresses: readonly string[];
}

type Chain = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

const CHAINS: Readonly<Record<string, readonly Chain[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

const INCOMING: readonly Chain[] = ['PREROUTING', 'INPUT', 'FORWARD'];
const LEAVING: readonly Chain[] = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

/** The rules of one IP version as `iptables-restore` takes them. */
export function rulesText(scene: Scene): string {
  const { rng } = scene;
  const tables = ['raw', 'mangle', 'nat', 'filter'].filter(
    (table) => table === 'filter' || rng.chance(0.65),
  );
  return tables.map((table) => tableText(scene, table)).join('');
}

function tableText(scene: Scene, table: string): string {
  const { rng } = scene;
  const chains = CHAINS[table] ?? [];
  const users = chains.map((chain) => `${table}-${chain.toLowerCase()}`);
  const lines = [`*${table}`];
  for (const chain of chains) {
    const policy = table === 'filter' && rng.chance(0.12) ? 'DROP' : 'ACCEPT';
    lines.push(`:${chain} ${policy} [0:0]`);
  }
  for (const user of users) lines.push(`:${user} - [0:0]`);
  for (const [i, chain] of chains.entries()) {
    const user = users[i] ?? '';
    for (let n = rng.int(0, 4); n > 0; n--) lines.push(ruleText(scene, table, chain, chain, user));
    for (let n = rng.int(0, 3); n > 0; n--) lines.push(ruleText(scene, table, chain, user, null));
  }
  return [...lines, 'COMMIT', ''].join('\n');
}

function ruleText(
  scene: Scene,
  table: string,
  base: Chain,
  chain: string,
  user: string | null,
): string {
  const { rng } = scene;
  const { head, protocol, tests } = conditions(scene, table, base);
  const jump = user !== null && rng.chance(0.25) ? `${rng.pick(['-j', '-g'])} ${user}` : null;
  const target = jump ?? targetOf(scene, table, base, protocol);
  return ['-A', chain, ...head, ...tests, target].filter((word) => word !== '').join(' ');
}

interface Conditions {
  readonly head: readonly string[];
  readonly protocol: string | null;
  readonly tests: readonly string[];
}

function conditions(scene: Scene, table: string, base: Chain): Conditions {
  const { rng, version, packets } = scene;
  const not = (): string => (rng.chance(0.2) ? '! ' : '');
  const known = packets.filter((one) => one.ip !== undefined || one.ip6 !== undefined);
  const like = rng.pick(known);
  const ip = like.ip ?? like.ip6;
  const head: string[] = [];
  const width = version === 4 ? 32 : 128;
  const length = (): number => width - rng.pick([0, 0, 1, 7, 8, 12]);
  if (ip !== undefined && rng.chance(0.2)) head.push(`${not()}-s ${ip.src}/${length()}`);
  if (ip !== undefined && rng.chance(0.2)) head.push(`${not()}-d ${ip.dst}/${length()}`);
  const device = (): string => {
    const name = rng.pick(scene.devices);
    return rng.chance(0.2) ? `${name.slice(0, 1)}+` : name;
  };
  if (INCOMING.includes(base) && rng.chance(0.2)) head.push(`${not()}-i ${device()}`);
  if (LEAVING.includes(base) && rng.chance(0.2)) head.push(`${not()}-o ${device()}`);
  const tests: string[] = [];
  let protocol: string | null = null;
  if (rng.chance(0.5)) {
    protocol = protocolOf(like, version) ?? rng.pick(['tcp', 'udp']);
    head.push(`-p ${protocol}`);
    if (rng.chance(0.5)) tests.push(...transportTests(scene, like, protocol, not));
  }
  for (let n = rng.pick([0, 0, 1, 1, 2]); n > 0; n--) {
    tests.push(extraTest(scene, table, base, protocol, not));
  }
  return { head, protocol, tests };
}

function protocolOf(like: Step, version: 4 | 6): string | null {
  if (like.tcp !== undefined) return 'tcp';
  if (like.udp !== undefined) return 'udp';
  if (like.sctp !== undefined) return 'sctp';
  if (like.icmp !== undefined || like.icmp6 !== undefined) {
    return version === 4 ? 'icmp' : 'ipv6-icmp';
  }
  return null;
}

function transportTests(
  { rng }: Scene,
  like: Step,
  protocol: string,
  not: () => string,
): readonly string[] {
  const ports = like.tcp ?? like.udp ?? like.sctp ?? { sport: 53, dport: 80 };
  const port = (value: number): string =>
    rng.chance(0.7) ? `${value}` : `${Math.max(0, value - rng.int(1, 30))}:${value}`;
  switch (protocol) {
    case 'tcp':
    case 'udp':
    case 'sctp':
      if (protocol === 'tcp' && rng.chance(0.2)) {
        const mask = rng.pick(['FIN,SYN,RST,ACK SYN', 'SYN,RST SYN', 'ACK ACK', 'RST RST']);
        return [`-m tcp ${not()}--tcp-flags ${mask}`];
      }
      if (rng.chance(0.25)) {
        const list = [...new Set([ports.dport, 22, 68])].join(',');
        return [`-m multiport ${not()}--${rng.pick(['dports', 'ports', 'sports'])} ${list}`];
      }
      return rng.chance(0.7)
        ? [`-m ${protocol} ${not()}--dport ${port(ports.dport)}`]
        : [`-m ${protocol} ${not()}--sport ${port(ports.sport)}`];
    case 'icmp':
      return [`-m icmp ${not()}--icmp-type ${rng.pick(['8', '0', '3', '3/4', '11', '8/0'])}`];
    case 'ipv6-icmp':
      return [`-m icmp6 ${not()}--icmpv6-type ${rng.pick(['128', '129', '1', '2/0', '135'])}`];
    default:
      return [];
  }
}

const STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'] as const;

function extraTest(
  scene: Scene,
  table: string,
  base: Chain,
  protocol: string | null,
  not: () => string,
): string {
  const { rng, version } = scene;
  const states = (): string => STATES.filter(() => rng.chance(0.45)).join(',') || rng.pick(STATES);
  const choices: (() => string)[] = [
    () => `-m mark ${not()}--mark ${rng.pick(['0x1', '0x2/0xff', '0x0/0xff00', '0x300/0xff00'])}`,
    () => `-m length ${not()}--length ${rng.pick(['0:60', '61:200', '1000:1500', '28'])}`,
    () => `-m statistic --mode nth --every ${rng.pick(['2 --packet 1', '3 --packet 0'])}`,
    () => `-m dscp ${not()}--dscp ${rng.pick(['0x00', '0x2e'])}`,
    () =>
      `-m addrtype ${not()}--${rng.pick(['src', 'dst'])}-type ${rng.pick(['LOCAL', 'UNICAST'])}`,
    () => `-m quota --quota ${rng.pick([200, 3000])}`,
    () =>
      `-m recent --${rng.pick(['set', 'rcheck', 'update'])} --name ${scene.name}${rng.int(0, 1)} --rsource`,
    () =>
      version === 4
        ? `-m ttl --ttl-${rng.pick(['eq 64', 'lt 64', 'gt 1'])}`
        : `-m hl --hl-${rng.pick(['eq 64', 'lt 64'])}`,
  ];
  const hashed = `--hashlimit-burst ${rng.int(1, 4)} --hashlimit-name ${scene.name}h${rng.int(0, 999)}`;
  const mode = rng.pick(['srcip', 'dstip', 'srcip,dstport', 'srcip,dstip']);
  choices.push(
    () =>
      `-m hashlimit --hashlimit-${rng.pick(['upto', 'above'])} 2/min ${hashed} --hashlimit-mode ${mode}`,
  );
  if (table !== 'raw') {
    choices.push(
      () => `-m conntrack ${not()}--ctstate ${states()}`,
      () => `-m conntrack ${not()}--ctstate ${rng.pick(['DNAT', 'SNAT', 'NEW,DNAT'])}`,
      () => `-m state ${not()}--state ${states()}`,
      () => `-m conntrack --ctdir ${rng.pick(['ORIGINAL', 'REPLY'])}`,
      () => `-m conntrack ${not()}--ctstatus ${rng.pick(['SEEN_REPLY', 'ASSURED', 'CONFIRMED'])}`,
      () => `-m connmark ${not()}--mark ${rng.pick(['0x1', '0x0/0xff00', '0x2/0x2'])}`,
    );
  }
  const [set, dimensions] = scene.sets.length === 0 ? ['', 0] : rng.pick(scene.sets);
  if (set !== '') {
    choices.push(() => {
      const ways = Array.from({ length: dimensions }, () => rng.pick(['src', 'dst']));
      return `-m set ${not()}--match-set ${set} ${ways.join(',')}`;
    });
  }
  if (scene.ports.length > 0) {
    choices.push(() => {
      const parts = [`${not()}--physdev-in ${rng.pick(scene.ports)}`];
      if (base === 'FORWARD' || base === 'POSTROUTING') {
        if (rng.chance(0.5)) parts.push(`${not()}--physdev-out ${rng.pick(scene.ports)}`);
        if (rng.chance(0.5)) parts.push(`${not()}--physdev-is-bridged`);
      }
      return `-m physdev ${parts.join(' ')}`;
    });
  }
  if ((table === 'raw' || table === 'mangle') && base === 'PREROUTING') {
    choices.push(() => `-m rpfilter${rng.pick(['', ' --loose', ' --invert', ' --validmark'])}`);
  }
  choices.push(...knowledgeTests(rng, { version, table, base }, not));
  if (protocol === 'tcp')
    choices.push(() => `-m tcpmss ${not()}--mss ${rng.pick(['0:1000', '1460'])}`);
  return rng.pick(choices)();
}

function targetOf(scene: Scene, table: string, base: Chain, protocol: string | null): string {
  const { rng, version } = scene;
  const plain = ['-j ACCEPT', '-j RETURN', ''];
  switch (table) {
    case 'raw':
      return rng.pick([
        ...plain,
        '-j NOTRACK',
        '-j CT --notrack',
        '-j CT --zone 3',
        '-j CT --zone-orig 4',
        '-j CT --zone-reply 4',
      ]);
    case 'mangle': {
      // What tracking summed up is not told of changes to an IPv6 header: long datagrams would
      // be refused by their socket as damaged.
      const mayRewrite = version === 4 || base === 'FORWARD' || base === 'POSTROUTING';
      const rewriting = [
        '-j DSCP --set-dscp 0x2e',
        '-j TOS --set-tos 0x10/0x3f',
        version === 4 ? '-j TTL --ttl-dec 1' : '-j HL --hl-dec 1',
      ];
      const size = protocol === 'tcp' && base !== 'PREROUTING' && base !== 'INPUT';
      return rng.pick([
        ...plain,
        '-j MARK --set-xmark 0x1/0xffffffff',
        '-j MARK --set-xmark 0x2/0xff',
        '-j MARK --set-xmark 0x300/0xff00',
        '-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffff',
        '-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
        '-j CONNMARK --set-xmark 0x2/0xff',
        ...(mayRewrite ? rewriting : []),
        size ? '-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu' : '-j DROP',
      ]);
    }
    case 'nat':
      return natTarget(scene, base, protocol, plain);
    default:
      return rng.pick([
        ...plain,
        ...plain,
        '-j DROP',
        reject(scene, protocol),
        '-j LOG --log-prefix "L "',
      ]);
  }
}

function natTarget(
  { rng, version, addresses }: Scene,
  base: Chain,
  protocol: string | null,
  plain: readonly string[],
): string {
  const withPorts = protocol === 'tcp' || protocol === 'udp';
  const to = rng.pick(addresses);
  const at = (port: string): string => (version === 4 ? `${to}:${port}` : `[${to}]:${port}`);
  switch (base) {
    case 'PREROUTING':
    case 'OUTPUT':
      return rng.pick([
        ...plain,
        `-j DNAT --to-destination ${withPorts && rng.chance(0.5) ? at('8080') : to}`,
        `-j DNAT --to-destination ${to}`,
        withPorts ? '-j REDIRECT --to-ports 9697' : '-j REDIRECT',
      ]);
    case 'POSTROUTING':
      return rng.pick([
        ...plain,
        `-j SNAT --to-source ${to}`,
        `-j SNAT --to-source ${withPorts ? at('20000-20050') : to}`,
        '-j MASQUERADE',
      ]);
    default:
      return rng.pick([...plain, `-j SNAT --to-source ${to}`]);
  }
}

function reject({ rng, version }: Scene, protocol: string | null): string {
  if (protocol === 'tcp' && rng.chance(0.5)) return '-j REJECT --reject-with tcp-reset';
  const kinds =
    version === 4
      ? ['icmp-port-unreachable', 'icmp-admin-prohibited', 'icmp-host-unreachable']
      : ['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-no-route'];
  return `-j REJECT --reject-with ${rng.pick(kinds)}`;
}

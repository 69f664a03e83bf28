/**
 * Rules as people and programs write them: every match and target with every option, in every
 * spelling that the option takes. Generated from the rows and a seed.
 */
import { MATCHES } from '../../../src/dataplane/iptables/text/match-rows.ts';
import { type OptionRow, type Row } from '../../../src/dataplane/iptables/text/options.ts';
import { TARGETS } from '../../../src/dataplane/iptables/text/target-rows.ts';
import { type TableText } from './kernel-text.ts';

/** One rule, and which options of which row it tries. */
export interface WrittenRule extends TableText {
  readonly rule: string;
  /** `-m tcp --dport`, `-j LOG --log-level`. */
  readonly tries: readonly string[];
}

/** Sets that rules refer to, for `ipset restore`. */
export const SETS =
  'create blue hash:ip timeout 600 counters skbinfo\n' +
  'create green hash:net,port timeout 600 counters skbinfo\n' +
  'create blue6 hash:ip family inet6 timeout 600 counters skbinfo\n';

/** Rules that make the estimators which `rateest` compares. */
const ESTIMATORS = ['RE1', 'RE2']
  .map((each) => `-A INPUT -j RATEEST --rateest-name ${each}`)
  .map((rule) => `${rule} --rateest-interval 250ms --rateest-ewmalog 500ms`)
  .join('\n');

/** Words that an option of one word may be given; each option takes those its codec knows. */
const POOL = [
  ...['0', '1', '2', '5', '10', '0x10', '64', '100', '200', '255', '1000', '65535'],
  ...['1:5', '5:5', ':5', '5:', '0:65535', '1024:65535', '0:4294967295', '80', 'http', 'domain'],
  ...['22,80', '22,1000:2000,https', '10.0.0.1', '10.1.2.3/8', '10.1.2.3/255.255.0.0'],
  ...['10.0.0.0/255.0.255.0', '2001:db8::1', '2001:DB8::1/32', '10.0.0.1-10.0.0.9'],
  ...['2001:db8::1-2001:db8::9', 'tcp', '6', 'udp', '5/min', '10/second', '3/hour', '700/s'],
  ...['7/day', '0.5', '0.333', '.25', '0x1/0xff', '0x4000/0xffff', '8/0x3f', 'Minimize-Delay'],
  ...['eth0', 'eth+', 'tap1cd3ad6e-d6', 'NEW', 'ESTABLISHED,RELATED', 'new,untracked', 'SNAT'],
  ...['INVALID', 'NONE', 'CONFIRMED,ASSURED', 'LOCAL', 'UNICAST,BROADCAST', 'ORIGINAL', 'REPLY'],
  ...['bm', 'kmp', 'random', 'nth', 'packets', 'bytes', 'avgpkt', 'original', 'both'],
  ...['unicast', 'multicast', 'FA:16:3E:00:00:01', 'fa:16:3e:aa:bb:cc', 'EF', 'CS1', 'AF41'],
  ...['echo-request', 'ping', 'any', '128', 'port-unreachable', 'accept', 'drop'],
  ...[':8080', '10.0.0.5:80', '10.0.0.5-10.0.0.9:80-90', '[2001:db8::5]:80', '9697', '1024-2048'],
  ...['8kbit', '16bit', '2Mibps', '255.255.255.0', 'ffff:ffff::', 'GATE', 'MASQ'],
];

/** Values of options that take any word, and of those that take two. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  '--dccp-types': ['REQUEST,RESPONSE', 'INVALID', 'DATA'],
  '--hbh-opts': ['1:2,3', '5'],
  '--dst-opts': ['1:2,3', '5'],
  '--rt-0-addrs': ['2001:db8::1,2001:DB8::2', '2001:db8:0::1'],
  '--header': ['dst', 'hop,dst', 'frag', 'hop-by-hop,ipv6-nonxt'],
  '--mh-type': ['1', '1:3', 'brr', 'binding-update:hoti'],
  '--uid-owner': ['0', '1000', '0-10', '5-5'],
  '--gid-owner': ['0', '1000', '0-10'],
  '--realm': ['1', '0x1/0xff', '0x10'],
  '--src-group': ['1', '0x1/0xff'],
  '--dst-group': ['1', '0x1/0xff'],
  '--path': ['"/"'],
  '--hashlimit-upto': ['5/sec', '700/second', '40/min', '3/h', '4kb/s', '10mb/s', '123456b/s'],
  '--hashlimit-above': ['5/sec', '1000000/sec', '7/day', '1mb/s', '100kb/s'],
  '--hashlimit-burst': ['5', '20', '1mb', '400kb', '2000000b'],
  '--hashlimit-mode': ['srcip', 'dstip,srcip', 'dstport,srcip', 'srcport'],
  '--hashlimit-name': ['mini'],
  '--hashlimit-htable-size': ['0', '100', '4096'],
  '--hashlimit-htable-max': ['0', '100', '65535'],
  '--name': ['ssh', 'a-b'],
  '--quota': ['1000', '18446744073709551615'],
  '--connbytes': ['100:', '5:10', '0:5'],
  '--timestart': ['10:00', '00:00:01', '23:59:59'],
  '--timestop': ['10:00', '00:00:01', '23:59:59'],
  '--monthdays': ['1,15,31', '5'],
  '--weekdays': ['Mon,Tue', '6,7', 'Sunday', 'We'],
  '--datestart': ['2024-01-01T00:00:00', '2024-01-02', '2024-01', '2024'],
  '--datestop': ['2024-01-01T00:00:00', '2024-01-02T10:00', '2024'],
  '--string': ['abc', '"a b"', '"it\'s"'],
  '--hex-string': ['"|0a0b|c"', '"|0A 0b|"', 'abc'],
  '--ipcompspi': ['0', '18', '1:5'],
  '--u32': ['"0x0=0x0&&0x0=0x1"', '"6&0xFF=1"', '"0>>22&0x3C@0>>24=8:9,0x10"'],
  '--bytecode': ['"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"'],
  '--comment': ['plain', '"two words"', '"it\'s \\"q\\" \\\\ x"', '"-j DROP"', '"a=b, <&>"'],
  '--label': ['3', '127'],
  '--helper': ['ftp', 'irc-6667', '"tftp"'],
  '--genre': ['Linux', 'unknown'],
  '--nfacct-name': ['x'],
  '--ctevents': ['new,destroy', 'mark', 'related,reply'],
  '--expevents': ['new'],
  '--zone': ['1', '65535', 'mark'],
  '--zone-orig': ['7', 'mark'],
  '--zone-reply': ['9'],
  '--reject-with': [
    ...['icmp-net-unreachable', 'host-unreach', 'icmp-port-unreachable', 'admin-prohib'],
    ...['tcp-reset', 'icmp6-no-route', 'adm-prohibited', 'icmp6-addr-unreachable', 'reject-route'],
  ],
  '--queue-balance': ['0:3', '1:5'],
  '--strip-options': ['wscale,mss', '2', 'sack-permitted,timestamp'],
  '--log-prefix': ['plain', '"with blank: "', '"a\\"b"'],
  '--log-level': ['debug', '4', '7', 'warning', 'error', 'EMERG', '0'],
  '--nflog-prefix': ['plain', '"with blank: "'],
  '--set-class': ['1:2', 'a:0', '0:ffff', '1234:5678'],
  '--rateest-name': ['RE1'],
  '--rateest-interval': ['250ms', '1s', '500ms'],
  '--rateest-ewmalog': ['500ms', '1s', '4s'],
  '--rateest': ['RE1'],
  '--rateest1': ['RE1'],
  '--rateest2': ['RE2'],
  '--timeout': ['42', '3600'],
  '--chunk-types': ['any INIT', 'all DATA:Be', 'only HEARTBEAT', 'any DATA:i,ABORT'],
  '--match-set': ['blue src', 'green dst,src', 'blue6 dst'],
  '--add-set': ['blue src', 'green dst,dst', 'blue6 src'],
  '--del-set': ['blue src', 'blue6 dst'],
  '--tcp-flags': ['SYN,RST SYN', 'ALL NONE', 'ACK,SYN,FIN ACK,FIN', 'ALL URG,PSH'],
  '--icmp-type': ['8', '3/4', 'echo-request', 'ping', 'any', 'TOS-host-redirect', '11/0', '255'],
  '--icmpv6-type': [
    '128',
    '1/4',
    'echo-request',
    'router-advertisement',
    'bad-header',
    '134/0',
    '255',
  ],
  '--ctdir': ['Original', 'REPLY'],
  '--pkt-type': ['unicast', 'Broadcast', 'multicast'],
  '--ctorigsrc': ['10.0.0.1', '10.1.2.3/8', '10.1.0.0/255.255.0.0', '2001:db8::/32', '::1'],
  '--ctorigdst': ['10.0.0.1', '10.1.2.3/8', '2001:DB8::5'],
  '--ctreplsrc': ['10.0.0.1', '10.1.2.3/8', '2001:db8::5/64'],
  '--ctrepldst': ['10.0.0.1', '10.1.2.3/8', '2001:db8::/32'],
  '--to': ['10.0.0.0/24', '10.1.2.3/8', '2001:db8::/64'],
  '--hmark-src-prefix': ['24', '0'],
  '--hmark-dst-prefix': ['24'],
  '--hmark-rnd': ['0xfeafcafe', '1'],
  '--hmark-mod': ['10', '64'],
  '--hmark-offset': ['1', '5'],
  '--hmark-tuple': ['src,dst,sport,dport', 'src,dst', 'ct,src,dst'],
  '--hmark-sport': ['80'],
  '--hmark-proto-mask': ['0xff', '0x0f'],
  '--hmark-sport-mask': ['0xffff', '0x00ff'],
  '--rt-type': ['0'],
  '--probability': ['0.5', '0.333', '.25', '1', '0.00000000047'],
  '--every': ['3', '10', '1'],
  '--packet': ['0', '2'],
  '--limit-burst': ['1', '5', '100', '10000'],
  '--cluster-total-nodes': ['8', '16'],
  '--cluster-local-node': ['1', '2'],
  '--cluster-local-nodemask': ['0x3', '5'],
  '--cluster-hash-seed': ['0xdeadbeef', '1'],
  '--hitcount': ['1', '4', '20'],
  '--seconds': ['10', '60'],
  '--mask': ['255.255.255.0', '255.0.0.0', 'ffff:ffff::'],
  '--ttl': ['0', '1', '2', '64'],
  '--src-pfx': ['2001:db8::/32', '2001:db8:1::/48'],
  '--dst-pfx': ['fd00::/32', 'fd00:1::/48'],
};

/** Where a row can stand, and the protocol it wants. */
interface Place {
  readonly table?: string;
  readonly chain?: string;
  readonly protocol?: string;
}

const PLACES: Readonly<Record<string, Place>> = {
  ...Object.fromEntries(
    ['tcp', 'udp', 'sctp', 'dccp', 'icmp', 'esp', 'ipcomp', 'udplite'].map(
      (name) => [name, { protocol: name }] as const,
    ),
  ),
  ah: { protocol: 'ah' },
  icmp6: { protocol: 'icmpv6' },
  mh: { protocol: 'mh' },
  multiport: { protocol: 'tcp' },
  tcpmss: { protocol: 'tcp' },
  ecn: { protocol: 'tcp' },
  osf: { protocol: 'tcp' },
  owner: { chain: 'OUTPUT' },
  cgroup: { chain: 'OUTPUT' },
  mac: { chain: 'FORWARD' },
  physdev: { chain: 'FORWARD' },
  rpfilter: { table: 'raw', chain: 'PREROUTING' },
  socket: { table: 'mangle', chain: 'PREROUTING' },
  devgroup: { chain: 'FORWARD' },
  DNAT: { table: 'nat', chain: 'PREROUTING', protocol: 'tcp' },
  SNAT: { table: 'nat', chain: 'POSTROUTING', protocol: 'tcp' },
  MASQUERADE: { table: 'nat', chain: 'POSTROUTING', protocol: 'tcp' },
  REDIRECT: { table: 'nat', chain: 'PREROUTING', protocol: 'tcp' },
  NETMAP: { table: 'nat', chain: 'PREROUTING' },
  SNPT: { table: 'mangle', chain: 'POSTROUTING' },
  DNPT: { table: 'mangle', chain: 'PREROUTING' },
  CT: { table: 'raw', chain: 'PREROUTING', protocol: 'tcp' },
  NOTRACK: { table: 'raw', chain: 'PREROUTING' },
  TRACE: { table: 'raw', chain: 'PREROUTING' },
  REJECT: { protocol: 'tcp' },
  SYNPROXY: { protocol: 'tcp' },
  TCPMSS: { table: 'mangle', chain: 'FORWARD', protocol: 'tcp --syn' },
  TPROXY: { table: 'mangle', chain: 'PREROUTING', protocol: 'tcp' },
  TEE: { table: 'mangle', chain: 'PREROUTING' },
  ECN: { table: 'mangle', chain: 'FORWARD', protocol: 'tcp' },
  TCPOPTSTRIP: { table: 'mangle', chain: 'FORWARD', protocol: 'tcp' },
  IDLETIMER: { table: 'mangle', chain: 'FORWARD' },
  CLASSIFY: { table: 'mangle', chain: 'POSTROUTING' },
  ...Object.fromEntries(
    ['TTL', 'HL', 'DSCP', 'TOS', 'CHECKSUM', 'MARK', 'CONNMARK', 'HMARK', 'CONNSECMARK'].map(
      (name) => [name, { table: 'mangle', chain: 'FORWARD' }] as const,
    ),
  ),
};

/** Of each group a rule may name one option only, or a later one replaces an earlier one. */
const ONE_OF: Readonly<Record<string, readonly (readonly string[])[]>> = {
  srh: [
    ['lengthEq', 'lengthGt', 'lengthLt'],
    ['leftEq', 'leftGt', 'leftLt'],
    ['lastEq', 'lastGt', 'lastLt'],
  ],
  ttl: [['eq', 'lt', 'gt']],
  hl: [['eq', 'lt', 'gt']],
  string: [['string', 'hex']],
  bpf: [['bytecode', 'pinned']],
  cluster: [['localNode', 'localMask']],
  hashlimit: [['upto', 'above']],
  connlimit: [
    ['upto', 'above'],
    ['source', 'destination'],
  ],
  recent: [
    ['set', 'rcheck', 'update', 'remove'],
    ['rsource', 'rdest'],
  ],
  multiport: [['sports', 'dports', 'ports']],
  cgroup: [['path', 'classId']],
  addrtype: [['limitIn', 'limitOut']],
  set: [
    ['packetsEq', 'packetsLt', 'packetsGt'],
    ['bytesEq', 'bytesLt', 'bytesGt'],
  ],
  MARK: [['setXmark', 'setMark', 'orMark', 'andMark', 'xorMark']],
  CONNMARK: [
    ['setXmark', 'setMark', 'orMark', 'andMark', 'xorMark', 'save', 'restore'],
    ['mask', 'nfmask'],
    ['mask', 'ctmask'],
  ],
  CT: [
    ['notrack', 'zone', 'zoneOriginal', 'zoneReply'],
    ['notrack', 'helper', 'timeout'],
    ['notrack', 'ctevents'],
    ['notrack', 'expevents'],
  ],
  CONNSECMARK: [['save', 'restore']],
  NFQUEUE: [['number', 'balance']],
  TTL: [['set', 'dec', 'inc']],
  HL: [['set', 'dec', 'inc']],
  TOS: [['tos', 'and', 'or', 'xor']],
  TCPMSS: [['set', 'clamp']],
  SET: [['add', 'del', 'map']],
  HMARK: [
    ['spi', 'sourcePort'],
    ['spi', 'destinationPort'],
    ['spi', 'spiValue', 'sport'],
    ['spi', 'spiValue', 'dport'],
    ['tuple', 'source'],
    ['tuple', 'destination'],
    ['tuple', 'sourcePort'],
    ['tuple', 'destinationPort'],
    ['tuple', 'spi'],
    ['tuple', 'protocol'],
  ],
  rateest: [
    ['lt', 'gt', 'eq'],
    ['rateest', 'rateest1'],
    ['bps', 'pps', 'pps2'],
    ['bps', 'pps', 'bps2'],
    ['bps1', 'pps1'],
  ],
  owner: [['socket', 'groups']],
};

/** Options that only make sense together with these. */
const WITH: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  CONNMARK: { nfmask: ['restore'], ctmask: ['restore'], mask: ['save'] },
  SET: {
    exist: ['add'],
    timeout: ['add', 'exist'],
    mapMark: ['map'],
    mapPriority: ['map'],
    mapQueue: ['map'],
    map: ['mapMark'],
  },
  recent: {
    seconds: ['rcheck'],
    reap: ['rcheck', 'seconds'],
    hitCount: ['update'],
    ttl: ['rcheck'],
  },
  owner: { groups: ['gid'] },
  NFQUEUE: { fanout: ['balance'] },
  HMARK: { mod: ['tuple'] },
  time: { contiguous: ['start', 'stop'] },
  rateest: { bps1: ['delta'], pps1: ['delta'] },
  rt: {
    reserved: ['type', 'addresses'],
    addresses: ['type'],
    notStrict: ['type', 'addresses'],
  },
};

/** Options that need what a namespace does not have: a timeout policy, a pinned program. */
const ABSENT: Readonly<Record<string, readonly string[]>> = { CT: ['timeout'], bpf: ['pinned'] };

/** What a row wants before anything else: the kernel takes no other combination. */
const FIRST: Readonly<Record<string, readonly (readonly string[])[]>> = {
  statistic: [
    ['mode', 'probability'],
    ['mode', 'every', 'packet'],
  ],
  rateest: [
    ['rateest', 'lt', 'bps'],
    ['rateest', 'gt', 'pps'],
    ['rateest1', 'eq', 'bps', 'rateest2'],
    ['delta', 'rateest', 'bps1', 'lt', 'bps2'],
    ['delta', 'rateest', 'pps1', 'lt', 'pps2'],
  ],
  ipvs: [['ipvs']],
  CLUSTERIP: [['new', 'mode', 'mac', 'total', 'local']],
};

/** A generator of numbers below one, the same for every run (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** `count` rules for every match and every target. */
export function writtenRules(seed: number, count: number): readonly WrittenRule[] {
  const random = randomFrom(seed);
  const found: WrittenRule[] = [];
  for (let i = 0; i < count; i++) {
    for (const [name, row] of Object.entries(MATCHES)) found.push(ruleFor('-m', name, row, random));
    for (const [name, row] of Object.entries(TARGETS)) found.push(ruleFor('-j', name, row, random));
  }
  return found;
}

type Random = () => number;

function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

/** Keys that may stand together, out of those that were drawn. */
function compatible(name: string, drawn: ReadonlySet<string>): ReadonlySet<string> {
  const kept = new Set<string>();
  const groups = ONE_OF[name] ?? [];
  const clashes = (key: string): boolean =>
    groups.some(
      (group) => group.includes(key) && group.some((other) => other !== key && kept.has(other)),
    );
  for (const key of drawn) {
    const wanted = [key, ...(WITH[name]?.[key] ?? [])];
    if (!wanted.some(clashes)) for (const each of wanted) kept.add(each);
  }
  return kept;
}

function ruleFor(which: '-m' | '-j', name: string, row: Row, random: Random): WrittenRule {
  const version = row.only ?? (random() < 0.7 ? 4 : 6);
  const place = PLACES[name] ?? {};
  const table = place.table ?? 'filter';
  const chain = place.chain ?? 'INPUT';
  const chosen = options(name, row, version, random);
  const words = [`${which} ${name}`, ...chosen.map((each) => each.text)];
  const protocol = place.protocol === undefined ? '' : ` -p ${place.protocol}`;
  const end = which === '-m' ? ` ${pick(random, ['-j ACCEPT', '-j DROP', '', '-g user'])}` : '';
  const rule = `-A ${chain}${head(version, random)}${protocol} ${words.join(' ')}${end}`.trimEnd();
  const before = name === 'rateest' ? `${ESTIMATORS}\n` : '';
  const text = `*${table}\n:user - [0:0]\n${before}${rule}\nCOMMIT\n`;
  const tries = chosen.map((each) => `${which} ${name} ${each.not}${each.flag}`);
  return { version, table, text, rule, tries: [`${which} ${name}`, ...tries] };
}

/** Conditions that every rule may have. */
function head(version: 4 | 6, random: Random): string {
  let text = '';
  const not = (): string => (random() < 0.2 ? ' !' : '');
  const addresses =
    version === 4
      ? ['10.0.0.1', '10.1.2.3/8', '0.0.0.0/0', '10.0.0.0/255.0.255.0', '192.168.1.0/24']
      : ['2001:db8::1', '2001:DB8::/32', '::/0', 'fe80::1/64', '::ffff:10.0.0.1'];
  if (random() < 0.2) text += ` -s ${pick(random, addresses)}`;
  if (random() < 0.2) text += `${not()} -d ${pick(random, addresses.slice(0, 2))}`;
  return text;
}

interface Chosen {
  readonly flag: string;
  readonly not: '! ' | '';
  readonly text: string;
}

/** What the row needs, and some of its other options, in any order. */
function options(name: string, row: Row, version: 4 | 6, random: Random): readonly Chosen[] {
  const keys = Object.keys(row.options).filter((key) => ABSENT[name]?.includes(key) !== true);
  const first = pick(random, FIRST[name] ?? []);
  const drawn = new Set(
    first ??
      (row.needs ?? []).flatMap(
        (group) =>
          pick(
            random,
            group.filter((key) => keys.includes(key)),
          ) ?? [],
      ),
  );
  const share = pick(random, [0, 0.15, 0.3, 0.6]) ?? 0;
  const others = shuffled(keys, random).filter(() => random() < share);
  for (const key of first === undefined ? others : []) drawn.add(key);
  return shuffled([...compatible(name, drawn)], random).flatMap((key) => {
    const option = row.options[key];
    return option === undefined ? [] : spoken(option, version, random, key === 'mode' && first);
  });
}

function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  return list
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
}

function spoken(
  option: OptionRow<unknown>,
  version: 4 | 6,
  random: Random,
  first: readonly string[] | false | undefined,
): Chosen[] {
  const not = option.not === true && random() < 0.3 ? '! ' : '';
  const short = Object.keys(option.short ?? {});
  if (short.length > 0 && random() < 0.4) {
    const flag = pick(random, short) ?? '';
    return [{ flag, not, text: not + flag }];
  }
  const flag = pick(random, [option.flag, option.flag, ...(option.aka ?? [])]) ?? option.flag;
  // The mode of `statistic` follows from what else was chosen.
  const mode =
    first === false || first === undefined ? null : first.includes('every') ? 'nth' : 'random';
  const value = mode ?? valueOf(option, version, random);
  // A negated whole is never met, and iptables prints it as no condition at all.
  if (value === null || (not !== '' && /^0:(65535|4294967295)$/.test(value))) return [];
  return [{ flag, not, text: `${not}${flag}${value === '' ? '' : ` ${value}`}` }];
}

function valueOf(option: OptionRow<unknown>, version: 4 | 6, random: Random): string | null {
  const { codec, flag } = option;
  if (codec.words === 0) return '';
  const named = WORDS[flag];
  if (named !== undefined) return pick(random, named) ?? null;
  // Printed examples stand for what the pool has no word for.
  const examples = codec.examples.map((value) => codec.write(value).trim());
  const known = POOL.filter((word) => codec.words === 1 && !('bad' in codec.read([word], version)));
  return pick(random, known.length > POOL.length / 2 ? examples : [...known, ...examples]) ?? null;
}

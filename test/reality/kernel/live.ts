/**
 * Small topologies of our own in namespaces of the running kernel: real frames go in, and what
 * comes out, how often each rule matched and which connections are known must be as played.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { brief, macText } from '../netfilter/brief.ts';
import { frameBytes } from '../netfilter/bytes.ts';
import { type Case, type KernelTuple, type Link, type Node } from '../netfilter/case.ts';
import { type Played } from '../netfilter/lab.ts';
import { playCase } from '../netfilter/run-case.ts';

const WIRE = join(import.meta.dirname, 'wire.py');

/** Why the kernel cannot be asked here; null when it can. */
export function missingForLive(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const [program, ...words] of [
    ['ip', '-V'],
    ['iptables-save', '-V'],
    ['conntrack', '-V'],
    ['python3', '-V'],
  ] as const) {
    if (spawnSync(program, words).status !== 0) return `needs ${program}`;
  }
  const name = `hopwise-try-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'needs network namespaces';
  const made = spawnSync('ip', ['-n', name, 'link', 'add', 'name', 'a', 'type', 'veth']);
  spawnSync('ip', ['netns', 'del', name]);
  return made.status === 0 ? null : 'needs virtual Ethernet devices';
}

/** A busy machine makes namespaces slowly. */
export const LIVE_MS = 60_000;

/** What happened to every frame, and what was left behind. */
export interface Seen {
  /** By step: `PORT DESTINATION SOURCE what`, sorted. */
  readonly frames: readonly (readonly string[])[];
  /** How many packets matched each rule: `TABLE CHAIN NUMBER` → packets. */
  readonly hits: Readonly<Record<string, number>>;
  /** `PROTOCOL original reply`, sorted. */
  readonly connections: readonly string[];
}

let count = 0;

/** Sets the only node of a case up, sends its frames, and takes everything down again. */
export function askKernel(one: Case): Seen {
  const [node] = Object.values(one.nodes);
  if (node === undefined) throw new Error('no node');
  const [inside, outside] = ['in', 'out'].map((end) => `hopwise-${process.pid}-${count}-${end}`);
  count++;
  try {
    const names = { inside: inside ?? '', outside: outside ?? '' };
    for (const name of Object.values(names)) run('ip', ['netns', 'add', name]);
    setUp(node, names);
    return ask(one, names);
  } finally {
    for (const name of [inside, outside]) spawnSync('ip', ['netns', 'del', name ?? '']);
  }
}

interface Names {
  readonly inside: string;
  readonly outside: string;
}

function run(program: string, words: readonly string[], input = ''): string {
  return execFileSync(program, words, { input, encoding: 'utf8', stdio: 'pipe' });
}

function within(name: string, words: readonly string[], input = ''): string {
  return run('ip', ['netns', 'exec', name, ...words], input);
}

/** The same order in which a person would type it; `ip -batch` makes it quick. */
function setUp(node: Node, { inside, outside }: Names): void {
  const links = node.links ?? [];
  const quiet = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
  within(outside, ['sysctl', '-qw', ...quiet]);
  // Settings of a device exist once the device does.
  const ofDevice = new RegExp(`\\.(${links.map(({ name }) => name).join('|')})\\.`);
  const settings = Object.entries({ 'net.ipv4.icmp_ratelimit': 0, ...node.sysctl });
  const set = (late: boolean): void => {
    const some = settings.filter(([key]) => ofDevice.test(key) === late);
    within(inside, ['sysctl', '-qw', ...quiet, ...some.map(([key, value]) => `${key}=${value}`)]);
  };
  set(false);
  const lines = ['link set dev lo up', ...links.flatMap((link) => linkLines(link, outside))];
  for (const { name, master, hairpin } of links) {
    if (master !== undefined) lines.push(`link set dev ${name} master ${master}`);
    if (hairpin === true) lines.push(`link set dev ${name} type bridge_slave hairpin on`);
  }
  for (const { name } of links) lines.push(`link set dev ${name} up`);
  for (const [device, address] of node.addrs ?? []) lines.push(`addr add ${address} dev ${device}`);
  for (const route of node.routes ?? []) lines.push(`route add ${route}`);
  for (const rule of node.rules ?? []) lines.push(`rule add ${rule}`);
  for (const [ip, mac, device] of node.neigh ?? []) {
    lines.push(`neigh replace ${ip} lladdr ${mac} dev ${device} nud permanent`);
  }
  run('ip', ['-n', inside, '-batch', '-'], `${lines.join('\n')}\n`);
  set(true);
  const ports = links.flatMap(({ port }) => port ?? []);
  run(
    'ip',
    ['-n', outside, '-batch', '-'],
    ports.map((port) => `link set dev ${port} up\n`).join(''),
  );
  if (node.iptables !== undefined) within(inside, ['iptables-restore'], node.iptables);
  for (const name of [inside, outside]) waitForCarriers(name);
}

/**
 * A link that came up has its queue up to a second later (linkwatch_run_queue()); until then it
 * loses what it is given.
 */
function waitForCarriers(name: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 200; tries++) {
    const links = run('ip', ['-n', name, '-o', 'link', 'show', 'type', 'veth']).trim().split('\n');
    if (links.every((line) => line.includes(' state UP '))) return;
    Atomics.wait(pause, 0, 0, 50);
  }
  throw new Error(`the links of ${name} did not come up`);
}

function linkLines(link: Link, outside: string): readonly string[] {
  const mac = link.mac === undefined ? '' : ` address ${link.mac}`;
  if (link.type === 'bridge') {
    return [`link add name ${link.name}${mac} type bridge stp_state 0 mcast_snooping 0`];
  }
  const mtu = link.mtu === undefined ? '' : ` mtu ${link.mtu}`;
  return [
    `link add name ${link.name}${mac}${mtu} type veth peer name ${link.port} netns ${outside}`,
  ];
}

function ask(one: Case, { inside, outside }: Names): Seen {
  const [node] = Object.values(one.nodes);
  const ports = (node?.links ?? []).flatMap(({ port }) => port ?? []);
  const asked = one.packets.map((step) => {
    const frame = Buffer.from(frameBytes(step)).toString('hex');
    return `${JSON.stringify([step.in, frame])}\n`;
  });
  const answers = within(outside, ['python3', WIRE, ...ports], asked.join(''));
  const frames = answers
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as [string, string][]).map(frameText).sort());
  return {
    frames,
    hits: countersOf(within(inside, ['iptables-save', '-c'])),
    connections: connectionLines(within(inside, ['conntrack', '-L', '-o', 'extended'])),
  };
}

function frameText([port, hex]: readonly [string, string]): string {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return [port, macText(bytes.subarray(0, 6)), macText(bytes.subarray(6, 12)), brief(bytes)].join(
    ' ',
  );
}

function countersOf(text: string): Record<string, number> {
  const hits: Record<string, number> = {};
  const numbers = new Map<string, number>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const rule = /^\[(\d+):\d+\] -A (\S+)/.exec(line);
    if (rule === null) continue;
    const chain = `${table} ${rule[2]}`;
    const number = (numbers.get(chain) ?? 0) + 1;
    numbers.set(chain, number);
    if (rule[1] !== '0') hits[`${chain} ${number}`] = Number(rule[1]);
  }
  return hits;
}

/** `ipv4 2 udp 17 29 src=… dst=… … src=…`: the tuples, whatever else stands between them. */
function connectionLines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('ipv4'))
    .map((line) => {
      const [, , protocol = ''] = line.split(/\s+/);
      const words = line.match(/\b(src|dst|sport|dport|type|code|id)=\S+/g) ?? [];
      return `${protocol} ${words.join(' ')}`;
    })
    .sort();
}

/** Plays the same case. */
export function play(one: Case): Seen {
  const [name = ''] = Object.keys(one.nodes);
  const played = playCase({ ...one, packets: [...one.packets, { ct: name }] }, []);
  const steps = played.slice(0, -1);
  return {
    frames: steps.map(({ out }) => out.map((each) => each.join(' ')).sort()),
    hits: hitsOf(steps),
    connections: (played.at(-1)?.ct ?? [])
      .map(({ orig, reply }) => `${NAMES[orig.proto] ?? orig.proto} ${words(orig)} ${words(reply)}`)
      .sort(),
  };
}

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

function words({ src, dst, sport, dport, type, code, id }: KernelTuple): string {
  const rest =
    type === undefined
      ? `sport=${sport} dport=${dport}`
      : `type=${type} code=${code ?? 0} id=${id ?? 0}`;
  return `src=${src} dst=${dst} ${rest}`;
}

function hitsOf(played: readonly Played[]): Record<string, number> {
  const hits: Record<string, number> = {};
  for (const { trace } of played) {
    for (const [table, chain, kind, number] of Object.values(trace).flat()) {
      if (kind !== 'rule') continue;
      const key = `${table} ${chain} ${number}`;
      hits[key] = (hits[key] ?? 0) + 1;
    }
  }
  return hits;
}

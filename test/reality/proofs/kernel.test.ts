/**
 * What a proof says of packets to a host behind rules, asked of the real kernel: two network
 * namespaces, real iptables in one of them, and packets at the edges of what arrives and of what
 * does not. Needs root; elsewhere it is skipped with a message.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { blankPacket } from '../../../src/traffic/packet.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { COORDINATES } from '../../../src/verify/proof/source.ts';
import { EVERY_PORT } from '../../../src/verify/proof/wanted.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { edgeInputs } from '../../verify/proof/edges.ts';

const PREFIX = `hopwise-proof-${process.pid}-`;
/** Packets that arrive, and as many that do not. */
const MOST = 12;
const CLIENT = '192.0.2.1';
const SERVER = '192.0.2.2';

const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:allowed - [0:0]
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 5000:5010 -j allowed
-A INPUT -p udp -m udp --sport 1024:65535 --dport 53 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80,8000:8080 -j ACCEPT
-A allowed -p tcp -m tcp --sport 40000:65535 -j REJECT
-A allowed ! -p tcp -j DROP
-A allowed -j ACCEPT
COMMIT
`;

/** Sends one packet: protocol, destination port, source port. */
const SEND = `
import socket, sys
protocol, port, source = map(int, sys.argv[1:4])
if protocol == 1:
    # An echo request with identifier 1 and sequence number 1, and its checksum.
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.sendto(bytes([8, 0, 0xf7, 0xfd, 0, 1, 0, 1]), ("${SERVER}", 0))
    sys.exit()
kind = socket.SOCK_STREAM if protocol == 6 else socket.SOCK_DGRAM
s = socket.socket(socket.AF_INET, kind)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("${CLIENT}", source))
s.setblocking(False)
try:
    s.connect(("${SERVER}", port))
    s.send(b"proof")
except OSError:
    pass
`;

function run(words: readonly string[], input = ''): { readonly ok: boolean; readonly out: string } {
  const [program = '', ...rest] = words;
  const { status, stdout } = spawnSync(program, rest, { encoding: 'utf8', input });
  return { ok: status === 0, out: stdout ?? '' };
}

const inside = (name: string, ...words: readonly string[]): readonly string[] => [
  ...['ip', 'netns', 'exec', PREFIX + name],
  ...words,
];

/** Two namespaces with a cable; false where that may not be. */
function build(): boolean {
  const words = [
    `ip netns add ${PREFIX}a`,
    `ip netns add ${PREFIX}b`,
    `ip link add eth0 index 11 netns ${PREFIX}a type veth peer name eth0 index 12 netns ${PREFIX}b`,
    `ip -n ${PREFIX}a addr add ${CLIENT}/24 dev eth0`,
    `ip -n ${PREFIX}b addr add ${SERVER}/24 dev eth0`,
    ...['a', 'b'].flatMap((name) => [
      `ip -n ${PREFIX}${name} link set lo up`,
      `ip -n ${PREFIX}${name} link set eth0 up`,
    ]),
    `ip -n ${PREFIX}a netns set ${PREFIX}b 1`,
    `ip -n ${PREFIX}b netns set ${PREFIX}a 0`,
  ];
  if (!words.slice(0, -2).every((line) => run(line.split(' ')).ok)) return false;
  if (!run(inside('b', 'iptables-restore'), RULES).ok) return false;
  return run(inside('b', 'iptables', '-Z')).ok;
}

function dumps(): ReadonlyMap<string, () => string> {
  const files = new Map<string, () => string>();
  const add = (path: string, text: string): void => void files.set(path, () => text);
  add('hosts/lab/netns-list.txt', 'a (id: 0)\nb (id: 1)\n');
  for (const name of ['a', 'b']) {
    const at = `hosts/lab/ns/${name}`;
    const peer = name === 'a' ? 1 : 0;
    const named = (text: string): string =>
      text.replace(/"link_netnsid":\d+|"link_netns":"[^"]*"/g, `"link_netnsid":${peer}`);
    const json = (...words: readonly string[]): string => run(inside(name, 'ip', ...words)).out;
    add(`${at}/ip-link.json`, named(json('-d', '-json', 'link')));
    add(`${at}/ip-addr.json`, named(json('-d', '-json', 'addr')));
    add(`${at}/ip-route-v4.json`, json('-json', 'route', 'show', 'table', 'all'));
    add(`${at}/ip-route-v6.json`, json('-6', '-json', 'route', 'show', 'table', 'all'));
    add(`${at}/ip-rule-v4.json`, json('-json', 'rule'));
    add(`${at}/ip-rule-v6.json`, json('-6', '-json', 'rule'));
    add(`${at}/ip-neigh-v4.json`, '[]');
    add(`${at}/ip-neigh-v6.json`, '[]');
    add(`${at}/iptables-save.txt`, run(inside(name, 'iptables-save')).out);
    add(`${at}/ip6tables-save.txt`, run(inside(name, 'ip6tables-save')).out);
    add(`${at}/sysctl.txt`, run(inside(name, 'sysctl', '-a')).out);
    add(`${at}/ss-listen.txt`, '');
  }
  return files;
}

/** Whether the kernel let the packet in. */
function sent([protocol, port, source]: readonly number[]): boolean {
  run(inside('b', 'iptables', '-Z'));
  const numbers = [protocol, port, source].map(String);
  run(inside('a', 'python3', '-c', SEND, ...numbers));
  const { out } = run(inside('b', 'iptables-save', '-c', '-t', 'filter'));
  return [...out.matchAll(/^\[(\d+):\d+\] -A .*-j ACCEPT$/gm)].some(([, n]) => Number(n) > 0);
}

const built = process.getuid?.() === 0 && build();
if (!built) console.warn('skipping packets in the real kernel: no namespaces or no iptables here');

describe.skipIf(!built)('packets of proofs in the real kernel', () => {
  let files: ReadonlyMap<string, () => string>;

  beforeAll(() => {
    files = dumps();
  });

  afterAll(() => {
    for (const name of ['a', 'b']) run(['ip', 'netns', 'del', PREFIX + name]);
  });

  it('arrive or do not, as proved', () => {
    const network = openSnapshot(memoryFolder(new Map(files)));
    const question = askedQuestion(network, { from: CLIENT, to: SERVER });
    if (question.kind === 'wrong') throw new Error([question.message, ...question.details].join());
    const space = openSpace();
    const wanted = { icmp: true, tcp: EVERY_PORT, udp: EVERY_PORT, others: false };
    const proved = prepareProofs(network).prove({ ...question.value, wanted }, space);
    if (proved.kind === 'impossible') throw new Error(proved.why);
    expect(proved.proof.unknown).toEqual([]);
    const { region, followed } = proved;
    const words = COORDINATES.map(({ word }) => word);
    const wrong: unknown[] = [];
    const asked = { arrives: 0, stopped: 0 };
    for (const [claim, where] of [
      ['arrives', region],
      ['stopped', space.regions.minus(followed.asked, region)],
    ] as const) {
      const draw = drawFrom(5);
      for (const input of edgeInputs(space, where, blankPacket().words, words, MOST, draw)) {
        const packet = words.map((word) => input[word]!);
        // No program can have source port 0, or send to port 0.
        if (packet[0] !== 1 && (packet[1] === 0 || packet[2] === 0)) continue;
        asked[claim]++;
        if (sent(packet) !== (claim === 'arrives')) wrong.push([claim, ...packet].join(' '));
      }
    }
    expect(wrong).toEqual([]);
    expect(asked.arrives).toBeGreaterThan(4);
    expect(asked.stopped).toBeGreaterThan(4);
  });
});

/**
 * Real packets between guests: a server that echoes, single questions, and a stream that sends a
 * datagram every millisecond and tells afterwards which of them were not answered.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Fixture } from './fixture.ts';

/** Answers every datagram and every connection with who it is and whom it saw. */
const SERVER = `
const [name, ...ports] = process.argv.slice(1);
for (const port of ports.map(Number)) {
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (m, r) => udp.send(name + ' ' + r.address + ' ' + m.toString(), r.port, r.address));
  udp.on('error', () => {});
  udp.bind(port);
  require('node:net').createServer((s) => { s.on('error', () => {}); s.end(name + ' ' + s.remoteAddress.replace('::ffff:', '')); }).listen(port, '0.0.0.0');
}
console.log('ready');
`;

/** An echo request, three times (RFC 792); ends well when one is answered. */
const PING = `
socket(S, 2, 3, 1) or die; my $id = $$ & 0xffff; my $to = pack('Sna4x8', 2, 0, pack('C4', split /[.]/, shift));
for my $n (1 .. 3) {
  my $sum = unpack('%32n*', pack('CCnnn', 8, 0, 0, $id, $n)); $sum = ($sum >> 16) + ($sum & 0xffff);
  send(S, pack('CCnnn', 8, 0, ~$sum & 0xffff, $id, $n), 0, $to);
  for my $end (time + 2) { while (time < $end) {
    my $r = ''; vec($r, fileno(S), 1) = 1; select($r, undef, undef, 0.3) > 0 or next;
    recv(S, my $b, 2000, 0); my $at = 4 * (ord($b) & 15);
    exit 0 if unpack("x$at C", $b) == 0 && unpack('x' . ($at + 4) . ' n', $b) == $id;
  } }
}
exit 1`;

/** Asks lines of \`KIND ADDRESS PORT\` and answers each with who answered, or a dash. */
const ASKER = `
const PING = ${JSON.stringify(PING)};
const wait = Number(process.argv[1]);
const ask = (kind, address, port) => new Promise((done) => {
  let timer;
  const end = (text) => { clearTimeout(timer); done(text); };
  if (kind === 'icmp') return require('node:child_process').execFile('perl', ['-e', PING, address], (wrong) => done(wrong ? '-' : 'echo'));
  if (kind === 'udp') {
    const s = require('node:dgram').createSocket('udp4');
    timer = setTimeout(() => { s.close(); done('-'); }, wait);
    s.on('message', (m) => { s.close(); end(m.toString().split(' ').slice(0, 2).join(' ')); });
    s.on('error', () => { try { s.close(); } catch {} end('-'); });
    s.send('x', Number(port), address, (e) => { if (e) { try { s.close(); } catch {} end('-'); } });
  } else {
    const s = require('node:net').connect(Number(port), address);
    let text = '';
    timer = setTimeout(() => { s.destroy(); done('-'); }, wait);
    s.on('data', (d) => { text += d; });
    s.on('close', () => end(text === '' ? '-' : text));
    s.on('error', () => { s.destroy(); });
  }
});
(async () => {
  const lines = require('node:fs').readFileSync(0, 'utf8').trim().split('\\n').filter(Boolean);
  const answers = await Promise.all(lines.map((l) => ask(...l.split(' '))));
  console.log(JSON.stringify(answers));
})();
`;

/** Sends a numbered datagram each millisecond until it is told to stop, then says what was lost. */
const STREAM = `
const [address, port] = process.argv.slice(1);
const s = require('node:dgram').createSocket('udp4');
const sentAt = [];
const answered = new Set();
s.on('message', (m) => answered.add(Number(m.toString().split(' ')[2])));
s.on('error', () => {});
const start = Date.now();
let running = true;
const tick = () => {
  if (!running) return;
  // A timer that comes late is made up for, so that every millisecond has its packet.
  const due = Date.now() - start;
  let burst = 0;
  while (sentAt.length <= due && burst++ < 20) { sentAt.push(Date.now()); s.send(String(sentAt.length - 1), Number(port), address, () => {}); }
  setTimeout(tick, 1);
};
tick();
console.log('ready');
process.stdin.on('data', () => {
  if (!running) return;
  running = false;
  setTimeout(() => {
    const lost = [];
    for (let i = 0; i < sentAt.length; i++) if (!answered.has(i)) lost.push(i);
    let gap = 0, run = 0, last = -2;
    for (const i of lost) { run = i === last + 1 ? run + 1 : 1; last = i; gap = Math.max(gap, run); }
    console.log(JSON.stringify({ sent: sentAt.length, lost: lost.length, longest: gap, lastAnswered: !lost.includes(sentAt.length - 1) }));
    process.exit(0);
  }, 700);
});
`;

/** What became of a stream. */
export interface Streamed {
  readonly sent: number;
  readonly lost: number;
  /** Most packets lost in a row. */
  readonly longest: number;
  /** Whether the very last packet was answered: else the way is blocked at the end. */
  readonly lastAnswered: boolean;
}

export interface RunningStream {
  stop(): Promise<Streamed>;
}

export interface Question {
  /** Of `icmp` the port says nothing, and the answer is `echo`. */
  readonly kind: 'udp' | 'tcp' | 'icmp';
  readonly address: string;
  readonly port: number;
}

function start(words: readonly string[]): ChildProcess {
  const [program, ...rest] = words;
  return spawn(program!, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
}

function output(child: ChildProcess, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`no answer from a guest: ${text}`)), 45_000);
    const done = (): void => {
      clearTimeout(timer);
      resolve(text);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (enough(text)) done();
    });
    child.on('close', done);
  });
}

/** Starts the echo server of a guest (or of any namespace); it ends with its host. */
export async function serve(
  fixture: Fixture,
  host: string,
  namespace: string | null,
  name: string,
  ports: readonly number[],
): Promise<ChildProcess> {
  const node = [process.execPath, '-e', SERVER, name, ...ports.map(String)];
  const child = start(fixture.within(host, namespace, node));
  await output(child, (text) => text.includes('ready'));
  return child;
}

/** Asks at the same time; each answer is `SERVER SEEN-ADDRESS`, or `-` for none. */
export async function ask(
  fixture: Fixture,
  host: string,
  namespace: string | null,
  questions: readonly Question[],
  wait_ms = 900,
): Promise<readonly string[]> {
  const node = [process.execPath, '-e', ASKER, String(wait_ms)];
  const child = start(fixture.within(host, namespace, node));
  const lines = questions.map(({ kind, address, port }) => `${kind} ${address} ${port}\n`);
  child.stdin?.end(lines.join(''));
  return JSON.parse(await output(child, () => false)) as readonly string[];
}

/** Begins a stream of datagrams, one a millisecond. */
export async function stream(
  fixture: Fixture,
  host: string,
  namespace: string,
  address: string,
  port: number,
): Promise<RunningStream> {
  const node = [process.execPath, '-e', STREAM, address, String(port)];
  const child = start(fixture.within(host, namespace, node));
  await output(child, (text) => text.includes('ready'));
  return {
    stop: async () => {
      const told = output(child, (text) => text.includes('}'));
      child.stdin?.write('stop\n');
      return JSON.parse(await told) as Streamed;
    },
  };
}

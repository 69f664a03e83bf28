/** dnsmasq and haproxy of an applied cloud answer guests, before and after they are told anew. */
import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { scriptOf } from '../../../src/apply/script.ts';
import { trace } from '../../../src/index.ts';
import { services } from './clouds.ts';
import { type Fixture, startFixture, unavailable, until } from './fixture.ts';
import { type Lab, startLab, startServers, wantedNetwork } from './lab.ts';
import { ask } from './packets.ts';

const missing = ['dnsmasq', 'haproxy'].find(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
);
const why = unavailable() ?? (missing === undefined ? null : `${missing} is missing`);
if (why !== null) console.log(`real services of a cloud are not tested here: ${why}`);

let lab: Lab | null = null;
let fixture: Fixture | null = null;
afterEach(() => {
  lab?.stop();
  fixture?.stop();
  fixture = null;
  lab = null;
});

/** Discovers and requests as a client does (RFC 2131 §3.1) and prints what was given. */
const CLIENT = `
const s = require('node:dgram').createSocket('udp4');
const mac = process.argv[1].split(':').map((x) => parseInt(x, 16));
const message = (type, more) => {
  const b = Buffer.alloc(300);
  b.set([1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0]);
  b.set(mac, 28);
  b.set([99, 130, 83, 99, 53, 1, type, 55, 4, 1, 3, 26, 67, ...more, 255], 236);
  return b;
};
const send = (b) => s.send(b, 67, '255.255.255.255');
const options = (b) => {
  const found = {};
  for (let i = 240; b[i] !== 255 && i < b.length; i += b[i] ? 2 + b[i + 1] : 1) if (b[i]) found[b[i]] = b.subarray(i + 2, i + 2 + b[i + 1]);
  return found;
};
let tries = 0;
const again = setInterval(() => { if (tries++ > 8) process.exit(1); send(message(1, [])); }, 1000);
s.on('message', (b) => {
  const given = options(b);
  const address = [...b.subarray(16, 20)];
  if (given[53][0] === 2) { clearInterval(again); return send(message(3, [50, 4, ...address, 54, 4, ...given[54]])); }
  if (given[53][0] !== 5) return;
  console.log(JSON.stringify({ address: address.join('.'), server: [...given[54]].join('.'), router: given[3] && [...given[3]].join('.'), mtu: given[26] && String(given[26].readUInt16BE()), boot: given[67] && given[67].toString().split(String.fromCharCode(0)).join('') }));
  process.exit(0);
});
s.bind(68, () => { s.setBroadcast(true); send(message(1, [])); });
`;

interface Given {
  readonly address: string;
  readonly server: string;
  readonly router: string;
  readonly mtu: string;
  readonly boot: string;
}

/** What a guest is given when it asks for an address. */
function leased({ fixture }: Lab, guest: string): Given {
  const mac = fixture.inVm('compute1', guest, 'cat', '/sys/class/net/eth0/address').trim();
  const words = fixture.within('compute1', `vm-${guest}`, [process.execPath, '-e', CLIENT, mac]);
  const [program, ...rest] = words;
  return JSON.parse(execFileSync(program!, rest, { encoding: 'utf8' })) as Given;
}

/** Who answers behind the balancer when a guest asks six times. */
async function balanced({ fixture }: Lab): Promise<readonly string[]> {
  const one = { kind: 'tcp', address: '10.0.0.20', port: 80 } as const;
  const answers = await ask(fixture, 'compute1', 'vm-b1', Array(6).fill(one), 3000);
  return [...new Set(answers)].sort();
}

describe.skipIf(why !== null)('services of an applied cloud', () => {
  it('answer as the model says, also when they were changed', async () => {
    const first = services(['b1', 'b2'], 'one');
    lab = await startLab(first);
    await lab.bring(lab.cloud('first', first));
    await startServers(lab);
    const network = await wantedNetwork(lab, first);
    const answer = trace(network, { from: 'b1', to: 'dhcp' });
    const content = answer.kind === 'traced' ? answer.trace.content : null;
    const lease = content?.kind === 'lease' ? content : null;
    expect(leased(lab, 'b1')).toEqual({
      address: lease?.address,
      server: lease?.server,
      router: lease?.settings.get('routers'),
      mtu: lease?.settings.get('interface_mtu'),
      boot: 'one',
    });
    expect(lease?.address).toBe('10.0.0.11');
    expect(await balanced(lab)).toEqual(['b1 10.0.0.20', 'b2 10.0.0.20']);

    const second = lab.cloud('second', services(['b2'], 'two'));
    await lab.bring(second);
    expect(leased(lab, 'b1').boot).toBe('two');
    expect(await balanced(lab)).toEqual(['b2 10.0.0.20']);
    expect((await lab.apply('plan', second)).code).toBe(0);
  }, 600_000);
});

const VRRP = `vrrp_instance V {
  state BACKUP
  interface eth1
  virtual_router_id 1
  priority 50
  advert_int 2
  nopreempt
  virtual_ipaddress {
    10.9.0.1/24 dev eth1
  }
}
`;

describe.skipIf(unavailable() !== null)('keepalived that is told of two changes at once', () => {
  it('is told of the second one later, and stays what it is', async () => {
    fixture = await startFixture([{ name: 'one', ovs: false, underlay: '10.9.1.1/24' }]);
    const { run } = fixture;
    const [file, log] = ['/var/lib/hopwise/keepalived.conf', '/var/lib/hopwise/log'];
    const words = ['keepalived', '-f', file, '-D', '-n', '-l'];
    const write = (text: string): string => `cat >${file} <<'END'\n${text}END\n`;
    run('one', 'sh', '-c', `${write(VRRP)}setsid ${words.join(' ')} </dev/null >${log} 2>&1 &`);
    const said = (): string => run('one', 'cat', log);
    await until(() => said().includes('MASTER STATE'), 'nobody is master', 40_000);
    const name = 'keepalived.one';
    const again = scriptOf([{ kind: 'reload', namespace: 'root', name, words, apart_s: 3 }]);
    const more = VRRP.replace('    10.9', '    10.9.0.2/24 dev eth1\n    10.9');
    run('one', 'sh', '-ec', `${again}\n${write(more)}${again}`);
    const addresses = (): string => run('one', 'ip', '-br', 'addr', 'show', 'eth1');
    await until(() => addresses().includes('10.9.0.2/24'), `not told: ${said()}`, 20_000);
    expect(addresses()).toContain('10.9.0.1/24');
    const behind = said().slice(said().indexOf('MASTER STATE'));
    expect(behind).not.toMatch(/Entering BACKUP STATE|Entering FAULT STATE/);
    // Each of its two processes tells of each time, and both clocks are read in whole seconds.
    const times = [...behind.matchAll(/(\d\d):(\d\d):(\d\d) \d{4}: Reloading/g)].map(
      ([, h, m, s]) => Number(h) * 3600 + Number(m) * 60 + Number(s),
    );
    expect(times.length).toBe(4);
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1);
  }, 120_000);
});

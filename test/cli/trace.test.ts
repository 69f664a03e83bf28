/** `hopwise trace` as a person or a script meets it: exit codes, options, messages, forms. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TRACE_SCHEMA } from '../../src/trace/render/schema.ts';
import { DEMO, hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-cli-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the exit code of a trace', () => {
  it('is 0 when the destination answers and 1 when it does not', async () => {
    expect((await hopwise(['trace', 'a1', 'a2'])).code).toBe(0);
    expect((await hopwise(['trace', 'a1', 'a2', '--tcp', '23'])).code).toBe(1);
  });

  it('is turned around by what was expected', async () => {
    const expected = ['--expect', 'unreachable'];
    expect((await hopwise(['trace', 'a1', 'a2', ...expected])).code).toBe(1);
    expect((await hopwise(['trace', 'a1', 'a2', '--tcp', '23', ...expected])).code).toBe(0);
  });

  it('is 3 when the snapshot does not tell, whatever was expected', async () => {
    const loose = ['--ovs', `compute1:br-int=${DEMO}/hosts/compute1/ovs/br-int.flows.txt`];
    const answer = await hopwise(['trace', 'a1', 'a2', ...loose]);
    // Single files name no servers: the question itself cannot be asked.
    expect(answer.code).toBe(2);
    expect(answer.err).toContain('nothing is named "a1"');
  });
});

describe('the short form', () => {
  it('says the verdict, the cause and where it is before anything else', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--tcp', '23']);
    const [first = '', second = ''] = out.split('\n');
    expect(first).toMatch(/^✗ UNREACHABLE {2}a1 \(10\.0\.0\.81\) → a2 \(10\.0\.0\.7\) {2}tcp\/23 /);
    expect(first).toMatch(/SG_NO_MATCHING_RULE$/);
    expect(second).toBe(
      '  why       no ingress rule of a2’s security group sg-app lets tcp/23 in from 10.0.0.81 (a1)',
    );
  });

  it('names the rule that differs in one thing, where it was read, and what helps', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--tcp', '5007']);
    expect(out).toMatch(/nearest +sg-app: ingress tcp 5000-5006 from members of sg-web/);
    expect(out).toContain('differs: port 5000-5006 ≠ 5007');
    expect(out).toMatch(/hosts\/compute2\/ovs\/br-int\.flows\.txt:\d+/);
    expect(out).toContain('openstack security group rule create --ingress --protocol tcp');
    expect(out).toMatch(/check +ssh compute2 "ovs-ofctl dump-flows br-int table=82,reg5=\d+"/);
  });

  it('fits one screen', async () => {
    for (const words of [
      ['a1', 'a2'],
      ['a1', 'a2', '--tcp', '23'],
      ['a1', 'external:198.51.100.10'],
    ]) {
      const { out } = await hopwise(['trace', ...words]);
      expect(out.split('\n').length).toBeLessThanOrEqual(24);
    }
  });

  it('shows networks behind local VLANs and tunnel keys, and the rule that let the packet in', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2']);
    expect(out).toContain('vlan 1 → vni 846 to 172.30.20.32 on compute2 (net-a)');
    expect(out).toContain('vni 846 → vlan 1 (net-a)');
    expect(out).toContain('allowed by sg-app: ingress icmp type 8 code 0 from members of sg-web');
    expect(out).toContain('reply     ✓ comes back from 10.0.0.7');
  });

  it('shows the way of the answer when it is asked for', async () => {
    const without = await hopwise(['trace', 'a1', 'a2']);
    const { out } = await hopwise(['trace', 'a1', 'a2', '--reply']);
    expect(out.split('\n').length).toBeGreaterThan(without.out.split('\n').length);
    expect(out.slice(out.indexOf('reply'))).toContain('compute2');
  });

  it('names servers, routers and translations on the way out', async () => {
    const { out } = await hopwise(['trace', 'a1', 'external:198.51.100.10']);
    expect(out).toContain('router-a');
    expect(out).toMatch(/source 10\.0\.0\.81 → 203\.0\.113\.\d+ \(SNAT\)/);
  });
});

describe('the long form', () => {
  it('shows every table with its flow, the line it was read from, and the header around it', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '-v']);
    expect(out).toMatch(/ 0\. priority 0 {2}hosts\/compute1\/ovs\/br-int\.flows\.txt:\d+/);
    expect(out).toMatch(/60\. in_port=\d+, priority 100/);
    expect(out).toMatch(/before {2}[^\n]*(\n {11}[^\n]*)*ip_dst=10\.0\.0\.7/);
    expect(out).toMatch(/after {3}[^\n]*(\n {11}[^\n]*)*ip_dst=10\.0\.0\.7/);
    expect(out).toContain('set_field:0x34e->tun_id');
    expect(out).toContain('ASSUME_FRESH_CONNTRACK');
    expect(out).toMatch(/\nreply\n/);
  });

  it('shows the rules of a router’s namespace with chain, number and line', async () => {
    const { out } = await hopwise(['trace', 'a1', 'external:198.51.100.10', '-v']);
    expect(out).toMatch(
      /iptables nat \S+ rule \d+: .*-j .* hosts\/net1\/ns\/qrouter-\S+\/iptables-save\.txt:\d+/,
    );
    expect(out).toMatch(/route unicast .* dev \S+ \(table 254\)/);
  });
});

describe('the packet that is asked about', () => {
  it('carries a chosen source address and is stopped as spoofed', async () => {
    const { out, code } = await hopwise(['trace', 'a1', 'a2', '--flow', 'icmp,nw_src=10.0.0.199']);
    expect(code).toBe(1);
    expect(out).toContain('a1 sends from 10.0.0.199, which is not its own 10.0.0.81');
    expect(out).toContain('--allowed-address ip-address=10.0.0.199');
  });

  it('carries a chosen source MAC address on its frames', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--flow', 'icmp,dl_src=00:11:22:33:44:55']);
    expect(out).toContain('a1 sends from MAC 00:11:22:33:44:55');
  });

  it('goes to a chosen MAC address without asking for it', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--flow', 'icmp,dl_dst=00:11:22:33:44:55']);
    expect(out).toContain('nothing in the snapshot has MAC 00:11:22:33:44:55');
  });

  it('takes ports and protocol from the fields, or the protocol from its own option', async () => {
    const named = await hopwise(['trace', 'a1', 'a2', '--tcp', '5000', '--flow', 'tp_src=1000']);
    const whole = await hopwise(['trace', 'a1', 'a2', '--flow', 'tcp,tp_dst=5000,tp_src=1000']);
    expect(named.code).toBe(0);
    expect(named.out.split('\n')[0]).toMatch(/tcp\/5000/);
    expect(whole.out.split('\n')[0]).toMatch(/tcp\/5000/);
  });

  it('may be of a protocol without ports', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--flow', 'ip,nw_proto=112']);
    expect(out).toContain('lets vrrp in');
  });

  it('is too large for a network when it must not be fragmented', async () => {
    const { out, code } = await hopwise(['trace', 'a1', 'a2', '--size', '1600', '--df']);
    expect(code).toBe(1);
    expect(out).toContain('MTU_EXCEEDED_DF');
    expect(out).toMatch(/1628 bytes > MTU \d+/);
  });
});

describe('an end', () => {
  it('is a name, an id, the beginning of an id, a tap, an address, or a name on a network', async () => {
    const ids = ['a185382d-85ff-4c7a-8083-a6869063a1aa', 'a185382d', 'tapa185382d-85', 'a1@net-a'];
    for (const word of ids) {
      const { out } = await hopwise(['trace', word, 'a2', '--json']);
      expect(JSON.parse(out).query.src, word).toMatchObject({ name: 'a1', address: '10.0.0.81' });
    }
    const { out } = await hopwise(['trace', 'a1', '10.0.0.7', '--json']);
    expect(JSON.parse(out).receivedBy).toBe('a2');
  });

  it('is a router on the sender’s network, and the router itself when it sends', async () => {
    const to = JSON.parse((await hopwise(['trace', 'a1', 'router:router-a', '--json'])).out);
    expect(to.query.dst).toMatchObject({ kind: 'router', address: '10.0.0.1' });
    expect(to.verdict).toBe('REACHABLE');
    const from = JSON.parse((await hopwise(['trace', 'router:router-a', 'a2', '--json'])).out);
    expect(from.hops[0]).toMatchObject({ host: 'net1', label: 'router-a' });
  });

  it('that nobody knows is answered with the nearest name', async () => {
    const cases = [
      [['a11', 'a2'], 'nothing is named "a11"; did you mean a1?'],
      [['a1', 'router:router-x'], 'there is no router "router-x"; did you mean router-a?'],
      [['a1', 'a2@net-bb'], 'there is no network "net-bb"; did you mean net-b?'],
      [['compute1:eth9', 'a2'], 'compute1 has no interface "eth9"; did you mean eth0?'],
      [['8.8.8.8', 'a2'], 'somebody outside sends as external:8.8.8.8'],
      [['a1', 'external:somewhere'], 'external: needs an address'],
    ] as const;
    for (const [words, message] of cases) {
      const { code, err, out } = await hopwise(['trace', ...words]);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain(message);
    }
  });

  it('that may be several things is answered with all of them', async () => {
    const { code, err } = await hopwise(['trace', '10.0.0.1', 'a2']);
    expect(code).toBe(2);
    const lines = err.split('\n').filter((line) => line.startsWith('  '));
    expect(lines.length).toBeGreaterThan(1);
    const [word = ''] = lines[0]?.trim().split(' ') ?? [];
    expect((await hopwise(['trace', word, 'a2'])).code).not.toBe(2);
  });
});

describe('wrong input', () => {
  it('in flow syntax is shown with its column and what was probably meant', async () => {
    const { code, err } = await hopwise(['trace', 'a1', 'a2', '--flow', 'icmp,nw_srcc=10.0.0.1']);
    expect(code).toBe(2);
    expect(err).toBe(
      'hopwise: --flow column 6: unknown word (nw_srcc): nw_srcc=10.0.0.1 (did you mean nw_src?)\n' +
        '  icmp,nw_srcc=10.0.0.1\n       ^\n',
    );
  });

  it('that no sender can put into a packet is refused', async () => {
    const { err } = await hopwise(['trace', 'a1', 'a2', '--flow', 'icmp,reg0=5']);
    expect(err).toContain('--flow column 6: no header field');
    const arp = await hopwise(['trace', 'a1', 'a2', '--flow', 'arp']);
    expect(arp.err).toContain('only IPv4 and IPv6');
  });

  it('that contradicts itself is refused', async () => {
    const two = await hopwise(['trace', 'a1', 'a2', '--tcp', '1', '--udp', '2']);
    expect([two.code, two.err]).toEqual([2, 'hopwise: give one of --tcp, --udp\n']);
    const other = await hopwise(['trace', 'a1', 'a2', '--tcp', '1', '--flow', 'udp,tp_dst=2']);
    expect(other.err).toContain('the fields describe a udp packet, but tcp was asked');
  });

  it('of options and commands is refused with the nearest one', async () => {
    const cases = [
      [['trace', 'a1'], "missing required argument 'to'"],
      [['trace'], "missing required argument 'from'"],
      [['trace', 'a1', 'a2', '--tpc', '3'], 'Did you mean --tcp?'],
      [['trace', 'a1', 'a2', '--tcp', '70000'], 'a port is a number from 0 to 65535'],
      [['trace', 'a1', 'a2', '--size', 'big'], 'a size is a number of bytes'],
      [['trace', 'a1', 'a2', '--format', 'xml'], 'Allowed choices are tree, json'],
      [['trase', 'a1', 'a2'], 'Did you mean trace?'],
    ] as const;
    for (const [words, message] of cases) {
      const { code, err } = await hopwise(words);
      expect(code).toBe(2);
      expect(err).toContain(message);
    }
  });

  it('of files is told with the file', async () => {
    const nothing = await hopwise(['trace', 'a1', 'a2', '-s', join(scratch, 'none')]);
    expect([nothing.code, nothing.err]).toEqual([
      2,
      `hopwise: there is no snapshot at ${scratch}/none\n`,
    ]);
    const empty = await hopwise(['trace', 'a1', 'a2', '-s', scratch]);
    expect(empty.err).toContain('holds no host');
    const junk = join(scratch, 'junk.tar.gz');
    writeFileSync(junk, new Uint8Array([0x1f, 0x8b, 1, 2, 3]));
    const broken = await hopwise(['trace', 'a1', 'a2', '-s', junk]);
    expect([broken.code, broken.err.startsWith(`hopwise: cannot read ${junk}: `)]).toEqual([
      2,
      true,
    ]);
    const loose = await hopwise(['trace', 'a1', 'a2', '--ovs', 'compute1']);
    expect(loose.err).toContain('--ovs expects host:bridge=FILE');
  });
});

describe('the JSON form', () => {
  it('is what its schema says, for each kind of answer', async () => {
    const questions = [
      ['a1', 'a2'],
      ['a1', 'a2', '--tcp', '23'],
      ['a1', 'a2', '--udp', '53'],
      ['a1', 'external:198.51.100.10', '--tcp', '80'],
      ['a1', '10.0.0.250'],
      ['a1', 'a2', '--flow', 'icmp,nw_src=10.0.0.199'],
    ];
    for (const words of questions) {
      const { out } = await hopwise(['trace', ...words, '--format', 'json']);
      expect(violations(TRACE_SCHEMA, JSON.parse(out)), words.join(' ')).toEqual([]);
    }
  });

  it('is the same bytes for the same question', async () => {
    const [first, second] = [
      await hopwise(['trace', 'a1', 'a2', '--json']),
      await hopwise(['trace', 'a1', 'a2', '--json']),
    ];
    expect(first.out).toBe(second.out);
  });

  it('names the rule that decided, its near misses and Neutron’s objects', async () => {
    const { out } = await hopwise(['trace', 'a1', 'a2', '--tcp', '5007', '--json']);
    const [blocker] = JSON.parse(out).blockers;
    expect(blocker).toMatchObject({
      code: 'SG_NO_MATCHING_RULE',
      host: 'compute2',
      component: 'br-int table 82',
      direction: 'request',
    });
    expect(blocker.rule.source.file).toBe('hosts/compute2/ovs/br-int.flows.txt');
    expect(
      blocker.neutron.map(({ kind, name }: { kind: string; name: string }) => [kind, name]),
    ).toEqual([
      ['port', 'a2'],
      ['security-group', 'sg-app'],
    ]);
    expect(blocker.nearMisses[0].because).toEqual([
      { field: 'port', want: '5000-5006', have: '5007' },
    ]);
  });
});

describe('the environment', () => {
  it('gives options that the command line does not', async () => {
    const environment = { HOPWISE_TCP: '23', HOPWISE_FORMAT: 'json', HOPWISE_DF: '0' };
    const { out } = await hopwise(['trace', 'a1', 'a2'], { environment });
    expect(JSON.parse(out).query.packet).toMatchObject({ proto: 'tcp', dstPort: 23, df: false });
    const other = await hopwise(['trace', 'a1', 'a2', '--tcp', '5000'], { environment });
    expect(JSON.parse(other.out).query.packet.dstPort).toBe(5000);
    const wrong = await hopwise(['trace', 'a1', 'a2'], { environment: { HOPWISE_TCP: 'x' } });
    expect([wrong.code, wrong.err]).toEqual([
      2,
      'hopwise: HOPWISE_TCP: a port is a number from 0 to 65535\n',
    ]);
  });
});

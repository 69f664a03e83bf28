/** The network stack end to end: neighbours, routes, answers, errors. */
import { describe, expect, it } from 'vitest';
import { ethernet, get, ip4, Lab, namespace, packet, ping, route } from './fixture.ts';

const tcp = { eth_type: 0x0800, ip_proto: 6, nw_ttl: 64, ip_len: 40, tcp_src: 4000 };

function pair(): Lab {
  const a = namespace('a', [ethernet('eth0', 2, ['10.0.0.1/24'])]);
  const listener = {
    protocol: 'tcp' as const,
    address: null,
    version: 4 as const,
    port: 80,
    device: null,
    process: 'web',
  };
  const b = namespace('b', [ethernet('eth0', 3, ['10.0.0.2/24'])], { sockets: [listener] });
  return new Lab([a, b], [['a/eth0', 'b/eth0']]);
}

function routed(sysctls: ReadonlyMap<string, string>): Lab {
  const a = namespace('a', [ethernet('eth0', 2, ['10.0.0.1/24'])], {
    routes: [route(null, '10.0.0.254', 'eth0')],
  });
  const b = namespace('b', [ethernet('eth0', 3, ['10.1.0.2/24'])], {
    routes: [route(null, '10.1.0.254', 'eth0')],
  });
  const r = namespace(
    'r',
    [
      ethernet('left', 4, ['10.0.0.254/24']),
      { ...ethernet('right', 5, ['10.1.0.254/24']), mtu: 1400 },
    ],
    { sysctls },
  );
  const cables = [
    ['a/eth0', 'r/left'],
    ['b/eth0', 'r/right'],
  ] as const;
  return new Lab([a, b, r], cables);
}

const FORWARDING = new Map([['net.ipv4.ip_forward', '1']]);

describe('two guests on one link', () => {
  it('resolve each other by ARP and exchange an echo', () => {
    const lab = pair();
    lab.send('a', ping('10.0.0.2'));
    const kinds = lab.frames.map(({ from, p }) => [from, get(p, 'eth_type')]);
    expect(kinds).toEqual([
      ['a/eth0', 0x0806],
      ['b/eth0', 0x0806],
      ['a/eth0', 0x0800],
      ['b/eth0', 0x0800],
    ]);
    expect(lab.fates()).toEqual([
      'b delivered arp eth0',
      'a delivered arp eth0',
      'b delivered icmp echo',
      'a delivered icmp',
    ]);
    const request = lab.frames[2]?.p;
    const reply = lab.frames[3]?.p;
    expect(request && get(request, 'ip_src')).toBe(Number(ip4('10.0.0.1').value));
    expect(reply && [get(reply, 'icmp_type'), get(reply, 'icmp_id')]).toEqual([0, 7]);
    expect(reply && get(reply, 'frame_len')).toBe(98);
  });

  it('ask only once for a neighbour that two packets wait for', () => {
    const lab = pair();
    const before = lab.stack('a');
    lab.cables.clear();
    lab.send('a', ping('10.0.0.2'));
    lab.send('a', ping('10.0.0.2', { icmp_seq: 2 }));
    expect(lab.frames.filter(({ p }) => get(p, 'eth_type') === 0x0806)).toHaveLength(1);
    expect(before.pending).toHaveLength(2);
  });

  it('give up when nobody answers', () => {
    const lab = pair();
    lab.send('a', ping('10.0.0.9'));
    lab.expire();
    expect(lab.fates()).toContain('a dropped ARP_UNANSWERED');
  });

  it('open a connection to a listener and reset one to a closed port', () => {
    const lab = pair();
    const to = { ip_dst: ip4('10.0.0.2').value, tcp_flags: 2, tcp_seq: 100 };
    lab.send('a', packet({ ...tcp, ...to, tcp_dst: 80 }));
    lab.send('a', packet({ ...tcp, ...to, tcp_dst: 81 }));
    const answers = lab.frames.filter(
      ({ from, p }) => from === 'b/eth0' && get(p, 'eth_type') === 0x0800,
    );
    expect(answers.map(({ p }) => [get(p, 'tcp_flags'), get(p, 'tcp_ack')])).toEqual([
      [0x12, 101],
      [0x14, 101],
    ]);
    expect(lab.fates()).toContain('b delivered tcp 80 (web)');
    expect(lab.fates()).toContain('b dropped NOT_LISTENING');
  });
});

describe('a router between two networks', () => {
  it('forwards with the TTL lowered by one', () => {
    const lab = routed(FORWARDING);
    lab.send('a', ping('10.1.0.2'));
    expect(lab.fates()).toContain('b delivered icmp echo');
    expect(lab.fates()).toContain('a delivered icmp');
    const out = lab.frames.find(
      ({ from, p }) => from === 'r/right' && get(p, 'eth_type') === 0x0800,
    );
    expect(out && get(out.p, 'nw_ttl')).toBe(63);
  });

  it('forwards nothing without ip_forward and says nothing', () => {
    const lab = routed(new Map());
    lab.send('a', ping('10.1.0.2'));
    expect(lab.fates()).toContain('r dropped IP_FORWARD_OFF');
    expect(lab.fates()).not.toContain('a delivered icmp');
  });

  it('answers time exceeded when the TTL runs out', () => {
    const lab = routed(FORWARDING);
    lab.send('a', ping('10.1.0.2', { nw_ttl: 1 }));
    const error = lab.frames.find(
      ({ from, p }) => from === 'r/left' && get(p, 'eth_type') === 0x0800,
    );
    expect(error && [get(error.p, 'icmp_type'), get(error.p, 'nw_tos')]).toEqual([11, 0xc0]);
    expect(error && get(error.p, 'ip_src')).toBe(Number(ip4('10.0.0.254').value));
  });

  it('answers fragmentation needed with the MTU of the way out', () => {
    const lab = routed(FORWARDING);
    lab.send('a', ping('10.1.0.2', { ip_len: 1500, ip_df: 1 }));
    const error = lab.frames.find(({ from, p }) => from === 'r/left' && get(p, 'icmp_type') === 3);
    expect(error && [get(error.p, 'icmp_code'), get(error.p, 'icmp_mtu')]).toEqual([4, 1400]);
    expect(lab.fates()).toContain('r dropped MTU_EXCEEDED_DF');
  });

  it('answers net unreachable where no route leads', () => {
    const lab = routed(FORWARDING);
    lab.send('a', ping('192.0.2.1'));
    const error = lab.frames.find(
      ({ from, p }) => from === 'r/left' && get(p, 'eth_type') === 0x0800,
    );
    expect(error && [get(error.p, 'icmp_type'), get(error.p, 'icmp_code')]).toEqual([3, 0]);
    expect(lab.fates()).toContain('r dropped NO_ROUTE');
  });
});

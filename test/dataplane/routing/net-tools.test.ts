import { describe, expect, it } from 'vitest';
import { readInterfaces } from '../../../src/dataplane/routing/text/interface.ts';
import { readNeighbours } from '../../../src/dataplane/routing/text/neighbour.ts';
import { readRoutes } from '../../../src/dataplane/routing/text/route.ts';
import { readSockets } from '../../../src/dataplane/routing/text/settings.ts';
import { readMac, writeIp } from '../../../src/text/address-text.ts';

const today = `eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1450
        inet 192.0.2.7  netmask 255.255.255.192  broadcast 192.0.2.63
        inet6 fe80::1  prefixlen 64  scopeid 0x20<link>
        ether fa:16:3e:00:00:01  txqueuelen 1000  (Ethernet)
        RX packets 3  bytes 4 (4.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0
`;
const before = `eth0      Link encap:Ethernet  HWaddr fa:16:3e:00:00:01
          inet addr:192.0.2.7  Bcast:192.0.2.63  Mask:255.255.255.192
          inet6 addr: fe80::1/64 Scope:Link
          UP BROADCAST RUNNING MULTICAST  MTU:1450  Metric:1
          RX packets:3 errors:0 dropped:0 overruns:0 frame:0
          collisions:0 txqueuelen:1000
`;

describe('outputs of net-tools', () => {
  it('of ifconfig tell addresses, MAC and MTU in both of its forms', () => {
    for (const text of [today, before]) {
      const { value, problems } = readInterfaces('ifconfig', text);
      expect(problems).toEqual([]);
      expect(value).toMatchObject([
        { name: 'eth0', mtu: 1450, mac: readMac('fa:16:3e:00:00:01'), up: true, running: true },
      ]);
      const addresses = value[0]?.addresses.map(
        ({ address, length, scope }) => `${writeIp(address)}/${length} ${scope}`,
      );
      expect(addresses).toEqual(['192.0.2.7/26 global', 'fe80::1/64 link']);
    }
  });

  it('of ifconfig with a mask that is none are located', () => {
    const wrong = readInterfaces('ifconfig', before.replace('255.255.255.192', '255.255.25.0'));
    expect(wrong.problems).toMatchObject([{ file: 'ifconfig', line: 2, text: '192.0.2.7' }]);
  });

  it('of ifconfig give an alias to its device', () => {
    const alias =
      'eth0:1: flags=4163<UP>  mtu 1450\n        inet 192.0.2.8  netmask 255.255.255.255\n';
    const { value } = readInterfaces('ifconfig', today + alias);
    expect(value.map(({ name, addresses }) => [name, addresses.length])).toEqual([['eth0', 3]]);
  });

  it('of route -n are the main table', () => {
    const text = [
      'Kernel IP routing table',
      'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface',
      '0.0.0.0         192.0.2.1       0.0.0.0         UG    100    0        0 eth0',
      '192.0.2.0       0.0.0.0         255.255.255.192 U     0      0        0 eth0',
      '198.51.100.9    -               255.255.255.255 !H    0      -        0 -',
    ].join('\n');
    const { value, problems } = readRoutes('route', text.replace(' -  ', ' 0.0.0.0'), 4);
    expect(problems).toEqual([]);
    expect(value).toMatchObject([
      { prefix: null, table: 254, metric: 100, hops: [{ device: 'eth0' }], origin: { line: 3 } },
      { prefix: { length: 26 }, hops: [{ gateway: null }], scope: 'link' },
      { prefix: { length: 32 }, type: 'unreachable', hops: [] },
    ]);
    expect(writeIp(value[0]?.hops[0]?.gateway ?? { version: 4, value: 0n })).toBe('192.0.2.1');
  });

  it('of arp -n tell MAC addresses', () => {
    const text = [
      'Address                  HWtype  HWaddress           Flags Mask            Iface',
      '192.0.2.1                ether   fa:16:3e:00:00:09   C                     eth0',
      '192.0.2.2                        (incomplete)                              eth0',
    ].join('\n');
    const { value, problems } = readNeighbours('arp', text);
    expect(problems).toEqual([]);
    expect(value).toMatchObject([
      { mac: readMac('fa:16:3e:00:00:09'), state: 'stale', device: 'eth0' },
      { mac: null, state: 'incomplete' },
    ]);
  });

  it('of netstat -lnp tell who listens', () => {
    const text = [
      'Active Internet connections (only servers)',
      'Proto Recv-Q Send-Q Local Address   Foreign Address  State   PID/Program name',
      'tcp        0      0 0.0.0.0:80      0.0.0.0:*        LISTEN  355/haproxy',
      'tcp        0      0 192.0.2.7:22    192.0.2.9:5000   ESTABLISHED 1/sshd',
      'tcp6       0      0 :::53           :::*             LISTEN  379/dnsmasq',
      'udp        0      0 192.0.2.7:67    0.0.0.0:*                379/dnsmasq',
    ].join('\n');
    const { value, problems } = readSockets('netstat', text);
    expect(problems).toEqual([]);
    expect(value).toMatchObject([
      { protocol: 'tcp', address: null, version: 4, port: 80, process: 'haproxy' },
      { protocol: 'tcp', address: null, version: null, port: 53 },
      { protocol: 'udp', port: 67, process: 'dnsmasq' },
    ]);
  });
});

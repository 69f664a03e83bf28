/** A router on Linux bridges with VLANs: SNAT, floating IPs, their move, hairpin. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { type Hop } from '../../../src/trace/types.ts';
import { bookCloud, walk, way } from './book.ts';

const ROUTER = 'controller01:qrouter-9ef2eedd-4a55-4f64-b8be-4b07a43ec373';
const DHCP = 'controller01:qdhcp-ce1fe7cd-7b01-4d58-b1c8-414886b7d8f2';

function cloud(rules: string, addresses: string): Network {
  return bookCloud({
    controller01: ['brctl-show.controller01.router-both.txt', 'linuxbridge_agent.ini'],
    compute01: ['brctl-show.compute01.instance.txt', 'linuxbridge_agent.ini'],
    [ROUTER]: [
      `ip-addr.qrouter-9ef2eedd.${addresses}.txt`,
      'ip-route.qrouter-9ef2eedd.with-internal.txt',
      `iptables-save.qrouter-9ef2eedd.${rules}.reconstructed.txt`,
    ],
    [DHCP]: ['ip-addr.qdhcp-ce1fe7cd.project-net.txt'],
  });
}

const snat = cloud('snat-only', 'gateway-and-internal');
const floating = cloud('fip-on-instance1', 'with-floating-ip');
const GUEST = '192.168.200.6';

/** Source, destination, VLAN and TTL as a capture at the interface shows them. */
const seen = (hop: Hop | undefined) => {
  const { ip_src, ip_dst, vlan, nw_ttl } = hop?.after ?? {};
  return [ip_src, ip_dst, vlan, nw_ttl];
};

describe('a server behind a router on Linux bridges', () => {
  const { request, reply, observed, delivered } = walk(snat, {
    from: 'MyInstance1',
    to: 'external:8.8.8.8',
  });

  it('reaches outside over both VLANs of the trunk', () => {
    expect(delivered).toBe(true);
    expect(way(request?.hops ?? [])).toEqual([
      'compute01 MyInstance1:  > eth0',
      'compute01: tap7ae20af9-e3 > eth2',
      'controller01: eth2 > tapa9327c59-a6',
      'controller01 MyLegacyRouter: qr-a9327c59-a6 > qg-73e65609-f0',
      'controller01: tap73e65609-f0 > eth2',
      'outside: physnet1 > ',
    ]);
  });

  it('has its own address on the tenant’s VLAN and the router’s on the gateway’s', () => {
    expect(seen(request?.hops[1])).toEqual([GUEST, '8.8.8.8', '43', '64']);
    expect(seen(request?.hops[4])).toEqual(['10.30.0.106', '8.8.8.8', '30', '63']);
    expect(observed?.source).toBe('10.30.0.106');
  });

  it('gets the answer with its own address again', () => {
    const guest = reply?.hops.at(-1);
    expect(guest?.label).toBe('MyInstance1');
    expect([guest?.before['ip_src'], guest?.before['ip_dst']]).toEqual(['8.8.8.8', GUEST]);
  });

  it('pings the router’s gateway', () => {
    const gateway = walk(snat, { from: 'router:MyLegacyRouter', to: 'external:10.30.0.1' });
    expect(gateway.delivered).toBe(true);
    expect(way(gateway.request?.hops ?? [])).toEqual([
      'controller01 MyLegacyRouter:  > qg-73e65609-f0',
      'controller01: tap73e65609-f0 > eth2',
      'outside: physnet1 > ',
    ]);
    expect(gateway.request?.hops[1]?.after['vlan']).toBe('30');
  });

  it('is not reached from outside by its own address', () => {
    const { verdict, blockers } = walk(snat, {
      from: 'external:192.168.1.75',
      to: 'MyInstance1',
      protocol: 'tcp',
      port: 22,
    });
    expect(verdict).toBe('UNREACHABLE');
    expect(blockers[0]?.code).toBe('NO_ROUTE');
  });

  it('is reached by ssh from the router’s namespace', () => {
    const { delivered: came, request: there } = walk(snat, {
      from: 'router:MyLegacyRouter',
      to: 'MyInstance1',
      protocol: 'tcp',
      port: 22,
    });
    expect(came).toBe(true);
    expect(there?.hops[0]?.output).toBe('qr-a9327c59-a6');
    expect(there?.hops[1]?.after['vlan']).toBe('43');
  });
});

describe('a floating IP', () => {
  it('is the source of what its server sends', () => {
    const { observed, delivered } = walk(floating, {
      from: 'MyInstance1',
      to: 'external:8.8.8.8',
    });
    expect(delivered).toBe(true);
    expect(observed?.source).toBe('10.30.0.101');
  });

  it('leads to its server, which sees the client’s own address', () => {
    const { delivered, receivedBy, observed, request } = walk(floating, {
      from: 'external:192.168.1.75',
      to: '10.30.0.101',
      protocol: 'tcp',
      port: 22,
    });
    expect([delivered, receivedBy]).toEqual([true, 'MyInstance1']);
    expect([observed?.source, observed?.destination]).toEqual(['192.168.1.75', GUEST]);
    expect((request?.hops ?? []).flatMap(({ notes }) => notes)).toContain(
      'destination 10.30.0.101 → 192.168.200.6 (DNAT)',
    );
  });

  it('is translated for what the router’s own namespace sends', () => {
    const { delivered, receivedBy } = walk(floating, {
      from: 'router:MyLegacyRouter',
      to: '10.30.0.101',
    });
    expect([delivered, receivedBy]).toEqual([true, 'MyInstance1']);
  });

  it('lands on the other server after it was moved', () => {
    const moved = cloud('fip-moved-to-instance2', 'with-floating-ip');
    const { request } = walk(moved, { from: 'external:192.168.1.75', to: '10.30.0.101' });
    expect((request?.hops ?? []).flatMap(({ notes }) => notes)).toContain(
      'destination 10.30.0.101 → 192.168.200.10 (DNAT)',
    );
  });
});

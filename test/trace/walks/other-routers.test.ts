/** Distributed and highly available routers, of which only namespaces are printed. */
import { describe, expect, it } from 'vitest';
import { type Asked } from '../../../src/trace/ask.ts';
import { type Hop } from '../../../src/trace/types.ts';
import { bookCloud, walk, way } from './book.ts';

const GREEN = 'qrouter-d932cc76-4227-4c87-a24d-9736826e525d';
const FLOATING = 'fip-758070f9-ecaf-4d2a-aa49-e119ce7943f6';
const guestPacket: Asked = {
  from: 'compute03:qr-13222cba-eb',
  to: 'external:8.8.8.8',
  flow: 'ip,nw_src=172.24.100.6',
};

/** Where the kernel's routes sent the packet. */
const routeOf = (hop: Hop | undefined) =>
  hop?.steps.map(({ step }) => step).find(({ kind }) => kind === 'route');

describe('a distributed router', () => {
  it('sends a server with a floating IP through the fip namespace of its own host', () => {
    const cloud = bookCloud({
      [`compute03:${GREEN}`]: [
        'ip-addr.qrouter-d932cc76.compute03.txt',
        'ip-rule-and-route.qrouter-d932cc76.compute03.with-fip.txt',
        'iptables-save.qrouter-d932cc76.compute03.txt',
      ],
      [`compute03:${FLOATING}`]: [
        'ip-addr.fip-758070f9.compute03.txt',
        'ip-route.fip-758070f9.with-default.txt',
      ],
    });
    const { request } = walk(cloud, guestPacket);
    expect(way(request?.hops ?? [])).toEqual([
      `compute03 ${GREEN}:  > rfp-d932cc76-4`,
      'compute03 floating IPs of GATEWAY_NET: fpr-d932cc76-4 > ',
    ]);
    const [router, floating] = request?.hops ?? [];
    expect(router?.after).toMatchObject({
      ip_src: '10.30.0.107',
      eth_src: 'ce:00:bb:db:0b:a1',
      eth_dst: 'a6:62:ea:86:6c:1d',
    });
    expect(routeOf(router)).toMatchObject({ table: 16, device: 'rfp-d932cc76-4' });
    expect(routeOf(floating)).toMatchObject({
      device: 'fg-9f3f75e4-cd',
      gateway: { version: 4, value: 0x0a1e0001n },
    });
  });

  it('sends a server without one to the snat namespace’s address on its own network', () => {
    const cloud = bookCloud({
      [`compute03:${GREEN}`]: [
        'ip-addr.qrouter-d932cc76.compute03.txt',
        'ip-rule-and-route.qrouter-d932cc76.compute03.no-fip.txt',
      ],
    });
    const { request } = walk(cloud, guestPacket);
    expect(routeOf(request?.hops[0])).toMatchObject({
      table: 2887279617,
      device: 'qr-13222cba-eb',
      gateway: { version: 4, value: 0xac18640bn },
    });
  });
});

describe('a highly available router', () => {
  const id = '44e8f6a5-c9c6-44c1-854c-c503efccc1b2';
  const cloud = bookCloud({
    [`compute01:qrouter-${id}`]: ['ip-addr.qrouter-44e8f6a5.compute01.txt'],
    [`compute02:qrouter-${id}`]: ['ip-addr.qrouter-44e8f6a5.compute02-master.txt'],
    [`controller01:qrouter-${id}`]: ['ip-addr.qrouter-44e8f6a5.controller01.txt'],
  });
  const addresses = (host: string, device: string): readonly string[] => {
    const namespace = cloud.hosts.get(host)?.namespaces.get(`qrouter-${id}`);
    const found = namespace?.state.interfaces.find(({ name }) => name === device);
    return (found?.addresses ?? [])
      .filter(({ address }) => address.version === 4)
      .map(({ address }) => address.value.toString(16));
  };

  it('has its addresses on the master only', () => {
    expect(addresses('compute02', 'qr-1eace53f-69')).toEqual(['c0a8c801']);
    expect(addresses('compute02', 'qg-3edbff06-35')).toEqual(['a1e0068']);
    for (const host of ['compute01', 'controller01']) {
      expect(addresses(host, 'qr-1eace53f-69'), host).toEqual([]);
      expect(addresses(host, 'qg-3edbff06-35'), host).toEqual([]);
    }
  });

  it('sends from the master and from nobody else', () => {
    const from = (host: string) =>
      walk(cloud, { from: `${host}:qr-1eace53f-69`, to: 'external:10.30.0.1' }).request?.hops[0];
    expect(routeOf(from('compute02'))).toMatchObject({ device: 'qg-3edbff06-35' });
    expect(routeOf(from('compute01'))).toBeUndefined();
    expect(routeOf(from('controller01'))).toBeUndefined();
  });
});

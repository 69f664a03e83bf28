/** Extra routes of routers, as the L3 agent and keepalived set them. */
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../src/model/cloud.ts';
import { type CloudAddress } from '../../src/model/neutron.ts';
import { cloudOf, computeHost, textOf } from './clouds.ts';

interface Row {
  readonly dst: string;
  readonly gateway?: string;
  readonly nexthops?: readonly { readonly gateway: string }[];
}

const ROUTES = `routes: [{to: 10.77.0.0/16, via: 10.5.0.21}, {to: 10.77.0.0/16, via: 10.5.0.22}, {to: 10.78.0.0/16, via: 10.5.0.21}, {to: 10.78.0.0/16, via: 10.5.0.99}, {to: 10.78.0.0/16, via: 10.5.0.23}, {to: 10.79.0.0/16, via: 10.5.0.99}, {to: 10.79.0.0/16, via: 10.5.0.21}]`;

/** A next hop that was in reach when the route was made: its subnet is not the router's any more. */
const [NEAR, FAR] = [0x0a05_0063n, 0xc000_0201n];

function outOfReach(of: Cloud): Cloud {
  const away = (via: CloudAddress): CloudAddress =>
    via.value === NEAR ? { ...via, value: FAR } : via;
  const routers = of.neutron.routers.map((router) => ({
    ...router,
    routes: router.routes.map(({ to, via }) => ({ to, via: away(via) })),
  }));
  return { ...of, neutron: { ...of.neutron, routers } };
}

function cloud(router: string): Cloud {
  return outOfReach(
    cloudOf(`hosts:${computeHost('one', 1, '      l3: {mode: dvr_snat}\n')}${computeHost('two', 2, '      l3: {mode: legacy}\n')}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.5.0.0/24, dhcp: false}]}
routers:
  - {name: r, ${router}, interfaces: [{subnet: sub}], ${ROUTES}}
`),
  );
}

function routesTo(of: ReturnType<typeof cloud>, host: string, prefix: string): readonly string[] {
  const [router] = of.neutron.routers;
  const path = `hosts/${host}/ns/${prefix}${router?.id ?? ''}/ip-route-v4.json`;
  const rows = JSON.parse(textOf(of, path)) as readonly Row[];
  return rows
    .filter(({ dst }) => /^10\.7[789]\./.test(dst))
    .map(
      ({ dst, gateway, nexthops = [] }) =>
        `${dst} ${gateway ?? nexthops.map((hop) => hop.gateway).join(' and ')}`,
    );
}

describe('extra routes to one destination', () => {
  it('are one route of several next hops, but for those behind one out of reach', () => {
    expect(routesTo(cloud('hosts: [two]'), 'two', 'qrouter-')).toEqual([
      '10.77.0.0/16 10.5.0.21 and 10.5.0.22',
      '10.78.0.0/16 10.5.0.21',
    ]);
  });

  it('are set one by one by keepalived: the last one stands first', () => {
    const of = cloud('kind: ha, hosts: [two, one]');
    expect(routesTo(of, 'two', 'qrouter-')).toEqual([
      '10.79.0.0/16 10.5.0.21',
      '10.78.0.0/16 10.5.0.23',
      '10.78.0.0/16 10.5.0.21',
      '10.77.0.0/16 10.5.0.22',
      '10.77.0.0/16 10.5.0.21',
    ]);
    const [router] = of.neutron.routers;
    const conf = textOf(of, `hosts/two/files/ha_confs/${router?.id ?? ''}/keepalived.conf`);
    expect(conf.match(/10\.77\.0\.0\/16 via \S+/g)).toEqual([
      '10.77.0.0/16 via 10.5.0.21',
      '10.77.0.0/16 via 10.5.0.22',
    ]);
  });

  it('come to the namespace of a distributed router’s SNAT with their first next hop alone', () => {
    const of = cloud('kind: distributed, hosts: [one], external: {network: public}');
    expect(routesTo(of, 'one', 'qrouter-')).toEqual([
      '10.77.0.0/16 10.5.0.21 and 10.5.0.22',
      '10.78.0.0/16 10.5.0.21',
    ]);
    expect(routesTo(of, 'one', 'snat-')).toEqual([
      '10.77.0.0/16 10.5.0.21',
      '10.78.0.0/16 10.5.0.21',
    ]);
  });
});

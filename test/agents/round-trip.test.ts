/** Hosts that were compiled are read as real ones are: what is compiled from their API is the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { compareNetworks } from '../../src/verify/configuration/compare.ts';
import { ROOT } from '../sources.ts';
import { cloudOf, computeHost } from './clouds.ts';

const TRUNKED = `
hosts:${computeHost('compute1', 31)}${computeHost('compute2', 32)}
networks:
  - {name: outer, segmentation_id: 101, subnets: [{name: outer, cidr: 10.0.0.0/24, dhcp: false}]}
  - {name: inner, segmentation_id: 102, subnets: [{name: inner, cidr: 10.1.0.0/24, dhcp: false}]}
servers:
  - name: trunked
    host: compute1
    ports:
      - {name: parent, network: outer}
      - {name: child, network: inner, owner: "trunk:subport"}
  - {name: i2, host: compute2, ports: [{network: inner}]}
trunks:
  - {name: t, port: parent, sub_ports: [{port: child, vlan: 100}]}
`;

const scenario = (name: string): string =>
  readFileSync(join(ROOT, 'scenarios', name, 'cloud.yaml'), 'utf8');

describe('a compiled cloud, compiled again from what its hosts and its API show', () => {
  it.each([
    ['with a trunk', TRUNKED],
    ['with distributed routers', scenario('dvr')],
    ['with a highly available router', scenario('ha-router')],
    ['with a distributed router of a highly available way out', scenario('dvr-ha-snat')],
    ['with VLANs and firewall bridges', scenario('vlan-hybrid')],
    ['with two tenants', scenario('vxlan-two-tenants')],
  ])('is the same: %s', (_, source) => {
    const first = compileNetworkOf(cloudOf(source));
    const again = compileNetworkOf(cloudOfNetwork(first));
    const { differences, problems } = compareNetworks(again, first);
    expect(
      differences.map(({ kind, host, device, part, a, b }) =>
        [kind, host, device, part, a?.text, b?.text].join(' | '),
      ),
    ).toEqual([]);
    expect(problems).toEqual([]);
  });
});

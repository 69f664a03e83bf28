/**
 * A distributed router with a highly available way out, as Neutron 21 was seen to build it: on hosts
 * that may hold the way out, the part that all hosts have lies in a namespace of HA routers, and the
 * way out in an ordinary one.
 */
import { describe, expect, it } from 'vitest';
import { NAMESPACES } from '../../src/model/ids.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';

const AGENT =
  '{tunnel_types: [vxlan], tunnel_device: e, l2_population: true, distributed_routing: true, bridge_mappings: {p: br-ex}, bridges: {br-ex: x}}';
const host = (name: string, last: number, mode: string): string =>
  `  - {name: ${name}, nics: [{name: e, addresses: [10.9.0.${last}/24]}, {name: x}], agents: {openvswitch: ${AGENT}, l3: {mode: ${mode}}}}\n`;

const { value: CLOUD } = readCloudYaml(
  'c.yaml',
  `hosts:
${host('n1', 1, 'dvr_snat')}${host('n2', 2, 'dvr_snat')}${host('c1', 3, 'dvr')}networks:
  - {name: out, type: flat, physical_network: p, external: true, subnets: [{name: out, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: red, segmentation_id: 1, subnets: [{name: red, cidr: 10.1.0.0/24, dhcp: false}, {name: six, cidr: 'fd00::/64', ipv6_mode: slaac, dhcp: false}]}
servers: [{name: a, host: c1, ports: [{network: red}]}]
routers: [{name: r, kind: distributed-ha, external: {network: out}, interfaces: [{subnet: red}, {subnet: six}]}]
`,
);

/** Of a namespace of the router: whether it forwards IPv6, and devices with link-local addresses. */
function stateOf(name: string, prefix: string): readonly [boolean, ...string[]] {
  if (CLOUD === null) throw new Error('no cloud');
  const [router] = CLOUD.neutron.routers;
  const found = compileNetworkOf(CLOUD).hosts.get(name)?.namespaces.get(`${prefix}${router?.id}`);
  if (found === undefined) throw new Error(`no namespace ${prefix} on ${name}`);
  const { interfaces, sysctls } = found.state;
  const local = interfaces.filter(({ addresses }) =>
    addresses.some(({ address }) => address.version === 6 && address.value >> 118n === 0x3fan),
  );
  const forwards = sysctls.get('net.ipv6.conf.all.forwarding') === '1';
  return [forwards, ...local.map((each) => each.name.replace(/-.*/, '-'))];
}

describe('a distributed router with a highly available way out', () => {
  it('forwards no IPv6 and has no link-local addresses where the way out may stand', () => {
    expect(stateOf('n1', NAMESPACES.router)).toEqual([false]);
    expect(stateOf('n2', NAMESPACES.router)).toEqual([false]);
  });

  it('forwards IPv6 on hosts of servers', () => {
    const [forwards, ...local] = stateOf('c1', NAMESPACES.router);
    expect(forwards).toBe(true);
    expect(local).toContain('qr-');
  });

  it('forwards IPv6 on its way out, active or not, and has a link-local address to be heard by', () => {
    const active = stateOf('n1', NAMESPACES.snat);
    expect(active[0]).toBe(true);
    expect(active.slice(1).sort()).toEqual(['ha-', 'qg-', 'sg-', 'sg-']);
    expect(stateOf('n2', NAMESPACES.snat)).toEqual([true, 'ha-']);
  });
});

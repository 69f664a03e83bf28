/** Traces over a physical network that somebody wrote down, on a deployment with VLANs. */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { captured, folderOf } from '../captured.ts';
import { type Ask, askOf } from './asked.ts';

const vlans = captured('ovs-vlan-hybrid');
const tunnels = captured('ovs-faults');

/** v1 is on compute1, v2 and v4 on compute2; their networks are VLANs 100 and 190. */
function overSwitch(toCompute2: string): { ask: Ask; problems: () => readonly string[] } {
  const yaml = `
switches:
  - name: leaf1
    ports:
      - {name: e1, to: "compute1:eth2", mode: trunk}
      - {name: e2, to: "compute2:eth2", ${toCompute2}}
      - {name: e3, to: "net1:eth2", mode: trunk, native: 20}
      - {name: e4, to: "world-phy:eth1", mode: trunk, native: 20}
`;
  const network = openSnapshot(folderOf(new Map([...vlans.files, ['underlay.yaml', yaml]]), '.'));
  return { ask: askOf(network), problems: () => network.problems.map(({ message }) => message) };
}

describe('a physical switch', () => {
  it('carries what its ports allow, and the walk passes through it', () => {
    const { ask, problems } = overSwitch('mode: trunk, allowed: [100, 190]');
    const trace = ask('v2', '10.100.0.48');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.request?.hops.map(({ host }) => host)).toContain('leaf1');
    expect(trace.assumptions.map(({ code, detail }) => `${code} ${detail}`)).not.toContain(
      'ASSUME_UNDERLAY_DELIVERS physnet1',
    );
    expect(problems()).toEqual([]);
  });

  it('is blamed, with its port, for a VLAN that a port does not carry', () => {
    const { ask } = overSwitch('mode: trunk, allowed: [190]');
    expect(ask('v2', '10.100.0.48').blockers[0]).toMatchObject({
      code: 'VLAN_NOT_TRUNKED',
      host: 'leaf1',
      component: 'switch e2',
    });
    expect(ask('v1', '10.101.0.178').verdict).toBe('REACHABLE');
  });

  it('refuses tags on a port in access mode', () => {
    const { ask } = overSwitch('mode: access, vlan: 100');
    expect(ask('v2', '10.100.0.48').blockers[0]).toMatchObject({
      code: 'VLAN_NOT_TRUNKED',
      host: 'leaf1',
    });
  });

  it('is blamed for a port that is shut down', () => {
    const { ask } = overSwitch('mode: trunk, enabled: false');
    expect(ask('v2', '10.100.0.48').blockers[0]).toMatchObject({
      code: 'INTERFACE_DOWN',
      host: 'leaf1',
    });
  });
});

describe('a described underlay', () => {
  it('has problems for hosts and NICs that are not there', () => {
    const { ask, problems } = overSwitch('mode: trunk}\n      - {name: e9, to: "compute3:eth2"');
    expect(ask('v2', '10.100.0.48').verdict).toBe('REACHABLE');
    expect(problems().join()).toMatch(/compute3.*did you mean compute[12]/);
  });

  it('keeps tunnels apart that it does not connect', () => {
    const yaml = 'segments:\n  - {name: lonely, nics: ["compute1:eth1", "net1:eth1"]}\n';
    const path = 'faults/baseline/underlay.yaml';
    const files = new Map([...tunnels.files, [path, yaml]]);
    const ask = askOf(openSnapshot(folderOf(files, 'faults/baseline')));
    expect(ask('a1', 'external:198.51.100.10').verdict).toBe('REACHABLE');
    expect(ask('a1', '10.80.0.30').verdict).not.toBe('REACHABLE');
  });

  it('may hold the router that is the gateway of an external network', () => {
    const yaml = `
switches:
  - name: leaf1
    ports:
      - {name: e1, to: "net1:eth3", mode: access, vlan: 200}
      - {name: e2, to: "edge:e0", mode: trunk, allowed: [200]}
routers:
  - name: edge
    interfaces:
      - {name: e0, vlan: 200, address: 203.0.113.1/24}
      - {name: e0, vlan: 201, address: 198.51.100.1/24}
`;
    const files = new Map([...tunnels.files, ['faults/baseline/underlay.yaml', yaml]]);
    const ask = askOf(openSnapshot(folderOf(files, 'faults/baseline')));
    const trace = ask('a1', '198.51.100.1');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.request?.hops.at(-1)).toMatchObject({ host: 'edge', device: 'root' });
    expect(trace.assumptions.map(({ code }) => code)).not.toContain('ASSUME_OUTSIDE');
  });
});

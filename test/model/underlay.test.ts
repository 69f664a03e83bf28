/** The network between hosts as people write it down, and as switches' configurations say it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSwitchConfig } from '../../src/model/yaml/switch-config.ts';
import { readUnderlayYaml } from '../../src/model/yaml/underlay.ts';
import { seeds } from '../snapshot/shared.ts';

const SNIPPETS = join(seeds, 'physical-switch');
const nothing = (): undefined => undefined;

describe('a switch’s configuration', () => {
  it('tells mode, native VLAN and allowed VLANs of its ports', () => {
    const text = [
      'vlan 200',
      '  name VLAN_200',
      '',
      'interface Ethernet1/3',
      '  description Provider_Interface_eth1',
      '  switchport',
      '  switchport mode trunk',
      '  switchport trunk native vlan 200',
      '  switchport trunk allowed vlan add 100-101,200',
      '  no shutdown',
      'interface Ethernet1/4',
      '  switchport access vlan 42',
      '  shutdown',
    ].join('\n');
    const { value, problems } = readSwitchConfig('leaf.cfg', text);
    expect(problems).toEqual([]);
    expect(value.get('Ethernet1/3')).toEqual({
      mode: 'trunk',
      untagged: 200,
      allowed: [
        [100, 101],
        [200, 200],
      ],
      mtu: null,
      enabled: true,
    });
    expect(value.get('Ethernet1/4')).toMatchObject({
      mode: 'access',
      untagged: 42,
      enabled: false,
    });
  });

  it('takes VLANs out of a list', () => {
    const text = 'interface e1\n switchport mode trunk\n switchport trunk allowed vlan remove 7\n';
    expect(readSwitchConfig('leaf.cfg', text).value.get('e1')?.allowed).toEqual([
      [1, 6],
      [8, 4094],
    ]);
  });

  it.skipIf(!existsSync(SNIPPETS))('of the documents that tell of this is understood', () => {
    const files = existsSync(SNIPPETS) ? readdirSync(SNIPPETS) : [];
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const { value, problems } = readSwitchConfig(
        file,
        readFileSync(join(SNIPPETS, file), 'utf8'),
      );
      expect(problems).toEqual([]);
      expect(value.size).toBeGreaterThan(0);
    }
  });

  it('has its line named where it is not understood', () => {
    const text = 'interface e1\n  switchport mode trunk\n  switchport trunk allowd vlan 7\n';
    expect(readSwitchConfig('leaf.cfg', text).problems).toMatchObject([
      { file: 'leaf.cfg', line: 3, column: 3 },
    ]);
  });
});

describe('an underlay.yaml', () => {
  it('is read with what a switch’s own configuration says', () => {
    const yaml = [
      'switches:',
      '  - name: leaf1',
      '    config: leaf1.cfg',
      '    ports:',
      '      - {name: Ethernet1/3, to: "compute1:eth1"}',
      'routers:',
      '  - name: spine',
      '    interfaces:',
      '      - {name: e0, vlan: 30, address: 172.30.20.1/24}',
      'segments:',
      '  - {name: storage, nics: ["compute1:eth4", "compute2:eth4"]}',
    ].join('\n');
    const config =
      'interface Ethernet1/3\n  switchport mode trunk\n  switchport trunk native vlan 5\n';
    const { value, problems } = readUnderlayYaml('underlay.yaml', yaml, (name) =>
      name === 'leaf1.cfg' ? { file: name, text: config } : undefined,
    );
    expect(problems).toEqual([]);
    expect(value?.switches[0]?.ports[0]).toMatchObject({
      connectedTo: { host: 'compute1', port: 'eth1' },
      mode: 'trunk',
      untagged: 5,
    });
    expect(value?.routers[0]?.interfaces[0]).toMatchObject({ name: 'e0', vlan: 30 });
    expect(value?.segments[0]?.nics).toHaveLength(2);
  });

  it('names every slip with its line, and what was probably meant', () => {
    const yaml = [
      'switchs: []',
      'switches:',
      '  - name: leaf1',
      '    config: absent.cfg',
      '    ports:',
      '      - {name: e1, to: compute1, mode: trunkk, native: 5000, allowed: [9-3]}',
    ].join('\n');
    const { problems } = readUnderlayYaml('underlay.yaml', yaml, nothing);
    expect(problems.map(({ line }) => line).sort()).toEqual([1, 4, 6, 6, 6, 6]);
    expect(problems.find(({ line }) => line === 1)?.didYouMean).toBe('switches');
  });
});

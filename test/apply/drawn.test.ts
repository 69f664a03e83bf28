/** What hosts have drawn stays theirs when a cloud is compiled for them anew. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { compileWanted } from '../../src/apply/wanted.ts';
import { HA_PAIR, VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { parsed } from '../reality/apply/lab.ts';
import { compiledTexts } from './two-clouds.ts';

/** A router whose name comes first, so that it would be numbered first. */
const TWO_ROUTERS = HA_PAIR.replace(
  'routers:\n',
  'routers:\n  - {name: aaa, project: blue, kind: ha, hosts: [net1, net2], external: {network: public}}\n',
);
const MORE_SERVERS = VLAN_HYBRID.replace(
  'servers:\n',
  'servers:\n  - {name: a0, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.41], security_groups: [web]}]}\n',
);

/** Files of hosts that run `live` when they shall run `wanted`. */
function kept(live: string, wanted: string) {
  const before = compiledTexts(live);
  const files = compileWanted(parsed(wanted), networkOf(before));
  return { before, after: new Map([...files].map(([path, text]) => [path, text()])) };
}

function numbers(files: ReadonlyMap<string, string>, host: string): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    path.startsWith(`hosts/${host}/`) && path.endsWith('keepalived.conf')
      ? (/virtual_router_id \d+/.exec(text) ?? [])
      : [],
  );
}

describe('a cloud that is compiled for hosts that run', () => {
  it('keeps the number of a virtual router when another comes before it', () => {
    const { before, after } = kept(HA_PAIR, TWO_ROUTERS);
    const conf = [...before.keys()].filter((path) => path.endsWith('keepalived.conf'));
    expect(conf).toHaveLength(2);
    for (const path of conf) expect(after.get(path)).toBe(before.get(path));
    for (const host of ['net1', 'net2']) {
      expect(new Set(numbers(after, host))).toEqual(
        new Set(['virtual_router_id 1', 'virtual_router_id 2']),
      );
    }
  });

  it('keeps the number of the router that is left', () => {
    const { after } = kept(TWO_ROUTERS, HA_PAIR);
    for (const host of ['net1', 'net2'])
      expect(numbers(after, host)).toEqual(['virtual_router_id 2']);
  });

  it('keeps addresses on the HA network, and gives new ones to new interfaces', () => {
    const addresses = (files: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
      new Map(
        [...files].flatMap(([path, text]) => {
          const own = /169\.254\.192\.\d+/.exec(text)?.[0];
          return /\/ns\/qrouter-.*\/ip-addr/.test(path) && own !== undefined ? [[path, own]] : [];
        }),
      );
    const { before, after } = kept(HA_PAIR, TWO_ROUTERS);
    const [old, all] = [addresses(before), addresses(after)];
    expect(old.size).toBe(2);
    for (const [path, address] of old) expect(all.get(path)).toBe(address);
    expect(new Set(all.values()).size).toBe(4);
  });

  it('keeps the zones of ports when another port comes before them', () => {
    const zones = (files: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
      new Map(
        [
          ...(files.get('hosts/compute1/ns/root/iptables-save.txt') ?? '').matchAll(
            /--physdev-in (qvb\S+) .*--zone (\d+)/g,
          ),
        ].map(([, device = '', zone = '']) => [device, zone]),
      );
    const { before, after } = kept(VLAN_HYBRID, MORE_SERVERS);
    expect(zones(before).size).toBeGreaterThan(0);
    expect(zones(after).size).toBe(zones(before).size + 1);
    for (const [device, zone] of zones(before)) expect(zones(after).get(device)).toBe(zone);
  });
});

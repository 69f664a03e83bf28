/** What crosses which interface, as captures on all interfaces would show it. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../src/packet/addresses.ts';
import { field } from '../../src/packet/fields.ts';
import { decode } from '../../src/packet/wire/frame.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { type Sighting, sightingBytes, sightingsOf } from '../../src/trace/sightings.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { readField } from '../../src/traffic/words.ts';
import { ROOT } from '../sources.ts';

const network = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
const [from, to] = ['a1', 'a2'].map((name) => resolveEnd(network, name));
if (from?.kind !== 'found' || to?.kind !== 'found') throw new Error('unknown end');
const traced = prepareTracing(network).trace({
  from: from.resolved.end,
  to: to.resolved.end,
  packet: {
    protocol: 'icmp',
    sourcePort: null,
    destinationPort: null,
    source: null,
    icmpId: null,
    size: 56,
    dontFragment: false,
    flow: null,
  },
});
if (traced.kind === 'impossible') throw new Error(traced.why);
const sightings = sightingsOf(traced.trace);

function placesOf(role: Sighting['role']): readonly string[] {
  return sightings
    .filter((one) => one.role === role)
    .map(({ at, direction }) => `${at.host} ${at.namespace} ${at.interface} ${direction}`);
}

describe('the sightings of a trace', () => {
  it('name every interface that the request crosses, in order', () => {
    expect(placesOf('request')).toEqual([
      'compute1 vm-a1 eth0 out',
      'compute1 root tapa185382d-85 in',
      'compute1 root eth1 out',
      'compute2 root eth1 in',
      'compute2 root tap292c913e-fe out',
      'compute2 vm-a2 eth0 in',
    ]);
  });

  it('name the same interfaces backwards for the answer', () => {
    const turned = (place: string): string =>
      place.endsWith(' in') ? place.replace(/ in$/, ' out') : place.replace(/ out$/, ' in');
    expect(placesOf('answer')).toEqual([...placesOf('request')].reverse().map(turned));
  });

  it('come in the order of time, resolution before the packet that waits for it', () => {
    const first = (role: Sighting['role']): number => {
      return sightings.findIndex((one) => one.role === role);
    };
    expect(first('resolution')).toBe(0);
    expect(first('request')).toBeGreaterThan(0);
    expect(first('answer')).toBeGreaterThan(first('request'));
    expect(sightings.map(({ order }) => order)).toEqual(sightings.map((_, i) => i + 1));
  });

  it('show both headers where the packet is in a tunnel', () => {
    const wire = sightings.find(({ at, role }) => at.interface === 'eth1' && role === 'request');
    const address = (packet: Sighting['packet'] | null, name: string): string =>
      formatIpv4(readField((packet ?? { words: new Uint32Array(0) }).words, field(name)));
    expect(address(wire?.packet ?? null, 'ip_dst')).toBe('172.30.20.32');
    expect(address(wire?.packet.inner ?? null, 'ip_dst')).toBe('10.0.0.7');
  });

  it('have bytes that decode to the headers, with the tunnel and without it', () => {
    const kinds = sightings
      .filter(({ role }) => role === 'request')
      .map((one) => {
        const { value, problems } = decode(sightingBytes(one), { tunnels: true });
        expect(problems).toEqual([]);
        const inner = value.inner?.layers.map(({ kind }) => kind) ?? [];
        return [...value.layers.map(({ kind }) => kind), ...inner].join(' ');
      });
    const plain = 'ethernet ipv4 icmp';
    const carried = `ethernet ipv4 udp vxlan ${plain}`;
    expect(kinds).toEqual([plain, plain, carried, carried, plain, plain]);
  });
});

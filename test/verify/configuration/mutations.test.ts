/**
 * What an agent would configure against hosts on which one thing is not so, of many kinds: every
 * change shows, and is joined to the object that it belongs to. Which line is hit is drawn by a
 * seed; with the captures at hand each kind is drawn several times.
 */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { cloudOfNetwork } from '../../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compareNetworks } from '../../../src/verify/configuration/compare.ts';
import { type Difference } from '../../../src/verify/configuration/types.ts';
import { captured, folderOf } from '../../captured.ts';
import { withoutCaptures } from '../../snapshot/shared.ts';
import { mutated } from './mutate.ts';
import { type Kind } from './mutation-edits.ts';
import { OF_FILTERS } from './mutations-of-filters.ts';
import { OF_HOSTS } from './mutations-of-hosts.ts';

const KINDS = [...OF_FILTERS, ...OF_HOSTS];

/** Numbers below a limit, the same for the same seed (mulberry32). */
function drawer(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

interface Wanted {
  readonly compiled: Network;
  /** What differs without any change. */
  readonly usual: ReadonlySet<string>;
}

const WANTED = new Map<string, Wanted>();

function wantedOf(capture: string, folder: string): Wanted {
  const key = `${capture} ${folder}`;
  const known = WANTED.get(key);
  if (known !== undefined) return known;
  const real = openSnapshot(folderOf(captured(capture).files, folder));
  const compiled = compileNetworkOf(cloudOfNetwork(real));
  const usual = new Set(compareNetworks(compiled, real).differences.map(words));
  const made = { compiled, usual };
  WANTED.set(key, made);
  return made;
}

function words({ kind, host, device, part, a, b }: Difference): string {
  return [kind, host, device, part, a?.text, b?.text].join(' | ');
}

/** What one drawn change of a kind makes different. */
function changed(
  kind: Kind,
  draw: (limit: number) => number,
): { line: string; found: readonly Difference[] } {
  const { capture, folder = '.' } = kind;
  const { line, host, files } = mutated(kind, draw);
  const { compiled, usual } = wantedOf(capture, folder);
  const network = openSnapshot(folderOf(files, folder));
  const found = compareNetworks(compiled, network, [host]).differences;
  return { line, found: found.filter((each) => !usual.has(words(each))) };
}

describe('one change on a host', () => {
  const draws = withoutCaptures() ? 1 : 2;

  it.each(KINDS)('shows and is joined to its object: $what', (kind) => {
    const draw = drawer(kind.what.length * 7919);
    for (let i = 0; i < draws; i++) {
      const { line, found } = changed(kind, draw);
      expect(found.length, line).toBeGreaterThan(0);
      // One change is told in few words.
      expect(found.length, line).toBeLessThan(12);
      if (kind.owned !== false)
        expect(
          found.some(({ about }) => about !== null),
          line,
        ).toBe(true);
    }
  });

  it('shows a NIC that its provider bridge has lost, by what other hosts have there', () => {
    const files = new Map(captured('ovs-vlan-hybrid').files);
    for (const [path, text] of files) {
      if (!path.startsWith('hosts/compute1/ovs/')) continue;
      // One block for each port: `1(eth2): addr:…` with indented lines behind it.
      const block = /^ \d+\(eth2\):.*\n(?: {5}.*\n)+/m;
      if (/br-physnet1\.(of-show|ports-desc)/.test(path)) files.set(path, text.replace(block, ''));
      if (path.endsWith('ovsdb-dump.json')) files.set(path, withoutPort(text, 'eth2'));
    }
    const network = openSnapshot(folderOf(files, '.'));
    const compiled = compileNetworkOf(cloudOfNetwork(network));
    const { differences } = compareNetworks(compiled, network, ['compute1']);
    expect(differences.map(words)).toEqual([
      'missing | compute1 | br-physnet1 | ports | eth2 system | ',
    ]);
  });
});

/** The database without a port: no bridge has it, and no row tells of it. */
function withoutPort(text: string, port: string): string {
  const tables = text.split('\n').map((line) => {
    return line === ''
      ? null
      : (JSON.parse(line) as { caption: string; data: unknown[][]; headings: string[] });
  });
  const rows = tables.find((table) => table?.caption === 'Port table');
  const name = rows?.headings.indexOf('name') ?? -1;
  const [, id] = (rows?.data.find((cells) => cells[name] === port)?.[0] ?? []) as [
    string?,
    string?,
  ];
  return tables
    .map((table) => {
      if (table === null) return '';
      const data = table.data
        .filter((cells) => !(table === rows && cells[name] === port))
        .map((cells) =>
          cells.map((cell) =>
            Array.isArray(cell) && cell[0] === 'set' && Array.isArray(cell[1])
              ? ['set', cell[1].filter((each: unknown) => !(Array.isArray(each) && each[1] === id))]
              : cell,
          ),
        );
      return JSON.stringify({ ...table, data });
    })
    .join('\n');
}

/**
 * Every recorded transcript of `ofproto/trace`: the same tables and flows are hit, the same packet
 * is there at the end, the same is sent with the same headers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { type Folder } from '../../../src/snapshot/read/folder.ts';
import { captures, demo, seeds, snapshotFolders } from '../../snapshot/shared.ts';
import { below, compareBooks, compareCapture, textIn } from './transcripts.ts';

const recorded = openFolder(resolve(import.meta.dirname, '../../fixtures/ovs/transcripts.tar.gz'));

function textsBelow(folder: Folder, path: string): ReadonlyMap<string, string> {
  const files = below(folder, path);
  return new Map(files.list().map((name) => [name, textIn(files, name)]));
}

function differences(found: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...found].flatMap(([name, texts]) => texts.map((text) => `${name}: ${text}`));
}

describe('recorded transcripts of ofproto/trace', () => {
  it.each([
    ['ovs-vxlan-ovsfw', 10],
    ['ovs-vxlan-learn', 4],
    ['ovs-vlan-hybrid', 6],
    ['ovs-dvr', 7],
  ])('are the same from the dumps of %s', (name, count) => {
    const dumps = name === 'ovs-vxlan-ovsfw' ? openFolder(demo) : below(recorded, name);
    const found = compareCapture(dumps, textsBelow(recorded, `${name}/traces`));
    expect(differences(found)).toEqual([]);
    expect(found.size).toBe(count);
  });

  it('are the same from the flow dumps of the books', () => {
    const flows = textsBelow(recorded, 'seeds/flows');
    const found = compareBooks(flows, textsBelow(recorded, 'seeds/traces'));
    expect(differences(found)).toEqual([]);
    expect(found.size).toBe(21);
  });
});

/** The dumps that the transcripts of a capture were made with. */
function dumpsOf(capture: string): string {
  const file = join(captures, capture, 'phases.json');
  if (!existsSync(file)) return '.';
  const phases: Record<string, string | null> = JSON.parse(readFileSync(file, 'utf8'));
  return phases['just-before-capture'] ?? phases[''] ?? '.';
}

describe.skipIf(!existsSync(captures))('transcripts beside the repository', () => {
  it('are the same, every one of them', () => {
    const names = new Set(snapshotFolders().map((path) => path.split('/')[0] ?? ''));
    let count = 0;
    const wrong = [...names].flatMap((name) => {
      const folder = openFolder(join(captures, name));
      const transcripts = textsBelow(folder, 'traces');
      count += transcripts.size;
      const at = dumpsOf(name);
      return differences(compareCapture(at === '.' ? folder : below(folder, at), transcripts));
    });
    const books = openFolder(seeds);
    const flows = textsBelow(books, 'ovs');
    const found = compareBooks(flows, textsBelow(books, 'oracle'));
    expect([...wrong, ...differences(found)]).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(27);
    expect(found.size).toBeGreaterThanOrEqual(21);
  });
});

/** Damaged dumps: never an exception, problems with a place, limits that say what they are. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { type Folder } from '../../src/snapshot/read/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type Trace } from '../../src/trace/types.ts';
import { ROOT } from '../sources.ts';
import { chance, MANGLERS } from './mangle.ts';

const demo = openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'));
const scratch = mkdtempSync(join(tmpdir(), 'hopwise-mangled-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function original(path: string): Uint8Array {
  return new Uint8Array(demo.read(path) ?? new Uint8Array(0));
}

/** The demonstration with some files in other words; `read` sees every file that is asked for. */
function changed(files: ReadonlyMap<string, Uint8Array>, read: Set<string> = new Set()): Folder {
  return {
    list: () => demo.list(),
    read: (path) => {
      read.add(path);
      return files.get(path) ?? original(path);
    },
  };
}

/** A ping from a1 to a2; null when the names are not known any more. */
function ping(folder: Folder): Trace | null {
  const network = openSnapshot(folder);
  const [from, to] = ['a1', 'a2'].map((name) => resolveEnd(network, name));
  if (from?.kind !== 'found' || to?.kind !== 'found') return null;
  const packet = {
    protocol: 'icmp',
    sourcePort: null,
    destinationPort: null,
    source: null,
    icmpId: null,
    size: 56,
    dontFragment: false,
    flow: null,
  } as const;
  const ends = { from: from.resolved.end, to: to.resolved.end };
  const traced = prepareTracing(network).trace({ ...ends, packet });
  return traced.kind === 'traced' ? traced.trace : null;
}

const used = new Set<string>();
ping(changed(new Map(), used));
const FLOWS = 'hosts/compute1/ovs/br-int.flows.txt';

describe('a dump of which one file is damaged', () => {
  const files = [...used].sort();
  it.each(Object.entries(MANGLERS))(
    'still gives an answer: %s',
    (name, mangle) => {
      for (let i = 0; i < 2; i++) {
        const random = chance(1000 * name.length + i);
        const path = files[Math.floor(random() * files.length)] ?? FLOWS;
        const trace = ping(changed(new Map([[path, mangle(original(path), random)]])));
        for (const { file, line, column } of trace?.problems ?? []) {
          expect(file).not.toBe('');
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      }
    },
    60_000,
  );

  it('is never taken for sure when flows on the way are cut', () => {
    const trace = ping(changed(new Map([[FLOWS, original(FLOWS).slice(0, 5000)]])));
    expect(trace?.verdict).toBe('UNDETERMINED');
    expect(trace?.unmodelled.map(({ code }) => code)).toContain('SNAPSHOT_INCOMPLETE');
    expect(trace?.problems.map(({ file }) => file)).toContain(FLOWS);
  });

  it('tells an empty dump of flows from a bridge without flows', () => {
    const trace = ping(changed(new Map([[FLOWS, new Uint8Array(0)]])));
    expect(trace?.verdict).toBe('UNDETERMINED');
    expect(trace?.problems[0]?.message).toMatch(/empty/);
  });
});

describe('a whole dump in another spelling', () => {
  it.each(['UTF-16', 'byte order mark', 'lines of Windows'])('is read the same: %s', (name) => {
    const mangle = MANGLERS[name];
    if (mangle === undefined) throw new Error(name);
    const all = new Map([...used].map((path) => [path, mangle(original(path), chance(1))]));
    const trace = ping(changed(all));
    expect(trace?.verdict).toBe('REACHABLE');
    expect(trace?.problems).toEqual([]);
  });
});

describe('what is no file to read', () => {
  it('is refused with its reason, not waited for and not followed', () => {
    const root = join(scratch, 'strange');
    mkdirSync(join(root, 'hosts/h/ovs'), { recursive: true });
    symlinkSync('loop', join(root, 'hosts/h/loop'));
    symlinkSync('.', join(root, 'hosts/h/again'));
    writeFileSync(join(root, 'hosts/h/ovs/br-int.flows.txt'), '');
    truncateSync(join(root, 'hosts/h/ovs/br-int.flows.txt'), 300 * 1024 * 1024);
    execFileSync('mkfifo', [join(root, 'hosts/h/pipe')]);
    symlinkSync('pipe', join(root, 'hosts/h/date.txt'));
    const folder = openFolder(root);
    expect(folder.list()).not.toContain('hosts/h/pipe');
    const why = (path: string): string | null => {
      expect(folder.read(path)).toBeUndefined();
      return folder.refusal?.(path) ?? null;
    };
    expect(why('hosts/h/loop')).toMatch(/circle/);
    expect(why('hosts/h/again')).toMatch(/directory/);
    expect(why('hosts/h/date.txt')).toMatch(/no regular file/);
    expect(why('hosts/h/ovs/br-int.flows.txt')).toMatch(/314572800 bytes.*at most 268435456/);
    expect(why('hosts/h/gone')).toBeNull();
  });

  it('is named when it is an archive of another kind', () => {
    const path = join(scratch, 'report.tar.xz');
    writeFileSync(path, Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0));
    expect(() => openFolder(path)).toThrow(/xz; unpack it/);
  });
});

/** The architecture holds: who may import whom, where IO may happen, one door per package. */
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, type SourceFile, sourcesBelow } from './sources.ts';

/** Rooms in import order: a file may import from its own room and from rooms before it. */
const ORDER = [
  'src/text',
  'src/reasons',
  'src/packet',
  'src/traffic',
  'src/model',
  'src/dataplane/outcome.ts',
  'src/dataplane/crossing.ts',
  'src/dataplane/conntrack',
  'src/dataplane/iptables',
  'src/dataplane/ovs',
  'src/dataplane/linuxbridge',
  'src/dataplane/routing',
  'src/dataplane/vrrp',
  'src/dataplane/endpoint',
  'src/dataplane/network.ts',
  'src/dataplane/device.ts',
  'src/agents',
  'src/snapshot',
  'src/trace',
  'src/simulate',
  'src/verify',
  'src/apply',
  'src/why',
  'src/index.ts',
  'src/cli',
] as const;

const DOORS: Readonly<Record<string, string>> = {
  'ip-num': 'src/packet/addresses.ts',
  'pcap-parser': 'src/packet/pcap.ts',
  graphology: 'src/model/topology.ts',
  'graphology-types': 'src/model/topology.ts',
  commander: 'src/cli/',
  'fast-check': 'src/verify/properties/fuzz.ts',
  hono: 'src/cli/serve/',
  '@hono': 'src/cli/serve/',
  yaml: 'src/text/yaml-text.ts',
  zod: 'src/model/',
};

/** The three places that may touch files, processes and clocks. */
const IO_PLACES = ['src/snapshot/collect/', 'src/apply/execute/', 'src/cli/'];

const sources = sourcesBelow('src');

function room(path: string): number {
  let best = -1;
  for (const [i, prefix] of ORDER.entries()) {
    const inside = path === prefix || path.startsWith(`${prefix}/`);
    if (inside && (best < 0 || prefix.length > (ORDER[best]?.length ?? 0))) best = i;
  }
  return best;
}

function target(file: SourceFile, imported: string): string {
  return normalize(join(dirname(file.path), imported)).replaceAll('\\', '/');
}

describe('the architecture', () => {
  it('has a room for every source file', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((file) => room(file.path) < 0).map((file) => file.path)).toEqual([]);
  });

  it('imports only from the same room or from rooms before it', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      for (const imported of importsOf(file)) {
        if (!imported.startsWith('.')) continue;
        const to = target(file, imported);
        if (room(to) > room(file.path)) wrong.push(`${file.path} imports ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has no import cycle between files', () => {
    const edges = new Map<string, readonly string[]>();
    for (const file of sources) {
      const imports = importsOf({ path: file.path, text: withoutTypes(file.text) });
      edges.set(
        file.path,
        imports.filter((name) => name.startsWith('.')).map((name) => target(file, name)),
      );
    }
    expect(cycles(edges)).toEqual([]);
  });

  it('builds the tree of commands without the code of any: help is quick', () => {
    const files = new Map(sources.map((file) => [file.path, file]));
    const reached = new Set<string>();
    const open = ['src/cli/program.ts'];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const file = files.get(path);
      if (file === undefined || reached.has(path)) continue;
      reached.add(path);
      const text = withoutTypes(file.text).replaceAll(/\bimport\(/g, 'later(');
      for (const imported of importsOf({ path, text })) open.push(target(file, imported));
    }
    expect(reached.size).toBeGreaterThan(20);
    const heavy = /^src\/(packet|traffic|model|dataplane|agents|snapshot|simulate|apply|why\/why)/;
    expect([...reached].filter((path) => heavy.test(path))).toEqual([]);
  });

  it('touches files, processes, clocks and chance only at the three places', () => {
    const wrong: string[] = [];
    const impure =
      /from 'node:|\bprocess\.(?=[a-zA-Z])|\bDate\.now\b|new Date\b|Math\.random|performance\.now/;
    for (const file of sources) {
      if (IO_PLACES.some((place) => file.path.startsWith(place))) continue;
      const found = impure.exec(withoutComments(file.text));
      if (found !== null) wrong.push(`${file.path}: ${found[0]}`);
    }
    expect(wrong).toEqual([]);
  });

  it('lets every package in by one door', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      for (const imported of importsOf(file)) {
        if (imported.startsWith('.') || imported.startsWith('node:')) continue;
        const door = DOORS[imported.split('/')[0] ?? ''];
        const open =
          door !== undefined &&
          (file.path === door || (door.endsWith('/') && file.path.startsWith(door)));
        if (!open) wrong.push(`${file.path} imports ${imported}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

/** Without the imports that stand for types alone and are gone when the program runs. */
function withoutTypes(text: string): string {
  return text.replaceAll(/import\s+\{(\s*type [^,}]+,?)+\s*\}\s+from\s+'[^']+';?/g, '');
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/[^\n]*/g, '$1');
}

/** Every cycle found by depth-first search, as a readable path; one per back edge. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): void => {
    const at = path.indexOf(node);
    if (at >= 0) {
      found.push([...path.slice(at), node].join(' -> '));
      return;
    }
    if (done.has(node)) return;
    path.push(node);
    for (const next of edges.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of edges.keys()) visit(node);
  return found;
}

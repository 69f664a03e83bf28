/** A compiled table answers as the scan in rank order does, which anybody can check by eye. */
import { describe, expect, it } from 'vitest';
import { field, PACKET_WORDS } from '../../src/packet/fields.ts';
import { compileTable } from '../../src/traffic/compiled.ts';
import { inspect } from '../../src/traffic/inspect.ts';
import { linearTable } from '../../src/traffic/linear.ts';
import { and, type Match, not, or, range, test } from '../../src/traffic/match.ts';
import { withRules } from '../../src/traffic/overlay.ts';
import { type Candidate, type Rule, type Table } from '../../src/traffic/table.ts';
import { hostWith, neutronTables, packetWith, wayOf } from './neutron-tables.ts';
import { drawFrom, probesFor, randomRules } from './random-rules.ts';

function disagreements(seed: number, size: number, maxWords?: number): unknown[] {
  const draw = drawFrom(seed);
  const rules = randomRules(draw, size);
  const linear = linearTable(rules);
  const compiled = compileTable(rules, maxWords === undefined ? {} : { maxWords });
  const wrong: unknown[] = [];
  for (const words of probesFor(draw, rules, 40)) {
    const expected = linear.find(words);
    // The first lookup unfolds, the second walks down what is there.
    for (const got of [compiled.find(words), compiled.find(words)]) {
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ seed, expected, got });
    }
  }
  return wrong;
}

describe('a compiled table', () => {
  it('finds what the scan finds in 3,000 small random tables', () => {
    for (let seed = 1; seed <= 3000; seed++) {
      expect(disagreements(seed, 1 + (seed % 12))).toEqual([]);
    }
  });

  it('finds what the scan finds in 300 bigger random tables', () => {
    for (let seed = 1; seed <= 300; seed++) expect(disagreements(90_000 + seed, 60)).toEqual([]);
  });

  it('stays right when its budget of nodes is used up', () => {
    for (let seed = 1; seed <= 500; seed++) {
      expect(disagreements(50_000 + seed, 20, (seed % 10) * 40)).toEqual([]);
    }
  });

  it('has nothing to find without rules', () => {
    expect(compileTable([]).find(new Uint32Array(PACKET_WORDS))).toEqual([]);
  });
});

/** Walks down a diagram as a reader of sets would: by starts of intervals and children. */
function walk(table: Table<string>, words: Uint32Array): readonly Candidate<string>[] | null {
  const view = inspect(table)!;
  let ref = view.root;
  for (;;) {
    const node = view.read(ref);
    if (node.kind === 'leaf') return node.candidates;
    if (node.kind === 'scan') return linearTable(node.rules).find(words);
    const { word, shift, top } = node.subfield;
    const value = ((words[word]! >>> shift) & top) >>> 0;
    ref = view.child(
      ref,
      node.starts.findLastIndex((start) => start <= value),
    );
  }
}

describe('the diagram of a table, read from outside', () => {
  it('leads every packet to what the scan finds', () => {
    for (let seed = 1; seed <= 600; seed++) {
      const draw = drawFrom(700_000 + seed);
      const rules = randomRules(draw, 1 + (seed % 20));
      const table = compileTable(rules, seed % 7 === 0 ? { maxWords: 300 } : {});
      const linear = linearTable(rules);
      for (const words of probesFor(draw, rules, 20)) {
        expect(walk(table, words)).toEqual(linear.find(words));
      }
    }
  });

  it('gives equal references to equal functions', () => {
    const [port, from] = [field('tp_dst'), field('in_port')];
    // For in_port 1 and 5 the same two rules are left; for all others only the last one.
    const rule = (rank: number, match: Match): Rule<string> => {
      return { rank, match, decisive: true, entry: `rank ${rank}` };
    };
    const table = compileTable([
      rule(0, and(test(from, 3n), test(port, 9n))),
      rule(1, and(or(test(from, 1n), test(from, 5n)), test(port, 80n))),
      rule(2, { kind: 'any' }),
    ]);
    const view = inspect(table)!;
    const root = view.read(view.root);
    expect(root.kind === 'node' && root.subfield.word).toBe(from.word);
    const starts = root.kind === 'node' ? [...root.starts] : [];
    const childOf = (value: number) =>
      view.child(
        view.root,
        starts.findLastIndex((start) => start <= value),
      );
    expect(childOf(1)).toBe(childOf(5));
    expect(childOf(0)).toBe(childOf(0xffff_ffff));
    expect(childOf(0)).not.toBe(childOf(1));
    expect(inspect(linearTable<string>([]))).toBeNull();
  });
});

describe('a table with rules added and removed', () => {
  it('finds what the scan of the remaining rules finds, over long histories', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const draw = drawFrom(300_000 + seed);
      let rules = randomRules(draw, 4 + draw(30));
      let table = compileTable(rules);
      for (let change = 0; change < 12; change++) {
        const removed = rules.filter(() => draw(8) === 0).map(({ entry }) => entry);
        const added = randomRules(draw, draw(change === 6 ? 90 : 4)).map((rule, i) => {
          return { ...rule, entry: `added ${change}.${i}` };
        });
        const before = table;
        const beforeRules = rules;
        table = withRules(table, added, removed);
        rules = [...rules.filter(({ entry }) => !removed.includes(entry)), ...added];
        expect(table.rules).toEqual(rules);
        for (const words of probesFor(draw, [...rules, ...beforeRules], 6)) {
          expect(table.find(words)).toEqual(linearTable(rules).find(words));
          expect(before.find(words)).toEqual(linearTable(beforeRules).find(words));
        }
      }
    }
  });
});

describe('a table of Neutron with 20,000 flows', () => {
  const host = hostWith(700, 1500, 4);
  const tables = neutronTables(host);

  it('finds what the scan finds for packets of many ports', () => {
    const draw = drawFrom(11);
    for (const number of tables.keys()) {
      const rules = tables.get(number)!;
      const compiled = compileTable(rules);
      const linear = linearTable(rules);
      for (let i = 0; i < 60; i++) {
        const from = host.ports[draw(700)]!;
        const to = draw(2) === 0 ? host.ports[draw(700)]! : host.remote[draw(1500)]!;
        const tcp = [22, 80, 443, 3306, 8007, 8063, 8099, 8100, 1][draw(9)]!;
        const words = wayOf(from, to, tcp).find(([table]) => table === number)![1];
        expect(compiled.find(words)).toEqual(linear.find(words));
      }
    }
    expect(tables.get(82)!.length).toBeGreaterThan(19_000);
  });

  it('collects the conjunction clauses of a rank beside its decisive flow', () => {
    const [from, to] = [host.ports[0]!, host.ports[4]!];
    const table = compileTable(tables.get(82)!);
    const words = wayOf(from, to, 22).find(([number]) => number === 82)![1];
    const ranks = table.find(words).map(({ rank, decisive }) => [65535 - rank, decisive]);
    expect(ranks).toEqual([[77, true]]);
    const other = wayOf(from, to, 23).find(([number]) => number === 82)![1];
    // No flow for port 23: the address clause of the group, then the drop of new connections.
    const found = table.find(other).map(({ rank, decisive }) => [65535 - rank, decisive]);
    expect(found).toEqual([
      [70, false],
      [40, true],
    ]);
  });
});

describe('a rule of an address set', () => {
  it('is answered from the diagram with thousands of addresses, also negated', () => {
    const ranges = Array.from({ length: 5000 }, (_, i) => {
      return { from: BigInt(0x0a000000 + 16 * i), to: BigInt(0x0a000000 + 16 * i + (i % 3)) };
    });
    const set: Match = { kind: 'within', field: field('ip_src'), ranges };
    const rules: Rule<string>[] = [
      { match: and(set, range(field('tp_dst'), 80n, 90n)), rank: 0, decisive: true, entry: 'in' },
      { match: not(set), rank: 1, decisive: true, entry: 'out' },
      { match: { kind: 'any' }, rank: 2, decisive: true, entry: 'rest' },
    ];
    const table = compileTable(rules);
    const answer = (ip: number, port: number) =>
      table.find(packetWith({ ip_src: ip, tp_dst: port })).map(({ entry }) => entry);
    expect(answer(0x0a000000, 80)).toEqual(['in']);
    expect(answer(0x0a000000 + 16 * 4999, 90)).toEqual(['in']);
    expect(answer(0x0a000000 + 16 * 4998, 91)).toEqual(['rest']);
    expect(answer(0x0a000001, 80)).toEqual(['out']);
    expect(answer(0xffffffff, 80)).toEqual(['out']);
    const words = packetWith({ ip_src: 0x0a000000, tp_dst: 80 });
    expect(table.find(words)).toBe(table.find(words));
  });
});

describe('a rule whose match would be millions of boxes', () => {
  it('is answered by its own guard, beside rules that are not', () => {
    // Twenty times "one of three bits of a register": 3^20 boxes.
    const bit = (n: number, i: number) => test(field(`reg${n}`), 1n << BigInt(i), 1n << BigInt(i));
    const many: Match = {
      kind: 'and',
      of: Array.from({ length: 20 }, (_, i) => {
        return { kind: 'or', of: [bit(0, i), bit(1, i), bit(2, i)] };
      }),
    };
    const rules: Rule<string>[] = [
      { match: test(field('in_port'), 7n), rank: 0, decisive: true, entry: 'port' },
      { match: many, rank: 1, decisive: true, entry: 'many' },
      { match: not(many), rank: 2, decisive: false, entry: 'few' },
      { match: { kind: 'any' }, rank: 3, decisive: true, entry: 'rest' },
    ];
    const table = compileTable(rules);
    for (const in_port of [7, 8]) {
      for (const reg0 of [0, 0xfffff, 0xffffe]) {
        for (const reg2 of [0, 1]) {
          const words = packetWith({ in_port, reg0, reg2 });
          expect(table.find(words)).toEqual(linearTable(rules).find(words));
        }
      }
    }
    expect(table.find(packetWith({ reg0: 0xfffff })).map(({ entry }) => entry)).toEqual(['many']);
    expect(inspect(table)!.subfields.length).toBeGreaterThan(0);
  });
});

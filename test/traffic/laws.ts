/**
 * What must hold for every implementation of `Traffic`, be it one packet or every packet:
 * stated only with its own operations, so the same laws run over all of them.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allBits, FIELDS, type Field, type FieldBits, field } from '../../src/packet/fields.ts';
import { compileTable } from '../../src/traffic/compiled.ts';
import { guard } from '../../src/traffic/guard.ts';
import { fullMask, type Match, not, test } from '../../src/traffic/match.ts';
import { type FieldPairs, type Traffic } from '../../src/traffic/traffic.ts';
import { assignment, bitsAssignment, together, wholeFields } from '../../src/traffic/words.ts';
import { drawFrom, randomMatch, randomRules } from './random-rules.ts';

export interface Subject<P> {
  readonly traffic: Traffic<P>;
  /** Traffic to try the laws on. */
  readonly arbitrary: fc.Arbitrary<P>;
}

const ALL = [...FIELDS.values()];
/** Every bit of every field. */
const EVERY_BIT: FieldPairs = ALL.map((of) => [allBits(of), allBits(of)] as const);

const anyField: fc.Arbitrary<Field> = fc.constantFrom(...ALL);
const anyMatch: fc.Arbitrary<Match> = fc
  .integer()
  .map((seed) => withoutOpaque(randomMatch(drawFrom(seed), 2)));

/** A run of bits of some field, and a value for it. */
const anyBits: fc.Arbitrary<FieldBits> = anyField.chain((of) =>
  fc
    .integer({ min: 0, max: of.width - 1 })
    .chain((start) =>
      fc.integer({ min: 1, max: of.width - start }).map((width) => ({ field: of, start, width })),
    ),
);

function valueFor(width: number): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n });
}

/** A split that depends on what was not understood is no partition anybody may rely on. */
function withoutOpaque(match: Match): Match {
  switch (match.kind) {
    case 'opaque':
      return { kind: 'any' };
    case 'not':
      return { kind: 'not', of: withoutOpaque(match.of) };
    case 'and':
    case 'or':
      return { kind: match.kind, of: match.of.map(withoutOpaque) };
    default:
      return match;
  }
}

function bitsMatch({ field: of, start, width }: FieldBits, value: bigint): Match {
  return test(of, value << BigInt(start), ((1n << BigInt(width)) - 1n) << BigInt(start));
}

function overlap(a: Field, b: Field): boolean {
  const last = (of: Field) => of.word + Math.ceil(of.width / 32) - 1;
  return a.word <= last(b) && b.word <= last(a);
}

const RUNS = { seed: 20261121, numRuns: 300 };

/** Runs all laws. */
export function trafficLaws<P>({ traffic: t, arbitrary }: Subject<P>): void {
  const equal = (a: P, b: P) => t.same(t.fork(a), b, EVERY_BIT).miss === null;
  const always = (p: P, match: Match) => t.split(t.fork(p), guard(match)).miss === null;
  const law = <A>(sentence: string, values: fc.Arbitrary<A>, holds: (p: P, values: A) => boolean) =>
    it(sentence, () => {
      fc.assert(
        fc.property(arbitrary, values, (p, value) => holds(p, value)),
        RUNS,
      );
    });

  law('a split parts traffic into what meets the condition and what does not', anyMatch, (p, m) => {
    const { hit, miss } = t.split(t.fork(p), guard(m));
    if (hit === null && miss === null) return false;
    return (hit === null || always(hit, m)) && (miss === null || always(miss, not(m)));
  });

  const bitsAndValue = anyBits.chain((bits) => fc.tuple(fc.constant(bits), valueFor(bits.width)));
  law('bits that were set have the value that was set', bitsAndValue, (p, [bits, value]) =>
    always(t.set(t.fork(p), bitsAssignment(bits, value)), bitsMatch(bits, value)),
  );

  law('setting a field leaves the others', fc.tuple(bitsAndValue, anyField), (p, [set, other]) => {
    const [bits, value] = set;
    const changed = t.set(t.fork(p), bitsAssignment(bits, value));
    const pairs = [[allBits(other), allBits(other)]] as const;
    return overlap(bits.field, other) || t.same(changed, p, pairs).miss === null;
  });

  law('setting some bits leaves the other bits of the field', bitsAndValue, (p, [bits, value]) => {
    const { field: of, start, width } = bits;
    const changed = t.set(t.fork(p), bitsAssignment(bits, value));
    const below = { field: of, start: 0, width: start };
    const above = { field: of, start: start + width, width: of.width - start - width };
    const pairs = [below, above].filter((b) => b.width > 0).map((b) => [b, b] as const);
    return t.same(changed, p, pairs).miss === null;
  });

  const twoRuns = fc.tuple(anyBits, anyBits).map(([a, b]): readonly [FieldBits, FieldBits] => {
    const width = Math.min(a.width, b.width);
    return [
      { ...a, width },
      { ...b, width },
    ];
  });
  law('copied bits equal their source', fc.tuple(twoRuns, arbitrary), (p, [[to, from], source]) => {
    const changed = t.copy(t.fork(p), to, t.fork(source), from);
    return t.same(changed, source, [[to, from]]).miss === null;
  });

  law('a copy within one packet reads all before it writes', twoRuns, (p, [to, from]) => {
    const moved = t.fork(p);
    return t.same(t.copy(moved, to, moved, from), p, [[to, from]]).miss === null;
  });

  law('a copy changes nothing but its target', twoRuns, (p, [to, from]) => {
    const changed = t.copy(t.fork(p), to, p, from);
    return equal(t.copy(changed, to, p, to), p);
  });

  const someFields = fc.array(anyField, { maxLength: 4 });
  law('writes done together are writes done in turn', someFields, (p, fields) => {
    const writes = fields.map((of, i) => assignment(of, BigInt(i) * 0x1234_5678_9abcn));
    const inTurn = writes.reduce((q, write) => t.set(q, write), t.fork(p));
    return equal(t.setAll(t.fork(p), together(writes)), inTurn);
  });

  law('fields copied together are fields copied in turn', someFields, (p, fields) => {
    const source = t.set(t.fork(p), assignment(field('reg7'), 0x1234_5678n));
    const target = fields.reduce((q, of) => t.set(q, assignment(of, 5n)), t.fork(p));
    const inTurn = fields.reduce(
      (q, of) => t.copy(q, allBits(of), source, allBits(of)),
      t.fork(target),
    );
    return equal(t.copyAll(t.fork(target), source, wholeFields(fields)), inTurn);
  });

  law('a fork lives its own life', bitsAndValue, (p, [bits, value]) => {
    const witness = t.fork(p);
    t.set(t.fork(p), bitsAssignment(bits, value));
    t.push(t.fork(p), 'vlan', 0x8100);
    return equal(p, witness);
  });

  law('traffic is the same as itself and within itself', fc.constant(null), (p) => {
    const part = t.within(t.fork(p), p);
    return equal(p, p) && part !== null && equal(part, p);
  });

  law('what is told apart by value has that value', anyBits, (p, bits) => {
    const narrow = { ...bits, width: Math.min(bits.width, 32) };
    const cases = t.cases(t.fork(p), narrow, 64);
    return cases === null || cases.every((c) => always(c.p, bitsMatch(narrow, BigInt(c.value))));
  });

  const small = anyField.filter(({ width }) => width <= 32);
  const delta = fc.integer({ min: -70_000, max: 70_000 });
  law('adding and taking away again changes nothing', fc.tuple(small, delta), (p, [of, by]) =>
    equal(t.add(t.add(t.fork(p), of, by), of, -by), p),
  );

  law('a sum is taken modulo the width', fc.tuple(small, delta), (p, [of, by]) => {
    const start = t.set(t.fork(p), assignment(of, 5n));
    const sum = BigInt(5 + by) & fullMask(of);
    return always(t.add(start, of, by), test(of, sum));
  });

  const choice = anyBits.chain((bits) =>
    fc.tuple(fc.constant(bits), valueFor(bits.width), valueFor(bits.width)),
  );
  law('a chosen value lies in its range', choice, (p, [bits, a, b]) => {
    const [from, to] = a < b ? [a, b] : [b, a];
    const { field: of, start, width } = bits;
    // The bits are moved to the low end of a register, where a range can be asked.
    const chosen = t.choose(t.fork(p), bits, from, to);
    const reg = field('xxreg3');
    const at = { field: reg, start: 0, width };
    if (overlap(of, reg)) return true;
    const clean = t.set(t.fork(chosen), assignment(reg, 0n));
    const moved = t.copy(clean, at, t.fork(chosen), { field: of, start, width });
    return always(moved, { kind: 'within', field: reg, ranges: [{ from, to }] });
  });

  law('a tag that is pushed and popped leaves no trace', fc.constant(null), (p) => {
    const oneTag = t.set(t.fork(p), assignment(field('vlan_tci2'), 0n));
    const start = t.set(oneTag, assignment(field('vlan_tpid2'), 0n));
    const after = t.pop(t.push(t.fork(start), 'vlan', 0x8100), 'vlan');
    return equal(after, start);
  });

  law('a frame in a tunnel comes out as it went in', fc.constant(null), (p) => {
    const outer = t.encapsulate(t.fork(p));
    const blank = ALL.every((of) => always(outer, test(of, 0n)));
    const inner = t.decapsulate(outer);
    return blank && inner !== null && equal(inner, p);
  });

  const table = fc.integer().map((seed) => randomRules(drawFrom(seed), 8));
  law('a lookup parts traffic, and its certain entries match', table, (p, rules) => {
    const byEntry = new Map(rules.map((rule) => [rule.entry, rule.match]));
    const found = t.lookup(t.fork(p), compileTable(rules));
    return (
      found.length > 0 &&
      found.every((part) =>
        part.entries
          .filter(({ certain }) => certain)
          .every(({ entry }) => {
            const match = byEntry.get(entry)!;
            const { hit } = t.split(t.fork(part.p), guard(match));
            return hit !== null;
          }),
      )
    );
  });

  it('has one law for each operation that elements use on headers', () => {
    const covered = ['split', 'lookup', 'same', 'cases', 'set', 'copy', 'add', 'choose', 'push'];
    const rest = ['setAll', 'copyAll', 'pop', 'encapsulate', 'decapsulate', 'fork', 'within'];
    const bytes = ['content', 'withContent', 'pieces', 'cuts'];
    const elsewhere = ['blank', 'quoted', 'quote', 'segment', 'join', 'note', ...bytes];
    expect(Object.keys(t).sort()).toEqual([...covered, ...rest, ...elsewhere].sort());
  });
}

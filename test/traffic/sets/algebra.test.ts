/**
 * The algebra of regions, against sets of numbers that leave nothing out: over three small
 * variables a region is 256 bits of a bigint.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE, type Region, Regions } from '../../../src/traffic/sets/regions.ts';

const WIDTHS = [3, 2, 3] as const;
const POINTS = 256;
const ALL = (1n << BigInt(POINTS)) - 1n;

type Expression =
  | { readonly kind: 'of'; readonly variable: number; readonly low: number; readonly high: number }
  | {
      readonly kind: 'and' | 'or' | 'minus';
      readonly a: Expression;
      readonly b: Expression;
    };

/** The value of a variable at a point. */
function valueAt(point: number, variable: number): number {
  const below = WIDTHS.slice(0, variable).reduce<number>((sum, width) => sum + width, 0);
  return (point >> below) & (2 ** WIDTHS[variable]! - 1);
}

function pointsWhere(is: (point: number) => boolean): bigint {
  let all = 0n;
  for (let point = 0; point < POINTS; point++) if (is(point)) all |= 1n << BigInt(point);
  return all;
}

function open(): Regions {
  const regions = new Regions();
  for (const width of WIDTHS) regions.addVariable(width);
  return regions;
}

function regionOf(regions: Regions, of: Expression): Region {
  if (of.kind === 'of') return regions.of(of.variable, Uint32Array.of(of.low, of.high));
  const [a, b] = [regionOf(regions, of.a), regionOf(regions, of.b)];
  return of.kind === 'and'
    ? regions.and(a, b)
    : of.kind === 'or'
      ? regions.or(a, b)
      : regions.minus(a, b);
}

function modelOf(of: Expression): bigint {
  if (of.kind === 'of') {
    return pointsWhere((point) => {
      const value = valueAt(point, of.variable);
      return of.low <= value && value <= of.high;
    });
  }
  const [a, b] = [modelOf(of.a), modelOf(of.b)];
  return of.kind === 'and' ? a & b : of.kind === 'or' ? a | b : a & ~b & ALL;
}

function readBack(regions: Regions, region: Region): bigint {
  return pointsWhere((point) => regions.has(region, (variable) => valueAt(point, variable)));
}

const leaf = fc
  .tuple(fc.nat({ max: 2 }), fc.nat({ max: 7 }), fc.nat({ max: 7 }))
  .map(([variable, a, b]): Expression => {
    const top = 2 ** WIDTHS[variable]! - 1;
    const [one, two] = [a & top, b & top];
    return { kind: 'of', variable, low: Math.min(one, two), high: Math.max(one, two) };
  });
const expressions = fc.letrec<{ all: Expression }>((tie) => ({
  all: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'expression' },
    leaf,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const, 'minus' as const),
      a: tie('all'),
      b: tie('all'),
    }),
  ),
})).all;

describe('regions', () => {
  it('hold what the sets of numbers hold, and equal sets have one name', () => {
    fc.assert(
      fc.property(fc.array(expressions, { minLength: 2, maxLength: 6 }), (all) => {
        const regions = open();
        const seen = new Map<bigint, Region>([
          [0n, NOWHERE],
          [ALL, EVERYWHERE],
        ]);
        for (const of of all) {
          const [region, model] = [regionOf(regions, of), modelOf(of)];
          expect(readBack(regions, region)).toBe(model);
          expect(region).toBe(seen.get(model) ?? region);
          for (const [other, name] of seen) if (other !== model) expect(name).not.toBe(region);
          seen.set(model, region);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('obey the laws of boolean algebra by name', () => {
    fc.assert(
      fc.property(expressions, expressions, expressions, (x, y, z) => {
        const r = open();
        const [a, b, c] = [regionOf(r, x), regionOf(r, y), regionOf(r, z)];
        const not = (of: Region): Region => r.minus(EVERYWHERE, of);
        expect(r.and(a, b)).toBe(r.and(b, a));
        expect(r.or(a, b)).toBe(r.or(b, a));
        expect(r.and(a, r.and(b, c))).toBe(r.and(r.and(a, b), c));
        expect(r.or(a, r.or(b, c))).toBe(r.or(r.or(a, b), c));
        expect(r.and(a, r.or(b, c))).toBe(r.or(r.and(a, b), r.and(a, c)));
        expect(r.or(a, r.and(b, c))).toBe(r.and(r.or(a, b), r.or(a, c)));
        expect(r.and(a, r.or(a, b))).toBe(a);
        expect(not(not(a))).toBe(a);
        expect(not(r.and(a, b))).toBe(r.or(not(a), not(b)));
        expect(r.minus(a, b)).toBe(r.and(a, not(b)));
        expect(r.and(a, not(a))).toBe(NOWHERE);
        expect(r.or(a, not(a))).toBe(EVERYWHERE);
      }),
      { numRuns: 150 },
    );
  });

  it('forget variables, list values and give samples as the sets of numbers do', () => {
    fc.assert(
      fc.property(expressions, fc.nat({ max: 2 }), fc.nat({ max: 255 }), (of, variable, wished) => {
        const r = open();
        const [region, model] = [regionOf(r, of), modelOf(of)];
        const inside = (point: number): boolean => ((model >> BigInt(point)) & 1n) === 1n;
        const points = Array.from({ length: POINTS }, (_, point) => point);
        const forgotten = pointsWhere((point) =>
          points.some((other) => {
            const kept = WIDTHS.slice(0, variable).every(
              (_, each) => valueAt(other, each) === valueAt(point, each),
            );
            return kept && inside(other);
          }),
        );
        expect(readBack(r, r.shadow(region, variable))).toBe(forgotten);
        const values = r.values(region, variable);
        for (let value = 0; value < 2 ** WIDTHS[variable]!; value++) {
          const listed = values.some(
            (low, i) => i % 2 === 0 && low <= value && value <= values[i + 1]!,
          );
          const taken = points.some((point) => inside(point) && valueAt(point, variable) === value);
          expect(listed).toBe(taken);
        }
        if (region === NOWHERE) return;
        const wish = (each: number): number => valueAt(wished, each);
        const sample = r.sample(region, wish);
        expect(r.has(region, (each) => sample.get(each) ?? 0)).toBe(true);
        // Who wishes for a point inside gets it.
        if (inside(wished)) for (const [each, value] of sample) expect(value).toBe(wish(each));
      }),
      { numRuns: 100 },
    );
  });

  it('tell where one variable is another one plus a distance', () => {
    const r = open();
    for (let distance = -9; distance <= 9; distance++) {
      const region = r.equal(0, 2, distance);
      const model = pointsWhere(
        (point) => valueAt(point, 2) === ((valueAt(point, 0) + distance) & 7),
      );
      expect(readBack(r, region)).toBe(model);
      expect(r.equal(2, 0, -distance)).toBe(region);
    }
  });
});

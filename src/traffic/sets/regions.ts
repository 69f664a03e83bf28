/**
 * Regions: sets of inputs as hash-consed interval diagrams. A node asks one variable, an edge is
 * an interval of its values; equal regions are one number, so emptiness and equality cost
 * nothing. Variables are asked in rising order along every path.
 *
 * Before: a set's symbolic words say which input bits a field shows (`symbols.ts`).
 * After: `set-traffic.ts` narrows, joins and samples regions.
 */
import { type Intervals, melted } from '../intervals.ts';

/** Names a region; equal regions of one store have equal names. */
export type Region = number;

/** No input at all, and every input. */
export const NOWHERE: Region = 0;
export const EVERYWHERE: Region = 1;

/** The store ran over its budget: the question is too large, and nothing was guessed. */
export class TooManyRegions extends Error {}

/** Edges of nodes and remembered results. */
const DEFAULT_MAX_EDGES = 4_000_000;
const AND = 0;
const OR = 1;
const MINUS = 2;

/** A store of regions over variables that may be added at any time. */
export class Regions {
  /** All ones over a variable's width. */
  readonly tops: number[] = [];
  /** By region: its variable, its edges as greatest values and regions behind them. */
  private readonly variable: number[] = [0, 0];
  private readonly ends: (readonly number[])[] = [[], []];
  private readonly behind: (readonly Region[])[] = [[], []];
  private readonly known = new Map<number, Region[]>();
  private readonly done: readonly Map<number, Region>[] = [new Map(), new Map(), new Map()];

  private readonly equals = new Map<string, Region>();
  private edgesLeft: number;
  private readonly maxEdges: number;

  constructor(maxEdges: number = DEFAULT_MAX_EDGES) {
    this.maxEdges = maxEdges;
    this.edgesLeft = maxEdges;
  }

  /** Adds a variable of up to 32 bits; it is asked after all others. */
  addVariable(width: number): number {
    return this.tops.push(width === 32 ? 0xffff_ffff : 2 ** width - 1) - 1;
  }

  /** How many nodes there are. */
  get size(): number {
    return this.variable.length;
  }

  /** Inputs whose variable lies in one of the intervals. */
  of(variable: number, values: Intervals): Region {
    const ends: number[] = [];
    const behind: Region[] = [];
    const top = this.tops[variable]!;
    let next = 0;
    for (let i = 0; i < values.length; i += 2) {
      if (values[i]! > next) {
        ends.push(values[i]! - 1);
        behind.push(NOWHERE);
      }
      ends.push(values[i + 1]!);
      behind.push(EVERYWHERE);
      next = values[i + 1]! + 1;
    }
    if (next <= top) {
      ends.push(top);
      behind.push(NOWHERE);
    }
    return this.node(variable, ends, behind);
  }

  /**
   * Inputs in which variable `b` is variable `a` plus `distance`, modulo their common width of at
   * most a byte.
   */
  equal(a: number, b: number, distance: number): Region {
    const key = `${a} ${b} ${distance}`;
    const known = this.equals.get(key);
    if (known !== undefined) return known;
    const top = this.tops[a]!;
    const [first, second, step] = a < b ? [a, b, distance] : [b, a, -distance];
    const ends: number[] = [];
    const behind: Region[] = [];
    for (let value = 0; value <= top; value++) {
      const other = (value + step) & top;
      ends.push(value);
      behind.push(this.of(second, Uint32Array.of(other, other)));
    }
    const made = this.node(first, ends, behind);
    this.equals.set(key, made);
    return made;
  }

  and(a: Region, b: Region): Region {
    if (a === NOWHERE || b === NOWHERE) return NOWHERE;
    if (a === EVERYWHERE || a === b) return b;
    if (b === EVERYWHERE) return a;
    return a < b ? this.combine(AND, a, b) : this.combine(AND, b, a);
  }

  or(a: Region, b: Region): Region {
    if (a === EVERYWHERE || b === EVERYWHERE) return EVERYWHERE;
    if (a === NOWHERE || a === b) return b;
    if (b === NOWHERE) return a;
    return a < b ? this.combine(OR, a, b) : this.combine(OR, b, a);
  }

  /** What is in `a` and not in `b`. */
  minus(a: Region, b: Region): Region {
    if (a === NOWHERE || b === EVERYWHERE || a === b) return NOWHERE;
    if (b === NOWHERE) return a;
    return this.combine(MINUS, a, b);
  }

  /** The values that a variable takes somewhere in the region. */
  values(region: Region, variable: number): Intervals {
    const pairs: number[] = [];
    const top = this.tops[variable]!;
    const seen = new Set<Region>();
    const open = [region];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === NOWHERE || seen.has(at)) continue;
      seen.add(at);
      if (at === EVERYWHERE || this.variable[at]! > variable) return Uint32Array.of(0, top);
      const behind = this.behind[at]!;
      if (this.variable[at]! < variable) {
        open.push(...behind);
        continue;
      }
      const ends = this.ends[at]!;
      for (let i = 0; i < ends.length; i++) {
        if (behind[i] !== NOWHERE) pairs.push(i === 0 ? 0 : ends[i - 1]! + 1, ends[i]!);
      }
    }
    return melted(pairs);
  }

  /**
   * One input of the region: the value of every variable it depends on, by preference of `wish`
   * where the region allows it, else the lowest.
   */
  sample(region: Region, wish: (variable: number) => number | undefined): Map<number, number> {
    const found = new Map<number, number>();
    let at = region;
    while (at > EVERYWHERE) {
      const variable = this.variable[at]!;
      const wanted = wish(variable);
      const edge = wanted === undefined ? -1 : this.edgeOf(at, wanted);
      const ends = this.ends[at]!;
      if (edge >= 0 && this.behind[at]![edge] !== NOWHERE) {
        found.set(variable, wanted!);
        at = this.behind[at]![edge]!;
        continue;
      }
      const first = this.behind[at]!.findIndex((each) => each !== NOWHERE);
      found.set(variable, first === 0 ? 0 : ends[first - 1]! + 1);
      at = this.behind[at]![first]!;
    }
    return found;
  }

  /** Inputs of the region whatever the variables from `limit` on are: choices are forgotten. */
  shadow(region: Region, limit: number): Region {
    const known = new Map<Region, Region>();
    const of = (at: Region): Region => {
      if (at <= EVERYWHERE) return at;
      if (this.variable[at]! >= limit) return EVERYWHERE;
      const found = known.get(at);
      if (found !== undefined) return found;
      const behind = this.behind[at]!.map(of);
      const made = this.node(this.variable[at]!, [...this.ends[at]!], behind);
      known.set(at, made);
      return made;
    };
    return of(region);
  }

  /**
   * The region for one value of the variable that is asked first, whatever that variable then is;
   * a region that does not ask it is itself.
   */
  restricted(region: Region, variable: number, value: number): Region {
    if (region <= EVERYWHERE || this.variable[region] !== variable) return region;
    return this.behind[region]![this.edgeOf(region, value)]!;
  }

  /** The same, with the greatest value up to which it is the region for every value between. */
  runAt(
    region: Region,
    variable: number,
    value: number,
  ): { readonly region: Region; readonly upTo: number } {
    if (region <= EVERYWHERE || this.variable[region] !== variable) {
      return { region, upTo: this.tops[variable]! };
    }
    const edge = this.edgeOf(region, value);
    return { region: this.behind[region]![edge]!, upTo: this.ends[region]![edge]! };
  }

  /** Whether an input with those values lies in the region. */
  has(region: Region, valueOf: (variable: number) => number): boolean {
    let at = region;
    while (at > EVERYWHERE) at = this.behind[at]![this.edgeOf(at, valueOf(this.variable[at]!))]!;
    return at === EVERYWHERE;
  }

  /** The edges of a region for readers: variable, greatest values, regions behind them. */
  edges(region: Region): {
    readonly variable: number;
    readonly ends: readonly number[];
    readonly behind: readonly Region[];
  } {
    return {
      variable: this.variable[region]!,
      ends: this.ends[region]!,
      behind: this.behind[region]!,
    };
  }

  private edgeOf(at: Region, value: number): number {
    const ends = this.ends[at]!;
    let from = 0;
    let upTo = ends.length - 1;
    while (from < upTo) {
      const middle = (from + upTo) >>> 1;
      if (ends[middle]! < value) from = middle + 1;
      else upTo = middle;
    }
    return from;
  }

  private combine(op: number, a: Region, b: Region): Region {
    const key = a * 0x400_0000 + b;
    const known = this.done[op]!.get(key);
    if (known !== undefined) return known;
    this.spend(1);
    const made = this.merge(op, a, b);
    this.done[op]!.set(key, made);
    return made;
  }

  private merge(op: number, a: Region, b: Region): Region {
    // Terminals stand behind all variables.
    const va = a <= EVERYWHERE ? Number.POSITIVE_INFINITY : this.variable[a]!;
    const vb = b <= EVERYWHERE ? Number.POSITIVE_INFINITY : this.variable[b]!;
    const variable = Math.min(va, vb);
    const top = [this.tops[variable]!];
    const endsA = va === variable ? this.ends[a]! : top;
    const endsB = vb === variable ? this.ends[b]! : top;
    const behindA = va === variable ? this.behind[a]! : [a];
    const behindB = vb === variable ? this.behind[b]! : [b];
    const ends: number[] = [];
    const behind: Region[] = [];
    this.spend(endsA.length + endsB.length);
    for (let i = 0, j = 0; i < endsA.length; ) {
      const end = Math.min(endsA[i]!, endsB[j]!);
      ends.push(end);
      behind.push(this.apply(op, behindA[i]!, behindB[j]!));
      if (endsB[j] === end) j++;
      if (endsA[i] === end) i++;
    }
    return this.node(variable, ends, behind);
  }

  private apply(op: number, a: Region, b: Region): Region {
    return op === AND ? this.and(a, b) : op === OR ? this.or(a, b) : this.minus(a, b);
  }

  private spend(edges: number): void {
    this.edgesLeft -= edges;
    if (this.edgesLeft >= 0) return;
    throw new TooManyRegions(
      `the question needs more than ${this.maxEdges} steps over packet sets: ask about fewer packets`,
    );
  }

  /** The node with those edges; neighbours that lead to one region melt together. */
  private node(variable: number, ends: number[], behind: Region[]): Region {
    let length = 0;
    for (let i = 0; i < ends.length; i++) {
      if (length > 0 && behind[length - 1] === behind[i]) length--;
      ends[length] = ends[i]!;
      behind[length++] = behind[i]!;
    }
    ends.length = length;
    behind.length = length;
    if (length === 1) return behind[0]!;
    let hash = variable;
    for (let i = 0; i < length; i++) {
      hash = Math.imul(hash ^ ends[i]!, 0x0100_0193);
      hash = Math.imul(hash ^ behind[i]!, 0x0100_0193) ^ (hash >>> 15);
    }
    const bucket = this.known.get(hash);
    for (const at of bucket ?? []) {
      if (this.variable[at] !== variable) continue;
      if (same(this.ends[at]!, ends) && same(this.behind[at]!, behind)) return at;
    }
    const at = this.variable.push(variable) - 1;
    this.ends.push(ends);
    this.behind.push(behind);
    if (bucket === undefined) this.known.set(hash, [at]);
    else bucket.push(at);
    return at;
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Inputs as a person reads them: protocols with their ports, one class a line. */
import { type Intervals, melted } from '../../traffic/intervals.ts';
import { runWithin } from '../../traffic/sets/conditions.ts';
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type Space } from '../../traffic/sets/space.ts';
import { type Word } from '../../traffic/sets/symbols.ts';
import { COORDINATES } from './source.ts';

/** Packets of one protocol: every port of the one list with every port of the other. */
export interface PacketClass {
  readonly protocol: string;
  /** Ranges of destination ports, both ends included; null where all are meant, or none exist. */
  readonly ports: readonly (readonly [number, number])[] | null;
  readonly sourcePorts: readonly (readonly [number, number])[] | null;
  /** False when some pairs of the two lists are not meant: a witness tells one that is. */
  readonly exact: boolean;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp6'],
]);
const TOP = 65_535;

/** The classes of a region, in the order of protocol numbers; other protocols stand as one. */
export function classesOf(space: Space, where: Region): readonly PacketClass[] {
  const { regions } = space;
  const region = regions.shadow(where, space.places.length);
  const [protocol, destination, source] = COORDINATES.map((of) => runOf(space, of.word));
  const classes: PacketClass[] = [];
  const others: number[] = [];
  for (const [low, high] of pairs(numbers(space, region, protocol!))) {
    for (let value = low; value <= high; value++) {
      const name = NAMES.get(value);
      if (name === undefined) {
        others.push(value);
        continue;
      }
      const here = regions.and(region, inside(space, protocol!, Uint32Array.of(value, value)));
      if (here === NOWHERE) continue;
      const ports = name === 'tcp' || name === 'udp';
      const to = numbers(space, here, destination!);
      const from = numbers(space, here, source!);
      classes.push({
        protocol: name,
        ports: ports && !isAll(to) ? pairs(to) : null,
        sourcePorts: ports && !isAll(from) ? pairs(from) : null,
        exact: !ports || isProduct(space, here, [destination!, to], [source!, from]),
      });
    }
  }
  if (others.length > 0) {
    const protocolText = `other IP protocols (${rangesText(pairs(spans(others)))})`;
    classes.push({ protocol: protocolText, ports: null, sourcePorts: null, exact: true });
  }
  return classes;
}

/** `tcp 22, 5000-5006`, `udp 53 from port 53`. */
export function classText({ protocol, ports, sourcePorts, exact }: PacketClass): string {
  const to = ports === null ? '' : ` ${rangesText(ports)}`;
  const from = sourcePorts === null ? '' : ` from port ${rangesText(sourcePorts)}`;
  return `${protocol}${to}${from}${exact ? '' : ' (not every pair of these ports)'}`;
}

function rangesText(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(', ');
}

/** The pieces of a coordinate's word, lowest first. */
function runOf({ words }: Space, word: number): Word {
  return words[word]!.filter(({ variable }) => variable !== null);
}

/** The values of a run of bytes in a region, as intervals of the whole number. */
function numbers({ regions }: Space, region: Region, run: Word): Intervals {
  const collect = (where: Region, left: number): number[] => {
    const piece = run[left];
    if (piece === undefined || piece.variable === null) return [0, 0];
    const size = 2 ** piece.from;
    const out: number[] = [];
    const values = regions.values(where, piece.variable);
    for (let i = 0; i < values.length; i += 2) {
      for (const [low, high, part] of split(
        regions,
        where,
        piece.variable,
        values[i]!,
        values[i + 1]!,
      )) {
        const rest = left === 0 ? [0, 0] : collect(part, left - 1);
        const whole = left === 0 || (rest.length === 2 && rest[0] === 0 && rest[1] === size - 1);
        if (whole) {
          out.push(low * size, high * size + size - 1);
          continue;
        }
        for (let value = low; value <= high; value++) {
          for (let k = 0; k < rest.length; k += 2) {
            out.push(value * size + rest[k]!, value * size + rest[k + 1]!);
          }
        }
      }
    }
    return out;
  };
  return melted(collect(region, run.length - 1));
}

/** Runs of values of a variable behind which the rest of the region is the same. */
function split(
  regions: Space['regions'],
  where: Region,
  variable: number,
  from: number,
  upTo: number,
): readonly (readonly [number, number, Region])[] {
  const out: [number, number, Region][] = [];
  for (let value = from; value <= upTo; value++) {
    const part = regions.and(where, regions.of(variable, Uint32Array.of(value, value)));
    const last = out[out.length - 1];
    if (last !== undefined && sameBehind(regions, last[2], part, variable)) last[1] = value;
    else out.push([value, value, part]);
  }
  return out;
}

/** Whether two regions differ only in the value of the variable. */
function sameBehind(regions: Space['regions'], a: Region, b: Region, variable: number): boolean {
  if (a <= 1 || b <= 1) return a === b;
  const [one, other] = [regions.edges(a), regions.edges(b)];
  if (one.variable !== other.variable) return false;
  const inner = (edges: typeof one): readonly Region[] => edges.behind.filter((each) => each !== 0);
  const [left, right] = [inner(one), inner(other)];
  if (one.variable === variable) return left[0] === right[0];
  return (
    left.length === right.length &&
    left.every((each, i) => sameBehind(regions, each, right[i]!, variable))
  );
}

/** Whether every pair of values of both runs is in the region of one protocol. */
function isProduct(
  space: Space,
  region: Region,
  ...sides: readonly (readonly [Word, Intervals])[]
): boolean {
  const { regions } = space;
  let all: Region = EVERYWHERE;
  for (const [run, values] of sides) all = regions.and(all, inside(space, run, values));
  // What is left of the protocol's own byte is the same in both.
  const protocol = runOf(space, COORDINATES[0].word);
  const kind = inside(space, protocol, numbers(space, region, protocol));
  return regions.minus(regions.and(all, kind), region) === NOWHERE;
}

/** Where a run of whole bytes, as one number, lies in the intervals. */
function inside(space: Space, run: Word, values: Intervals): Region {
  const region = runWithin(space, run, values);
  if (region === null) throw new Error('assumption broken: whole bytes are told apart');
  return region;
}

function isAll(values: Intervals): boolean {
  return values.length === 2 && values[0] === 0 && values[1] === TOP;
}

function pairs(values: Intervals): readonly (readonly [number, number])[] {
  return Array.from(
    { length: values.length / 2 },
    (_, i) => [values[2 * i]!, values[2 * i + 1]!] as const,
  );
}

function spans(values: readonly number[]): Intervals {
  return melted(values.flatMap((value) => [value, value]));
}

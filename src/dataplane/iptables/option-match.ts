/** Options of rules as matches on fields: the pieces that all conditions are made of. */
import { type Field } from '../../packet/fields.ts';
import { ANY, type Match, NONE, not, range, test } from '../../traffic/match.ts';
import { type Network } from './text/address.ts';
import { type Interval } from './text/codec.ts';
import { type Given } from './text/options.ts';

/** A condition that was given, turned around if `!` stands before it. */
export function given<T>(option: Given<T> | null | undefined, meaning: (value: T) => Match): Match {
  if (option === null || option === undefined) return ANY;
  return option.not ? not(meaning(option.value)) : meaning(option.value);
}

export function networkMatch(of: Field, { value, mask }: Network): Match {
  return test(of, value, mask);
}

/** The field lies in the interval. */
export function within(of: Field, { from, to }: Interval): Match {
  return from === to ? test(of, BigInt(from)) : range(of, BigInt(from), BigInt(to));
}

/** (field & mask) == value: a value with bits outside of the mask is never met. */
export function masked(of: Field, { value, mask }: { value: number; mask: number }): Match {
  if ((value & ~mask) !== 0) return NONE;
  return test(of, BigInt(value >>> 0), BigInt(mask >>> 0));
}

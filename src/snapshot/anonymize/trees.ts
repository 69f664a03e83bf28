/**
 * Renamings that keep what numbers have in common: a tree of digits in which each digit is
 * exchanged by a rule that follows from the digits before it and from a secret. Two values that
 * begin alike still do so afterwards, so prefixes and shortened ids stay what they were.
 */

/** A keyed hash in hexadecimal, at least 16 digits. */
export type Keyed = (text: string) => string;

export interface KnownPrefix {
  readonly value: bigint;
  readonly length: number;
}

/** Values that begin so keep these bits, as they mean the same everywhere; or keep all bits. */
export interface KeptPrefix extends KnownPrefix {
  readonly whole: boolean;
}

/**
 * A renaming of numbers of `width` bits, one to one. What is kept stays; so do the first and the
 * last address of each subnet, but for the subnet itself.
 */
export class BitTree {
  readonly #kind: string;
  readonly #width: number;
  readonly #keyed: Keyed;
  readonly #kept: readonly KeptPrefix[];
  /** Subnets by the bits of their prefix, as a string: their first and last address stay so. */
  readonly #subnets: ReadonlySet<string>;
  readonly #flips = new Map<string, boolean>();
  readonly #known = new Map<bigint, bigint>();

  constructor(
    kind: string,
    width: number,
    keyed: Keyed,
    kept: readonly KeptPrefix[],
    subnets: readonly KnownPrefix[] = [],
  ) {
    this.#kind = kind;
    this.#width = width;
    this.#keyed = keyed;
    this.#kept = kept;
    this.#subnets = new Set(subnets.map((each) => this.#bits(each.value).slice(0, each.length)));
  }

  renamed(value: bigint): bigint {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const bits = this.#bits(value);
    let out = '';
    for (let i = 0; i < this.#width; i++) {
      const flip = !this.#stays(value, bits, i) && this.#flip(bits.slice(0, i));
      out += flip ? (bits[i] === '1' ? '0' : '1') : bits[i];
    }
    const to = BigInt(`0b${out}`);
    this.#known.set(value, to);
    return to;
  }

  #bits(value: bigint): string {
    return value.toString(2).padStart(this.#width, '0');
  }

  /** Whether the bit at `i` lies on the way to, or inside of, something that is kept. */
  #stays(value: bigint, bits: string, i: number): boolean {
    for (const { value: kept, length, whole } of this.#kept) {
      if (i >= length && !whole) continue;
      const shared = BigInt(this.#width - Math.min(i, length));
      if (kept >> shared === value >> shared) return true;
    }
    if (this.#subnets.size === 0) return false;
    for (let length = i; length >= 0; length--) {
      const tail = bits.slice(length, i);
      if (tail.includes('0') && tail.includes('1')) return false;
      if (this.#subnets.has(bits.slice(0, length))) return true;
    }
    return false;
  }

  #flip(path: string): boolean {
    const known = this.#flips.get(path);
    if (known !== undefined) return known;
    const flip = (Number.parseInt(this.#keyed(`${this.#kind} ${path}`)[0] ?? '0', 16) & 1) === 1;
    this.#flips.set(path, flip);
    return flip;
  }
}

/** A renaming of hexadecimal digits, for ids and for what is left of them in device names. */
export class DigitTree {
  readonly #keyed: Keyed;
  readonly #adds = new Map<string, number>();
  readonly #known = new Map<string, string>();

  constructor(keyed: Keyed) {
    this.#keyed = keyed;
  }

  /** @param text digits of one case, with dashes that stay where they are */
  renamed(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    let path = '';
    let out = '';
    for (const digit of text) {
      if (digit === '-') out += digit;
      else {
        out += (Number.parseInt(digit, 16) ^ this.#turn(path)).toString(16);
        path += digit;
      }
    }
    this.#known.set(text, out);
    return out;
  }

  #turn(path: string): number {
    const known = this.#adds.get(path);
    if (known !== undefined) return known;
    const turn = Number.parseInt(this.#keyed(`id ${path}`)[0] ?? '0', 16);
    this.#adds.set(path, turn);
    return turn;
  }
}

/** Numbers by chance from a seed: the same seed gives the same numbers (xorshift32, Marsaglia). */

export class Random {
  private state: number;

  constructor(seed: number) {
    // A state of zero would stay zero.
    this.state = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor((this.next() / 2 ** 32) * below);
  }

  /** True in `share` of the cases, 0 to 1. */
  happens(share: number): boolean {
    return this.next() / 2 ** 32 < share;
  }

  private next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }
}

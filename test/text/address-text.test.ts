/** Addresses as text: what is written is read back, and only addresses are read. */
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readIp,
  readIpv6,
  readMac,
  readPrefix,
  writeIp,
  writeMac,
} from '../../src/text/address-text.ts';

const options = { seed: 20261121, numRuns: 1000 };

describe('addresses as text', () => {
  it('are read back as they were written', () => {
    const zeroed = fc
      .tuple(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.nat(127), fc.nat(127))
      .map(([value, a, b]) => value & ~(((1n << BigInt(a)) - 1n) << BigInt(b)));
    fc.assert(
      fc.property(zeroed, (value) => {
        const kept = value & ((1n << 128n) - 1n);
        expect(readIp(writeIp({ version: 6, value: kept }))).toEqual({ version: 6, value: kept });
        const v4 = kept & 0xffffffffn;
        expect(readIp(writeIp({ version: 4, value: v4 }))).toEqual({ version: 4, value: v4 });
        const mac = kept & 0xffffffffffffn;
        expect(readMac(writeMac(mac))).toBe(mac);
      }),
      options,
    );
  });

  it('are IPv6 exactly where the system takes them', () => {
    const part = fc.constantFrom(
      '::',
      ':',
      '1',
      'fe80',
      'ABCD',
      '12345',
      'b',
      '1.2.3.4',
      '9.8',
      'g',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 17 }), (parts) => {
        const text = parts.join('');
        expect(readIpv6(text) !== undefined, text).toBe(isIPv6(text));
      }),
      { ...options, numRuns: 5000 },
    );
    const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, fc.nat(8), fc.nat(8), (all, a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const hex = (list: readonly number[]) => list.map((of) => of.toString(16)).join(':');
        const kept = all.map((of, i) => (i >= from && i < to ? 0 : of));
        const short = `${hex(kept.slice(0, from))}::${hex(kept.slice(to))}`;
        const value = kept.reduce((sum, of) => (sum << 16n) | BigInt(of), 0n);
        expect(readIpv6(from === to ? hex(kept) : short)).toBe(value);
      }),
      options,
    );
  });

  it('follow RFC 4291 §2.2 and RFC 5952 §4', () => {
    expect(readIpv6('::')).toBe(0n);
    expect(readIpv6('::ffff:10.0.0.1')).toBe(0xffff0a000001n);
    expect(writeIp({ version: 6, value: (0x20010db8n << 96n) + 1n })).toBe('2001:db8::1');
    expect(writeIp({ version: 6, value: 0x0001_0000_0001_0001_0001_0001_0001_0001n })).toBe(
      '1:0:1:1:1:1:1:1',
    );
    for (const text of ['1::2::3', '1:2:3', ':::', '12345::', '1:2:3:4:5:6:7:8::', '10.0.0.256']) {
      expect([text, readIp(text)]).toEqual([text, undefined]);
    }
    expect(readMac('fa:16:3e:0:0:1')).toBe(0xfa163e000001n);
    expect(readMac('fa:16:3e:0:0')).toBeUndefined();
    expect(readPrefix('10.0.0.0/33')).toBeUndefined();
    expect(readPrefix('2001:db8::/32')?.length).toBe(32);
    expect(readPrefix('10.0.0.1')?.length).toBe(32);
  });
});

/** Addresses as text: what is written is read back, and only addresses are read. */
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

import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  formatPrefix,
  network,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
  prefixContains,
  prefixLength,
  prefixMask,
} from '../../src/packet/addresses.ts';

const SEED = { seed: 20_261_121, numRuns: 2000 };

describe('IPv4 addresses', () => {
  it.each([
    ['0.0.0.0', 0n],
    ['10.0.0.1', 0x0a00_0001n],
    ['255.255.255.255', 0xffff_ffffn],
  ])('reads and prints %s', (text, value) => {
    expect(parseIpv4(text)).toBe(value);
    expect(formatIpv4(value)).toBe(text);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '010.0.0.1',
    '1.2.3.',
    '1..2.3',
    ' 1.2.3.4',
    'a.b.c.d',
  ])('refuses %j', (text) => expect(parseIpv4(text)).toBeNull());

  it('accepts exactly what inet_pton(3) accepts', () => {
    const almost = fc.array(fc.constantFrom('0', '1', '25', '255', '256', '.', '.', '01'), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(almost, (parts) => {
        const text = parts.join('');
        expect(parseIpv4(text) !== null).toBe(isIPv4(text));
      }),
      SEED,
    );
  });
});

describe('IPv6 addresses', () => {
  // RFC 5952 §4 and §5.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('prints %s as %s', (text, canonical) => {
    const value = parseIpv6(text);
    expect(value).not.toBeNull();
    expect(formatIpv6(value ?? 0n)).toBe(canonical);
  });

  it('reads what it prints', () => {
    const group: fc.Arbitrary<bigint> = fc.constantFrom(0n, 0n, 0n, 1n, 0xffffn, 0xabcdn);
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const value = groups.reduce((sum, part) => (sum << 16n) | part, 0n);
        expect(parseIpv6(formatIpv6(value))).toBe(value);
      }),
      SEED,
    );
  });

  it('accepts exactly what inet_pton(3) accepts', () => {
    const part = fc.constantFrom('0', '1', 'ffff', 'fFfF', '12345', 'g', ':', ':', '::', '1.2.3.4');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 17 }), (parts) => {
        const text = parts.join('');
        expect(parseIpv6(text) !== null).toBe(isIPv6(text));
      }),
      { ...SEED, numRuns: 20_000 },
    );
  });
});

describe('MAC addresses', () => {
  it('reads both spellings and prints two digits an octet', () => {
    expect(parseMac('fa:16:3E:00:0b:01')).toBe(0xfa16_3e00_0b01n);
    expect(parseMac('0:1c:42:4:3b:ae')).toBe(0x001c_4204_3baen);
    expect(formatMac(0x001c_4204_3baen)).toBe('00:1c:42:04:3b:ae');
  });

  it.each([
    '',
    'fa:16:3e:00:0b',
    'fa:16:3e:00:0b:01:02',
    'fa16.3e00.0b01',
    'fa:16:3e:00:0b:1ff',
    ':::::',
  ])('refuses %j', (text) => expect(parseMac(text)).toBeNull());
});

describe('prefixes', () => {
  it('keeps host bits until the network is asked for', () => {
    const prefix = parsePrefix('10.1.2.3/8');
    expect(prefix).toEqual({ family: 4, address: 0x0a01_0203n, length: 8 });
    expect(prefix && formatPrefix(network(prefix))).toBe('10.0.0.0/8');
    expect(prefix && prefixContains(prefix, 0x0aff_ffffn)).toBe(true);
    expect(prefix && prefixContains(prefix, 0x0b00_0000n)).toBe(false);
  });

  it('reads netmasks, bare addresses and IPv6', () => {
    expect(parsePrefix('10.0.0.0/255.255.252.0')?.length).toBe(22);
    expect(parsePrefix('10.0.0.1')?.length).toBe(32);
    expect(parsePrefix('fe80::/64')).toEqual({ family: 6, address: 0xfe80n << 112n, length: 64 });
    expect(parsePrefix('::/0')).toEqual({ family: 6, address: 0n, length: 0 });
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/255.0.255.0', 'fe80::/129', '10.0.0.0/08', '/8'])(
    'refuses %j',
    (text) => expect(parsePrefix(text)).toBeNull(),
  );

  it('knows the length of every mask it makes', () => {
    for (let length = 0; length <= 32; length++) {
      expect(prefixLength(prefixMask(4, length), 4)).toBe(length);
    }
    for (let length = 0; length <= 128; length++) {
      expect(prefixLength(prefixMask(6, length), 6)).toBe(length);
    }
  });
});

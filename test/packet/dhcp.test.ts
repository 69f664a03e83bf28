import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DHCP_OPTION,
  type Dhcp,
  dhcpOption,
  emitClasslessRoutes,
  emitDhcp,
  formatDhcpOption,
  parseClasslessRoutes,
  parseDhcp,
} from '../../src/packet/dhcp.ts';
import { dhcp6Addresses, emitDhcp6, parseDhcp6 } from '../../src/packet/dhcp6.ts';
import { fromHex, toHex } from '../../src/packet/wire/bytes.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { ipv4 } from '../../src/packet/wire/ipv4.ts';
import { udp } from '../../src/packet/wire/udp.ts';
import { onFile, pcapFile } from './programs.ts';

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array(0);
}

/** What dnsmasq tells a VM on a subnet with a metadata route and a jumbo MTU. */
const OFFER: Dhcp = {
  op: 2,
  hardwareType: 1,
  hardwareLength: 6,
  hops: 0,
  transaction: 0x1234_5678,
  elapsed_s: 0,
  flags: 0,
  clientAddress: 0,
  yourAddress: 0x0a00_0051,
  serverAddress: 0x0a00_0002,
  relayAddress: 0,
  clientHardware: bytes('fa163e6002b200000000000000000000'),
  serverName: new Uint8Array(64),
  bootFile: new Uint8Array(128),
  options: [
    { code: 53, data: Uint8Array.of(2) },
    { code: 54, data: bytes('0a000002') },
    { code: 51, data: bytes('00015180') },
    { code: 1, data: bytes('ffffff00') },
    { code: 3, data: bytes('0a000001') },
    { code: 121, data: bytes('20 a9fea9fe 0a000002 00 0a000001') },
    { code: 26, data: bytes('2328') },
  ],
  rest: new Uint8Array(0),
};

describe('DHCP', () => {
  it('shows options by name', () => {
    expect(OFFER.options.map(formatDhcpOption)).toEqual([
      '53 message-type offer',
      '54 server-identifier 10.0.0.2',
      '51 lease-time 86400',
      '1 netmask 255.255.255.0',
      '3 router 10.0.0.1',
      '121 classless-static-route 169.254.169.254/32 via 10.0.0.2, 0.0.0.0/0 via 10.0.0.1',
      '26 mtu 9000',
    ]);
    expect(formatDhcpOption({ code: 26, data: Uint8Array.of(1) })).toBe('26 mtu 01');
    expect(formatDhcpOption({ code: 250, data: Uint8Array.of(1, 2) })).toBe('250 option 0102');
  });

  it('reads classless routes as RFC 3442 lays them out', () => {
    // The examples of the RFC: only the significant bytes of the destination are there.
    const data = bytes('08 0a 0a110203 18 0a1100 0a110204 19 0a110080 0a110205');
    const routes = parseClasslessRoutes(data) ?? [];
    expect(routes).toEqual([
      { destination: 0x0a00_0000, length: 8, router: 0x0a11_0203 },
      { destination: 0x0a11_0000, length: 24, router: 0x0a11_0204 },
      { destination: 0x0a11_0080, length: 25, router: 0x0a11_0205 },
    ]);
    expect(toHex(emitClasslessRoutes(routes))).toBe(toHex(data));
    expect(parseClasslessRoutes(bytes('21 0a000000 0a000001'))).toBeNull();
    expect(parseClasslessRoutes(bytes('18 0a11'))).toBeNull();
  });

  it('splits what is too long for one option, and puts it together again (RFC 3396)', () => {
    const long = new Uint8Array(600).map((_, i) => i);
    const { value } = parseDhcp(emitDhcp({ ...OFFER, options: [{ code: 121, data: long }] }));
    expect(value?.options.map(({ data }) => data.length)).toEqual([255, 255, 90]);
    expect(value && dhcpOption(value, DHCP_OPTION.classlessRoutes)).toEqual(long);
    expect(value && dhcpOption(value, DHCP_OPTION.mtu)).toBeNull();
  });

  it('reads what it wrote', () => {
    const option = fc.record({
      code: fc.integer({ min: 1, max: 254 }),
      data: fc.uint8Array({ maxLength: 255 }),
    });
    fc.assert(
      fc.property(
        fc.array(option, { maxLength: 5 }),
        fc.uint8Array({ maxLength: 9 }),
        (options, rest) => {
          const message = { ...OFFER, options, rest };
          expect(parseDhcp(emitDhcp(message))).toEqual({ value: message, problems: [] });
        },
      ),
      { seed: 20_261_121, numRuns: 500 },
    );
  });

  it('says what is wrong instead of throwing', () => {
    const whole = emitDhcp(OFFER);
    expect(parseDhcp(whole.subarray(0, 100)).problems[0]?.message).toBe('DHCP message cut short');
    expect(parseDhcp(new Uint8Array(300)).problems[0]?.message).toBe('no DHCP magic cookie');
    const cut = parseDhcp(whole.subarray(0, whole.length - 3));
    expect(cut.problems[0]?.message).toBe('DHCP options without an end');
    expect(cut.value?.options).toHaveLength(6);
  });

  const wire = encode({
    layers: [
      { kind: 'ethernet', dst: 0xfa16_3e60_02b2, src: 0xfa16_3e00_0002, type: 0x0800 },
      ipv4({ protocol: 17, src: 0x0a00_0002, dst: 0x0a00_0051 }),
      udp(67, 68),
    ],
    payload: emitDhcp(OFFER),
    inner: null,
    trailer: new Uint8Array(0),
  });
  const names = ['dhcp.ip.your', 'dhcp.option.dhcp', 'dhcp.option.interface_mtu'];
  const read = onFile(pcapFile([wire]), (path) => [
    'tshark',
    ['-n', '-r', path, '-T', 'fields', '-E', 'separator=|'].concat(
      [...names, 'dhcp.option.classless_static_route', '_ws.malformed'].flatMap((of) => ['-e', of]),
    ),
  ]);

  it.skipIf(read === null)('is understood by tshark (needs tshark)', () => {
    // tshark prints routes as hexadecimal text, one a route.
    expect(read?.trim()).toBe('10.0.0.81|2|9000|20a9fea9fe0a000002,000a000001|');
  });
});

describe('DHCPv6', () => {
  // RFC 8415 §8, §21.4, §21.6: a reply with one address in one identity association.
  const reply = bytes(
    '07 abcdef 0001 000a 00030001fa163e6002b2' +
      ' 0003 0028 3e6002b2 00000e10 00001518' +
      ' 0005 0018 20010db8000000000000000000000051 00001c20 00001c20',
  );

  it('gives the addresses of a reply', () => {
    const message = parseDhcp6(reply);
    expect(message).toMatchObject({ type: 7, transaction: 0xab_cdef });
    expect(message && dhcp6Addresses(message)).toEqual([[0x2001_0db8, 0, 0, 0x51]]);
    expect(message && toHex(emitDhcp6(message))).toBe(toHex(reply));
  });

  it('refuses relayed messages and options that do not fit', () => {
    expect(parseDhcp6(reply.subarray(0, 20))).toBeNull();
    expect(parseDhcp6(Uint8Array.of(12, 0, 0, 0))).toBeNull();
    expect(parseDhcp6(new Uint8Array(0))).toBeNull();
  });
});

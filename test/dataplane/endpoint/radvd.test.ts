/** radvd.conf, read and printed. */
import { describe, expect, it } from 'vitest';
import { parseRadvd, printRadvd } from '../../../src/dataplane/endpoint/radvd/text.ts';

const NEUTRON = `interface qr-11111111-22
{
   AdvSendAdvert on;
   MinRtrAdvInterval 30;
   MaxRtrAdvInterval 100;
   AdvLinkMTU 1450;
   AdvManagedFlag off;
   AdvOtherConfigFlag on;
   RDNSS 2001:db8::53 2001:db8::54 {};
   prefix 2001:db8:1::/64
   {
        AdvOnLink on;
        AdvAutonomous on;
   };
   prefix 2001:db8:2::/64
   {
        AdvOnLink on;
        AdvAutonomous off;
        AdvValidLifetime infinity;
   };
   route fe80::a9fe:a9fe/128 {
   };
};
`;

describe('radvd.conf', () => {
  it('gives the prefixes that a router advertises, and how addresses are to be formed', () => {
    const { value, problems } = parseRadvd(NEUTRON, 'radvd.conf');
    expect(problems).toEqual([]);
    expect(value.interfaces[0]).toMatchObject({
      name: 'qr-11111111-22',
      sends: true,
      managed: false,
      otherConfig: true,
      mtu: 1450,
      maxInterval_s: 100,
    });
    expect(
      value.interfaces[0]?.prefixes.map(({ autonomous, valid_s }) => [autonomous, valid_s]),
    ).toEqual([
      [true, null],
      [false, 0xffff_ffff],
    ]);
    expect(value.interfaces[0]?.dnsServers).toHaveLength(2);
  });

  it('prints to a text that reads the same', () => {
    const printed = printRadvd(parseRadvd(NEUTRON, 'r').value);
    const again = parseRadvd(printed, 'r');
    expect(again.problems).toEqual([]);
    expect(printRadvd(again.value)).toBe(printed);
  });

  it('tells what is wrong with line, column and what was probably meant', () => {
    const of = (text: string): readonly string[] =>
      parseRadvd(text, 'r').problems.map(
        ({ line, column, didYouMean }) => `${line}:${column} ${didYouMean ?? ''}`,
      );
    expect(of('interface a {\n AdvSendAdvertt on;\n};')).toEqual(['2:2 AdvSendAdvert']);
    expect(of('interface a {\n AdvSendAdvert maybe;\n};')).toEqual(['2:16 ']);
    expect(of('interface a {\n prefix 10::/200 { };\n};')).toEqual(['2:9 ']);
    expect(of('interface a {\n AdvSendAdvert on;\n')).toEqual(['1:13 ']);
  });
});

/** dnsmasq: its files and command line, and what it answers to clients. */
import { describe, expect, it } from 'vitest';
import { answerDhcp, type DhcpAnswer } from '../../../src/dataplane/endpoint/dnsmasq/answer4.ts';
import { answerDhcp6 } from '../../../src/dataplane/endpoint/dnsmasq/answer6.ts';
import {
  openDnsmasq,
  parseConfiguration,
  printConfiguration,
} from '../../../src/dataplane/endpoint/dnsmasq/text/command-line.ts';
import {
  parseHostsFile,
  printHostsFile,
} from '../../../src/dataplane/endpoint/dnsmasq/text/hosts.ts';
import { parseLeases, printLeases } from '../../../src/dataplane/endpoint/dnsmasq/text/leases.ts';
import { parseOptionsFile } from '../../../src/dataplane/endpoint/dnsmasq/text/options.ts';
import { type Dnsmasq } from '../../../src/dataplane/endpoint/dnsmasq/types.ts';
import { type InterfaceAddress } from '../../../src/dataplane/routing/types.ts';
import {
  DHCP_MESSAGE,
  DHCP_OPTION,
  type Dhcp,
  type DhcpOption,
  dhcpOption,
  formatDhcpOption,
} from '../../../src/packet/dhcp.ts';
import { DHCP6_MESSAGE, dhcp6Addresses } from '../../../src/packet/dhcp6.ts';
import { readIp } from '../../../src/text/address-text.ts';

const COMMAND =
  'dnsmasq --no-hosts --no-resolv --dhcp-hostsfile=/v/host --dhcp-optsfile=/v/opts ' +
  '--dhcp-leasefile=/v/leases --dhcp-match=set:ipxe,175 --bind-dynamic ' +
  '--dhcp-range=set:subnet-a,10.0.0.0,static,255.255.255.0,86400s ' +
  '--dhcp-range=set:subnet-b,fd00:1::,static,64,86400s ' +
  '--dhcp-option-force=option:mtu,1450 --dhcp-lease-max=256 --conf-file=/v/conf --domain=example.org';

const FILES: Readonly<Record<string, string>> = {
  '/v/host': [
    'fa:16:3e:00:00:01,host-10-0-0-5.example.org,10.0.0.5',
    'fa:16:3e:00:00:01,host-fd00-1--5.example.org,[fd00:1::5]',
    'fa:16:3e:00:00:02,host-10-0-0-6.example.org,10.0.0.6,set:port-x',
    'fa:16:3e:00:00:03,ignore',
    '',
  ].join('\n'),
  '/v/opts': [
    'tag:subnet-a,option:dns-server,8.8.8.8,0.0.0.0',
    'tag:subnet-a,option:classless-static-route,169.254.169.254/32,10.0.0.1,0.0.0.0/0,10.0.0.1',
    'tag:subnet-a,option:router,10.0.0.1',
    'tag:port-x,option:router',
    'tag:subnet-b,option6:dns-server,[fd00:1::53]',
  ].join('\n'),
  '/v/leases': '1795342847 fa:16:3e:00:00:01 10.0.0.5 host-10-0-0-5 01:fa:16:3e:00:00:01\n',
  '/v/conf': '# of the site\nlog-dhcp\ndhcp-option-force=option:ntp-server,192.0.2.1\n',
};

function open(command = COMMAND): Dnsmasq {
  const { value, problems } = openDnsmasq({ text: command, file: 'daemons', line: 1 }, (path) => {
    const text = FILES[path];
    return text === undefined ? null : { file: path, text };
  });
  expect(problems).toEqual([]);
  return value;
}

function address(text: string, length: number): InterfaceAddress {
  const found = readIp(text);
  if (found === undefined) throw new Error(text);
  return {
    address: found,
    length,
    peer: null,
    scope: 'global',
    secondary: false,
    deprecated: false,
    tentative: false,
  };
}

const ON = { name: 'tap0', addresses: [address('10.0.0.2', 24), address('fd00:1::2', 64)] };

function message(mac: number, type: number, options: readonly DhcpOption[] = []): Dhcp {
  return {
    op: 1,
    hardwareType: 1,
    hardwareLength: 6,
    hops: 0,
    transaction: 7,
    elapsed_s: 0,
    flags: 0,
    clientAddress: 0,
    yourAddress: 0,
    serverAddress: 0,
    relayAddress: 0,
    clientHardware: Uint8Array.of(0xfa, 0x16, 0x3e, 0, 0, mac, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    serverName: new Uint8Array(64),
    bootFile: new Uint8Array(128),
    options: [
      { code: DHCP_OPTION.messageType, data: Uint8Array.of(type) },
      { code: 55, data: Uint8Array.of(1, 28, 3, 15, 6, 12, 26, 121) },
      ...options,
    ],
    rest: new Uint8Array(0),
  };
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.').map(Number));
}

function shown(answer: DhcpAnswer): readonly string[] {
  return answer.kind === 'answer' ? answer.message.options.map(formatDhcpOption) : [answer.kind];
}

describe('the offer to a known client', () => {
  const answer = answerDhcp(open(), ON, message(1, DHCP_MESSAGE.discover));

  it('gives the address of its line, from the server’s own address', () => {
    expect(answer.kind === 'answer' ? answer.message.yourAddress : 0).toBe(0x0a000005);
    expect(answer.kind === 'answer' ? answer.broadcast : true).toBe(false);
    expect(answer.kind === 'answer' ? answer.origin : null).toEqual({ file: '/v/host', line: 1 });
  });

  it('holds what was asked for and what is forced, and nothing else', () => {
    expect([...shown(answer)].sort()).toEqual(
      [
        '53 message-type offer',
        '54 server-identifier 10.0.0.2',
        '51 lease-time 86400',
        '58 option 0000a8c0',
        '59 option 00012750',
        '1 netmask 255.255.255.0',
        '28 option 0a0000ff',
        '3 router 10.0.0.1',
        '6 dns-server 8.8.8.8,10.0.0.2',
        '12 hostname host-10-0-0-5',
        '15 domain-name example.org',
        '26 mtu 1450',
        '42 option c0000201',
        '121 classless-static-route 169.254.169.254/32 via 10.0.0.1, 0.0.0.0/0 via 10.0.0.1',
      ].sort(),
    );
  });
});

describe('other clients', () => {
  it('get no router where an option without a value takes it away', () => {
    const answer = answerDhcp(open(), ON, message(2, DHCP_MESSAGE.discover));
    expect(shown(answer)).toContain('53 message-type offer');
    // Of two options with conditions that hold, the later line counts.
    expect(shown(answer).some((option) => option.startsWith('3 '))).toBe(false);
  });

  it('that the host file does not name get no answer, nor do ignored ones', () => {
    expect(answerDhcp(open(), ON, message(9, DHCP_MESSAGE.discover)).kind).toBe('silent');
    const ignored = answerDhcp(open(), ON, message(3, DHCP_MESSAGE.discover));
    expect(ignored).toMatchObject({ kind: 'silent', origin: { file: '/v/host', line: 4 } });
  });

  it('get one of a range where addresses are free to take', () => {
    const config = open('dnsmasq --dhcp-range=10.0.0.50,10.0.0.60,1h');
    expect(answerDhcp(config, ON, message(9, DHCP_MESSAGE.discover)).kind).toBe('open');
  });

  it('on an interface without a range get no answer', () => {
    const on = { name: 'tap1', addresses: [address('10.9.0.2', 24)] };
    expect(answerDhcp(open(), on, message(1, DHCP_MESSAGE.discover)).kind).toBe('silent');
  });
});

describe('a request', () => {
  const ask = (server: string, wanted: string): DhcpAnswer =>
    answerDhcp(
      open(),
      ON,
      message(1, DHCP_MESSAGE.request, [
        { code: DHCP_OPTION.serverId, data: bytes(server) },
        { code: DHCP_OPTION.requestedAddress, data: bytes(wanted) },
      ]),
    );
  const type = (answer: DhcpAnswer): number | undefined =>
    answer.kind === 'answer' ? dhcpOption(answer.message, DHCP_OPTION.messageType)?.[0] : undefined;

  it('for the offered address is acknowledged', () => {
    expect(type(ask('10.0.0.2', '10.0.0.5'))).toBe(DHCP_MESSAGE.ack);
  });

  it('for another address is refused, by broadcast', () => {
    const answer = ask('10.0.0.2', '10.0.0.77');
    expect(type(answer)).toBe(DHCP_MESSAGE.nak);
    expect(answer).toMatchObject({ broadcast: true });
  });

  it('to another server is left alone', () => {
    expect(ask('10.0.0.3', '10.0.0.5').kind).toBe('silent');
  });
});

describe('DHCPv6', () => {
  it('advertises the address in brackets of the client’s line, and the name servers asked for', () => {
    const answer = answerDhcp6(open(), ON, 0xfa163e000001n, {
      type: DHCP6_MESSAGE.solicit,
      transaction: 5,
      options: [
        { code: 1, data: Uint8Array.of(0, 3, 0, 1, 0xfa, 0x16, 0x3e, 0, 0, 1) },
        { code: 6, data: Uint8Array.of(0, 23) },
        { code: 3, data: new Uint8Array(12) },
      ],
    });
    if (answer.kind !== 'answer') throw new Error(answer.why);
    expect(answer.message.type).toBe(DHCP6_MESSAGE.advertise);
    expect(dhcp6Addresses(answer.message)).toEqual([[0xfd000001, 0, 0, 5]]);
    expect(answer.message.options.find(({ code }) => code === 23)?.data[15]).toBe(0x53);
  });
});

describe('the files', () => {
  it('print as they were read', () => {
    const config = open();
    const printed = printConfiguration(config);
    const again = parseConfiguration(printed, 'conf');
    expect(again.problems).toEqual([]);
    expect(printConfiguration(again.value)).toBe(printed);
    const hosts = FILES['/v/host'] ?? '';
    expect(printHostsFile(parseHostsFile(hosts, 'host').value)).toBe(hosts);
    const leases = FILES['/v/leases'] ?? '';
    expect(printLeases(parseLeases(leases, 'leases').value)).toBe(leases);
  });

  it('tell what is wrong with line, column and what was probably meant', () => {
    const of = ({ line, column, didYouMean }: (typeof options)[number]): string =>
      `${line}:${column} ${didYouMean ?? ''}`;
    const options = parseOptionsFile('\ntag:a,option:routre,10.0.0.1\n26,99999999', 'o').problems;
    expect(options.map(of)).toEqual(['2:7 option:router', '3:4 ']);
    expect(parseHostsFile('fa:16:3e:00:00:01,10.0.0.999;', 'h').problems.map(of)).toEqual([
      '1:19 ',
    ]);
    expect(parseLeases('soon fa:16:3e:00:00:01 10.0.0.5 * *', 'l').problems.map(of)).toEqual([
      '1:1 ',
    ]);
    const { problems } = parseConfiguration('dhcp-optoin=3,10.0.0.1', 'c');
    expect(problems.map(of)).toEqual(['1:1 dhcp-option']);
  });
});

/**
 * What a real dnsmasq answered to messages of clients (record.py asked it), against what ours
 * answers with the same files: addresses, and every option byte by byte.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answerDhcp } from '../../../src/dataplane/endpoint/dnsmasq/answer4.ts';
import { answerDhcp6 } from '../../../src/dataplane/endpoint/dnsmasq/answer6.ts';
import { type ServedInterface } from '../../../src/dataplane/endpoint/dnsmasq/client.ts';
import { openDnsmasq } from '../../../src/dataplane/endpoint/dnsmasq/text/command-line.ts';
import { type Dnsmasq } from '../../../src/dataplane/endpoint/dnsmasq/types.ts';
import { formatIpv4Number } from '../../../src/packet/addresses.ts';
import { type Dhcp, parseDhcp } from '../../../src/packet/dhcp.ts';
import { type Dhcp6, dhcp6Addresses, parseDhcp6 } from '../../../src/packet/dhcp6.ts';
import { readMac, readPrefix } from '../../../src/text/address-text.ts';
import { ROOT } from '../../sources.ts';

interface Question {
  readonly what: string;
  readonly version: 4 | 6;
  readonly mac: string;
  readonly payload: string;
  readonly answer: {
    readonly to_mac: string;
    readonly to: string;
    readonly payload: string;
  } | null;
}

interface Case {
  readonly name: string;
  readonly settings: readonly string[];
  readonly hosts: readonly string[];
  readonly options: readonly string[];
  readonly addresses: readonly string[];
  readonly questions: readonly Question[];
}

const recorded = JSON.parse(
  readFileSync(join(ROOT, 'test/fixtures/dhcp/dnsmasq.json'), 'utf8'),
) as { readonly cases: readonly Case[] };

function configOf({ settings, hosts, options }: Case): Dnsmasq {
  const files: Readonly<Record<string, string>> = {
    conf: [...settings, 'dhcp-hostsfile=hosts', 'dhcp-optsfile=options', ''].join('\n'),
    hosts: hosts.join('\n'),
    options: options.join('\n'),
  };
  const command = { text: 'dnsmasq --conf-file=conf --interface=s0', file: 'command', line: 1 };
  const { value, problems } = openDnsmasq(command, (path) => {
    const text = files[path];
    return text === undefined ? null : { file: path, text };
  });
  expect(problems).toEqual([]);
  return value;
}

function interfaceOf({ addresses }: Case): ServedInterface {
  const read = addresses.map((text) => {
    const prefix = readPrefix(text);
    if (prefix === undefined) throw new Error(text);
    const flags = { peer: null, secondary: false, deprecated: false, tentative: false };
    return { ...prefix, ...flags, scope: 'global' as const };
  });
  return { name: 's0', addresses: read };
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}

function dhcp(payload: string): Dhcp {
  const { value } = parseDhcp(bytes(payload));
  if (value === null) throw new Error('not DHCP');
  return value;
}

function dhcp6(payload: string): Dhcp6 {
  const message = parseDhcp6(bytes(payload));
  if (message === null) throw new Error('not DHCPv6');
  return message;
}

/** Who gets what; the order of options means nothing (RFC 2132 §2). */
function told4(message: Dhcp, to: string): unknown {
  const { yourAddress, serverAddress, transaction, options } = message;
  const all = options
    .filter(({ code }) => code !== 0)
    .map(({ code, data }) => `${code} ${hex(data)}`);
  return { to, yourAddress, serverAddress, transaction, options: all.sort() };
}

/** The server's DUID stands in no file, and T1 and T2 are up to it (RFC 8415 §21.4). */
function told6(message: Dhcp6): unknown {
  const { type, transaction, options } = message;
  const settings = options.filter(({ code }) => ![1, 2, 3, 13].includes(code));
  return {
    type,
    transaction,
    addresses: dhcp6Addresses(message),
    settings: settings.map(({ code, data }) => `${code} ${hex(data)}`).sort(),
  };
}

/** Preference and the client's name, which dnsmasq adds: neither changes a client's network. */
const UNASKED = new Set([7, 39]);

describe.each(recorded.cases)('dnsmasq as configured by $name', (one) => {
  const config = configOf(one);
  const on = interfaceOf(one);

  it.each(one.questions.filter(({ version }) => version === 4))('$what', ({ payload, answer }) => {
    const ours = answerDhcp(config, on, dhcp(payload));
    if (ours.kind !== 'answer' || answer === null) {
      expect(ours.kind === 'answer').toBe(answer !== null);
      return;
    }
    const to = ours.broadcast ? '255.255.255.255' : formatIpv4Number(ours.message.yourAddress);
    expect(told4(ours.message, to)).toEqual(told4(dhcp(answer.payload), answer.to));
  });

  it.each(one.questions.filter(({ version }) => version === 6))(
    '$what',
    ({ mac, payload, answer }) => {
      const ours = answerDhcp6(config, on, readMac(mac) ?? 0n, dhcp6(payload));
      if (ours.kind !== 'answer' || answer === null) {
        expect(ours.kind === 'answer').toBe(answer !== null);
        return;
      }
      const real = dhcp6(answer.payload);
      const options = real.options.filter(({ code }) => !UNASKED.has(code));
      expect(told6(ours.message)).toEqual(told6({ ...real, options }));
    },
  );
});

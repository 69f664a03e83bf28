/** The sysctls of connection tracking, and a table that is full. */
import { describe, expect, it } from 'vitest';
import { tableLimit, trackingSettings } from '../../../src/dataplane/conntrack/sysctls.ts';
import { parseConntrack } from '../../../src/dataplane/conntrack/text/dump.ts';
import { readSysctls } from '../../../src/dataplane/routing/text/settings.ts';

function sysctls(text: string): ReadonlyMap<string, string> {
  return readSysctls('sysctl.txt', text).value;
}

const line = (port: number, more: string): string =>
  `ipv4     2 tcp      6 100 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=${port} dport=80 ` +
  `src=10.0.0.2 dst=10.0.0.1 sport=80 dport=${port} ${more} mark=0 use=1\n`;

describe('sysctls of connection tracking', () => {
  it('have the defaults of the kernel where nothing is written', () => {
    const settings = trackingSettings(sysctls('net.ipv4.ip_forward = 1\n'));
    expect(settings.tcp).toEqual({
      loose: true,
      beLiberal: false,
      ignoreInvalidRst: false,
      maxRetransmissions: 3,
    });
    expect([settings.verifies, settings.helpsByPort, settings.timeouts]).toEqual([true, false, {}]);
  });

  it('are read by the names of the kernel', () => {
    const text =
      'net.netfilter.nf_conntrack_tcp_loose = 0\n' +
      'net.netfilter.nf_conntrack_tcp_be_liberal = 1\n' +
      'net.netfilter.nf_conntrack_tcp_max_retrans = 5\n' +
      'net.netfilter.nf_conntrack_checksum = 0\n' +
      'net.netfilter.nf_conntrack_helper = 1\n' +
      'net.netfilter.nf_conntrack_tcp_timeout_syn_sent = 7\n' +
      'net.netfilter.nf_conntrack_tcp_timeout_max_retrans = 8\n' +
      'net.netfilter.nf_conntrack_udp_timeout_stream = 9\n' +
      'net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent = 4\n';
    const settings = trackingSettings(sysctls(text));
    expect(settings.tcp).toMatchObject({ loose: false, beLiberal: true, maxRetransmissions: 5 });
    expect([settings.verifies, settings.helpsByPort]).toEqual([false, true]);
    expect(settings.timeouts).toEqual({
      tcp_syn_sent: 7,
      tcp_retrans: 8,
      udp_stream: 9,
      sctp_shutdown_sent: 4,
    });
  });
});

describe('a table of connections', () => {
  const host = sysctls('net.netfilter.nf_conntrack_max = 2\n');
  const own = sysctls('net.netfilter.nf_conntrack_count = 2\n');
  const none = (): null => null;
  const entries = (text: string) => parseConntrack('conntrack.txt', text).value.entries;

  it('has the limit of the host and the count of its namespace', () => {
    expect(tableLimit(own, host, none)).toEqual({ most: 2, count: 2, makesRoom: 'perhaps' });
    expect(tableLimit(sysctls(''), host, none)).toBeNull();
    expect(tableLimit(own, sysctls('net.netfilter.nf_conntrack_max = 0\n'), none)).toBeNull();
  });

  it('is not read where its count tells that it is not even half full', () => {
    const roomy = sysctls('net.netfilter.nf_conntrack_max = 9\n');
    const unread = (): never => expect.unreachable('the dump was read');
    expect(tableLimit(own, roomy, unread)).toEqual({ most: 9, count: 2, makesRoom: 'perhaps' });
  });

  it('makes no room where every connection is known and assured', () => {
    const assured = entries(line(1, '[ASSURED]') + line(2, '[ASSURED]'));
    expect(tableLimit(own, host, () => assured)?.makesRoom).toBe('never');
    const mixed = entries(line(1, '[ASSURED]') + line(2, ''));
    expect(tableLimit(own, host, () => mixed)?.makesRoom).toBe('perhaps');
    const one = entries(line(1, '[ASSURED]'));
    expect(tableLimit(own, host, () => one)?.makesRoom).toBe('perhaps');
  });
});

/**
 * What a guest gets from the programs of its network: addresses, settings, who it is, answers of
 * servers behind a balancer. The deployments are captured ones, some with a file changed.
 */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { exchangeTarget } from '../../src/trace/exchanges/targets.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type PacketQuestion, type Trace } from '../../src/trace/types.ts';
import { captured, folderOf } from '../captured.ts';

type Files = Map<string, string>;

const USUAL: PacketQuestion = {
  protocol: 'icmp',
  sourcePort: null,
  destinationPort: null,
  source: null,
  icmpId: null,
  size: 16,
  dontFragment: false,
  flow: null,
};

/** Asks a deployment after its files were changed. */
function asked(
  capture: string,
  [from, word]: readonly [string, string],
  packet: Partial<PacketQuestion> = {},
  change: (files: Files) => void = () => {},
): Trace {
  const files = new Map(captured(capture).files);
  change(files);
  const network = openSnapshot(folderOf(files, '.'));
  const source = resolveEnd(network, from, { side: 'from' });
  if (source.kind !== 'found') throw new Error(`who is ${from}?`);
  const special = exchangeTarget(network, word, source.resolved.end, 4);
  const target = special === null ? resolveEnd(network, word) : null;
  const to = special?.to ?? (target?.kind === 'found' ? target.resolved.end : null);
  if (to === null) throw new Error(`where is ${word}?`);
  const question = {
    from: source.resolved.end,
    to,
    packet: { ...USUAL, ...packet, ...special?.packet },
  };
  const traced = prepareTracing(network).trace(question);
  if (traced.kind === 'impossible') throw new Error(traced.why);
  return traced.trace;
}

/** Changes every file whose path fits. */
function edit(files: Files, path: RegExp, change: (text: string) => string): void {
  let found = 0;
  for (const [name, text] of files) {
    if (!path.test(name)) continue;
    files.set(name, change(text));
    found++;
  }
  if (found === 0) throw new Error(`no file is like ${String(path)}`);
}

const FW = 'ovs-vxlan-ovsfw';
const NET_A = 'b74de5a1-67f3-4afc-bcca-1cb667a41ec2';

describe('a guest that asks for an address', () => {
  it('gets the one of its port from the server of its network, over the tunnel and back', () => {
    const trace = asked(FW, ['a1', 'dhcp']);
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.content).toMatchObject({
      kind: 'lease',
      address: '10.0.0.81',
      server: '10.0.0.2',
    });
    expect(trace.request?.end).toMatchObject({ host: 'net1', namespace: `qdhcp-${NET_A}` });
    expect(trace.reply?.end).toMatchObject({ host: 'compute1', namespace: 'vm-a1' });
  });

  it('hears of nobody when the host file has no line for it, and is told which range has none', () => {
    const trace = asked(FW, ['a1', 'dhcp'], {}, (files) => {
      edit(files, new RegExp(`^hosts/net1/files/dhcp/${NET_A}/host$`), (text) =>
        text.replaceAll(/^fa:16:3e:56:3c:df,.*\n/gm, ''),
      );
    });
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.content).toBeNull();
    expect(trace.blockers[0]).toMatchObject({ code: 'DHCP_NO_ADDRESS', host: 'net1' });
    expect(trace.blockers[0]?.origin?.file).toContain('daemon-cmdlines');
  });

  it('is not sure of anything when the server’s configuration is not in the snapshot', () => {
    const trace = asked(FW, ['a1', 'dhcp'], {}, (files) => {
      edit(files, /^hosts\/net1\/daemon-cmdlines/, () => '');
    });
    expect(trace.verdict).toBe('UNDETERMINED');
    expect(trace.blockers[0]?.code).toBe('SNAPSHOT_INCOMPLETE');
  });

  it('gets none where no server runs', () => {
    const trace = asked(FW, ['a1', 'dhcp'], {}, (files) => {
      edit(files, /^hosts\/net1\/daemon-cmdlines/, () => '');
      edit(files, new RegExp(`qdhcp-${NET_A}/ss-listen`), (text) => text.split('\n')[0] ?? '');
    });
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.delivered).toBe(false);
  });
});

/** The network of the guest `a1` with an IPv6 range, a line for its MAC and an advertising router. */
function withIpv6(files: Files): void {
  const qdhcp = `hosts/net1/ns/qdhcp-${NET_A}`;
  edit(files, /^hosts\/net1\/daemon-cmdlines/, (text) => {
    const six =
      '--dhcp-range=set:six,fd00:1::,static,64,86400s --dhcp-option=tag:six,option6:dns-server,[fd00:1::53]';
    const lines = text.split('\n').map((line) => (line.includes(NET_A) ? `${line} ${six}` : line));
    return `${lines.join('\n')}\nradvd -C /var/lib/neutron/ra/796e7630-605d-4331-bc1d-eda19597c455.radvd.conf\n`;
  });
  edit(files, new RegExp(`files/dhcp/${NET_A}/host$`), (text) => {
    return `${text.trimEnd()}\nfa:16:3e:56:3c:df,host-six,[fd00:1::77]\n`;
  });
  edit(files, new RegExp(`${qdhcp}/ip-addr.json`), (text) => {
    const links = JSON.parse(text) as { ifname: string; addr_info: unknown[] }[];
    for (const { ifname, addr_info } of links) {
      if (!ifname.startsWith('tap')) continue;
      addr_info.push({ family: 'inet6', local: 'fd00:1::2', prefixlen: 64, scope: 'global' });
    }
    return JSON.stringify(links);
  });
  edit(files, new RegExp(`${qdhcp}/ss-listen`), (text) => {
    return `${text.trimEnd()}\nudp UNCONN 0 0 [::]:547 [::]:* users:(("dnsmasq",pid=1,fd=3))\n`;
  });
  files.set(
    'hosts/net1/files/ra/796e7630-605d-4331-bc1d-eda19597c455.radvd.conf',
    'interface qr-3c22090f-91 {\n AdvSendAdvert on;\n prefix 2001:db8:5::/64 { AdvAutonomous on; };\n};\n',
  );
}

describe('a guest of a network with IPv6', () => {
  it('gets an address by DHCPv6 from its line in the host file', () => {
    const trace = asked(FW, ['a1', 'dhcp6'], {}, withIpv6);
    expect(trace.content).toMatchObject({ kind: 'lease', address: 'fd00:1::77' });
    expect(
      trace.content?.kind === 'lease' ? trace.content.settings.get('dhcp6_name_servers') : '',
    ).toBe('fd00:1::53');
  });

  it('forms one from the prefix that its router advertises', () => {
    const trace = asked(FW, ['a1', 'slaac'], {}, withIpv6);
    // The MAC fa:16:3e:56:3c:df with ff:fe in the middle and the universal bit turned.
    expect(trace.content).toEqual({
      kind: 'autonomous',
      addresses: ['2001:db8:5:0:f816:3eff:fe56:3cdf'],
      router: 'fe80::f816:3eff:fe27:5886',
    });
    expect(trace.receivedBy).toBe('router-a');
  });

  it('forms none where nobody advertises', () => {
    const trace = asked(FW, ['a1', 'slaac']);
    expect(trace.delivered).toBe(false);
    expect(trace.content).toBeNull();
  });
});

describe('who has an address', () => {
  it('is answered by the switch of the own host for a server elsewhere', () => {
    const trace = asked(FW, ['a1', 'arp:10.0.0.7']);
    expect(trace.content).toEqual({ kind: 'neighbour', macs: ['fa:16:3e:76:61:fe'] });
    expect(trace.request?.hops.every(({ host }) => host === 'compute1')).toBe(true);
  });

  it('is answered by nobody for an address that nobody has', () => {
    expect(asked(FW, ['a1', 'arp:10.0.0.250']).delivered).toBe(false);
  });

  it('may be asked from addresses that the port is allowed, and from no other', () => {
    const from = (last: bigint): Trace => {
      const source = { version: 4, value: 0x0a64_0000n + last } as const;
      return asked('ovs-vlan-hybrid', ['aap', 'arp:10.100.0.142'], { source });
    };
    // Both were tried on the real deployment: 10.100.0.200 was answered, 10.100.0.201 was not.
    expect(from(200n).content).toEqual({ kind: 'neighbour', macs: ['fa:16:3e:c7:38:af'] });
    expect(from(201n).blockers[0]?.code).toBe('ARP_SPOOF_BLOCKED');
  });
});

describe('the metadata service', () => {
  it('takes a client for the server whose port has its address on the router’s networks', () => {
    const trace = asked(FW, ['a1', 'metadata']);
    expect(trace.content).toEqual({
      kind: 'metadata',
      client: '10.0.0.81',
      instance: '3cf95ab8-1d1e-4777-886f-2537c0c1d033',
    });
  });

  it('is reached through the DHCP namespace where that is the way to it', () => {
    const trace = asked('ovs-vlan-hybrid', ['f1', 'metadata']);
    expect(trace.request?.end).toMatchObject({ namespace: expect.stringMatching(/^qdhcp-/) });
  });

  it('is not reached where its proxy does not run', () => {
    const trace = asked(FW, ['a1', 'metadata'], {}, (files) => {
      edit(files, /qrouter-796e7630.*\/ss-listen/, (text) => text.split('\n')[0] ?? '');
    });
    expect(trace.blockers[0]?.code).toBe('NOT_LISTENING');
  });
});

const LB = 'ovs-lbaas-haproxy';
const HTTP = { protocol: 'tcp', destinationPort: 80 } as const;

/** Takes the group rule away that lets the balancer in to a server. */
function unreachable(host: string): (files: Files) => void {
  return (files) => {
    edit(files, new RegExp(`^hosts/${host}/ovs/br-int.flows`), (text) =>
      text
        .split('\n')
        .filter((line) => !/tp_dst=8080|tp_dst=0x1f90/.test(line))
        .join('\n'),
    );
  };
}

describe('a connection to a balancer', () => {
  it('arrives at each of the servers, and comes from the balancer', () => {
    const trace = asked(LB, ['cl', '10.90.0.176'], HTTP);
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.receivedBy).toBeNull();
    expect(trace.alternatives.map((one) => one.trace.receivedBy)).toEqual(['w1', 'w2']);
    const [first] = trace.alternatives;
    expect(first?.trace.observed).toEqual({
      source: '10.90.0.176',
      destination: '10.90.0.160',
      sourcePort: null,
      destinationPort: 8080,
    });
    const hosts = trace.request?.hops.map(({ host }) => host);
    expect([hosts?.[0], hosts?.at(-1)]).toEqual(['compute2', 'compute1']);
  });

  it('arrives at the server that is left when the other one fails its health check', () => {
    const trace = asked(LB, ['cl', '10.90.0.176'], HTTP, unreachable('compute1'));
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.receivedBy).toBe('w2');
    expect(trace.alternatives).toEqual([]);
  });

  it('ends at the balancer when no server is up', () => {
    const trace = asked(LB, ['cl', '10.90.0.176'], HTTP, (files) => {
      unreachable('compute1')(files);
      unreachable('compute2')(files);
    });
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.requestDelivered).toBe(false);
    expect(trace.blockers[0]).toMatchObject({ code: 'LB_NO_SERVER', host: 'net1' });
  });

  it('is ambiguous where servers differ and nobody checks their health', () => {
    const trace = asked(LB, ['cl', '10.90.0.176'], HTTP, (files) => {
      unreachable('compute1')(files);
      edit(files, /haproxy\.conf$/, (text) => text.replaceAll(/ check inter .*$/gm, ''));
    });
    expect(trace.verdict).toBe('AMBIGUOUS');
    expect(trace.alternatives.map((one) => one.trace.verdict)).toEqual([
      'UNREACHABLE',
      'REACHABLE',
    ]);
  });

  it('goes to the server that the balancer chooses by the client’s address', () => {
    const trace = asked(LB, ['cl', '10.90.0.176'], HTTP, (files) => {
      edit(files, /haproxy\.conf$/, (text) => text.replace('balance roundrobin', 'balance source'));
    });
    // 10.90.0.46 is 0x0a5a002e, an even number: the first of two.
    expect(trace.receivedBy).toBe('w1');
  });
});

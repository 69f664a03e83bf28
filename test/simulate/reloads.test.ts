/** keepalived reads changed files again while routers run; words that name nothing are told with what was meant. */
import { describe, expect, it } from 'vitest';
import { onlyWay, played, redundantCloud, story } from './cloud.ts';

const network = redundantCloud();
const PROBE = 'v1 -> external:198.51.100.10 every 250ms';

function haOf(host: string): string {
  for (const [name, { state }] of network.hosts.get(host)?.namespaces ?? []) {
    const found = state.interfaces.find((one) => one.name.startsWith('ha-'));
    if (name.startsWith('qrouter-') && found !== undefined) return found.name;
  }
  return '';
}

function confOf(host: string): string {
  for (const [path, read] of network.hosts.get(host)?.configs ?? []) {
    if (path.endsWith('keepalived.conf')) return read().text;
  }
  throw new Error(`no keepalived.conf on ${host}`);
}

describe('a reload', () => {
  it('with another priority is told at once: the better backup stays, as Neutron has nopreempt', () => {
    const way = onlyWay(network, {
      events: ['t=3s reload edge@net1 priority 150'],
      probes: [PROBE],
      until_us: 12e6,
    });
    expect([...way.masters]).toEqual([['edge', ['net2']]]);
    expect(way.probes[0]?.windows).toEqual([]);
    const lower = onlyWay(network, {
      events: ['t=3s reload edge@net2 priority 40'],
      until_us: 12e6,
    });
    expect(story(lower, 'advert').at(-1)).toContain('advert of priority 40');
  });

  it('adds and removes addresses of the master, and announces what came', () => {
    const device = haOf('net2');
    const way = onlyWay(network, {
      events: [
        `t=3s reload edge@net2 add virtual_ipaddress_excluded 10.99.0.1/24 dev ${device}`,
        `t=6s reload edge@net2 remove virtual_ipaddress_excluded 10.99.0.1/24 dev ${device}`,
      ],
      until_us: 9e6,
    });
    const told = story(way, 'address', 'announce').filter((line) => line.includes('10.99.0.1'));
    expect(told).toEqual([
      `edge@net2 adds 10.99.0.1/24 on ${device}`,
      `edge@net2 5 gratuitous ARP for 10.99.0.1 on ${device}`,
      `edge@net2 removes 10.99.0.1/24 on ${device}`,
    ]);
    expect(way.roles).toEqual([]);
  });

  it('with another file ends instances that are gone and begins new ones', () => {
    const second = confOf('net2')
      .replace(/vrrp_instance \S+ \{/, 'vrrp_instance VR_new {')
      .replace(/virtual_router_id \d+/, 'virtual_router_id 99')
      .replace(/169\.254\.0\.\d+/, '169.254.0.99');
    const way = onlyWay(network, {
      events: ['t=3s reload edge@net2 with /new.conf'],
      until_us: 30e6,
      readFile: (path) => (path === '/new.conf' ? second : null),
    });
    // The old instance says goodbye, and its backup takes over; the new one is alone.
    expect(story(way, 'role')).toEqual([
      'edge@net2 STOPPED: keepalived was told to stop',
      'edge@net2:VR_new BACKUP: keepalived started',
      'edge@net1 MASTER: the master said goodbye and nobody else came',
      'edge@net2:VR_new MASTER: no advert came in time',
    ]);
  });
});

describe('words that are wrong', () => {
  it.each([
    ['t=1s reload edge@net9 priority 3', 'did you mean edge@net1?'],
    ['t=1s reload edge@net1 priorty 3', 'did you mean'],
    ['t=1s reload edge@net1 priority many', 'priority'],
    ['t=1s reload edge@net1 add priority 3', 'virtual_ipaddress'],
    ['t=1s reload edge@net1 with /nothing.conf', 'there is no file /nothing.conf'],
    ['t=1s reload edge@net1 with /bad.conf', '/bad.conf:2:3'],
    ['t=1s fial host net1', 'did you mean fail host HOST'],
    ['t=1s fail hots net1', 'did you mean fail host HOST'],
    ['t=1s fail host net22', 'did you mean net2?'],
    ['t=1s down net1:eth11', 'did you mean net1:eth1?'],
    ['t=1s lose 100% vrpr in at net1:eth1', 'did you mean vrrp?'],
    ['t=1s kill ovs-vswichd at net1', 'did you mean ovs-vswitchd?'],
    ['t=1s signal TREM keepalived edge@net1', 'did you mean TERM?'],
    ['t=1s migrate v11 to net1', 'did you mean v1?'],
    ['t=1s migrate v1 to compute11', 'did you mean compute1?'],
    ['t=1s add address 10.0.0.300/24 at net1:eth1', '10.0.0.300/24 is no ADDRESS/LENGTH'],
    ['t=1 fail host net1', 'it begins with its time'],
  ])('%s: %s', (event, message) => {
    const readFile = (path: string): string | null =>
      path === '/bad.conf' ? 'vrrp_instance X {\n  priorty 3\n}\n' : null;
    expect(() => played(network, { events: [event], readFile })).toThrow(message);
  });
});

describe('what a keepalived.conf asks for', () => {
  const with_ = (lines: string) =>
    redundantCloud({
      keepalived: (text) =>
        text.replace('virtual_ipaddress {', `${lines}\n    virtual_ipaddress {`),
    });
  const RULES = `virtual_rules {
        from 10.0.0.0/24 table 77 preference 900
        to 10.9.0.0/16 lookup 78
        from 10.0.0.0/24 uidrange 0-9 table 79
    }`;

  it('as policy rules is set by who becomes master, and given back by who yields', () => {
    const ruled = with_(RULES);
    const way = onlyWay(ruled, { events: [`t=5s down net2:${haOf('net2')}`], until_us: 20e6 });
    expect([...way.masters]).toEqual([['edge', ['net1']]]);
    const rulesOn = (host: string) =>
      [...(way.end.hosts.get(host)?.namespaces.values() ?? [])]
        .flatMap(({ name, state }) => (name.startsWith('qrouter-') ? state.rules : []))
        .filter(({ version }) => version === 4)
        .map(({ priority, action }) => [priority, action.kind === 'lookup' ? action.table : 0])
        .sort(([a = 0], [b = 0]) => a - b);
    // Without a preference the kernel takes one less than that of the second rule.
    expect(rulesOn('net1')).toEqual([
      [0, 255],
      [899, 78],
      [900, 77],
      [32766, 254],
      [32767, 253],
    ]);
    expect(rulesOn('net2')).toEqual([
      [0, 255],
      [32766, 254],
      [32767, 253],
    ]);
  });

  it('and is not followed is told with its place, as are words that nobody knows', () => {
    const way = onlyWay(
      with_(`${RULES}\n    track_file {\n flag weight 10\n}\n    virtul_routes`),
      {
        until_us: 1e6,
      },
    );
    const told = story(way, 'process').filter((line) => line.startsWith('edge@net1'));
    expect(told.map((line) => line.replace(/\S*keepalived.conf/, 'FILE'))).toEqual([
      expect.stringMatching(/^edge@net1 FILE:\d+:\d+: .*unknown.*virtual_routes/),
      expect.stringMatching(/^edge@net1 FILE:\d+: track_file is not followed in a simulation$/),
      expect.stringMatching(
        /^edge@net1 FILE:\d+: the rule from 10.0.0.0\/24 uidrange 0-9 table 79 is not followed/,
      ),
    ]);
    const reloaded = onlyWay(network, {
      events: ['t=1s reload edge@net1 use_vmac'],
      until_us: 2e6,
    });
    expect(story(reloaded, 'process').join()).toContain('use_vmac is not followed in a simulation');
    expect(story(onlyWay(network, { until_us: 1e6 }), 'process')).toEqual([]);
  });
});

/** keepalived.conf: what Neutron and others write, read into instances and printed again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveInstance } from '../../../src/dataplane/vrrp/effective.ts';
import { parseKeepalived, printKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';
import { type Keepalived, type VrrpInstance } from '../../../src/dataplane/vrrp/types.ts';

const NEUTRON = `global_defs {
    notification_email_from neutron@openstack.local
    router_id neutron
}
vrrp_instance VR_7 {
    state BACKUP
    interface ha-11111111-22
    virtual_router_id 7
    priority 50
    garp_master_delay 60
    nopreempt
    advert_int 2
    track_interface {
        ha-11111111-22
    }
    virtual_ipaddress {
        169.254.0.7/24 dev ha-11111111-22
    }
    virtual_ipaddress_excluded {
        192.0.2.5/32 dev qg-33333333-44 no_track
        fe80::1/64 dev qr-55555555-66 scope link no_track
    }
    virtual_routes {
        0.0.0.0/0 via 192.0.2.1 dev qg-33333333-44 no_track protocol static
        ::/0 via fe80::9 dev qg-33333333-44
    }
}`;

const SITE = `! two instances that fail together
vrrp_script chk_haproxy {
    script "/usr/bin/killall -0 haproxy"   # quoted, with parameters
    interval 2
    weight -20
    fall 3
    rise 2
}
vrrp_sync_group G1 {
    group {
        INSIDE
        OUTSIDE
    }
    notify_master "/etc/keepalived/master.sh now"
}
vrrp_instance INSIDE
{
    interface eth1
    virtual_router_id 51
    priority 101
    advert_int 0.5
    version 3
    authentication { auth_type PASS
      auth_pass 's3 cret'
    }
    unicast_src_ip 10.0.0.1
    unicast_peer {
        10.0.0.2
        10.0.0.3 min_ttl 254
    }
    track_script {
        chk_haproxy weight -30 reverse
    }
    virtual_ipaddress { 10.0.0.100/24 dev eth1 label eth1:vip }
    virtual_routes {
        src 10.0.0.100 to 10.9.0.0/16 via 10.0.0.254 or 10.0.0.253 dev eth1 metric 5
        blackhole 10.8.0.0/16
        10.7.0.0/16 table 9 nexthop via 10.0.0.4 dev eth1 weight 1 nexthop via 10.0.0.5 weight 2
    }
    virtual_rules {
        from 10.0.0.100/32 table 9 preference 1000
    }
    preempt_delay 5
}
virtual_server 10.0.0.100 80 {
    lb_algo rr
}
`;

function read(text: string): Keepalived {
  const { value, problems } = parseKeepalived(text, 'keepalived.conf');
  expect(problems).toEqual([]);
  return value;
}

function only(text: string): VrrpInstance {
  const [instance] = read(text).instances;
  if (instance === undefined) throw new Error('no instance');
  return instance;
}

/** Values without the places they were read from. */
function withoutOrigins(value: unknown): string {
  return JSON.stringify(value, (key, one: unknown) =>
    key === 'origin' ? undefined : typeof one === 'bigint' ? String(one) : one,
  );
}

describe('the file Neutron writes for a router', () => {
  const instance = only(NEUTRON);

  it('gives an instance with its addresses, routes and what it tracks', () => {
    expect(instance).toMatchObject({
      name: 'VR_7',
      initialState: 'BACKUP',
      virtualRouterId: 7,
      priority: 50,
      preempt: false,
      advertInterval_us: 2_000_000,
      garpMasterDelay_us: 60_000_000,
      trackInterfaces: [{ name: 'ha-11111111-22', weight: null, reverse: false }],
    });
    expect(instance.addresses).toHaveLength(1);
    expect(
      instance.excludedAddresses.map(({ length, scope, noTrack }) => [length, scope, noTrack]),
    ).toEqual([
      [32, null, true],
      [64, 'link', true],
    ]);
    expect(
      instance.routes.map(({ version, protocol, noTrack }) => [version, protocol, noTrack]),
    ).toEqual([
      [4, 'static', true],
      [6, null, false],
    ]);
  });

  it('leaves the delay after a lower advert at the default, whatever the master delay is', () => {
    const { globals } = read(NEUTRON);
    expect(effectiveInstance(instance, globals)).toMatchObject({
      version: 2,
      garpMasterDelay_us: 60_000_000,
      garpLowerPriorityDelay_us: 5_000_000,
      garpLowerPriorityRepeat: 5,
      downTimerAdverts: 3,
    });
  });
});

describe('a file of a site', () => {
  it('is read with quotes, comments, blocks on one line and braces on the next', () => {
    const config = read(SITE);
    const [instance] = config.instances;
    expect(config.scripts[0]).toMatchObject({
      command: ['/usr/bin/killall -0 haproxy'],
      interval_us: 2_000_000,
      weight: { value: -20, reverse: false },
    });
    expect(config.syncGroups[0]?.members).toEqual(['INSIDE', 'OUTSIDE']);
    expect(instance?.authentication).toEqual({ type: 'PASS', password: 's3 cret' });
    expect(instance?.unicastPeers).toHaveLength(2);
    expect(instance?.routes.map(({ type, hops }) => [type, hops.length])).toEqual([
      ['unicast', 2],
      ['blackhole', 0],
      ['unicast', 2],
    ]);
    expect(config.others.map(({ words }) => words[0])).toEqual(['virtual_server']);
  });

  it('prints to a text that reads as the same configuration', () => {
    for (const text of [NEUTRON, SITE]) {
      const config = read(text);
      const printed = printKeepalived(config);
      expect(withoutOrigins(read(printed))).toBe(withoutOrigins(config));
      expect(printKeepalived(read(printed))).toBe(printed);
    }
  });
});

describe('what is wrong with a file', () => {
  const problems = (text: string): readonly string[] =>
    parseKeepalived(text, 'k').problems.map(
      ({ line, column, text: word, didYouMean }) => `${line}:${column} ${word} ${didYouMean ?? ''}`,
    );

  it('is told with line, column and what was probably meant', () => {
    expect(problems('vrrp_instance A {\n  virtual_router_id 3\n  prioritty 5\n}')).toEqual([
      '3:3 prioritty priority',
    ]);
    expect(problems('vrrp_instance A {\n virtual_router_id 300\n}')).toEqual([
      '2:20 300 ',
      '1:1 vrrp_instance ',
    ]);
    expect(problems('vrrp_instance A {\n virtual_router_id 3\n')).toEqual(['1:17 { ']);
    expect(problems('vrrp_instanse A {\n}')).toEqual(['1:1 vrrp_instanse vrrp_instance']);
    expect(
      problems(
        'vrrp_instance A {\n virtual_router_id 3\n virtual_ipaddress {\n 10.0.0.300/24\n}\n}',
      ),
    ).toEqual(['4:2 10.0.0.300/24 ']);
    expect(problems('include /etc/keepalived/conf.d/*.conf')).toEqual(['1:1 include ']);
  });

  it('never stops the reader, whatever the text is', () => {
    const word = fc.constantFrom(
      ...'{ } vrrp_instance A virtual_routes via dev 10.0.0.1/8 default " # \n weight priority'.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const text = words.join(' ');
        const { value } = parseKeepalived(text, 'k');
        const printed = printKeepalived(value);
        expect(printKeepalived(parseKeepalived(printed, 'k').value)).toBe(printed);
      }),
      { numRuns: 300 },
    );
  });
});

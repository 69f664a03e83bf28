/** What a cloud's hosts and API say of its settings is what its agents are compiled with. */
import { describe, expect, it } from 'vitest';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { captured, folderOf } from '../captured.ts';

const PREFIX = '1-before/';

/** Compiled files of a phase of a capture, with some of its texts changed and files added. */
function compiledWith(
  change: (path: string, text: string) => string,
  added: Readonly<Record<string, string>> = {},
) {
  const files = new Map(
    [...captured('ovs-ha-router').files].map(([path, text]) => [path, change(path, text)]),
  );
  for (const [path, text] of Object.entries(added)) files.set(path, text);
  return compileFiles(cloudOfNetwork(openSnapshot(folderOf(files, '1-before'))));
}

/** The file of an agent of net1. */
function withOptions(agent: string, options: string): Readonly<Record<string, string>> {
  const path = `${PREFIX}hosts/net1/files/etc/neutron-${agent}-agent.ini`;
  return { [path]: `[DEFAULT]\nhost = net1\n${options}\n` };
}

function textsOf(files: ReturnType<typeof compileFiles>, name: RegExp): string {
  return [...files]
    .filter(([path]) => name.test(path))
    .map(([, text]) => text())
    .join('\n');
}

describe('settings of a snapshot', () => {
  it('are the domain and the lease of the DHCP agent', () => {
    const options = 'dns_domain = cloud.example\ndhcp_lease_duration = -1';
    const files = compiledWith((_path, text) => text, withOptions('dhcp', options));
    expect(textsOf(files, /\/host$/)).toMatch(/host-10-0-0-50\.cloud\.example,10\.0\.0\.50/);
    const commands = textsOf(files, /hosts\/net1\/.*ps|cmdline|processes/);
    expect(commands).toContain('--domain=cloud.example');
    expect(commands).toMatch(
      /--dhcp-range=set:subnet-\S+,10\.0\.0\.0,static,255\.255\.255\.0,infinite/,
    );
  });

  it('are the interval of adverts that the L3 agent has', () => {
    const files = compiledWith((_path, text) => text, withOptions('l3', 'ha_vrrp_advert_int = 5'));
    expect(textsOf(files, /keepalived\.conf$/)).toMatch(/advert_int 5\n/);
  });

  it('are authentication and health checks of the L3 agent', () => {
    const options =
      'ha_vrrp_auth_type = AH\nha_vrrp_auth_password = s3cret\nha_vrrp_health_check_interval = 7';
    const files = compiledWith((_path, text) => text, withOptions('l3', options));
    const text = textsOf(files, /net1\/.*keepalived\.conf$/);
    expect(text).toMatch(/authentication \{\n\s+auth_type AH\n\s+auth_pass s3cret\n/);
    expect(text).toMatch(/vrrp_script ha_health_check_1 \{\n\s+script "\S+ha_check_script_1\.sh"/);
    expect(text).toMatch(/interval 7\n\s+fall 2\n\s+rise 2/);
    expect(text).toMatch(/track_script \{\n\s+ha_health_check_1\n/);
    const script = textsOf(files, /net1\/.*ha_check_script_1\.sh$/);
    expect(script).toMatch(/^#!.*\nip a \| grep \S+ \|\| exit 0\nping -c 1 -w 1 203\.0\.113\.1 /);
    const usual = textsOf(
      compiledWith((_path, text) => text),
      /keepalived\.conf$/,
    );
    expect(usual).not.toMatch(/authentication|health_check/);
  });

  it('are virtual addresses that keepalived tracks, where it was told to', () => {
    const options = 'keepalived_use_no_track = False';
    const files = compiledWith((_path, text) => text, withOptions('l3', options));
    const text = textsOf(files, /net1\/.*keepalived\.conf$/);
    expect(text).toContain('virtual_ipaddress_excluded');
    expect(text).not.toContain('no_track');
  });

  it('leave nobody active where all agents report that they stand by', () => {
    const standby = (path: string, text: string): string =>
      path.endsWith('api/router-l3-agents.json')
        ? text.replaceAll('"ha_state": "active"', '"ha_state": "standby"')
        : text;
    const states = textsOf(compiledWith(standby), /ha_confs\/[^/]+\/state$/);
    expect(states).toBe('backup\nbackup');
    expect(
      textsOf(
        compiledWith((_path, text) => text),
        /ha_confs\/[^/]+\/state$/,
      ),
    ).toMatch(/primary/);
  });

  it('are the addresses that the HA network has', () => {
    const changed = (path: string, text: string): string =>
      path === `${PREFIX}api/subnets.json`
        ? text.replace('"169.254.192.0/18"', '"169.254.192.0/20"')
        : text;
    const own = textsOf(compiledWith(changed), /hosts\/net1\/ns\/qrouter-[^/]*\/ip-addr\.json$/);
    expect(own).toMatch(/"local": ?"169\.254\.192\.202",\s*"prefixlen": ?20\b/);
  });
});

describe('names of addresses', () => {
  it('are those that the server gave them', () => {
    const changed = (path: string, text: string): string => {
      if (path !== `${PREFIX}api/ports.json`) return text;
      const data = JSON.parse(text) as { ports: Record<string, unknown>[] };
      const ports = data.ports.map((port) =>
        JSON.stringify(port['fixed_ips']).includes('"10.0.0.50"')
          ? {
              ...port,
              dns_assignment: [
                { ip_address: '10.0.0.50', hostname: 'web', fqdn: 'web.cloud.example.' },
              ],
            }
          : port,
      );
      return JSON.stringify({ ports });
    };
    const files = compiledWith(changed);
    expect(textsOf(files, /\/host$/)).toMatch(/,web\.cloud\.example\.,10\.0\.0\.50\n/);
    expect(textsOf(files, /\/addn_hosts$/)).toContain('10.0.0.50\tweb.cloud.example. web\n');
    // Who has no name of the server's is called by the address.
    expect(textsOf(files, /\/host$/)).toMatch(/,host-10-0-2-8\.openstacklocal,10\.0\.2\.8\n/);
    // What was compiled says so itself.
    expect(textsOf(files, /api\/ports\.json$/)).toContain('"hostname": "web"');
  });
});

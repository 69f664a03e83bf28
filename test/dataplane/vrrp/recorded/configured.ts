/** The recorded routers as their keepalived.conf had them: written as text, read by the parser. */
import { type IpAddress } from '../../../../src/dataplane/routing/types.ts';
import {
  type InstanceSettings,
  instanceSettings,
} from '../../../../src/dataplane/vrrp/machine/settings.ts';
import { parseKeepalived } from '../../../../src/dataplane/vrrp/text/keepalived.ts';
import { type Keepalived } from '../../../../src/dataplane/vrrp/types.ts';
import { type Recording, type RouterDefaults } from './recordings.ts';

const LINK_LOCAL = 'fe80::f816:3eff:fe00:1/64';

/** keepalived.conf of a router; `changes` are what a later reload brought. */
export function configText(run: Recording, id: string, changes: RouterDefaults = {}): string {
  const own = run.routers.find((one) => one.id === id);
  const is = { ...run.default, ...own, ...changes };
  const vrid = is.vrid ?? 5;
  const ha = `ha-${id}`;
  const addresses = is.vip ?? [`169.254.0.${vrid}/24`];
  const excluded = [...(is.evips ?? ['10.0.0.1/24']), ...(is.lla === false ? [] : [LINK_LOCAL])];
  const interval = is.track_interval ?? 2;
  return [
    'global_defs {',
    ' router_id neutron',
    ...(is.version === undefined ? [] : [` vrrp_version ${is.version}`]),
    '}',
    ...(is.track_script === true
      ? [
          'vrrp_script chk {',
          ' script "/bin/check"',
          ` interval ${interval}`,
          ' fall 2',
          ' rise 2',
          '}',
        ]
      : []),
    `vrrp_instance VR_${vrid} {`,
    ` state ${is.state ?? 'BACKUP'}`,
    ` interface ${ha}`,
    ` virtual_router_id ${vrid}`,
    ` priority ${is.priority ?? 50}`,
    ` garp_master_delay ${is.garp_master_delay ?? 60}`,
    ...(is.nopreempt === true ? [' nopreempt'] : []),
    ` advert_int ${is.advert_int ?? 2}`,
    ...(is.auth_pass === undefined
      ? []
      : [' authentication {', '  auth_type PASS', `  auth_pass ${is.auth_pass}`, ' }']),
    ' track_interface {',
    `  ${ha}`,
    ' }',
    ...(is.track_script === true ? [' track_script {', '  chk', ' }'] : []),
    ' virtual_ipaddress {',
    ...addresses.map((one) => `  ${one} dev ${ha}`),
    ' }',
    ' virtual_ipaddress_excluded {',
    ...excluded.map((one) => `  ${one} dev qr-${id} no_track`),
    ' }',
    ...(is.extra ?? []).map((line) => ` ${line}`),
    '}',
  ].join('\n');
}

/** 169.254.192.IP, as every recorded router has it on its HA interface. */
function sourceOf(run: Recording, id: string): IpAddress {
  const ip = run.routers.find((one) => one.id === id)?.ip ?? 0;
  return { version: 4, value: 0xa9fec000n + BigInt(ip) };
}

export interface Configured {
  readonly config: Keepalived;
  readonly settings: InstanceSettings;
}

export function configured(run: Recording, id: string, changes: RouterDefaults = {}): Configured {
  const { value, problems } = parseKeepalived(configText(run, id, changes), `${id}.conf`);
  const [instance] = value.instances;
  if (instance === undefined || problems.length > 0) throw new Error(JSON.stringify(problems));
  return { config: value, settings: instanceSettings(value, instance, sourceOf(run, id)) };
}

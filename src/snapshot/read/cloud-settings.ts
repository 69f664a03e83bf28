/**
 * What is the same for the whole cloud of a snapshot: options of its agents' files, and what the
 * API's objects tell. What nobody tells is as Neutron has it.
 */
import { type Network } from '../../dataplane/network.ts';
import { type CloudSettings, type HaAuthentication } from '../../model/cloud.ts';
import { type CloudPrefix } from '../../model/neutron.ts';
import { USUAL_SETTINGS } from '../../model/settings.ts';
import { isOn, option } from './host-options.ts';

const HA_INTERFACE = 'network:router_ha_interface';

export function settingsOf(network: Network): CloudSettings {
  const usual = USUAL_SETTINGS;
  return {
    ...usual,
    dnsDomain: anywhere(network, 'dhcp', 'dns_domain') ?? usual.dnsDomain,
    leaseDuration_s:
      number(anywhere(network, 'dhcp', 'dhcp_lease_duration')) ?? usual.leaseDuration_s,
    haAdvertInterval_s:
      number(anywhere(network, 'l3', 'ha_vrrp_advert_int')) ?? usual.haAdvertInterval_s,
    haAuthentication: authenticationOf(network),
    haHealthCheck_s: number(anywhere(network, 'l3', 'ha_vrrp_health_check_interval')) ?? 0,
    haTracksAddresses: !isOn(anywhere(network, 'l3', 'keepalived_use_no_track') ?? 'true'),
    haNetwork: haNetworkOf(network) ?? usual.haNetwork,
    physicalMtu:
      number(anywhere(network, 'openvswitch', 'global_physnet_mtu')) ?? usual.physicalMtu,
  };
}

/** Without a password there is none, whatever the type (ha_router.py `_init_keepalived_manager`). */
function authenticationOf(network: Network): HaAuthentication | null {
  const password = anywhere(network, 'l3', 'ha_vrrp_auth_password') ?? '';
  const type = anywhere(network, 'l3', 'ha_vrrp_auth_type') === 'AH' ? 'AH' : 'PASS';
  return password === '' ? null : { type, password };
}

/** A `[DEFAULT]` option of the first host whose agent has it. */
function anywhere({ hosts }: Network, agent: string, name: string): string | undefined {
  for (const host of hosts.values()) {
    const found = option(host, agent, 'DEFAULT', name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `l3_ha_net_cidr`, as the subnet of the HA networks shows it. */
function haNetworkOf({ neutron }: Network): CloudPrefix | undefined {
  const port = neutron.ports.find(({ deviceOwner }) => deviceOwner === HA_INTERFACE);
  const [fixed] = port?.fixedIps ?? [];
  return neutron.subnets.find(({ id }) => id === fixed?.subnetId)?.prefix;
}

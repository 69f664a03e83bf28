/** `settings:` of a cloud.yaml: what is the same for the whole cloud. */
import {
  type JsonNode,
  keysOf,
  member,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type CloudSettings, type HaAuthentication } from '../cloud.ts';
import { type CloudPrefix } from '../neutron.ts';
import { USUAL_SETTINGS } from '../settings.ts';
import { oneOf, prefix, text, texts, truth, whole } from './reading.ts';

export const SETTINGS_KEYS = [
  'dialect',
  'dns_domain',
  'dhcp_lease_duration',
  'physical_mtu',
  'max_l3_agents_per_router',
  'l3_ha_net_cidr',
  'ha_vrrp_advert_int',
  'ha_vrrp_auth_type',
  'ha_vrrp_auth_password',
  'ha_vrrp_health_check_interval',
  'keepalived_use_no_track',
  'dhcp_agents_per_network',
  'tenant_network_types',
  'network_vlan_ranges',
  'vni_ranges',
  'tunnel_id_ranges',
] as const;

type Range = readonly [number, number];

/** The settings, with Neutron's defaults for what is not said. */
export function readSettings(root: JsonNode): CloudSettings {
  const at = member(root, 'settings');
  reportUnknownKeys(at, SETTINGS_KEYS);
  if (at === undefined) return USUAL_SETTINGS;
  const usual = USUAL_SETTINGS;
  return {
    ...usual,
    dialect: oneOf(at, 'dialect', ['zed', 'pike'], 'zed'),
    dnsDomain: text(at, 'dns_domain', usual.dnsDomain),
    physicalMtu: whole(at, 'physical_mtu', 576, 65535) ?? usual.physicalMtu,
    leaseDuration_s: leaseOf(at) ?? usual.leaseDuration_s,
    haNetwork: haNetworkOf(at) ?? usual.haNetwork,
    haAdvertInterval_s: whole(at, 'ha_vrrp_advert_int', 1, 255) ?? usual.haAdvertInterval_s,
    haAuthentication: authenticationOf(at),
    haHealthCheck_s: whole(at, 'ha_vrrp_health_check_interval', 0, 3600) ?? 0,
    haTracksAddresses: !truth(at, 'keepalived_use_no_track', true),
    haRouterAgents: whole(at, 'max_l3_agents_per_router', 0, 100) ?? usual.haRouterAgents,
    dhcpAgents: whole(at, 'dhcp_agents_per_network', 1, 100) ?? usual.dhcpAgents,
    tenantTypes: tenantTypes(at),
    vlanRanges: vlanRanges(member(at, 'network_vlan_ranges')),
    vniRanges: rangesOf(at, 'vni_ranges', 0xff_ffff),
    tunnelIdRanges: rangesOf(at, 'tunnel_id_ranges', 0xffff_ffff),
  };
}

/** Seconds, or -1 for leases without an end. */
function leaseOf(at: JsonNode): number | null {
  return whole(at, 'dhcp_lease_duration', -1, 0x7fff_ffff);
}

/** `l3_ha_net_cidr`; addresses of IPv4, of which every router takes one on each of its hosts. */
function haNetworkOf(at: JsonNode): CloudPrefix | null {
  const node = member(at, 'l3_ha_net_cidr');
  const found = prefix(node);
  if (node === undefined || found === null) return null;
  if (found.address.version === 4 && found.length <= 30) return found;
  wrong(node, 'The HA network has addresses of IPv4 for several routers');
  return null;
}

/** keepalived takes the first eight characters of a password, and words without blanks. */
function authenticationOf(at: JsonNode): HaAuthentication | null {
  const type = oneOf(at, 'ha_vrrp_auth_type', ['PASS', 'AH'], 'PASS');
  const node = member(at, 'ha_vrrp_auth_password');
  const password = text(at, 'ha_vrrp_auth_password');
  if (node === undefined || password === '') {
    const alone = member(at, 'ha_vrrp_auth_type');
    if (alone !== undefined) wrong(alone, 'A type of authentication needs ha_vrrp_auth_password');
    return null;
  }
  if (/\s/.test(password)) wrong(node, 'A password of keepalived has no blank');
  return { type, password };
}

function tenantTypes(at: JsonNode): CloudSettings['tenantTypes'] {
  const types = ['vlan', 'vxlan', 'gre', 'geneve', 'local'] as const;
  return texts(at, 'tenant_network_types').flatMap((word) => {
    const found = types.find((each) => each === word);
    if (found === undefined) wrong(at, `Tenants cannot have networks of type ${word}`);
    return found ?? [];
  });
}

/** `physnet1: ['40-43']`. */
function vlanRanges(node: JsonNode | undefined): ReadonlyMap<string, readonly Range[]> {
  const physical = keysOf(node);
  if (node === undefined) return new Map();
  return new Map(physical.map((name) => [name, rangesOf(node, name, 4094)]));
}

function rangesOf(node: JsonNode, key: string, largest: number): readonly Range[] {
  const at = member(node, key);
  if (at === undefined) return [];
  const words = Array.isArray(at.value) ? at.value.map(String) : [String(textOf(at) ?? '')];
  return words.flatMap((word): Range[] => {
    const [, from, to] = /^(\d{1,10})(?:[-:](\d{1,10}))?$/.exec(word) ?? [];
    const range: Range = [Number(from), Number(to ?? from)];
    if (from !== undefined && range[0] >= 1 && range[0] <= range[1] && range[1] <= largest) {
      return [range];
    }
    wrong(at, `Expected a range of ids up to ${largest}, e.g. 40-43`);
    return [];
  });
}

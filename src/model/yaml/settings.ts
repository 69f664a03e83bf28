/** `settings:` of a cloud.yaml: what is the same for the whole cloud. */
import {
  type JsonNode,
  keysOf,
  member,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type CloudSettings } from '../cloud.ts';
import { USUAL_SETTINGS } from '../settings.ts';
import { oneOf, text, texts, whole } from './reading.ts';

export const SETTINGS_KEYS = [
  'dialect',
  'dns_domain',
  'physical_mtu',
  'max_l3_agents_per_router',
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
    haRouterAgents: whole(at, 'max_l3_agents_per_router', 0, 100) ?? usual.haRouterAgents,
    dhcpAgents: whole(at, 'dhcp_agents_per_network', 1, 100) ?? usual.dhcpAgents,
    tenantTypes: tenantTypes(at),
    vlanRanges: vlanRanges(member(at, 'network_vlan_ranges')),
    vniRanges: rangesOf(at, 'vni_ranges', 0xff_ffff),
    tunnelIdRanges: rangesOf(at, 'tunnel_id_ranges', 0xffff_ffff),
  };
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

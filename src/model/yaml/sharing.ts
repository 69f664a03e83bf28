/**
 * What projects share and announce: `rbac:`, `bgp_speakers:` and `qos_policies:` of a cloud.yaml.
 */
import { type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import {
  type BgpSpeaker,
  type NeutronNetwork,
  type NeutronQosPolicy,
  type NeutronRbacPolicy,
} from '../neutron.ts';
import {
  address,
  idOf,
  Names,
  nameOf,
  needs,
  objects,
  oneOf,
  text,
  texts,
  truth,
  whole,
} from './reading.ts';

export const RBAC_KEYS = ['network', 'action', 'project'] as const;
export const SPEAKER_KEYS = [
  'name',
  'as',
  'version',
  'networks',
  'advertise_floating_ips',
  'advertise_tenant_networks',
  'peers',
] as const;
export const PEER_KEYS = ['name', 'address', 'as'] as const;
export const QOS_KEYS = [
  'name',
  'max_kbps',
  'max_kbps_ingress',
  'dscp',
  'max_kpps',
  'max_kpps_ingress',
  'min_kbps',
] as const;

export function readRbac(
  root: JsonNode,
  networks: Names<NeutronNetwork>,
): readonly NeutronRbacPolicy[] {
  return objects(member(root, 'rbac')).flatMap((node) => {
    reportUnknownKeys(node, RBAC_KEYS);
    const network = networks.find(member(node, 'network'));
    const action = oneOf(
      node,
      'action',
      ['access_as_shared', 'access_as_external'],
      'access_as_shared',
    );
    const targetProject = text(node, 'project');
    needs(node, 'network');
    if (targetProject === '') wrong(node, 'A policy needs the project that it is for, or "*"');
    if (network === undefined) return [];
    const id = idOf('rbac', network.id, action, targetProject);
    return [{ id, objectType: 'network', objectId: network.id, action, targetProject }];
  });
}

/** Whether a project sees a network: its own, a shared one, or one that a policy gives it. */
export function mayUse(
  policies: readonly NeutronRbacPolicy[],
  network: NeutronNetwork,
  project: string,
  as: 'access_as_shared' | 'access_as_external',
): boolean {
  if (network.project === project || (as === 'access_as_shared' && network.shared)) return true;
  // An external network that no policy names is external for everybody.
  const own = policies.filter((each) => each.objectId === network.id && each.action === as);
  if (as === 'access_as_external' && network.external && own.length === 0) return true;
  return own.some((each) => each.targetProject === project || each.targetProject === '*');
}

export function readSpeakers(
  root: JsonNode,
  networks: Names<NeutronNetwork>,
): readonly BgpSpeaker[] {
  const speakers = new Names<BgpSpeaker>('BGP speaker');
  for (const node of objects(member(root, 'bgp_speakers'))) {
    reportUnknownKeys(node, SPEAKER_KEYS);
    const name = nameOf(node);
    const networkIds = texts(node, 'networks').flatMap((word) => {
      const network = networks.get(word);
      if (network === undefined) wrong(node, `There is no network called ${JSON.stringify(word)}`);
      else if (!network.external) wrong(node, `Network ${JSON.stringify(word)} is not external`);
      return network?.id ?? [];
    });
    const speaker: BgpSpeaker = {
      id: idOf('bgp-speaker', name),
      name,
      localAs: whole(node, 'as', 1, 0xffff_ffff) ?? 64512,
      version: whole(node, 'version', 4, 6) === 6 ? 6 : 4,
      networkIds,
      advertisesFloatingIps: truth(node, 'advertise_floating_ips', true),
      advertisesTenantNetworks: truth(node, 'advertise_tenant_networks', true),
      peers: objects(member(node, 'peers')).flatMap((peer) => {
        reportUnknownKeys(peer, PEER_KEYS);
        const at = address(member(peer, 'address'));
        const as = whole(peer, 'as', 1, 0xffff_ffff);
        if (at === null || as === null) wrong(peer, 'A peer needs an address and an as');
        return at === null || as === null ? [] : [{ name: text(peer, 'name'), address: at, as }];
      }),
    };
    if (name !== '') speakers.add(name, speaker, node);
  }
  return speakers.all;
}

/** Rules of a policy by the names that the API gives to their values. */
export function readQos(root: JsonNode): Names<NeutronQosPolicy> {
  const policies = new Names<NeutronQosPolicy>('QoS policy');
  for (const node of objects(member(root, 'qos_policies'))) {
    reportUnknownKeys(node, QOS_KEYS);
    const name = nameOf(node);
    const rate = (key: string): number | null => whole(node, key, 0, 0x7fff_ffff);
    const dscp = whole(node, 'dscp', 0, 56);
    const at = member(node, 'dscp');
    // Those that RFC 2474, 2597 and 3246 name (neutron_lib VALID_DSCP_MARKS).
    if (at !== undefined && dscp !== null && !DSCP_MARKS.has(dscp)) {
      wrong(at, `Expected one of the DSCP marks ${[...DSCP_MARKS].join(', ')}`);
    }
    const policy: NeutronQosPolicy = {
      id: idOf('qos-policy', name),
      name,
      egressKbps: rate('max_kbps'),
      ingressKbps: rate('max_kbps_ingress'),
      dscp,
      egressKpps: rate('max_kpps'),
      ingressKpps: rate('max_kpps_ingress'),
      minimumKbps: rate('min_kbps'),
    };
    if (name !== '') policies.add(name, policy, node);
  }
  return policies;
}

const DSCP_MARKS = new Set([
  ...[0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56],
]);

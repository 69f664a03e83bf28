/** Segments of a cloud.yaml's networks: named on the network itself, listed, or given from ranges. */
import { type JsonNode, member, reportUnknownKeys, textOf, wrong } from '../../text/json-text.ts';
import { nearest } from '../../text/suggest.ts';
import { type NetworkSegment, type NeutronNetwork } from '../neutron.ts';
import { idOf, objects, oneOf, text, whole } from './reading.ts';
import { type Provider, type Segments } from './segments.ts';

export const NETWORK_TYPES = ['flat', 'vlan', 'vxlan', 'gre', 'geneve', 'local'] as const;
/** What an underlay of 1500 leaves (RFC 7348 §4, RFC 2784, RFC 8926). */
const OVERHEAD = { flat: 0, vlan: 0, local: 0, vxlan: 50, gre: 42, geneve: 58 } as const;
/** Segmentation ids by type: 12 bits of 802.1Q, 24 of VXLAN and Geneve, 32 of GRE's key. */
const LARGEST_ID = { vlan: 4094, vxlan: 0xff_ffff, gre: 0xffff_ffff, geneve: 0xff_ffff } as const;

export const NO_SEGMENT: Provider = { type: 'local', physicalNetwork: null, segmentationId: null };

/** What nova-network's managers make (nova/network/manager.py): a flat network, or a VLAN. */
const MANAGERS = { flat: 'flat', flat_dhcp: 'flat', vlan: 'vlan' } as const;

/** What a segment’s encapsulation takes of the MTU of the wire, in bytes. */
export function overheadOf({ type }: NetworkSegment): number {
  return OVERHEAD[NETWORK_TYPES.find((each) => each === type) ?? 'local'];
}

export const SEGMENT_KEYS = ['name', 'type', 'physical_network', 'segmentation_id'] as const;

/** The segments that a network names; null when it is to be given one. */
export function readSegments(node: JsonNode, segments: Segments): readonly NetworkSegment[] | null {
  const name = text(node, 'name');
  const rows = member(node, 'segments');
  if (rows === undefined) {
    const provider = readProvider(node, name, segments);
    return provider === null ? null : [onlySegment(name, provider)];
  }
  const beside = ['type', 'physical_network', 'segmentation_id', 'manager'] as const;
  for (const key of beside) {
    const at = member(node, key);
    if (at !== undefined) wrong(at, `A network has either segments or a ${key} of its own`);
  }
  const found: NetworkSegment[] = [];
  for (const [i, row] of objects(rows).entries()) {
    reportUnknownKeys(row, SEGMENT_KEYS);
    const own = text(row, 'name', `${name}-segment-${i + 1}`);
    if (found.some((each) => each.name === own)) {
      wrong(row, `There is another segment called ${JSON.stringify(own)}`);
    }
    found.push({
      id: idOf('segment', name, own),
      name: own,
      ...namedProvider(row, name, segments),
    });
  }
  if (found.length > 0) return found;
  wrong(rows, 'A network has at least one segment');
  return [onlySegment(name, NO_SEGMENT)];
}

/** The segment of a network that has one. */
export function onlySegment(network: string, provider: Provider): NetworkSegment {
  return { id: idOf('segment', network), name: '', ...provider };
}

/** The segment that a network itself is; null when it is to be given one. */
function readProvider(node: JsonNode, name: string, segments: Segments): Provider | null {
  const managers = ['none', 'flat', 'flat_dhcp', 'vlan'] as const;
  const manager = oneOf(node, 'manager', managers, 'none');
  const names = ['type', 'physical_network', 'segmentation_id', 'manager'];
  if (segments.gives && names.every((key) => member(node, key) === undefined)) return null;
  return namedProvider(node, name, segments, manager === 'none' ? 'vxlan' : MANAGERS[manager]);
}

/** Type, physical network and id as a row names them; nobody else may have them. */
function namedProvider(
  node: JsonNode,
  name: string,
  segments: Segments,
  usual: (typeof NETWORK_TYPES)[number] = 'vxlan',
): Provider {
  const type = oneOf(node, 'type', NETWORK_TYPES, usual);
  const physicalNetwork = text(node, 'physical_network') || null;
  const segmentationId =
    type === 'flat' || type === 'local'
      ? null
      : whole(node, 'segmentation_id', 1, LARGEST_ID[type]);
  if ((type === 'flat' || type === 'vlan') && physicalNetwork === null) {
    wrong(node, `A ${type} network needs a physical_network`);
  }
  if (segmentationId === null && type !== 'flat' && type !== 'local') {
    wrong(node, `A ${type} network needs a segmentation_id`);
  }
  const provider = { type, physicalNetwork, segmentationId };
  segments.claim(node, name, provider);
  return provider;
}

/** The segment of a routed provider network that a subnet is on. */
export function readSegment(row: JsonNode, network: NeutronNetwork): string | null {
  const at = member(row, 'segment');
  const name = textOf(at);
  if (at === undefined || name === undefined) return null;
  const found = network.segments.find((each) => each.name === name);
  if (found !== undefined) return found.id;
  const near = nearest(
    name,
    network.segments.map((each) => each.name),
  );
  const of = JSON.stringify(network.name);
  wrong(at, `Network ${of} has no segment called ${JSON.stringify(name)}`, near);
  return null;
}

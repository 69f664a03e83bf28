/**
 * Segments of networks: what somebody named is claimed before anything is given out, then tenants'
 * networks take the first free id of the configured ranges, type by type.
 */
import { type JsonNode, wrong } from '../../text/json-text.ts';
import { type CloudSettings } from '../cloud.ts';
import { type ProviderSegment } from '../neutron.ts';

export type Provider = ProviderSegment;

export class Segments {
  private readonly taken = new Map<string, string>();
  private readonly settings: CloudSettings;

  constructor(settings: CloudSettings) {
    this.settings = settings;
  }

  /** One VLAN of a physical network, or one key of a tunnel type, belongs to one network. */
  claim(node: JsonNode, name: string, provider: Provider): void {
    const { type, physicalNetwork, segmentationId } = provider;
    if (type === 'local') return;
    const key = keyOf(provider);
    const other = this.taken.get(key);
    if (other === undefined) {
      this.taken.set(key, name);
      return;
    }
    const what = type === 'flat' ? type : `${type} ${segmentationId}`;
    const where = physicalNetwork === null ? '' : ` on ${physicalNetwork}`;
    const names = `Network ${JSON.stringify(other)} is already ${what}${where}`;
    wrong(node, `${names}, and ${JSON.stringify(name)} cannot be as well`);
  }

  /** The next free segment of the tenants' types; null and a problem when all are used up. */
  take(node: JsonNode, name: string): Provider | null {
    for (const provider of this.offered()) {
      if (this.taken.has(keyOf(provider))) continue;
      this.taken.set(keyOf(provider), name);
      return provider;
    }
    const types = this.settings.tenantTypes.join(', ');
    wrong(node, `No segment is left for this network in the ranges of ${types}`);
    return null;
  }

  /** Whether tenants' networks take their segments from ranges. */
  get gives(): boolean {
    return this.settings.tenantTypes.length > 0;
  }

  private *offered(): Generator<Provider> {
    const { tenantTypes, vlanRanges, vniRanges, tunnelIdRanges } = this.settings;
    for (const type of tenantTypes) {
      if (type === 'local') yield { type, physicalNetwork: null, segmentationId: null };
      else if (type === 'vlan') {
        for (const [physicalNetwork, ranges] of vlanRanges) {
          for (const segmentationId of ids(ranges)) yield { type, physicalNetwork, segmentationId };
        }
      } else {
        for (const segmentationId of ids(type === 'gre' ? tunnelIdRanges : vniRanges)) {
          yield { type, physicalNetwork: null, segmentationId };
        }
      }
    }
  }
}

function* ids(ranges: readonly (readonly [number, number])[]): Generator<number> {
  for (const [from, to] of ranges) for (let id = from; id <= to; id++) yield id;
}

function keyOf({ type, physicalNetwork, segmentationId }: Provider): string {
  return type === 'flat'
    ? `flat ${physicalNetwork}`
    : `${type} ${physicalNetwork} ${segmentationId}`;
}

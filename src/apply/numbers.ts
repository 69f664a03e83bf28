/**
 * Numbers for compiling a cloud for hosts that already run: a device keeps its OpenFlow port and a
 * network its local VLAN; new ones get numbers that nobody has. So a second plan finds nothing.
 */
import { type Numbers } from '../agents/numbers.ts';
import { type Host, ROOT } from '../dataplane/network.ts';
import { inventoryOf } from './state/switch.ts';

/** The last port number that a port may ask for (`ofport_request`, ovs-vswitchd.conf.db(5)). */
const LAST_PORT = 65279;
const LAST_VLAN = 4094;

/** Numbers that hosts use already: ports by bridge and device, VLANs by network, zones by key. */
export interface UsedNumbers {
  readonly ports: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly vlans: ReadonlyMap<string, number>;
  zone(key: string): number | undefined;
}

/** A zone that a port or a network has, by the first part of its id (ip_conntrack.py). */
const ZONED = /\b(?:qvb|tap|brq)([0-9a-f]{8}-[0-9a-f]{2})\b.* --zone (\d+)/g;

/**
 * Zones by the key of their port or network, counted from 1.
 *
 * @param first the zone that the agent calls 1
 */
export function zonesOf(host: Host | undefined, first: number): UsedNumbers['zone'] {
  const root = host?.namespaces.get(ROOT);
  const text = (root?.source('iptables-save') ?? root?.source('iptables-save.txt'))?.text ?? '';
  const zones = new Map([...text.matchAll(ZONED)].map(([, id = '', zone = '']) => [id, zone]));
  return (key) => {
    const used = Number(zones.get(key.slice(0, 11)) ?? 0);
    return used < first ? undefined : used - first + 1;
  };
}

/**
 * @param host as it was read; undefined for one that was not
 * @param first the zone that the agent calls 1
 */
export function numbersOf(host: Host | undefined, first: number): Numbers {
  const bridges = (host === undefined ? null : inventoryOf(host))?.rows.bridges ?? [];
  const ports = new Map<string, Map<string, number>>();
  const vlans = new Map<string, number>();
  for (const bridge of bridges) {
    const of = new Map<string, number>();
    for (const { name, tag, otherConfig, interfaces } of bridge.ports) {
      const ofport = interfaces[0]?.ofport ?? 0;
      if (ofport > 0 && ofport <= LAST_PORT) of.set(name, ofport);
      const network = otherConfig['net_uuid'];
      const kept = Number(otherConfig['tag'] ?? tag ?? 0);
      if (network !== undefined && kept > 0 && kept <= LAST_VLAN) vlans.set(network, kept);
    }
    ports.set(bridge.name, of);
  }
  return numbersBeside({ ports, vlans, zone: zonesOf(host, first) });
}

/** What is used stays; new things get numbers that nobody has. */
export function numbersBeside(used: UsedNumbers): Numbers {
  const ports = new Map([...used.ports].map(([bridge, of]) => [bridge, new Map(of)]));
  const vlans = new Map(used.vlans);
  const zones = new Map<string, number>();
  const conjunctions = new Map<string, number>();
  const given = <K>(map: Map<K, number>, key: K, from: number, last: number): number => {
    const known = map.get(key);
    if (known !== undefined) return known;
    const used = new Set(map.values());
    let next = from;
    while (used.has(next)) next++;
    if (next > last) throw new RangeError(`no number is left up to ${last}`);
    map.set(key, next);
    return next;
  };
  return {
    localVlan: (network) => given(vlans, network, 1, LAST_VLAN),
    ofport(bridge, device) {
      const on = ports.get(bridge) ?? new Map<string, number>();
      ports.set(bridge, on);
      return given(on, device, 1, LAST_PORT);
    },
    zone: (key) => used.zone(key) ?? given(zones, key, 1, 65535 - 4096),
    conjunction(key) {
      const known = conjunctions.get(key) ?? 8 * (conjunctions.size + 1);
      conjunctions.set(key, known);
      return known;
    },
  };
}

/**
 * Numbers that mean something on one host only, and that every run of an agent may choose anew:
 * the local VLAN of a network, the OpenFlow port of a device, the id of a conjunction. Nothing a
 * guest can see depends on them.
 */

export interface Numbers {
  /** The VLAN that stands for a network on br-int of this host, 1 to 4094. */
  localVlan(networkId: string): number;
  /** The OpenFlow port of a device on a bridge, from 1. */
  ofport(bridge: string, device: string): number;
  /** A connection tracking zone of the iptables driver, counted from 1. */
  zone(key: string): number;
  /** An id for conjunctive flows; eight apart, as the agent takes them. */
  conjunction(key: string): number;
}

/** How a run starts to count. Two runs with other starts describe the same cloud. */
export interface NumbersOptions {
  readonly firstVlan: number;
  readonly firstPort: number;
  /** VLANs that are taken in an order of their own: a permutation of 1…4094 by its step. */
  readonly vlanStep: number;
}

const USUAL_NUMBERS: NumbersOptions = { firstVlan: 1, firstPort: 1, vlanStep: 1 };

/** Zones from 4097 up to the last of 16 bits (ip_conntrack.py MAX_CONNTRACK_ZONES). */
const ZONES = 65535 - 4096;
/** VLAN ids of OpenFlow that a network may have. */
const VLANS = 4094;

/**
 * Numbers in the order they are first asked for. `vlanStep` must have no factor in common with
 * 4094 (2·23·89), else VLANs would repeat.
 */
export function takeNumbers(options: NumbersOptions = USUAL_NUMBERS): Numbers {
  const vlans = new Map<string, number>();
  const ports = new Map<string, Map<string, number>>();
  const zones = new Map<string, number>();
  const conjunctions = new Map<string, number>();
  return {
    localVlan(networkId) {
      let vlan = vlans.get(networkId);
      if (vlan === undefined) {
        if (vlans.size >= VLANS) throw new RangeError('more than 4094 networks on one host');
        vlan = 1 + ((options.firstVlan - 1 + vlans.size * options.vlanStep) % VLANS);
        vlans.set(networkId, vlan);
      }
      return vlan;
    },
    ofport(bridge, device) {
      const on = ports.get(bridge) ?? new Map<string, number>();
      ports.set(bridge, on);
      let port = on.get(device);
      if (port === undefined) {
        port = options.firstPort + on.size;
        on.set(device, port);
      }
      return port;
    },
    zone(key) {
      const zone = zones.get(key) ?? 1 + ((options.firstVlan - 1 + zones.size) % ZONES);
      zones.set(key, zone);
      return zone;
    },
    conjunction(key) {
      let id = conjunctions.get(key);
      if (id === undefined) {
        id = 8 * (conjunctions.size + 1);
        conjunctions.set(key, id);
      }
      return id;
    },
  };
}

/**
 * What the agents of a network would configure for its cloud, in the numbers that its hosts have
 * chosen already: local VLANs and OpenFlow ports stay, only what is new gets new ones.
 */
import { type Numbers } from '../../agents/numbers.ts';
import { type Network } from '../../dataplane/network.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { type Cloud } from '../../model/cloud.ts';
import { cloudOfNetwork } from '../../snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../snapshot/read/compiled.ts';

/** VLAN ids that a network may have; 4095 marks dead ports. */
const VLAN_MAX = 4094;

export class Wanted {
  /** Null when the API's answers are not there: nobody knows what agents would do then. */
  cloud: Cloud | null;
  private readonly base: Network;
  private readonly numbers = new Map<string, Numbers>();
  private present: Network | null = null;

  constructor(base: Network) {
    this.base = base;
    const cloud = cloudOfNetwork(base);
    this.cloud = cloud.hosts.some(({ layer2 }) => layer2 !== null) ? cloud : null;
  }

  /** The network as the agents want it now; compiled when it is first asked for. */
  now(): Network | null {
    if (this.cloud !== null) this.present ??= this.compiled(this.cloud);
    return this.present;
  }

  /** Another cloud is wanted from now on: what the agents wanted before, and what they want now. */
  change(cloud: Cloud): { readonly before: Network; readonly after: Network } | null {
    const before = this.now();
    if (before === null) return null;
    this.cloud = cloud;
    this.present = this.compiled(cloud);
    return { before, after: this.present };
  }

  /** The same cloud after a host's agent has drawn new local VLANs. */
  renumber(host: string): { readonly before: Network; readonly after: Network } | null {
    const before = this.now();
    if (before === null || this.cloud === null) return null;
    this.numbers.set(host, numbersOf(this.base, before, host, true));
    this.present = this.compiled(this.cloud);
    return { before, after: this.present };
  }

  private compiled(cloud: Cloud): Network {
    return compileNetworkOf(cloud, {
      numbers: (host) => {
        const known = this.numbers.get(host) ?? numbersOf(this.base, this.base, host, false);
        this.numbers.set(host, known);
        return known;
      },
    });
  }
}

/** Numbers that go on from those of a host; `anew` draws other local VLANs than it has. */
function numbersOf(base: Network, now: Network, host: string, anew: boolean): Numbers {
  const bridges = now.hosts.get(host)?.switch?.bridges ?? [];
  const drawn = localVlans(base, bridges);
  const taken = new Set(drawn.values());
  const vlans = anew ? new Map<string, number>() : drawn;
  const ports = new Map(
    bridges.map(({ name, ports: all }) => [
      name,
      new Map(all.map((port) => [port.name, port.ofport])),
    ]),
  );
  const zones = new Map<string, number>();
  const conjunctions = new Map<string, number>();
  return {
    localVlan: (network) =>
      drawNumber(vlans, network, () => {
        let vlan = 1;
        while (taken.has(vlan) && vlan <= VLAN_MAX) vlan++;
        if (vlan > VLAN_MAX) throw new RangeError('more than 4094 networks on one host');
        taken.add(vlan);
        return vlan;
      }),
    ofport: (bridge, device) => {
      const on = ports.get(bridge) ?? new Map<string, number>();
      ports.set(bridge, on);
      // LOCAL and numbers that stand for no port are above all of them.
      const used = [...on.values()].filter((number) => number < 0xff00);
      return drawNumber(on, device, () => Math.max(0, ...used) + 1);
    },
    zone: (key) => drawNumber(zones, key, () => zones.size + 1),
    conjunction: (key) => drawNumber(conjunctions, key, () => 8 * (conjunctions.size + 1)),
  };
}

function drawNumber(known: Map<string, number>, key: string, draw: () => number): number {
  let number = known.get(key);
  if (number === undefined) {
    number = draw();
    known.set(key, number);
  }
  return number;
}

/** The local VLAN of each network on a host, as the tags of its ports say. */
function localVlans({ neutron }: Network, bridges: readonly Bridge[]): Map<string, number> {
  const networks = new Map(neutron.ports.map(({ id, networkId }) => [id, networkId]));
  const found = new Map<string, number>();
  for (const { vlan, externalIds, otherConfig } of bridges.flatMap(({ ports }) => ports)) {
    const network = networks.get(externalIds['iface-id'] ?? '') ?? otherConfig['net_uuid'];
    if (network !== undefined && vlan.tag !== null && vlan.tag > 0 && vlan.tag <= VLAN_MAX) {
      found.set(network, vlan.tag);
    }
  }
  return found;
}

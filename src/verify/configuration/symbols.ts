/**
 * What the numbers of one host stand for. Agents draw them as they come, so two hosts with the
 * same configuration differ in them: local VLANs, the MAC of distributed routing, the address
 * pairs between a router and its floating IP namespace, the number of a VRRP router.
 */
import { type Host, type Network, ROOT } from '../../dataplane/network.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Switch } from '../../dataplane/ovs/types/switch.ts';
import { writeIp } from '../../text/address-text.ts';
import { portOfDevice } from '../../trace/objects.ts';

export interface HostSymbols {
  readonly host: string;
  /** Local VLAN → network. */
  readonly networkOfVlan: ReadonlyMap<number, string>;
  /** DVR MAC, as text → whose it is. The same on all hosts of a side. */
  readonly dvrMacs: ReadonlyMap<string, string>;
  /** Drawn IPv4 address, as text → what it is for. */
  readonly drawnAddresses: ReadonlyMap<string, string>;
}

/** Symbols of every host of a network, by its name. */
export function symbolsOf(network: Network): ReadonlyMap<string, HostSymbols> {
  const dvrMacs = new Map<string, string>();
  for (const host of network.hosts.values()) {
    for (const mac of host.switch === null ? [] : ownDvrMacs(host.switch)) {
      dvrMacs.set(mac, `dvr-mac-of-${host.name}`);
    }
  }
  return new Map(
    [...network.hosts.values()].map((host) => [
      host.name,
      {
        host: host.name,
        networkOfVlan: vlansOf(network, host),
        dvrMacs,
        drawnAddresses: drawnAddressesOf(host),
      },
    ]),
  );
}

/**
 * The network of every local VLAN. What the agent noted at its ports says it, also for a port that
 * was taken out of its VLAN; without notes the VLAN in which most of a network's ports are.
 */
function vlansOf(network: Network, host: Host): ReadonlyMap<number, string> {
  const bridge = host.switch?.bridges.find(({ name }) => name === 'br-int');
  const noted = new Map<number, string>();
  const votes: Vote[] = [];
  const unnamed = new Map<number, string>();
  for (const { name, vlan, otherConfig } of bridge?.ports ?? []) {
    const { net_uuid: id, tag } = otherConfig;
    if (id !== undefined && tag !== undefined) noted.set(Number(tag), `network-${id}`);
    if (vlan.tag === null || vlan.tag === DEAD_VLAN) continue;
    const owner = portOfDevice(network, host.name, name);
    if (owner !== null) votes.push({ number: vlan.tag, name: `network-${owner.networkId}` });
    // Without Neutron's objects the first device of a VLAN stands for it.
    else if (!unnamed.has(vlan.tag)) unnamed.set(vlan.tag, `network-of-${name}`);
  }
  const known = new Set(noted.values());
  const rest = [...elected(votes)].filter(([tag, name]) => !noted.has(tag) && !known.has(name));
  return new Map([...unnamed, ...rest, ...noted]);
}

/** Somebody who uses a number for something that has a name. */
interface Vote {
  readonly number: number;
  readonly name: string;
}

/**
 * One number for every name: that which most use. A number that somebody else uses for the same
 * name stays without one, so that a stray shows.
 */
function elected(votes: readonly Vote[]): ReadonlyMap<number, string> {
  const counts = new Map<string, Map<number, number>>();
  for (const { number, name } of votes) {
    const of = counts.get(name) ?? new Map<number, number>();
    counts.set(name, of);
    of.set(number, (of.get(number) ?? 0) + 1);
  }
  const best = [...counts].map(([name, of]) => {
    const [number = 0, count = 0] = [...of].reduce((a, b) => (b[1] > a[1] ? b : a));
    return { number, name, count };
  });
  // Two names with one number: that with more votes has it.
  return new Map(
    best.toSorted((a, b) => a.count - b.count).map(({ number, name }) => [number, name]),
  );
}

/** Ports that are administratively down have it on every host (constants.DEAD_VLAN_TAG). */
const DEAD_VLAN = 4095;

/** What is for the host's own DVR MAC goes to table 3 or 4 of br-int; no other flow does. */
const OWN_DVR = /dl_dst=([0-9a-f:]{17}) actions=(?:goto_table:[34]|resubmit\(,[34]\))$/;

/** The MAC with which a host stands for distributed routers, as text; none on other hosts. */
export function ownDvrMacs({ bridges }: Switch): readonly string[] {
  const flows = bridges.find(({ name }) => name === 'br-int')?.flows ?? [];
  return flows
    .filter(
      ({ table, tests }) => table === 0 && tests.some(({ field }) => field.name === 'eth_dst'),
    )
    .flatMap((flow) => OWN_DVR.exec(printFlow(flow))?.[1] ?? []);
}

/**
 * Addresses out of pools of the L3 agent: the pair between `rfp-` and `fpr-`
 * (`DVR_FIP_LL_CIDR` 169.254.64.0/18), and what keepalived adds on the HA network for itself
 * (`KEEPALIVED_VIP` 169.254.0.0/24, by the number of the virtual router).
 */
function drawnAddressesOf(host: Host): ReadonlyMap<string, string> {
  const drawn = new Map<string, string>();
  for (const { name: namespace, state } of host.namespaces.values()) {
    if (namespace === ROOT) continue;
    for (const { name, addresses } of state.interfaces) {
      const pair = /^(rfp|fpr)-/.test(name);
      const ha = name.startsWith('ha-');
      if (!pair && !ha) continue;
      for (const { address } of addresses) {
        const third = (address.value >> 8n) & 0xffn;
        const linkLocal = address.version === 4 && address.value >> 16n === 0xa9fen;
        // The veth pair's MACs are drawn by the kernel, and so are the addresses made of them.
        if (pair && address.version === 6) drawn.set(writeIp(address), `link-local-of-${name}`);
        if (!linkLocal || (ha && third !== 0n)) continue;
        drawn.set(writeIp(address), pair ? `address-of-${name}` : 'virtual-address-of-ha');
      }
    }
  }
  return drawn;
}

/** Text with drawn addresses by what they are for. */
export function withoutDrawn(text: string, { drawnAddresses }: HostSymbols): string {
  if (drawnAddresses.size === 0) return text;
  return text.replaceAll(/\b169\.254\.\d+\.\d+\b|\bfe80::[0-9a-f:]+/g, (address) => {
    return drawnAddresses.get(address) ?? address;
  });
}

/** A number that is an address drawn by the agent: routing tables are named by them. */
export function drawnNumber(value: number, { drawnAddresses }: HostSymbols): string | undefined {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) return undefined;
  return drawnAddresses.get(writeIp({ version: 4, value: BigInt(value) }));
}

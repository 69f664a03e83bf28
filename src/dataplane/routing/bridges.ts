/**
 * Linux bridges and VXLAN devices of a namespace, taken out of its interface list. The bridge
 * code knows neither routes nor interfaces; this is where both meet.
 */
import { type CompiledBridge, compileBridge } from '../linuxbridge/compiled.ts';
import {
  type Bridge,
  type BridgePort,
  type FdbEntry,
  type PortVlans,
} from '../linuxbridge/types.ts';
import { type Remote, type VxlanDevice, type VxlanEntry } from '../linuxbridge/vxlan.ts';
import { type BridgeFdbEntry, type Interface, type Namespace } from './types.ts';

/** Every bridge of the namespace, compiled. */
export function compileBridges(namespace: Namespace): ReadonlyMap<string, CompiledBridge> {
  const bridges = namespace.interfaces.filter((one) => one.kind === 'bridge');
  return new Map(bridges.map((one) => [one.name, compileBridge(bridgeOf(namespace, one))]));
}

function number(details: Readonly<Record<string, unknown>>, key: string): number | null {
  const value = details[key];
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' && /^(0x)?[0-9a-f]+$/i.test(value) ? Number(value) : null;
}

function bridgeOf(namespace: Namespace, one: Interface): Bridge {
  const { details, name } = one;
  // Either the namespace's sysctl or the bridge's own attribute switches a family on.
  const called = (key: string): boolean =>
    namespace.sysctls.get(`net.bridge.bridge-nf-${key}`) === '1' ||
    number(details, `nf_${key.replaceAll('-', '_')}`) === 1;
  const ports = namespace.interfaces.filter((port) => port.master === name);
  return {
    name,
    index: one.index,
    mac: one.mac,
    mtu: one.mtu,
    up: one.up,
    vlanFiltering: number(details, 'vlan_filtering') === 1,
    stp: (number(details, 'stp_state') ?? 0) !== 0,
    // Shown in hundredths of a second.
    ageing_s: (number(details, 'ageing_time') ?? 30_000) / 100,
    groupForwardMask: number(details, 'group_fwd_mask') ?? 0,
    ports: ports.map((port) => portOf(namespace, port)),
    own: vlansOf(namespace, name),
    fdb: namespace.bridgeFdb.flatMap((entry) => fdbEntry(name, entry)),
    netfilter: {
      iptables: called('call-iptables'),
      ip6tables: called('call-ip6tables'),
      arptables: called('call-arptables'),
      vlanTagged: called('filter-vlan-tagged'),
    },
  };
}

const STATES = new Set(['disabled', 'listening', 'learning', 'forwarding', 'blocking']);

function portOf(namespace: Namespace, port: Interface): BridgePort {
  const known = namespace.bridgePorts.find((one) => one.device === port.name);
  const state = known?.state ?? 'forwarding';
  return {
    name: port.name,
    index: port.index,
    mac: port.mac,
    mtu: port.mtu,
    up: port.up && port.running,
    state: STATES.has(state) ? (state as BridgePort['state']) : 'forwarding',
    hairpin: known?.hairpin ?? false,
    learning: known?.learning ?? true,
    flood: known?.flood ?? true,
    isolated: known?.isolated ?? false,
    vlans: vlansOf(namespace, port.name),
  };
}

/** Without VLAN entries a port has what a new port gets: VLAN 1, untagged. */
function vlansOf(namespace: Namespace, device: string): PortVlans {
  const entries = namespace.bridgeVlans.filter((one) => one.device === device);
  if (namespace.bridgeVlans.length === 0) {
    return { pvid: 1, members: [{ from: 1, to: 1, untagged: true }] };
  }
  return {
    pvid: entries.find((one) => one.pvid)?.from ?? null,
    members: entries.map(({ from, to, untagged }) => ({ from, to, untagged })),
  };
}

function fdbEntry(bridge: string, entry: BridgeFdbEntry): readonly FdbEntry[] {
  if (entry.destination !== null) return [];
  const master = entry.master ?? (entry.device === bridge ? bridge : null);
  if (master !== bridge || entry.flags.includes('self')) return [];
  const { mac, vlan, device } = entry;
  const fixed = entry.state === 'permanent' || entry.state === 'static';
  return [{ mac, vlan, port: device, local: entry.state === 'permanent', fixed }];
}

/** Every VXLAN device of the namespace. */
export function vxlanDevices(namespace: Namespace): readonly VxlanDevice[] {
  return namespace.interfaces
    .filter((one) => one.kind === 'vxlan')
    .flatMap((one) => {
      const vni = number(one.details, 'id');
      return vni === null ? [] : [vxlanOf(namespace, one, vni)];
    });
}

function vxlanOf(namespace: Namespace, one: Interface, vni: number): VxlanDevice {
  const { details, name } = one;
  const local = details['local'];
  const entries = namespace.bridgeFdb.filter(
    (entry) => entry.device === name && entry.destination !== null,
  );
  const group = typeof details['group'] === 'string' ? ipv4(details['group']) : null;
  const link = typeof details['link'] === 'string' ? details['link'] : null;
  const usual = group ?? (typeof details['remote'] === 'string' ? ipv4(details['remote']) : null);
  const fallback: readonly VxlanEntry[] =
    usual === null
      ? []
      : [{ mac: 0n, remotes: [{ address: usual, port: null, vni: null, via: link }] }];
  const known = gather(entries);
  return {
    name,
    mac: one.mac,
    vni,
    port: number(details, 'port') ?? 8472,
    local: typeof local === 'string' ? ipv4(local) : null,
    group,
    link,
    ttl: number(details, 'ttl') ?? 0,
    checksum: number(details, 'udp_csum') !== 0,
    learning: (number(details, 'learning') ?? 0) === 1,
    proxy: (number(details, 'proxy') ?? 0) === 1,
    fdb: known.some((entry) => entry.mac === 0n) ? known : [...known, ...fallback],
    neighbours: namespace.neighbours.flatMap(({ device, address, mac, state }) =>
      device === name && address.version === 4 && mac !== null && state !== 'failed'
        ? [{ address: address.value, mac }]
        : [],
    ),
  };
}

/** Several entries of one MAC are several remotes. */
function gather(entries: readonly BridgeFdbEntry[]): readonly VxlanEntry[] {
  const byMac = new Map<bigint, Remote[]>();
  for (const { mac, destination, port, vni, viaDevice: via } of entries) {
    // Simplification: only IPv4 underlays; Neutron's linuxbridge agent knows no other.
    if (destination === null || destination.version !== 4) continue;
    const remote: Remote = { address: destination.value, port, vni, via };
    const known = byMac.get(mac);
    if (known === undefined) byMac.set(mac, [remote]);
    else known.push(remote);
  }
  return [...byMac].map(([mac, remotes]) => ({ mac, remotes }));
}

function ipv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(Number(part)), 0n);
}

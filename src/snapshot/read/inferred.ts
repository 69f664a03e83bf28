/**
 * The devices of a host's own namespace, told by their names: where a snapshot lacks `ip link`,
 * the ports of its switch and its bridges still say which devices there are.
 *
 * Simplification: a device that no `ip link` shows is taken for what Neutron and Linux call so:
 * `qvo` and `qvb` of one port are a veth pair into its firewall bridge, `tap` leads to the
 * namespace or guest of its port, `eth1.100` is VLAN 100 of eth1; all are up with an MTU of 1500.
 */
import { type NamespaceState, ROOT } from '../../dataplane/network.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { plainInterface } from '../../dataplane/routing/plain.ts';
import { type BridgePort, type Interface } from '../../dataplane/routing/types.ts';
import { deviceName, portIdPrefix } from '../../model/ids.ts';

type Draft = { -readonly [K in keyof Interface]: Interface[K] };

/** What the names are taken from. */
export interface Named {
  readonly bridges: readonly Bridge[];
  /** Ports of Linux bridges, as `brctl show` lists them. */
  readonly ports: readonly BridgePort[];
  /** The other namespaces of the host. */
  readonly others: readonly NamespaceState[];
}

/** Devices that some output shows, and by name those that it leaves out. */
export function withNamedDevices(shown: readonly Interface[], named: Named): readonly Interface[] {
  // A whole `ip link` has the loopback: then nothing is missing.
  if (shown.some(({ loopback }) => loopback)) return shown;
  const devices = new Devices(shown);
  for (const { device, master } of named.ports) {
    devices.add(master).kind = 'bridge';
    devices.add(device).master = master;
  }
  const inside = new Set(named.others.flatMap(({ state }) => state.interfaces.map(nameOf)));
  for (const port of named.bridges.flatMap(({ ports }) => ports)) {
    if (port.type === 'patch' || port.tunnel !== null) continue;
    if (port.type === 'internal') {
      if (!inside.has(port.name)) devices.add(port.name).kind = 'openvswitch';
    } else devices.add(port.name);
  }
  for (const name of devices.names()) explain(devices, name, named.others);
  return devices.all();
}

const nameOf = ({ name }: Interface): string => name;

/** Says what a device is, and adds what belongs to it. */
function explain(devices: Devices, name: string, others: readonly NamespaceState[]): void {
  const device = devices.add(name);
  const known = devices.isShown(name);
  const id = portIdPrefix(name);
  const vlan = /^(.+)\.(\d{1,4})$/.exec(name);
  if (id !== undefined && name.startsWith('qvo')) {
    const [firewall, tap, bridge] = [`qvb${id}`, `tap${id}`, `qbr${id}`];
    devices.pair(name, firewall);
    devices.add(bridge).kind = 'bridge';
    devices.add(firewall).master = bridge;
    devices.add(tap).master = bridge;
    explain(devices, tap, others);
  } else if (id !== undefined && name.startsWith('tap') && !known) {
    const end = otherEnd(id, others);
    if (end === null) device.kind = 'tun';
    else {
      device.kind = 'veth';
      device.linkNamespaceName = end.namespace;
      device.linkIndex = end.index;
      if (end.linkIndex !== null) device.index = end.linkIndex;
    }
  } else if (vlan !== null && !known) {
    device.kind = 'vlan';
    device.linkIndex = devices.add(vlan[1] ?? '').index;
    device.details = { protocol: '802.1Q', id: Number(vlan[2]) };
  } else if (/^int-br/.test(name)) {
    const phy = `phy${name.slice('int'.length)}`;
    if (devices.has(phy)) devices.pair(name, phy);
  }
  if (device.linkName !== undefined && device.linkIndex === null) {
    device.linkIndex = devices.add(device.linkName).index;
  }
}

/** The end of a Neutron port's veth in a namespace: `qr-…` of `tap…`. */
function otherEnd(
  id: string,
  others: readonly NamespaceState[],
): {
  readonly namespace: string;
  readonly index: number;
  readonly linkIndex: number | null;
} | null {
  for (const { name, state } of others) {
    if (name === ROOT) continue;
    const end = state.interfaces.find((each) => portIdPrefix(each.name) === id);
    if (end === undefined || end.name === deviceName('tap', id)) continue;
    return { namespace: name, index: end.index, linkIndex: end.linkIndex };
  }
  return null;
}

/** Devices by name; new ones get indexes that no output has. */
class Devices {
  private readonly byName = new Map<string, Draft>();
  private readonly shown: ReadonlySet<string>;
  private next = 1_000_000;

  constructor(shown: readonly Interface[]) {
    for (const each of shown) this.byName.set(each.name, { ...each });
    this.shown = new Set(shown.map(nameOf));
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  isShown(name: string): boolean {
    return this.shown.has(name);
  }

  names(): readonly string[] {
    return [...this.byName.keys()];
  }

  all(): readonly Interface[] {
    return [...this.byName.values()];
  }

  /** The device of that name, made when it is new: up, and of no kind. */
  add(name: string): Draft {
    const found = this.byName.get(name);
    if (found !== undefined) return found;
    const made: Draft = { ...plainInterface(name, this.next++, 0n, 1500) };
    this.byName.set(name, made);
    return made;
  }

  /** Joins two devices to a veth pair. */
  pair(one: string, other: string): void {
    const [a, b] = [this.add(one), this.add(other)];
    a.kind = 'veth';
    b.kind = 'veth';
    a.linkIndex ??= b.index;
    b.linkIndex ??= a.index;
  }
}

/**
 * Switches and routers of the physical network as namespaces: a switch is one bridge that filters
 * VLANs (IEEE 802.1Q), a router is a stack that forwards. So frames meet in them what they would
 * meet in a host, reasons included.
 */
import { type PhysicalPort, type PhysicalRouter } from '../../model/cloud.ts';
import { type CloudPrefix } from '../../model/neutron.ts';
import { connectedRoutes, defaultRules } from '../routing/kernel-routes.ts';
import { plainInterface } from '../routing/plain.ts';
import {
  type BridgeVlan,
  type Interface,
  type InterfaceAddress,
  type Namespace,
} from '../routing/types.ts';

/** The bridge inside of a physical switch. */
export const FABRIC_BRIDGE = 'switch';
const ALL_VLANS = [1, 4094] as const;
/** Locally administered (IEEE 802 §8.4); each device has 4096 of them. */
const FIRST_MAC = 0x0273_7700_0000n;
const MACS_EACH = 4096n;

/** A switch; `number` tells its MAC addresses from those of others. */
export function physicalSwitch(
  host: string,
  name: string,
  number: number,
  ports: readonly PhysicalPort[],
): Namespace {
  const mac = (index: number): bigint => FIRST_MAC + BigInt(number) * MACS_EACH + BigInt(index);
  const mtu = Math.max(1500, ...ports.map((port) => port.mtu));
  const bridge: Interface = {
    ...plainInterface(FABRIC_BRIDGE, 1, mac(1), mtu),
    kind: 'bridge',
    details: { vlan_filtering: 1 },
  };
  const interfaces = ports.map(
    (port, i): Interface => ({
      ...plainInterface(port.name, i + 2, mac(i + 2), port.mtu),
      up: port.enabled,
      running: port.enabled,
      master: FABRIC_BRIDGE,
    }),
  );
  return {
    ...empty(host, name),
    interfaces: [bridge, ...interfaces],
    bridgeVlans: [
      // The switch itself takes no part in any VLAN.
      { device: FABRIC_BRIDGE, from: 4095, to: 4095, pvid: false, untagged: false },
      ...ports.flatMap(vlansOf),
    ],
  };
}

function vlansOf({ name, mode, untagged, allowed }: PhysicalPort): readonly BridgeVlan[] {
  const own = (from: number, to: number): BridgeVlan => ({
    device: name,
    from,
    to,
    pvid: false,
    untagged: false,
  });
  if (mode === 'access') {
    const vlan = untagged ?? 1;
    return [{ ...own(vlan, vlan), pvid: true, untagged: true }];
  }
  const ranges = allowed.length === 0 ? [ALL_VLANS] : allowed;
  const carries = ranges.some(
    ([from, to]) => untagged !== null && from <= untagged && untagged <= to,
  );
  const tagged = ranges.flatMap(([from, to]) => around(from, to, untagged));
  const entries = tagged.map(([from, to]) => own(from, to));
  if (untagged === null || !carries) return entries;
  return [...entries, { ...own(untagged, untagged), pvid: true, untagged: true }];
}

/** A range without its native VLAN, which is listed by itself. */
function around(
  from: number,
  to: number,
  native: number | null,
): readonly (readonly [number, number])[] {
  if (native === null || native < from || native > to) return [[from, to]];
  const parts = [[from, native - 1] as const, [native + 1, to] as const];
  return parts.filter(([low, high]) => low <= high);
}

/** A router between subnets of the physical network. */
export function physicalRouter(
  host: string,
  name: string,
  number: number,
  of: PhysicalRouter,
): Namespace {
  const interfaces: Interface[] = [];
  const add = (made: Interface): Interface => {
    interfaces.push(made);
    return made;
  };
  const mac = (index: number): bigint => FIRST_MAC + BigInt(number) * MACS_EACH + BigInt(index);
  for (const one of of.interfaces) {
    const index = interfaces.length + 1;
    const addresses = one.addresses.map(interfaceAddress);
    const plain = plainInterface(one.name, index, mac(index), one.mtu);
    if (one.vlan === null) {
      const known = interfaces.findIndex(({ name: other }) => other === one.name);
      if (known < 0) add({ ...plain, addresses });
      else interfaces[known] = { ...plain, ...interfaces[known], addresses };
      continue;
    }
    const lower = interfaces.find(({ name: other }) => other === one.name) ?? add(plain);
    const child = `${one.name}.${one.vlan}`;
    add({
      ...plainInterface(child, interfaces.length + 1, lower.mac, one.mtu),
      kind: 'vlan',
      linkIndex: lower.index,
      details: { id: one.vlan, protocol: '802.1Q' },
      addresses,
    });
  }
  return {
    ...empty(host, name),
    interfaces,
    rules: [...defaultRules(4), ...defaultRules(6)],
    routes: [...connectedRoutes(interfaces, 4), ...connectedRoutes(interfaces, 6)],
    sysctls: new Map([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv6.conf.all.forwarding', '1'],
    ]),
  };
}

function empty(host: string, name: string): Namespace {
  return {
    host,
    name,
    interfaces: [],
    rules: [],
    routes: [],
    neighbours: [],
    proxyNeighbours: [],
    bridgeFdb: [],
    bridgePorts: [],
    bridgeVlans: [],
    sysctls: new Map(),
    sockets: [],
    missing: [],
  };
}

function interfaceAddress({ address, length }: CloudPrefix): InterfaceAddress {
  return {
    address,
    length,
    peer: null,
    scope: 'global',
    secondary: false,
    deprecated: false,
    tentative: false,
  };
}

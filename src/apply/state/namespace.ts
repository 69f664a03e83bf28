/** Devices, addresses, routes, rules, neighbours, FDB entries and settings of a namespace as items. */
import { type Host, type NamespaceState, type Network, ROOT } from '../../dataplane/network.ts';
import { connectedRoutes, defaultRules } from '../../dataplane/routing/kernel-routes.ts';
import {
  type Interface,
  type IpAddress,
  type PolicyRule,
  type Prefix,
  ROUTE_TABLES,
  type Route,
} from '../../dataplane/routing/types.ts';
import { linkLocalAddress, namespaceOwner } from '../../model/ids.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type DeviceData, type Item } from '../types.ts';

/** Where a namespace is read. */
export interface NamespacePlace {
  readonly network: Network;
  readonly host: Host;
  readonly namespace: NamespaceState;
}

const MAIN = ROUTE_TABLES['main'] ?? 254;

/** Devices of the datapath and those that modules make in every namespace. */
const LEFTOVERS =
  /^(ovs-netdev|ovs-system|vxlan_sys_.*|gre_sys|genev_sys_.*|gre0|gretap0|erspan0|sit0|tunl0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0|lo)$/;

/** Everything but rules of netfilter. */
export function namespaceItems(at: NamespacePlace): readonly Item[] {
  const { namespace } = at;
  const root = namespace.name === ROOT;
  const devices = namespace.state.interfaces.flatMap((each) => deviceOf(at, each));
  const names = new Set(devices.map(({ name }) => name));
  const place = namespace.name;
  return [
    ...devices.map(
      (data): Item => ({ kind: 'device', place, key: data.name, text: deviceText(data), data }),
    ),
    ...namespace.state.interfaces.flatMap(({ name, master }): readonly Item[] =>
      master === null || LEFTOVERS.test(master)
        ? []
        : [{ kind: 'member', place, key: name, text: master, data: { device: name, master } }],
    ),
    ...namespace.state.interfaces
      .filter(({ name }) => !root || names.has(name))
      .flatMap((each) => addressItems(place, each)),
    ...(root ? [] : routeItems(namespace)),
    ...(root ? [] : ruleItems(namespace)),
    ...neighbourItems(namespace).filter(({ data }) => !root || names.has(data.device)),
    ...fdbItems(namespace).filter(({ data }) => !root || names.has(data.device)),
    ...[...namespace.state.sysctls].map(
      ([name, value]): Item => ({
        kind: 'sysctl',
        place,
        key: name,
        text: value,
        data: { name, value },
      }),
    ),
  ];
}

/**
 * A device that agents make. NICs, taps of guests and bridges' own handles are others': a host's
 * own namespace is full of them.
 */
function deviceOf(at: NamespacePlace, device: Interface): readonly DeviceData[] {
  const { network, host, namespace } = at;
  if (device.loopback || LEFTOVERS.test(device.name)) return [];
  const root = namespace.name === ROOT;
  const port = (host.switch?.bridges ?? [])
    .flatMap((bridge) => bridge.ports)
    .find(({ name, type }) => name === device.name && type === 'internal');
  const own = {
    name: device.name,
    mac: writeMac(device.mac),
    mtu: device.mtu,
    up: device.up,
    peer: null,
    lower: null,
    details: {},
  };
  if (port !== undefined) return root ? [] : [{ ...own, kind: 'internal' }];
  if (device.kind === 'bridge' || device.kind === 'vxlan' || device.kind === 'vlan') {
    const lower =
      device.linkName ??
      at.namespace.state.interfaces.find(({ index }) => index === device.linkIndex)?.name;
    return [{ ...own, kind: device.kind, lower: lower ?? null, details: detailsOf(device) }];
  }
  if (device.kind !== 'veth') return [];
  const wire = network.wire({ host: host.name, namespace: namespace.name, name: device.name });
  if (wire.kind !== 'interface' || wire.to.host !== host.name) return [];
  // The other end is a guest's: its hypervisor made both.
  const agents = (name: string): boolean => name === ROOT || namespaceOwner(name) !== undefined;
  if (!agents(wire.to.namespace)) return [];
  const far = host.namespaces
    .get(wire.to.namespace)
    ?.state.interfaces.find(({ name }) => name === wire.to.name);
  const peer = {
    namespace: wire.to.namespace,
    device: wire.to.name,
    mac: writeMac(far?.mac ?? 0n),
  };
  return [{ ...own, kind: 'veth', peer }];
}

const DETAILS: Readonly<Record<string, readonly string[]>> = {
  vxlan: ['id', 'local', 'link', 'group', 'port', 'learning', 'proxy'],
  vlan: ['id'],
  bridge: ['stp_state', 'vlan_filtering'],
};
const USUAL: Readonly<Record<string, unknown>> = {
  stp_state: 0,
  vlan_filtering: 0,
  learning: true,
  proxy: false,
};

function detailsOf({ kind, details }: Interface): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of DETAILS[kind] ?? []) {
    const value = details[key];
    if (value !== undefined && value !== USUAL[key]) found[key] = String(value);
  }
  return found;
}

/** MACs count where they are meant: those of veths in the host and of bridges are drawn. */
function deviceText({ kind, mac, mtu, up, peer, lower, details }: DeviceData): string {
  const meant = kind === 'internal' || (mac.startsWith('fa:16:3e') && kind !== 'bridge');
  return JSON.stringify({
    kind,
    ...(meant ? { mac } : {}),
    // A bridge follows its ports (net/bridge/br_if.c br_mtu_auto_adjust()).
    ...(kind === 'bridge' ? {} : { mtu }),
    up,
    peer: peer === null ? null : `${peer.namespace}/${peer.device}`,
    lower,
    details,
  });
}

function addressItems(place: string, device: Interface): readonly Item[] {
  if (device.loopback) return [];
  return device.addresses
    .filter(({ address, scope }) => {
      // The kernel makes this one of the MAC.
      return scope !== 'link' || address.value !== linkLocalAddress(device.mac).value;
    })
    .map(({ address, length, scope }): Item => {
      const text = `${writeIp(address)}/${length}`;
      const data = { device: device.name, address: text, version: address.version };
      return { kind: 'address', place, key: `${device.name} ${text}`, text: scope, data };
    });
}

function routeItems({ name: place, state }: NamespaceState): readonly Item[] {
  const { interfaces, routes } = state;
  const made = ([4, 6] as const).flatMap((version) => connectedRoutes(interfaces, version));
  // A device that is down keeps its local routes (net/ipv4/fib_semantics.c fib_sync_down_dev).
  const raised = interfaces.map((device) => ({ ...device, up: true }));
  const local = connectedRoutes(raised, 4).filter(({ type }) => type === 'local');
  const kernel = new Set([...made, ...local].map(routeWords));
  return routes
    .filter((route) => !isAutomatic(route) && !kernel.has(routeWords(route)))
    .map((route): Item => {
      const words = routeWords(route);
      const data = { words, version: route.version };
      return { kind: 'route', place, key: `${route.version} ${words}`, text: words, data };
    });
}

/** What no configuration writes: local and broadcast routes, link-local prefixes. */
function isAutomatic({ type, hops, prefix, version, source }: Route): boolean {
  if (type === 'broadcast' || type === 'anycast' || type === 'multicast') return true;
  if (hops.every(({ device }) => device === 'lo') && type === 'local') return true;
  const linkLocal = version === 6 && prefix !== null && prefix.address.value >> 118n === 0x3fan;
  return (linkLocal && source === null) || (version === 6 && type === 'local');
}

/** As `ip route add` takes it. */
export function routeWords({
  type,
  prefix,
  table,
  hops,
  metric,
  source,
  mtu,
  version,
  scope,
}: Route): string {
  const [hop] = hops;
  const usual = metric === 0 || (version === 6 && (metric === 1024 || metric === 256));
  return [
    ...(type === 'unicast' ? [] : [type]),
    prefix === null ? 'default' : prefixText(prefix),
    ...(hops.length > 1
      ? hops.flatMap((each) => ['nexthop', ...hopWords(each), 'weight', String(each.weight)])
      : hop === undefined
        ? []
        : [...hopWords(hop), ...(hop.onLink ? ['onlink'] : [])]),
    ...(table === MAIN ? [] : ['table', String(table)]),
    ...(usual ? [] : ['metric', String(metric)]),
    ...(source === null ? [] : ['src', writeIp(source)]),
    ...(scope === 'link' && version === 4 && hop?.gateway == null ? ['scope', 'link'] : []),
    ...(mtu === null ? [] : ['mtu', String(mtu)]),
  ].join(' ');
}

function hopWords({ gateway, device }: Route['hops'][number]): readonly string[] {
  return [
    ...(gateway === null ? [] : ['via', writeIp(gateway)]),
    ...(device === null ? [] : ['dev', device]),
  ];
}

function prefixText({ address, length }: Prefix): string {
  const whole = address.version === 4 ? 32 : 128;
  return length === whole ? writeIp(address) : `${writeIp(address)}/${length}`;
}

function ruleItems({ name: place, state }: NamespaceState): readonly Item[] {
  const usual = new Set(([4, 6] as const).flatMap(defaultRules).map(ruleWords));
  return state.rules
    .filter((rule) => !usual.has(ruleWords(rule)))
    .map((rule): Item => {
      const words = ruleWords(rule);
      const data = { words, version: rule.version };
      return { kind: 'rule', place, key: `${rule.version} ${words}`, text: words, data };
    });
}

/** As `ip rule add` takes it. */
export function ruleWords(rule: PolicyRule): string {
  const { priority, from, to, inputDevice, outputDevice, mark, tos, not, action, version } = rule;
  const range = (of: readonly [number, number]): string =>
    of[0] === of[1] ? `${of[0]}` : `${of[0]}-${of[1]}`;
  return [
    ...(not ? ['not'] : []),
    'priority',
    String(priority),
    'from',
    from === null ? 'all' : prefixText(masked(from)),
    ...(to === null ? [] : ['to', prefixText(masked(to))]),
    ...(inputDevice === null ? [] : ['iif', inputDevice]),
    ...(outputDevice === null ? [] : ['oif', outputDevice]),
    ...(mark === null ? [] : ['fwmark', `${mark.value}/${mark.mask}`]),
    ...(tos === null ? [] : ['tos', String(tos)]),
    ...(rule.protocol === null ? [] : ['ipproto', String(rule.protocol)]),
    ...(rule.sourcePorts === null ? [] : ['sport', range(rule.sourcePorts)]),
    ...(rule.destinationPorts === null ? [] : ['dport', range(rule.destinationPorts)]),
    ...(action.kind === 'lookup'
      ? ['table', String(action.table)]
      : action.kind === 'goto'
        ? ['goto', String(action.priority)]
        : [action.kind]),
    ...(version === 4 ? [] : []),
  ].join(' ');
}

function masked({ address, length }: Prefix): Prefix {
  const rest = BigInt((address.version === 4 ? 32 : 128) - length);
  return { address: { ...address, value: (address.value >> rest) << rest }, length };
}

function isMulticast({ version, value }: IpAddress): boolean {
  return version === 4 ? value >> 28n === 0xen : value >> 120n === 0xffn;
}

function neighbourItems({ name: place, state }: NamespaceState) {
  const permanent = state.neighbours
    .filter(({ state: of, address }) => of === 'permanent' && !isMulticast(address))
    .map(({ address, device, mac }) => {
      const words = `${writeIp(address)} lladdr ${mac === null ? '-' : writeMac(mac)} dev ${device} nud permanent`;
      const key = `${device} ${writeIp(address)}`;
      return { kind: 'neighbour' as const, place, key, text: words, data: { words, device } };
    });
  const proxies = state.proxyNeighbours.map(({ address, device }) => {
    const words = `proxy ${writeIp(address)} dev ${device}`;
    const data = { words, device };
    return { kind: 'neighbour' as const, place, key: words, text: words, data };
  });
  return [...permanent, ...proxies];
}

/** Entries of VXLAN devices that somebody wrote: unicast and flooding ones to other hosts. */
function fdbItems({ name: place, state }: NamespaceState) {
  const tunnels = new Set(
    state.interfaces.filter(({ kind }) => kind === 'vxlan').map(({ name }) => name),
  );
  return state.bridgeFdb
    .filter(({ device, destination, flags, state: of }) => {
      return (
        tunnels.has(device) && destination !== null && flags.includes('self') && of === 'permanent'
      );
    })
    .map(({ device, mac, destination }) => {
      const words = `${writeMac(mac)} dev ${device} dst ${destination === null ? '' : writeIp(destination)}`;
      const data = { words, device };
      return { kind: 'fdb' as const, place, key: words, text: words, data };
    });
}

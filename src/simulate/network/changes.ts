/**
 * What the kernel changes when somebody adds or removes an address, a route, or takes an interface
 * down (net/ipv4/fib_frontend.c, net/ipv6/addrconf.c): pure functions from a namespace to the next.
 */
import { connectedRoutes } from '../../dataplane/routing/kernel-routes.ts';
import {
  type Interface,
  type InterfaceAddress,
  type IpAddress,
  type Namespace,
  type Prefix,
  ROUTE_TABLES,
  type Route,
} from '../../dataplane/routing/types.ts';
import { type VirtualAddress, type VirtualRoute } from '../../dataplane/vrrp/types.ts';

const MAIN = ROUTE_TABLES['main'] ?? 254;
const LOCAL = ROUTE_TABLES['local'] ?? 255;

/**
 * Adds an address with the routes it brings; the namespace itself when it has it already. keepalived
 * adds those of IPv6 without duplicate address detection (IFA_F_NODAD), so that they are used at once,
 * and single ones as deprecated, so that nobody takes them as source (vrrp_ipaddress.c).
 */
export function addAddress(
  namespace: Namespace,
  { address, length, device, scope }: VirtualAddress,
): Namespace {
  const added: InterfaceAddress = {
    address,
    length,
    peer: null,
    scope: scope === 'link' || scope === 'host' ? scope : 'global',
    secondary: false,
    deprecated: address.version === 6 && length === 128,
    tentative: false,
  };
  const before = namespace.interfaces.find(({ name }) => name === device);
  if (before === undefined || before.addresses.some((one) => same(one.address, address))) {
    return namespace;
  }
  const after = { ...before, addresses: [...before.addresses, added] };
  const alone = { ...after, addresses: [added] };
  const brought = [...broughtBy(alone, address.version), ...anycastOf(namespace, alone)];
  return withInterface(namespace, after, [...namespace.routes, ...missing(namespace, brought)]);
}

/**
 * Removes an address and the routes that came with it. With the last IPv4 address of an interface
 * go all its IPv4 routes (fib_disable_ip()).
 */
export function removeAddress(namespace: Namespace, gone: VirtualAddress): Namespace {
  const { device, address } = gone;
  const before = namespace.interfaces.find(({ name }) => name === device);
  if (before === undefined || !before.addresses.some((one) => same(one.address, address))) {
    return namespace;
  }
  const addresses = before.addresses.filter((one) => !same(one.address, address));
  const after: Interface = { ...before, addresses };
  const { version } = address;
  const old = keysOf([...broughtBy(before, version), ...anycastOf(namespace, before)]);
  const left = keysOf([...broughtBy(after, version), ...anycastOf(namespace, after)]);
  const last = version === 4 && !addresses.some((one) => one.address.version === 4);
  const routes = namespace.routes.filter((route) => {
    if (route.version !== version) return true;
    if (last && isBy(route, before.name)) return false;
    if (route.source !== null && same(route.source, address)) return false;
    return !old.has(keyOf(route)) || left.has(keyOf(route));
  });
  return withInterface(namespace, after, routes);
}

export function addRoute(namespace: Namespace, wanted: VirtualRoute): Namespace {
  const route: Route = {
    version: wanted.version,
    prefix: destinationOf(wanted),
    type: wanted.type === '' ? 'unicast' : (wanted.type as Route['type']),
    table: tableOf(wanted.table),
    metric: wanted.metric ?? (wanted.version === 6 ? 1024 : 0),
    source: wanted.source,
    scope: wanted.scope === 'link' ? 'link' : 'global',
    hops: wanted.hops.map(({ gateway, device, weight, onLink }) => ({
      gateway,
      device,
      weight: weight ?? 1,
      onLink,
      dead: false,
    })),
    mtu: null,
    origin: wanted.origin,
  };
  if (namespace.routes.some((one) => keyOf(one) === keyOf(route))) return namespace;
  return { ...namespace, routes: [...namespace.routes, route] };
}

export function removeRoute(namespace: Namespace, gone: VirtualRoute): Namespace {
  const key = keyOf({
    version: gone.version,
    prefix: destinationOf(gone),
    type: 'unicast',
    table: tableOf(gone.table),
    hops: gone.hops.map(({ gateway, device }) => ({ gateway, device })),
  });
  return { ...namespace, routes: namespace.routes.filter((one) => keyOf(one) !== key) };
}

/**
 * Sets an interface up or down. Down, its routes go but for its own addresses' local ones, and
 * come back with it as far as they follow from addresses.
 */
export function setUp(namespace: Namespace, name: string, up: boolean): Namespace {
  const before = namespace.interfaces.find((one) => one.name === name);
  if (before === undefined || before.up === up) return namespace;
  const addresses = up
    ? before.addresses
    : before.addresses.filter(({ address }) => address.version === 4);
  const after: Interface = { ...before, up, running: up, addresses };
  const kept = namespace.routes.filter(
    (route) => up || !isBy(route, name) || (route.version === 4 && route.type === 'local'),
  );
  const next = { ...namespace, routes: kept };
  const brought = up ? [...broughtBy(after, 4), ...broughtBy(after, 6), group6(after)] : [];
  return withInterface(next, after, [...kept, ...missing(next, brought)]);
}

/** Gives an interface its carrier, or takes it away; addresses and routes stay. */
export function setCarrier(namespace: Namespace, name: string, running: boolean): Namespace {
  const before = namespace.interfaces.find((one) => one.name === name);
  if (before === undefined || before.running === running) return namespace;
  return withInterface(namespace, { ...before, running }, namespace.routes);
}

/**
 * Sets `net.ipv6.conf.NAME.forwarding`; `all` writes every interface's (addrconf_fixup_forwarding()).
 * Routers are in the subnet-router anycast group of every prefix (RFC 4291 §2.6.1).
 */
export function setForwarding6(namespace: Namespace, name: string, on: boolean): Namespace {
  const value = on ? '1' : '0';
  const sysctls = new Map(namespace.sysctls);
  const all = namespace.interfaces.map((one) => one.name);
  const names = name === 'all' ? ['all', 'default', ...all] : [name];
  for (const one of names) sysctls.set(forwardingOf(one), value);
  const changed = { ...namespace, sysctls };
  const before = keysOf(namespace.interfaces.flatMap((one) => anycastOf(namespace, one)));
  const kept = namespace.routes.filter((route) => !before.has(keyOf(route)));
  const after = changed.interfaces.flatMap((one) => anycastOf(changed, one));
  return { ...changed, routes: [...kept, ...after] };
}

export function setSysctl(namespace: Namespace, name: string, value: string): Namespace {
  return { ...namespace, sysctls: new Map([...namespace.sysctls, [name, value]]) };
}

function forwardingOf(name: string): string {
  return `net.ipv6.conf.${name}.forwarding`;
}

/** Routes that follow from addresses alone; the group's route follows from the interface. */
function broughtBy(device: Interface, version: 4 | 6): readonly Route[] {
  return connectedRoutes([device], version).filter(({ type }) => type !== 'multicast');
}

/** ff00::/8, which every interface has that is up. */
function group6(device: Interface): Route {
  const prefix = { address: { version: 6 as const, value: 0xffn << 120n }, length: 8 };
  return kernelRoute(device, 'multicast', prefix, 256);
}

function anycastOf(namespace: Namespace, device: Interface): readonly Route[] {
  if (!device.up || namespace.sysctls.get(forwardingOf(device.name)) !== '1') return [];
  const values = new Set<bigint>();
  for (const { address, length } of device.addresses) {
    if (address.version !== 6 || length >= 127 || device.loopback) continue;
    const host = BigInt(128 - length);
    values.add((address.value >> host) << host);
  }
  return [...values].map((value) => {
    return kernelRoute(device, 'anycast', { address: { version: 6, value }, length: 128 }, 0);
  });
}

function kernelRoute(
  device: Interface,
  type: Route['type'],
  prefix: Prefix,
  metric: number,
): Route {
  return {
    version: 6,
    prefix,
    type,
    table: LOCAL,
    metric,
    source: null,
    scope: 'link',
    hops: [{ gateway: null, device: device.name, weight: 1, onLink: false, dead: false }],
    mtu: null,
    origin: { file: 'kernel', line: 0 },
  };
}

/** The kernel knows a prefix of no bits as the default route. */
function destinationOf({ to }: VirtualRoute): Route['prefix'] {
  return to === null || to.length === 0 ? null : to;
}

function withInterface(
  namespace: Namespace,
  changed: Interface,
  routes: readonly Route[],
): Namespace {
  const interfaces = namespace.interfaces.map((one) => (one.name === changed.name ? changed : one));
  return { ...namespace, interfaces, routes };
}

function missing({ routes }: Namespace, wanted: readonly Route[]): readonly Route[] {
  const there = keysOf(routes);
  return wanted.filter((route) => !there.has(keyOf(route)));
}

function keysOf(routes: readonly Route[]): ReadonlySet<string> {
  return new Set(routes.map(keyOf));
}

type RouteKey = Pick<Route, 'version' | 'prefix' | 'type' | 'table'> & {
  readonly hops: readonly { readonly gateway: IpAddress | null; readonly device: string | null }[];
};

function keyOf({ version, prefix, type, table, hops }: RouteKey): string {
  const to = prefix === null ? 'default' : `${prefix.address.value}/${prefix.length}`;
  const ways = hops.map(({ gateway, device }) => `${gateway?.value ?? ''} ${device}`).join(',');
  return `${version} ${type} ${table} ${to} ${ways}`;
}

function isBy({ hops }: Route, device: string): boolean {
  return hops.some((hop) => hop.device === device);
}

function same(a: IpAddress, b: IpAddress): boolean {
  return a.version === b.version && a.value === b.value;
}

function tableOf(name: string | null): number {
  if (name === null) return MAIN;
  return ROUTE_TABLES[name] ?? (Number.isInteger(Number(name)) ? Number(name) : LOCAL - 1);
}

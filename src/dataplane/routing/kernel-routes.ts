/**
 * The routes and rules the kernel makes by itself: what an address brings along
 * (net/ipv4/fib_frontend.c fib_add_ifaddr(), net/ipv6/addrconf.c) and the rules of an empty
 * namespace (fib_default_rules_init()).
 */
import { type Origin } from '../../text/problem.ts';
import {
  type Interface,
  type InterfaceAddress,
  type PolicyRule,
  type Prefix,
  ROUTE_TABLES,
  type Route,
} from './types.ts';

const KERNEL: Origin = { file: 'kernel', line: 0 };
const LOCAL = ROUTE_TABLES['local'] ?? 255;
const MAIN = ROUTE_TABLES['main'] ?? 254;

/** A rule that every packet fulfils and that decides nothing, for those who say more. */
export function ruleForAll(version: 4 | 6, priority: number, origin: Origin): PolicyRule {
  return {
    version,
    priority,
    not: false,
    from: null,
    to: null,
    inputDevice: null,
    outputDevice: null,
    mark: null,
    tos: null,
    protocol: null,
    sourcePorts: null,
    destinationPorts: null,
    action: { kind: 'nop' },
    origin,
  };
}

/** The rules of a namespace that nobody configured: local, main and (IPv4 only) default. */
export function defaultRules(version: 4 | 6): readonly PolicyRule[] {
  const rule = (priority: number, table: number): PolicyRule => ({
    ...ruleForAll(version, priority, KERNEL),
    action: { kind: 'lookup', table, suppressPrefixLength: null },
  });
  const both = [rule(0, LOCAL), rule(32766, MAIN)];
  return version === 4 ? [...both, rule(32767, 253)] : both;
}

/** Local, broadcast and connected routes that follow from the addresses of the interfaces. */
export function connectedRoutes(
  interfaces: readonly Interface[],
  version: 4 | 6,
): readonly Route[] {
  const routes: Route[] = [];
  for (const device of interfaces) {
    if (!device.up) continue;
    for (const address of device.addresses) {
      if (address.address.version !== version) continue;
      routes.push(...(version === 4 ? routesOf4(device, address) : routesOf6(device, address)));
    }
    if (version === 6 && !device.loopback && device.addresses.length > 0) {
      const all: Prefix = { address: { version: 6, value: 0xffn << 120n }, length: 8 };
      routes.push(made(device, 6, 'multicast', LOCAL, all, null));
    }
  }
  return routes;
}

function made(
  device: Interface,
  version: 4 | 6,
  type: Route['type'],
  table: number,
  prefix: Prefix,
  source: Route['source'],
): Route {
  return {
    version,
    prefix,
    type,
    table,
    metric: version === 6 && table === MAIN ? 256 : 0,
    source,
    scope: type === 'local' ? 'host' : 'link',
    hops: [{ gateway: null, device: device.name, weight: 1, onLink: false, dead: false }],
    mtu: null,
    origin: KERNEL,
  };
}

function network(address: InterfaceAddress): Prefix {
  const width = address.address.version === 4 ? 32n : 128n;
  const host = width - BigInt(address.length);
  const value = ((address.peer ?? address.address).value >> host) << host;
  return { address: { version: address.address.version, value }, length: address.length };
}

function routesOf4(device: Interface, given: InterfaceAddress): readonly Route[] {
  const { address, length } = given;
  const host: Prefix = { address, length: 32 };
  const net = network(given);
  if (device.loopback) {
    const all = made(device, 4, 'local', LOCAL, net, address);
    return [made(device, 4, 'local', LOCAL, host, address), all];
  }
  const routes = [made(device, 4, 'local', LOCAL, host, address)];
  if (length < 32) routes.push(made(device, 4, 'unicast', MAIN, net, address));
  // The highest address is the broadcast one; the lowest is an ordinary address since 5.13.
  if (length < 31) {
    const value = net.address.value | ((1n << BigInt(32 - length)) - 1n);
    const last: Prefix = { address: { version: 4, value }, length: 32 };
    routes.push(made(device, 4, 'broadcast', LOCAL, last, address));
  }
  return routes;
}

function routesOf6(device: Interface, given: InterfaceAddress): readonly Route[] {
  const local = made(device, 6, 'local', LOCAL, { address: given.address, length: 128 }, null);
  if (device.loopback) return [local];
  return [local, made(device, 6, 'unicast', MAIN, network(given), null)];
}

/**
 * Routes, policy rules, permanent neighbours and static FDB entries of a namespace. What the
 * kernel makes of an address by itself does not count, unless it is gone.
 */
import { type NamespaceState } from '../../dataplane/network.ts';
import { connectedRoutes, defaultRules } from '../../dataplane/routing/kernel-routes.ts';
import {
  type BridgeFdbEntry,
  type IpAddress,
  type NextHop,
  type PolicyRule,
  type Prefix,
  ROUTE_TABLES,
  type Route,
} from '../../dataplane/routing/types.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { deviceKey, type NamespaceSide, namespaceKey } from './devices.ts';
import { aboutDevice, aboutNamespace } from './objects.ts';
import { lineOf, section, statement } from './statement.ts';
import { drawnNumber, withoutDrawn } from './symbols.ts';
import { type Section, type Statement } from './types.ts';

const MAIN = ROUTE_TABLES['main'] ?? 254;

export function routingSections(side: NamespaceSide): readonly Section[] {
  const { host, namespace } = side;
  const of = (part: string, statements: readonly Statement[]): Section =>
    section(host.name, namespace.name, part, statements);
  return [
    of('routes', routeStatements(side)),
    of('rules', ruleStatements(side)),
    of('neighbours', neighbourStatements(side)),
    of('fdb', fdbStatements(side)),
  ];
}

function about(side: NamespaceSide, device: string | null): Pick<Statement, 'about' | 'needs'> {
  const { network, host, namespace } = side;
  return {
    about: () =>
      (device === null ? null : aboutDevice(network, host.name, device)) ??
      aboutNamespace(network, namespace.name),
    needs: [
      namespaceKey(namespace.name),
      ...(device === null ? [] : [deviceKey(namespace.name, device)]),
    ],
  };
}

function routeStatements(side: NamespaceSide): readonly Statement[] {
  const { namespace, symbols } = side;
  const { interfaces } = namespace.state;
  const made = ([4, 6] as const).flatMap((version) => connectedRoutes(interfaces, version));
  // A device that is set down keeps its local routes (net/ipv4/fib_semantics.c fib_sync_down_dev).
  const raised = interfaces.map((device) => ({ ...device, up: true }));
  const local = connectedRoutes(raised, 4).filter(({ type }) => type === 'local');
  const kernel = new Set([...made, ...local].map(routeIdentity));
  const configured = namespace.state.routes.filter(
    (route) => !kernel.has(routeIdentity(route)) && !isAutomatic(route),
  );
  const there = new Set(namespace.state.routes.map(routeIdentity));
  const gone = made.filter(
    (route) =>
      route.table === MAIN &&
      route.version === 4 &&
      route.type === 'unicast' &&
      !there.has(routeIdentity(route)),
  );
  return [
    ...configured.map((route) => routeStatement(side, route)),
    ...gone.map((route) => {
      const text = `no route to ${prefixText(route.prefix)} dev ${deviceOf(route)}`;
      return statement(withoutDrawn(text, symbols), { text, ...about(side, deviceOf(route)) });
    }),
  ];
}

/** What no configuration writes: local and broadcast routes of loopback, multicast, anycast. */
function isAutomatic({ type, hops, prefix, version, source }: Route): boolean {
  if (type === 'broadcast' || type === 'anycast' || type === 'multicast') return true;
  const loopback = hops.every(({ device }) => device === 'lo');
  if (loopback && (type === 'local' || (version === 6 && prefix?.length === 128))) return true;
  // A namespace may hold the link-local prefix of a device whose own address is not up yet.
  const linkLocal = version === 6 && prefix !== null && prefix.address.value >> 118n === 0x3fan;
  return (linkLocal && source === null) || (version === 6 && type === 'local');
}

function routeIdentity({ version, type, table, prefix, hops }: Route): string {
  const where = hops.map(({ gateway, device }) => `${gateway?.value ?? ''}@${device}`).join();
  return `${version} ${type} ${table} ${prefix?.address.value ?? 0}/${prefix?.length ?? 0} ${where}`;
}

function deviceOf({ hops }: Route): string | null {
  return hops[0]?.device ?? null;
}

function routeStatement(side: NamespaceSide, route: Route): Statement {
  const { symbols } = side;
  const { type, prefix, table, hops, metric, mtu, source, version } = route;
  const to = prefix === null ? (version === 4 ? 'default' : 'default6') : prefixText(prefix);
  const words = (tableName: string): string[] => [
    ...(type === 'unicast' ? [] : [type]),
    to,
    ...hops.flatMap(hopWords),
    ...(table === MAIN ? [] : [`table ${tableName}`]),
    ...(metric === 0 || (version === 6 && metric === 1024) ? [] : [`metric ${metric}`]),
    ...(source === null ? [] : [`src ${writeIp(source)}`]),
    ...(mtu === null ? [] : [`mtu ${mtu}`]),
  ];
  const tableName = drawnNumber(table, symbols) ?? String(table);
  const name = withoutDrawn(words(tableName).join(' '), symbols);
  return statement(name, {
    subject: withoutDrawn(`${to} table ${tableName}`, symbols),
    text: words(String(table)).join(' '),
    origin: () => route.origin,
    ...about(side, deviceOf(route)),
  });
}

function hopWords({ gateway, device, weight, onLink }: NextHop): readonly string[] {
  return [
    ...(gateway === null ? [] : [`via ${writeIp(gateway)}`]),
    ...(device === null ? [] : [`dev ${device}`]),
    ...(weight <= 1 ? [] : [`weight ${weight}`]),
    ...(onLink ? ['onlink'] : []),
  ];
}

function prefixText(prefix: Prefix | null): string {
  if (prefix === null) return 'default';
  const { address, length } = prefix;
  const whole = address.version === 4 ? 32 : 128;
  return length === whole ? writeIp(address) : `${writeIp(address)}/${length}`;
}

/** Priorities out of which the L3 agent takes one for each floating IP (FIP_PR_START, FIP_PR_END). */
const FLOATING_PRIORITIES = { from: 32768, to: 32768 + 40_000 } as const;

function ruleStatements(side: NamespaceSide): readonly Statement[] {
  const { namespace } = side;
  const usual = new Set(
    ([4, 6] as const).flatMap((version) => defaultRules(version).map((rule) => ruleText(rule))),
  );
  const there = new Set(namespace.state.rules.map(ruleText));
  // Without the rule of the main table nothing of it is asked; that of the empty one is no matter.
  const gone = ([4, 6] as const)
    .filter((version) => namespace.state.rules.some((rule) => rule.version === version))
    .flatMap(defaultRules)
    .filter((rule) => rule.priority < LAST_PRIORITY && !there.has(ruleText(rule)));
  return [
    ...namespace.state.rules
      .filter((rule) => !usual.has(ruleText(rule)))
      .map((rule) => ruleStatement(side, rule)),
    ...gone.map((rule) => {
      const text = `no rule ${ruleText(rule)}`;
      return statement(text, { text, ...about(side, null) });
    }),
  ];
}

/** The rule that asks table `default`, which nobody fills. */
const LAST_PRIORITY = 32767;

function ruleStatement(side: NamespaceSide, rule: PolicyRule): Statement {
  const { symbols } = side;
  const { priority } = rule;
  const floating = priority >= FLOATING_PRIORITIES.from && priority < FLOATING_PRIORITIES.to;
  const number = (value: number): string => drawnNumber(value, symbols) ?? String(value);
  const name = floating ? 'floating' : number(priority);
  return statement(`${name}: ${selector(rule)} ${actionOf(rule, number)}`, {
    subject: selector(rule),
    text: ruleText(rule),
    origin: () => rule.origin,
    ...about(side, rule.inputDevice),
  });
}

function ruleText(rule: PolicyRule): string {
  return `${rule.priority}: ${selector(rule)} ${actionOf(rule, String)}${rule.version === 6 ? ' (IPv6)' : ''}`;
}

function selector(rule: PolicyRule): string {
  const { from, to, inputDevice, outputDevice, mark, tos, protocol, not } = rule;
  const range = (name: string, of: readonly [number, number] | null): string[] =>
    of === null ? [] : [`${name} ${of[0]}-${of[1]}`];
  return [
    ...(not ? ['not'] : []),
    `from ${from === null ? 'all' : prefixText(network(from))}`,
    ...(to === null ? [] : [`to ${prefixText(to)}`]),
    ...(inputDevice === null ? [] : [`iif ${inputDevice}`]),
    ...(outputDevice === null ? [] : [`oif ${outputDevice}`]),
    ...(mark === null ? [] : [`fwmark ${mark.value}/${mark.mask}`]),
    ...(tos === null ? [] : [`tos ${tos}`]),
    ...(protocol === null ? [] : [`ipproto ${protocol}`]),
    ...range('sport', rule.sourcePorts),
    ...range('dport', rule.destinationPorts),
  ].join(' ');
}

/** `10.1.0.1/24` selects all of its network (net/core/fib_rules.c keeps the bits, masks them). */
function network({ address, length }: Prefix): Prefix {
  const rest = BigInt((address.version === 4 ? 32 : 128) - length);
  return { address: { ...address, value: (address.value >> rest) << rest }, length };
}

function actionOf({ action }: PolicyRule, number: (value: number) => string): string {
  switch (action.kind) {
    case 'lookup':
      return `lookup ${number(action.table)}${action.suppressPrefixLength === null ? '' : ` suppress_prefixlength ${action.suppressPrefixLength}`}`;
    case 'goto':
      return `goto ${action.priority}`;
    default:
      return action.kind;
  }
}

function neighbourStatements(side: NamespaceSide): readonly Statement[] {
  const { namespace, symbols } = side;
  const drawn = (address: IpAddress): string => withoutDrawn(writeIp(address), symbols);
  const permanent = namespace.state.neighbours
    // The kernel itself knows where multicast goes (`noarp`).
    .filter(({ state, address }) => state === 'permanent' && !isMulticast(address))
    .map(({ address, device, mac, state }) => {
      const to = mac === null ? 'nobody' : macName(mac, side);
      return statement(`${drawn(address)} dev ${device} lladdr ${to} ${state}`, {
        subject: `${drawn(address)} dev ${device}`,
        text: `${writeIp(address)} dev ${device} lladdr ${mac === null ? '-' : writeMac(mac)} ${state}`,
        origin: lineOf(namespace, `ip-neigh-v${address.version}.json`, writeIp(address)),
        ...about(side, device),
      });
    });
  const proxies = namespace.state.proxyNeighbours.map(({ address, device }) =>
    statement(`${writeIp(address)} dev ${device} proxy`, {
      origin: lineOf(namespace, 'ip-neigh-proxy.json', writeIp(address)),
      ...about(side, device),
    }),
  );
  return [...permanent, ...proxies];
}

/** A MAC by what has it, where it was drawn: the other end of a veth between agents' namespaces. */
function macName(mac: bigint, { network, host }: NamespaceSide): string {
  if (network.neutron.ports.some((port) => port.mac === mac)) return writeMac(mac);
  for (const { name, state } of host.namespaces.values()) {
    const found = state.interfaces.find((each) => each.mac === mac && !each.loopback);
    if (found !== undefined) return `mac-of-${name}/${found.name}`;
  }
  return writeMac(mac);
}

function isMulticast({ version, value }: IpAddress): boolean {
  return version === 4 ? value >> 28n === 0xen : value >> 120n === 0xffn;
}

/** Entries that somebody wrote: of devices that tunnel, and static ones of bridges. */
function fdbStatements(side: NamespaceSide): readonly Statement[] {
  const { namespace } = side;
  return namespace.state.bridgeFdb
    .filter((entry) => isWritten(namespace, entry))
    .map((entry) => {
      const { device, mac, destination, vlan, vni, port, viaDevice } = entry;
      const text = [
        `${writeMac(mac)} dev ${device}`,
        ...(destination === null ? [] : [`dst ${writeIp(destination)}`]),
        ...(vlan === null ? [] : [`vlan ${vlan}`]),
        ...(vni === null ? [] : [`vni ${vni}`]),
        ...(port === null ? [] : [`port ${port}`]),
        ...(viaDevice === null ? [] : [`via ${viaDevice}`]),
      ].join(' ');
      return statement(text, {
        subject: `${writeMac(mac)} dev ${device}`,
        origin: lineOf(namespace, 'bridge-fdb.json', writeMac(mac)),
        ...about(side, device),
      });
    });
}

function isWritten({ state }: NamespaceState, entry: BridgeFdbEntry): boolean {
  const multicast = (entry.mac >> 40n) & 1n;
  if (multicast === 1n) return false;
  const device = state.interfaces.find(({ name }) => name === entry.device);
  const permanent = entry.state === 'permanent' || entry.state === 'static';
  if (!permanent || device?.mac === entry.mac) return false;
  if (device?.kind === 'vxlan') return entry.destination !== null;
  // A bridge's own and its ports' addresses stand there by themselves.
  return !state.interfaces.some(({ mac }) => mac === entry.mac);
}

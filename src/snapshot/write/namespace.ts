/**
 * A namespace as `ip -json`, `bridge -json` and `sysctl` would show it, so that the readers of dumps
 * read the same namespace from it. Only files that tell something else than before are written.
 */
import { type InterfaceId, type NamespaceState, type Wire } from '../../dataplane/network.ts';
import {
  type Interface,
  type InterfaceAddress,
  type Namespace,
  type PolicyRule,
  type Prefix,
  type Route,
} from '../../dataplane/routing/types.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { plainText } from './plain-text.ts';

/** How to find the other end of an interface, whose index each end names. */
export interface Ends {
  wire(at: InterfaceId): Wire;
  indexOf(at: InterfaceId): number | null;
}

interface Printed {
  /** The file's name without its ending. */
  readonly name: string;
  /** What it tells, to see whether that has changed. */
  readonly of: (state: Namespace) => unknown;
  readonly print: (state: Namespace, ends: Ends) => string;
}

const PRINTED: readonly Printed[] = [
  { name: 'ip-link', of: ({ interfaces }) => interfaces, print: links(false) },
  { name: 'ip-addr', of: ({ interfaces }) => interfaces, print: links(true) },
  ...([4, 6] as const).flatMap((version): readonly Printed[] => {
    const own = <T extends { readonly version: 4 | 6 }>(all: readonly T[]): readonly T[] =>
      all.filter((one) => one.version === version);
    return [
      {
        name: `ip-route-v${version}`,
        of: ({ routes }) => own(routes).map(({ origin: _, ...route }) => route),
        print: ({ routes }) => json(own(routes).map(routeOf)),
      },
      {
        name: `ip-rule-v${version}`,
        of: ({ rules }) => own(rules).map(({ origin: _, ...rule }) => rule),
        print: ({ rules }) => json(own(rules).map(ruleOf)),
      },
      {
        name: `ip-neigh-v${version}`,
        of: ({ neighbours }) => neighbours.filter((one) => one.address.version === version),
        print: ({ neighbours }) =>
          json(neighbours.filter((one) => one.address.version === version).map(neighbourOf)),
      },
    ];
  }),
  { name: 'bridge-fdb', of: ({ bridgeFdb }) => bridgeFdb, print: (state) => fdbText(state) },
  { name: 'bridge-link', of: ({ bridgePorts }) => bridgePorts, print: (state) => portText(state) },
  { name: 'sysctl', of: ({ sysctls }) => [...sysctls], print: (state) => sysctlText(state) },
];

/** Files that were never taken apart, or whose text is kept: rules, sets, sockets, connections. */
const KEPT = [
  ...['iptables-save', 'ip6tables-save', 'nft-ruleset', 'ipset-save', 'ebtables-save'],
  ...['arptables-save', 'bridge-vlan', 'ss-listen', 'ip-neigh-proxy', 'conntrack'],
];

/** Texts of a namespace that differ from what it was, by the name of the file without its ending. */
export function namespaceTexts(
  before: NamespaceState | undefined,
  after: NamespaceState,
  ends: Ends,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { name, of, print } of PRINTED) {
    const same = before !== undefined && plainText(of(before.state)) === plainText(of(after.state));
    if (!same) texts.set(name, print(after.state, ends));
  }
  for (const name of KEPT) {
    const [old, now] = [before?.source(name)?.text, after.source(name)?.text];
    if (now !== undefined && now !== old) texts.set(name, now);
  }
  return texts;
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function links(withAddresses: boolean): Printed['print'] {
  return ({ host, name, interfaces }, ends) =>
    json(
      interfaces.map((one) => ({
        ...linkOf(one, { host, namespace: name, name: one.name }, ends),
        ...(withAddresses ? { addr_info: one.addresses.map(addressOf) } : {}),
      })),
    );
}

function linkOf(one: Interface, at: InterfaceId, ends: Ends): Record<string, unknown> {
  const flags = [
    ...(one.loopback ? ['LOOPBACK'] : ['BROADCAST', 'MULTICAST']),
    ...(one.promiscuous ? ['PROMISC'] : []),
    ...(one.up ? ['UP'] : []),
    ...(one.running ? ['LOWER_UP'] : []),
  ];
  const kind = one.kind === '' ? {} : { info_kind: one.kind };
  const details = Object.keys(one.details).length === 0 ? {} : { info_data: one.details };
  const info = { ...kind, ...details };
  return {
    ifindex: one.index,
    ...otherEnd(one, at, ends),
    ifname: one.name,
    flags,
    mtu: one.mtu,
    ...(one.master === null ? {} : { master: one.master }),
    operstate: one.up && one.running ? 'UP' : 'DOWN',
    ...(one.group === undefined ? {} : { group: String(one.group) }),
    link_type: one.loopback ? 'loopback' : 'ether',
    address: writeMac(one.mac),
    ...(Object.keys(info).length === 0 ? {} : { linkinfo: info }),
  };
}

/** The other end by index and, in another namespace, by that one's name. */
function otherEnd(one: Interface, at: InterfaceId, ends: Ends): Record<string, unknown> {
  const wire = ends.wire(at);
  if (wire.kind === 'interface') {
    const index = ends.indexOf(wire.to);
    const elsewhere = wire.to.namespace === at.namespace ? {} : { link_netns: wire.to.namespace };
    if (index !== null) return { link_index: index, ...elsewhere };
  }
  const named = one.linkNamespaceName;
  return {
    ...(one.linkIndex === null ? {} : { link_index: one.linkIndex }),
    ...(one.linkName === undefined ? {} : { link: one.linkName }),
    ...(one.linkNamespace === null ? {} : { link_netnsid: one.linkNamespace }),
    ...(named === undefined ? {} : { link_netns: named }),
  };
}

function addressOf(one: InterfaceAddress): Record<string, unknown> {
  return {
    family: one.address.version === 4 ? 'inet' : 'inet6',
    local: writeIp(one.address),
    ...(one.peer === null ? {} : { address: writeIp(one.peer) }),
    prefixlen: one.length,
    scope: one.scope,
    ...(one.secondary ? { secondary: true } : {}),
    ...(one.deprecated ? { deprecated: true } : {}),
    ...(one.tentative ? { tentative: true } : {}),
  };
}

function routeOf(route: Route): Record<string, unknown> {
  const [hop, ...others] = route.hops;
  return {
    ...(route.type === 'unicast' ? {} : { type: route.type }),
    dst: route.prefix === null ? 'default' : prefixText(route.prefix),
    ...(hop === undefined || others.length > 0 ? {} : hopOf(hop)),
    ...(route.table === 254 ? {} : { table: tableText(route.table) }),
    ...(route.scope === 'global' ? {} : { scope: route.scope }),
    ...(route.source === null ? {} : { prefsrc: writeIp(route.source) }),
    ...(route.metric === 0 ? {} : { metric: route.metric }),
    ...(route.mtu === null ? {} : { metrics: [{ mtu: route.mtu }] }),
    flags: hop === undefined || others.length > 0 ? [] : flagsOf(hop),
    ...(others.length === 0
      ? {}
      : {
          nexthops: route.hops.map((one) => ({
            ...hopOf(one),
            weight: one.weight,
            flags: flagsOf(one),
          })),
        }),
  };
}

type Hop = Route['hops'][number];

function hopOf({ gateway, device }: Hop): Record<string, unknown> {
  return {
    ...(gateway === null ? {} : { gateway: writeIp(gateway) }),
    ...(device === null ? {} : { dev: device }),
  };
}

function flagsOf({ onLink, dead }: Hop): readonly string[] {
  return [...(onLink ? ['onlink'] : []), ...(dead ? ['dead'] : [])];
}

function ruleOf(rule: PolicyRule): Record<string, unknown> {
  const { action, mark, tos, sourcePorts, destinationPorts } = rule;
  const side = (key: string, prefix: Prefix): Record<string, unknown> => ({
    [key]: writeIp(prefix.address),
    [`${key}len`]: prefix.length,
  });
  const ports = (key: string, range: readonly [number, number] | null) =>
    range === null
      ? {}
      : range[0] === range[1]
        ? { [key]: range[0] }
        : { [`${key}_start`]: range[0], [`${key}_end`]: range[1] };
  return {
    priority: rule.priority,
    ...(rule.not ? { not: null } : {}),
    ...(rule.from === null ? { src: 'all' } : side('src', rule.from)),
    ...(rule.to === null ? {} : side('dst', rule.to)),
    ...(mark === null ? {} : { fwmark: hex(mark.value), fwmask: hex(mark.mask) }),
    ...(tos === null ? {} : { tos: hex(tos) }),
    ...(rule.inputDevice === null ? {} : { iif: rule.inputDevice }),
    ...(rule.outputDevice === null ? {} : { oif: rule.outputDevice }),
    ...(rule.protocol === null ? {} : { ipproto: String(rule.protocol) }),
    ...ports('sport', sourcePorts),
    ...ports('dport', destinationPorts),
    ...(action.kind === 'lookup'
      ? {
          table: tableText(action.table),
          ...(action.suppressPrefixLength === null
            ? {}
            : { suppress_prefixlen: action.suppressPrefixLength }),
        }
      : action.kind === 'goto'
        ? { goto: action.priority }
        : { action: action.kind }),
  };
}

function neighbourOf(one: Namespace['neighbours'][number]): Record<string, unknown> {
  return {
    dst: writeIp(one.address),
    dev: one.device,
    ...(one.mac === null ? {} : { lladdr: writeMac(one.mac) }),
    ...(one.router ? { router: null } : {}),
    state: [one.state.toUpperCase()],
  };
}

function fdbText({ bridgeFdb }: Namespace): string {
  return json(
    bridgeFdb.map((one) => ({
      mac: writeMac(one.mac),
      ifname: one.device,
      ...(one.vlan === null ? {} : { vlan: one.vlan }),
      ...(one.destination === null ? {} : { dst: writeIp(one.destination) }),
      ...(one.vni === null ? {} : { vni: one.vni }),
      ...(one.port === null ? {} : { port: one.port }),
      ...(one.viaDevice === null ? {} : { viaIf: one.viaDevice }),
      flags: one.flags,
      ...(one.master === null ? {} : { master: one.master }),
      state: one.state,
    })),
  );
}

function portText({ bridgePorts }: Namespace): string {
  return json(bridgePorts.map(({ device, ...rest }) => ({ ifname: device, ...rest })));
}

function sysctlText({ sysctls }: Namespace): string {
  return [...sysctls].map(([name, value]) => `${name} = ${value}\n`).join('');
}

function prefixText({ address, length }: Prefix): string {
  const whole = address.version === 4 ? 32 : 128;
  return length === whole ? writeIp(address) : `${writeIp(address)}/${length}`;
}

function tableText(table: number): string {
  return table === 255 ? 'local' : table === 254 ? 'main' : String(table);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

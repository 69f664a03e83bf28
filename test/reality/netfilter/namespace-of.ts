/** A case's node as the namespace a snapshot of it would show. */

import { connectedRoutes, defaultRules } from '../../../src/dataplane/routing/kernel-routes.ts';
import {
  type BridgeFdbEntry,
  type Interface,
  type InterfaceAddress,
  type IpAddress,
  type Namespace,
  type PolicyRule,
  type Prefix,
  type Route,
  type Socket,
} from '../../../src/dataplane/routing/types.ts';
import { addressBytes, macBytes } from './bytes.ts';
import { type Case, type Link, type Node } from './case.ts';

const fold = (bytes: readonly number[]): bigint =>
  bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
export const mac = (text: string): bigint => fold(macBytes(text));

export function address(text: string): IpAddress {
  return { version: text.includes(':') ? 6 : 4, value: fold(addressBytes(text)) };
}

function prefix(text: string): Prefix {
  const [at = '', length] = text.split('/');
  const whole = address(at);
  const width = whole.version === 4 ? 32 : 128;
  return { address: whole, length: length === undefined ? width : Number(length) };
}

/** The namespaces of a case by node name; MACs nobody gave are made up, unequal. */
export function namespacesOf(one: Case): ReadonlyMap<string, Namespace> {
  const names = Object.keys(one.nodes);
  return new Map(
    names.map((name, i) => [name, namespaceOf(name, one.nodes[name] ?? {}, BigInt(i + 1))]),
  );
}

function namespaceOf(name: string, node: Node, number: bigint): Namespace {
  const links = node.links ?? [];
  const loopback = interfaceOf({ name: 'lo', type: 'port', mtu: 65536 }, 0, node, 0n, links);
  const lo: Interface = { ...loopback, loopback: true, kind: '', addresses: LOOPBACK };
  const interfaces = [lo, ...links.map((link, i) => interfaceOf(link, i + 1, node, number, links))];
  const sysctls = new Map(
    Object.entries(node.sysctl ?? {}).map(([key, value]) => [key, String(value)]),
  );
  for (const key of ['iptables', 'ip6tables', 'arptables']) {
    const full = `net.bridge.bridge-nf-call-${key}`;
    if (!sysctls.has(full)) sysctls.set(full, '1');
  }
  const given = (node.routes ?? []).map((text, i) => routeOf(text, i, interfaces));
  const own = [...connectedRoutes(interfaces, 4), ...connectedRoutes(interfaces, 6)];
  return {
    host: name,
    name,
    interfaces,
    rules: rulesOf(node.rules ?? []),
    routes: [...own, ...given],
    neighbours: (node.neigh ?? []).map(([ip, lladdr, device]) => ({
      address: address(ip),
      device,
      mac: mac(lladdr),
      state: 'permanent' as const,
      router: false,
    })),
    proxyNeighbours: [],
    bridgeFdb: (node.fdb ?? []).flatMap(fdbOf),
    bridgePorts: links.flatMap((link) =>
      link.master === undefined
        ? []
        : [
            {
              device: link.name,
              master: link.master,
              state: 'forwarding',
              hairpin: link.hairpin ?? false,
              learning: link.learning ?? true,
              flood: link.flood ?? true,
              isolated: link.isolated ?? false,
            },
          ],
    ),
    bridgeVlans: [],
    sysctls,
    sockets: socketsOf(node),
    missing: [],
  };
}

const LOOPBACK: readonly InterfaceAddress[] = [
  addressOf('127.0.0.1/8', 'host'),
  addressOf('::1/128', 'host'),
];

function addressOf(text: string, scope: InterfaceAddress['scope']): InterfaceAddress {
  const { address: own, length } = prefix(text);
  const flags = { secondary: false, deprecated: false, tentative: false };
  return { address: own, length, peer: null, scope, ...flags };
}

/** The second and later addresses of one subnet are secondary (ip-address(8)). */
function addressesOf(node: Node, device: string): readonly InterfaceAddress[] {
  const made: InterfaceAddress[] = [];
  for (const [name, text] of node.addrs ?? []) {
    if (name !== device) continue;
    const link = text.toLowerCase().startsWith('fe80');
    const one = addressOf(text, link ? 'link' : 'global');
    const host = BigInt((one.address.version === 4 ? 32 : 128) - one.length);
    const secondary = made.some(
      (old) =>
        old.address.version === 4 &&
        old.length === one.length &&
        old.address.value >> host === one.address.value >> host,
    );
    made.push({ ...one, secondary: secondary && one.address.version === 4 });
  }
  return made;
}

function interfaceOf(
  link: Link,
  index: number,
  node: Node,
  number: bigint,
  links: readonly Link[],
): Interface {
  const lower = links.findIndex((other) => other.name === link.dev) + 2;
  const fallback = 0x02fe_0000_0000n + number * 256n + BigInt(index);
  return {
    name: link.name,
    index: index + 1,
    mac: link.mac === undefined ? (bridgeMac(link, links) ?? fallback) : mac(link.mac),
    mtu: link.type === 'bridge' ? bridgeMtu(link, links) : mtuOf(link),
    up: link.up ?? true,
    running: true,
    loopback: false,
    group: 0,
    promiscuous: false,
    kind: link.type === 'port' ? 'veth' : link.type,
    master: link.master ?? null,
    linkIndex: link.type === 'macvlan' ? lower : null,
    linkNamespace: null,
    addresses: addressesOf(node, link.name),
    details:
      link.type === 'vxlan'
        ? {
            id: link.vni ?? 0,
            port: link.dstport ?? 8472,
            learning: link.learning ?? false,
            proxy: link.proxy ?? false,
            ...(link.local === undefined ? {} : { local: link.local }),
          }
        : bridgeDetails(link),
  };
}

/** Arguments of `ip link add type bridge`, as `ip -d -json link` would show them. */
function bridgeDetails({ args = '' }: Link): Readonly<Record<string, unknown>> {
  const ageing = /ageing_time (\d+)/.exec(args)?.[1];
  return ageing === undefined ? {} : { ageing_time: Number(ageing) };
}

function mtuOf({ mtu, type }: Link): number {
  return mtu ?? (type === 'vxlan' ? 1450 : 1500);
}

/** As long as nobody sets it, a bridge has the smallest MTU of its ports. */
function bridgeMtu(link: Link, links: readonly Link[]): number {
  if (link.mtu !== undefined && link.mtu !== 1500) return link.mtu;
  const ports = links.filter((port) => port.master === link.name);
  return ports.length === 0 ? 1500 : Math.min(...ports.map(mtuOf));
}

/** A bridge without own MAC takes the lowest one of its ports. */
function bridgeMac(link: Link, links: readonly Link[]): bigint | null {
  if (link.type !== 'bridge') return null;
  const macs = links.flatMap((port) =>
    port.master === link.name && port.mac !== undefined ? [mac(port.mac)] : [],
  );
  return macs.sort((a, b) => (a < b ? -1 : 1))[0] ?? null;
}

const REFUSALS = new Set(['unreachable', 'prohibit', 'blackhole', 'throw', 'local', 'broadcast']);

/** `[TYPE] PREFIX [via A] [dev D] [table N] [metric M] [src A] [mtu N] [onlink]`. */
function routeOf(text: string, line: number, interfaces: readonly Interface[]): Route {
  const words = text.split(/\s+/);
  const type = REFUSALS.has(words[0] ?? '') ? (words.shift() as Route['type']) : 'unicast';
  const to = words.shift() ?? 'default';
  const after = (word: string): string | null => {
    const at = words.indexOf(word);
    return at < 0 ? null : (words[at + 1] ?? null);
  };
  const via = after('via');
  const version = (via ?? to).includes(':') ? 6 : 4;
  const hop = via === null ? null : address(via);
  const device = after('dev') ?? (hop === null ? null : deviceTowards(hop, interfaces));
  const refuses = type !== 'unicast' && type !== 'local' && type !== 'broadcast';
  const src = after('src');
  return {
    version,
    prefix: to === 'default' ? null : prefix(to),
    type,
    table: Number(after('table') ?? 254),
    metric: Number(after('metric') ?? (version === 6 ? 1024 : 0)),
    source: src === null ? null : address(src),
    scope: 'global',
    hops: refuses
      ? []
      : [{ gateway: hop, device, weight: 1, onLink: words.includes('onlink'), dead: false }],
    mtu: after('mtu') === null ? null : Number(after('mtu')),
    origin: { file: 'routes', line: line + 1 },
  };
}

function deviceTowards(hop: IpAddress, interfaces: readonly Interface[]): string | null {
  const width = hop.version === 4 ? 32 : 128;
  const found = interfaces.find((one) =>
    one.addresses.some(({ address: own, length }) => {
      const host = BigInt(width - length);
      return own.version === hop.version && own.value >> host === hop.value >> host;
    }),
  );
  return found?.name ?? null;
}

const TABLES: Readonly<Record<string, number>> = { local: 255, main: 254, default: 253 };

/** `[not] from P to P iif D oif D fwmark V[/M] tos T ipproto N sport N dport N pref N ACTION`. */
function rulesOf(texts: readonly string[]): readonly PolicyRule[] {
  let next = 32765;
  const given = texts.map((text, line): PolicyRule => {
    const words = text.split(/\s+/);
    const after = (...names: readonly string[]): string | null => {
      const at = words.findIndex((word) => names.includes(word));
      return at < 0 ? null : (words[at + 1] ?? null);
    };
    const numbers = (value: string | null): readonly [number, number] | null => {
      const [from, to] = (value ?? '').split('-').map(Number);
      return value === null || from === undefined ? null : [from, to ?? from];
    };
    const selector = (name: string): Prefix | null => {
      const value = after(name);
      return value === null || value === 'all' ? null : prefix(value);
    };
    const [value, mask] = (after('fwmark') ?? '').split('/').map(Number);
    const protocol = after('ipproto');
    const named: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17 };
    const priority = after('pref', 'priority', 'prio', 'preference');
    return {
      version: text.includes(':') ? 6 : 4,
      priority: priority === null ? next-- : Number(priority),
      not: words[0] === 'not' || words.includes('not'),
      from: selector('from'),
      to: selector('to'),
      inputDevice: after('iif', 'dev'),
      outputDevice: after('oif'),
      mark: after('fwmark') === null ? null : { value: value ?? 0, mask: mask ?? 0xffff_ffff },
      tos: after('tos', 'dsfield') === null ? null : Number(after('tos', 'dsfield')),
      protocol: protocol === null ? null : (named[protocol] ?? Number(protocol)),
      sourcePorts: numbers(after('sport')),
      destinationPorts: numbers(after('dport')),
      action: actionOf(words, after),
      origin: { file: 'rules', line: line + 1 },
    };
  });
  return [...given, ...defaultRules(4), ...defaultRules(6)];
}

function actionOf(
  words: readonly string[],
  after: (...names: readonly string[]) => string | null,
): PolicyRule['action'] {
  for (const kind of ['blackhole', 'unreachable', 'prohibit', 'nop'] as const) {
    if (words.includes(kind)) return { kind };
  }
  const target = after('goto');
  if (target !== null) return { kind: 'goto', priority: Number(target) };
  const table = after('table', 'lookup') ?? 'main';
  const suppress = after('suppress_prefixlength');
  return {
    kind: 'lookup',
    table: TABLES[table] ?? Number(table),
    suppressPrefixLength: suppress === null ? null : Number(suppress),
  };
}

/** `append MAC dev D dst A [self]`, `add MAC dev D master static`. */
function fdbOf(text: string): readonly BridgeFdbEntry[] {
  const words = text.split(/\s+/);
  const at = (word: string): string | null => {
    const index = words.indexOf(word);
    return index < 0 ? null : (words[index + 1] ?? null);
  };
  const [, lladdr = ''] = words;
  const dst = at('dst');
  return [
    {
      device: at('dev') ?? '',
      master: words.includes('master') ? '' : null,
      mac: mac(lladdr),
      vlan: at('vlan') === null ? null : Number(at('vlan')),
      destination: dst === null ? null : address(dst),
      vni: null,
      port: null,
      viaDevice: null,
      flags: [],
      state: words.includes('local') ? 'permanent' : 'static',
    },
  ];
}

/** The recorder listened with raw sockets, so these protocols are never "unreachable". */
function socketsOf(node: Node): readonly Socket[] {
  const raw = [1, 6, 17, 132, 50, 47].map((port): Socket => {
    return { protocol: 'raw', address: null, version: 4, port, device: null, process: 'recorder' };
  });
  const listening = (node.listen ?? []).map(([protocol, port]): Socket => {
    const kind = protocol === 'tcp' ? 'tcp' : 'udp';
    return { protocol: kind, address: null, version: 4, port, device: null, process: '', uid: 0 };
  });
  const raw6 = [6, 17, 132].map((port): Socket => {
    return { protocol: 'raw', address: null, version: 6, port, device: null, process: 'recorder' };
  });
  return [...raw, ...(node.ipv6 === true ? raw6 : []), ...listening];
}

/** One namespace of a dump: each kind of file is read when it is first asked for. */
import { type ConnectionEntry } from '../../dataplane/conntrack/types.ts';
import { type NamespaceState, ROOT } from '../../dataplane/network.ts';
import { connectedRoutes, defaultRules } from '../../dataplane/routing/kernel-routes.ts';
import {
  readBrctl,
  readBridgeFdb,
  readBridgePorts,
  readBridgeVlans,
} from '../../dataplane/routing/text/bridge.ts';
import { mergeInterfaces, readInterfaces } from '../../dataplane/routing/text/interface.ts';
import { portsOfLinks } from '../../dataplane/routing/text/link-ports.ts';
import { readNeighbours, readProxyNeighbours } from '../../dataplane/routing/text/neighbour.ts';
import { readRoutes } from '../../dataplane/routing/text/route.ts';
import { readRules } from '../../dataplane/routing/text/rule.ts';
import { readSockets, readSysctls } from '../../dataplane/routing/text/settings.ts';
import {
  type BridgePort,
  type Interface,
  type Namespace,
  ROUTE_TABLES,
  type Route,
} from '../../dataplane/routing/types.ts';
import { type Parsed } from '../../text/problem.ts';
import { agentSettings } from './agent-settings.ts';
import { once, readWith, type Store, sourceAt } from './folder.ts';
import { missingOf } from './missing.ts';

const LOCAL = ROUTE_TABLES['local'] ?? 255;

type Reader<T> = (file: string, text: string) => Parsed<T>;

/** Reads a `conntrack -L` dump; given by the caller, as the reader stands elsewhere. */
export type ConnectionsReader = Reader<readonly ConnectionEntry[]>;

/** Adds the devices that outputs leave out but other outputs name. */
export type Completion = (
  interfaces: readonly Interface[],
  ports: readonly BridgePort[],
) => readonly Interface[];

export function openNamespace(
  store: Store,
  host: string,
  name: string,
  paths: ReadonlyMap<string, string>,
  connectionsReader: ConnectionsReader,
  complete: Completion = (interfaces) => interfaces,
): NamespaceState {
  const read = <T>(file: string, reader: Reader<T>, otherwise: T): T =>
    readWith(store, paths.get(file), reader, otherwise);
  const both = <T>(
    file: string,
    reader: (version: 4 | 6) => Reader<readonly T[]>,
  ): readonly T[] => [...read(`${file}-v4`, reader(4), []), ...read(`${file}-v6`, reader(6), [])];
  const interfaces = once(() => {
    const links = read('ip-link', readInterfaces, []);
    return complete(mergeInterfaces(links, read('ip-addr', readInterfaces, [])), ports());
  });
  const rules = once(() =>
    ([4, 6] as const).flatMap((version) => {
      const file = `ip-rule-v${version}`;
      if (!paths.has(file)) return defaultRules(version);
      return read(file, (of, text) => readRules(of, text, version), []);
    }),
  );
  const routes = once(() =>
    ([4, 6] as const).flatMap((version) => {
      const file = `ip-route-v${version}`;
      // What an address brings along needs no output to be known.
      const own = (): readonly Route[] => connectedRoutes(interfaces(), version);
      if (!paths.has(file)) return own();
      const shown = read(file, (of, text) => readRoutes(of, text, version), []);
      const whole = shown.some(({ table }) => table === LOCAL);
      return whole ? shown : [...shown, ...own().filter(({ table }) => table === LOCAL)];
    }),
  );
  const neighbours = once(() => both('ip-neigh', () => readNeighbours));
  const proxies = once(() => read('ip-neigh-proxy', readProxyNeighbours, []));
  const fdb = once(() => read('bridge-fdb', readBridgeFdb, []));
  const ports = once(() => {
    if (paths.has('bridge-link')) return read('bridge-link', readBridgePorts, []);
    const ofLinks = read('ip-link', portsOfLinks, []);
    return ofLinks.length > 0 ? ofLinks : read('brctl-show', readBrctl, []);
  });
  const vlans = once(() => read('bridge-vlan', readBridgeVlans, []));
  const sysctls = once((): ReadonlyMap<string, string> => {
    if (!paths.has('sysctl')) return agentSettings(name, interfaces());
    return read('sysctl', readSysctls, new Map<string, string>());
  });
  const sockets = once(() => read('ss-listen', readSockets, []));
  const missing = once(() => missingOf(name === ROOT, paths).map((each) => each.file));
  const connections = once(() => read('conntrack', connectionsReader, []));
  const state: Namespace = {
    host,
    name,
    get interfaces() {
      return interfaces();
    },
    get rules() {
      return rules();
    },
    get routes() {
      return routes();
    },
    get neighbours() {
      return neighbours();
    },
    get proxyNeighbours() {
      return proxies();
    },
    get bridgeFdb() {
      return fdb();
    },
    get bridgePorts() {
      return ports();
    },
    get bridgeVlans() {
      return vlans();
    },
    get sysctls() {
      return sysctls();
    },
    get sockets() {
      return sockets();
    },
    get missing() {
      return missing();
    },
  };
  return {
    host,
    name,
    state,
    get connections() {
      return connections();
    },
    source: (file) => sourceAt(store, paths.get(file.replace(/\.(txt|json)$/, ''))),
  };
}

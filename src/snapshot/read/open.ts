/**
 * A dump folder as a `Network`. Only the list of files is read here; every host, namespace and
 * bridge is read when a question first needs it, and what could not be read is told in
 * `problems`, what is not there in `missing`.
 */
import {
  type Host,
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
  type Segment,
  type SourceText,
} from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { type Problem } from '../../text/problem.ts';
import { checkApi } from './api-check.ts';
import { contradictionProblems } from './api-contradictions.ts';
import { type Catalog, catalogOfCapture, type HostCatalog, placesOf } from './catalog.ts';
import { openDirectory } from './endpoints.ts';
import { type Folder, once, openStore, readWith, type Store, sourceAt } from './folder.ts';
import { withNamedDevices } from './inferred.ts';
import { catalogOfLoose, type LooseFile } from './loose.ts';
import { missingBridges, missingOfCatalog } from './missing.ts';
import { type Completion, openNamespace } from './namespace.ts';
import { readNeutron } from './neutron.ts';
import { portWith } from './port-index.ts';
import { READERS, type Readers } from './readers.ts';
import { deduceSegments } from './segments.ts';
import { catalogOfSos } from './sos.ts';
import { openSwitch } from './switch.ts';
import { readUnderlay, withUnderlay } from './underlay.ts';
import { openWires, type WiredHost } from './wires.ts';

/** A capture's folder or unpacked sos reports. A folder of neither kind gives no hosts. */
export function openSnapshot(folder: Folder, readers: Readers = READERS): Network {
  const catalog = catalogOfCapture(folder) ?? catalogOfSos(folder) ?? nothing();
  return openCatalog(folder, catalog, readers);
}

/** Single files, as given with `--ovs HOST:BRIDGE=FILE`, `--ns HOST:NAMESPACE=FILE`, `--api FILE`. */
export function openLoose(
  folder: Folder,
  files: readonly LooseFile[],
  readers: Readers = READERS,
): Network {
  const loose = catalogOfLoose(folder, files);
  return openCatalog(loose.folder, loose.catalog, readers);
}

/** What keeps the answers of the API in a folder from being one cloud (`checkApi`). */
export function apiProblems(folder: Folder): readonly Problem[] {
  return checkApi(folder, catalogOfCapture(folder) ?? catalogOfSos(folder) ?? nothing());
}

/** What the cloud that was read of them says against itself (`contradictionsOf`). */
export function cloudProblems(folder: Folder, cloud: Cloud): readonly Problem[] {
  const catalog = catalogOfCapture(folder) ?? catalogOfSos(folder) ?? nothing();
  return contradictionProblems(folder, catalog, cloud);
}

function nothing(): Catalog {
  const file = 'hosts';
  const consequence = 'The folder is neither a capture (hosts/HOST/…) nor an sos report';
  return { hosts: new Map(), api: new Map(), missing: [{ file, consequence }] };
}

function openCatalog(folder: Folder, catalog: Catalog, readers: Readers): Network {
  const places = once(() => placesOf(catalog));
  const placeOf: Network['placeOf'] = (file) => places().get(file) ?? null;
  const store = openStore(folder, placeOf);
  for (const file of folder.unlisted?.() ?? []) {
    catalog.missing.push({ file, consequence: folder.refusal?.(file) ?? 'Not listed' });
  }
  const neutron = readNeutron(store, catalog);
  const hosts = new Map(
    [...catalog.hosts.values()].map((each) => [each.name, openHost(store, each, readers)]),
  );
  const wires = openWires({
    hosts,
    segmentOf: (at) => segmentOf(at),
    portWith: (prefix, mac) => portWith(neutron.ports, prefix, mac),
  });
  const segments = once(() => deduceSegments(hosts, wires, neutron));
  const byNic = once(() => {
    const found = new Map<string, Segment>();
    for (const segment of segments()) {
      for (const { host, name } of segment.members) found.set(`${host} ${name}`, segment);
    }
    return found;
  });
  const segmentOf = (at: InterfaceId): Segment =>
    byNic().get(`${at.host} ${at.name}`) ?? {
      name: `${at.host} ${at.name}`,
      members: [at],
      evidence: [],
    };
  const directory = openDirectory(hosts, wires, neutron);
  const missing = once(() => [
    ...missingOfCatalog(catalog),
    ...[...catalog.hosts.values()].flatMap((each) => {
      return missingBridges(each, hosts.get(each.name)?.switch?.bridges ?? []);
    }),
  ]);
  const network: Network = {
    hosts,
    neutron,
    get segments() {
      return segments();
    },
    get missing() {
      return missing();
    },
    get problems() {
      return store.problems;
    },
    get endpoints() {
      return directory.all;
    },
    endpointsOf: directory.of,
    namespace: (host, name) => hosts.get(host)?.namespaces.get(name),
    wire: wires.wire,
    interfaceOf: wires.interfaceOf,
    placeOf,
    switchPortOf: wires.switchPortOf,
    find: directory.find,
  };
  const underlay = readUnderlay(store);
  if (underlay === null) return network;
  return withUnderlay(network, underlay, (message) => {
    store.problems.push({ file: underlay.file, line: 1, column: 1, text: '', message });
  });
}

function openHost(store: Store, catalog: HostCatalog, readers: Readers): WiredHost {
  const text = (name: string): string => sourceAt(store, catalog.host.get(name))?.text ?? '';
  const ids = once(() => namespaceIds(text('netns-list')));
  const taken = once(() => {
    const date = text('date').trim();
    return /^\d{9,}(\.\d+)?$/.test(date) ? Number(date) : null;
  });
  const commandLines = once(() =>
    text('daemon-cmdlines')
      .split('\n')
      .filter((line) => line !== ''),
  );
  const own = once(() => openSwitch(store, catalog, readers));
  const connections = once(() =>
    readWith(store, catalog.ovs.get('dpctl-dump-conntrack'), readers.connections, []),
  );
  const namespaces = new Map<string, NamespaceState>();
  const complete: Completion = (interfaces, ports) => {
    const others = [...namespaces.values()].filter(({ name }) => name !== ROOT);
    return withNamedDevices(interfaces, { bridges: own()?.bridges ?? [], ports, others });
  };
  for (const [name, paths] of new Map([[ROOT, new Map<string, string>()], ...catalog.namespaces])) {
    const root = name === ROOT ? complete : undefined;
    const { connections: reader } = readers;
    namespaces.set(name, openNamespace(store, catalog.name, name, paths, reader, root));
  }
  const configs = new Map(
    [...catalog.configs].map(([name, path]) => [
      name,
      (): SourceText => sourceAt(store, path) ?? { file: path, text: '' },
    ]),
  );
  const host: Omit<Host, 'switch' | 'switchConnections' | 'taken_s' | 'commandLines'> = {
    name: catalog.name,
    namespaces,
    configs,
  };
  return {
    ...host,
    get taken_s() {
      return taken();
    },
    get switch() {
      return own();
    },
    get switchConnections() {
      return connections();
    },
    get commandLines() {
      return commandLines();
    },
    get namespaceIds() {
      return ids();
    },
  };
}

/** `qrouter-… (id: 3)`; a namespace that nobody refers to has no id. */
function namespaceIds(text: string): ReadonlyMap<number, string> {
  const ids = new Map<number, string>();
  for (const [, name = ROOT, id] of text.matchAll(/^(\S+) \(id: (\d+)\)/gm))
    ids.set(Number(id), name);
  return ids;
}

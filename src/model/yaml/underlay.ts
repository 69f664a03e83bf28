/**
 * An `underlay.yaml`: the switches, routers and plain segments between the hosts of a snapshot.
 * What a switch's ports do is written here, or in the switch's own configuration (`config:`).
 */
import { readPrefix } from '../../text/address-text.ts';
import {
  items,
  type JsonNode,
  member,
  readAs,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import {
  type CloudHost,
  type PhysicalPort,
  type PhysicalRouter,
  type PhysicalSegment,
  type PhysicalSwitch,
  type Underlay,
} from '../cloud.ts';
import { nameOf, objects, oneOf, truth, whole } from './reading.ts';
import { readSwitchConfig, type SwitchPortConfig } from './switch-config.ts';

export const UNDERLAY_KEYS = ['switches', 'routers', 'segments'] as const;
export const SWITCH_KEYS = ['name', 'config', 'mtu', 'ports'] as const;
export const PORT_KEYS = [
  'name',
  'to',
  'mode',
  'vlan',
  'native',
  'allowed',
  'mtu',
  'enabled',
] as const;
export const ROUTER_KEYS = ['name', 'interfaces'] as const;
export const INTERFACE_KEYS = ['name', 'vlan', 'mtu', 'address', 'addresses'] as const;
export const SEGMENT_KEYS = ['name', 'nics'] as const;
const LARGEST_VLAN = 4094;
/** What data centre switches carry unless somebody says less. */
const USUAL_SWITCH_MTU = 9216;
const USUAL_MTU = 1500;

/**
 * The underlay, or null when the text is not YAML; with every problem at its place.
 *
 * @param configOf the text of a switch's configuration file, by its name beside the YAML
 */
export function readUnderlayYaml(
  file: string,
  source: string,
  configOf: (name: string) => { readonly file: string; readonly text: string } | undefined,
): Parsed<Underlay | null> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, source, problems);
  if (root === undefined) return { value: null, problems };
  return { value: underlayOf(root, configOf), problems };
}

/** The same as a part of a larger text. */
export function underlayOf(
  root: JsonNode,
  configOf: (name: string) => { readonly file: string; readonly text: string } | undefined,
): Underlay {
  reportUnknownKeys(root, UNDERLAY_KEYS);
  const switches = objects(member(root, 'switches')).map((node) => switchOf(node, configOf));
  const routers = objects(member(root, 'routers')).map(routerOf);
  const segments = objects(member(root, 'segments')).map(segmentOf);
  return { switches, routers, segments };
}

function switchOf(
  node: JsonNode,
  configOf: (name: string) => { readonly file: string; readonly text: string } | undefined,
): PhysicalSwitch {
  reportUnknownKeys(node, SWITCH_KEYS);
  const configured = configuredPorts(node, configOf);
  const mtu = whole(node, 'mtu', 68, 65_535) ?? USUAL_SWITCH_MTU;
  const ports = objects(member(node, 'ports')).map((port) => portOf(port, mtu, configured));
  return { name: nameOf(node), ports };
}

function configuredPorts(
  node: JsonNode,
  configOf: (name: string) => { readonly file: string; readonly text: string } | undefined,
): ReadonlyMap<string, SwitchPortConfig> {
  const at = member(node, 'config');
  const name = textOf(at);
  if (at === undefined || name === undefined) return new Map();
  const config = configOf(name);
  if (config === undefined) {
    wrong(at, 'There is no such file beside this one');
    return new Map();
  }
  const { value, problems } = readSwitchConfig(config.file, config.text);
  node.source.problems.push(...problems);
  return value;
}

function portOf(
  node: JsonNode,
  mtu: number,
  configured: ReadonlyMap<string, SwitchPortConfig>,
): PhysicalPort {
  reportUnknownKeys(node, PORT_KEYS);
  const name = nameOf(node);
  const own = configured.get(name);
  if (configured.size > 0 && own === undefined) {
    wrong(node, `The configuration has no interface ${name}`);
  }
  const mode = oneOf(node, 'mode', ['access', 'trunk'], own?.mode ?? 'trunk');
  const key = mode === 'access' ? 'vlan' : 'native';
  const untagged = whole(node, key, 1, LARGEST_VLAN) ?? own?.untagged ?? null;
  const allowed = member(node, 'allowed') === undefined ? (own?.allowed ?? []) : rangesOf(node);
  return {
    name,
    connectedTo: endOf(member(node, 'to')),
    mode,
    // An access port without a VLAN is in VLAN 1, a trunk's native VLAN must be said.
    untagged: mode === 'access' ? (untagged ?? 1) : untagged,
    allowed,
    mtu: whole(node, 'mtu', 68, 65_535) ?? own?.mtu ?? mtu,
    enabled: truth(node, 'enabled', own?.enabled ?? true),
  };
}

/** `allowed: [100-101, 200]`. */
function rangesOf(node: JsonNode): readonly (readonly [number, number])[] {
  return items(member(node, 'allowed')).flatMap((each) => {
    const found = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(String(each.value));
    const from = Number(found?.[1]);
    const to = Number(found?.[2] ?? from);
    if (found === null || from < 1 || to > LARGEST_VLAN || from > to) {
      wrong(each, `Expected a VLAN or a range of VLANs up to ${LARGEST_VLAN}, e.g. 100-101`);
      return [];
    }
    return [[from, to] as const];
  });
}

/** `compute1:eth1`, `leaf2:Ethernet1/49`, `edge:e0`. */
function endOf(node: JsonNode | undefined): PhysicalPort['connectedTo'] {
  const words = textOf(node);
  if (node === undefined || words === undefined) return null;
  const at = words.indexOf(':');
  if (at > 0 && at < words.length - 1) {
    return { host: words.slice(0, at), port: words.slice(at + 1) };
  }
  wrong(node, 'Expected HOST:NIC, SWITCH:PORT or ROUTER:INTERFACE');
  return null;
}

/** Ends that are nowhere: no NIC of a host, no port of a switch, no interface of a router. */
export function reportEnds(root: JsonNode, underlay: Underlay, hosts: readonly CloudHost[]): void {
  const places = new Map<string, readonly string[]>();
  for (const { name, nics } of hosts)
    places.set(
      name,
      nics.map((nic) => nic.name),
    );
  for (const { name, ports } of underlay.switches)
    places.set(
      name,
      ports.map((one) => one.name),
    );
  for (const { name, interfaces } of underlay.routers) {
    places.set(
      name,
      interfaces.map((one) => one.name),
    );
  }
  const ends = [
    ...objects(member(root, 'switches')).flatMap((node) =>
      objects(member(node, 'ports')).flatMap((port) => member(port, 'to') ?? []),
    ),
    ...objects(member(root, 'segments')).flatMap((node) => items(member(node, 'nics'))),
  ];
  for (const node of ends) {
    const words = typeof node.value === 'string' ? node.value : '';
    const [name = '', end = ''] = [
      words.slice(0, words.indexOf(':')),
      words.slice(words.indexOf(':') + 1),
    ];
    const own = places.get(name);
    if (!words.includes(':') || own?.includes(end) === true) continue;
    if (own === undefined) {
      const near = nearest(name, places.keys());
      wrong(node, `There is no host, switch or router called ${JSON.stringify(name)}`, near);
    } else wrong(node, `${name} has no interface ${JSON.stringify(end)}`, nearest(end, own));
  }
}

function routerOf(node: JsonNode): PhysicalRouter {
  reportUnknownKeys(node, ROUTER_KEYS);
  const interfaces = objects(member(node, 'interfaces')).map((each) => {
    reportUnknownKeys(each, INTERFACE_KEYS);
    const one = member(each, 'address');
    const all = [...(one === undefined ? [] : [one]), ...items(member(each, 'addresses'))];
    return {
      name: nameOf(each),
      vlan: whole(each, 'vlan', 1, LARGEST_VLAN),
      mtu: whole(each, 'mtu', 68, 65_535) ?? USUAL_MTU,
      addresses: all.flatMap((address) => addressOf(address)),
    };
  });
  return { name: nameOf(node), interfaces };
}

/** An address with the length of its subnet: its host bits are what it is about. */
function addressOf(node: JsonNode): PhysicalRouter['interfaces'][number]['addresses'] {
  const found = readAs(node, readPrefix, 'an address with its length, e.g. 172.30.20.1/24');
  return found === undefined ? [] : [found];
}

function segmentOf(node: JsonNode): PhysicalSegment {
  reportUnknownKeys(node, SEGMENT_KEYS);
  const nics = items(member(node, 'nics')).flatMap((each) => endOf(each) ?? []);
  return { name: nameOf(node), nics };
}

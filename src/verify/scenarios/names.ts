/**
 * Names in an `expect.yaml` that stand for what a compilation makes: `<tap:web>` is the device of
 * port `web`, `<qrouter:edge>` a router's namespace, `<tag:compute1/blue>` a local VLAN.
 */
import { type Cloud } from '../../model/cloud.ts';
import {
  deviceName,
  floatingVeth,
  NAMESPACES,
  networkBridge,
  PORT_DEVICES,
  type PortDevice,
  tunnelPort,
} from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { readIp, writeIp, writeMac } from '../../text/address-text.ts';
import { isRecord } from '../../text/json-text.ts';
import { type DumpTexts } from './edits/dump.ts';

/** Puts names into a text; what stands for nothing is a sentence in `unknown`. */
export interface Naming {
  put(text: string): string;
  /** Names that stood for nothing, as sentences. */
  readonly unknown: readonly string[];
}

export function namingOf(cloud: Cloud, files: DumpTexts): Naming {
  const unknown: string[] = [];
  const put = (text: string): string =>
    text.replaceAll(/<(\w+):([^<>]+)>/g, (whole, kind: string, name: string) => {
      const found = meaningOf(cloud, files, kind, name);
      if (found === undefined) unknown.push(`${whole} stands for nothing`);
      return found ?? whole;
    });
  return { put, unknown };
}

/** Port devices by the word without its dash: `qr` and `qr-`. */
const DEVICES = new Map(
  Object.keys(PORT_DEVICES).map((prefix) => [prefix.replace('-', ''), prefix as PortDevice]),
);

function meaningOf(cloud: Cloud, files: DumpTexts, kind: string, name: string): string | undefined {
  const { ports, networks, routers, subnets, securityGroups } = cloud.neutron;
  const idOf = (all: readonly { readonly id: string; readonly name: string }[]) =>
    all.find((each) => each.name === name)?.id;
  const port = ports.find((each) => each.name === name);
  const device = DEVICES.get(kind);
  if (device !== undefined && port !== undefined) return deviceName(device, port.id);
  switch (kind) {
    case 'mac':
    case 'ip':
    case 'port':
    case 'chain':
    case 'hexmac':
    case 'hexip':
      return port === undefined ? undefined : ofPort(port, kind);
    case 'qrouter':
      return prefixed(NAMESPACES.router, idOf(routers));
    case 'router':
      return idOf(routers);
    case 'snat':
      return prefixed(NAMESPACES.snat, idOf(routers));
    case 'qdhcp':
      return prefixed(NAMESPACES.dhcp, idOf(networks));
    case 'fip':
      return prefixed(NAMESPACES.floating, idOf(networks));
    case 'qlbaas':
      return prefixed(NAMESPACES.balancer, idOf(cloud.loadBalancers));
    case 'balancer':
      return idOf(cloud.loadBalancers);
    case 'rfp':
    case 'fpr': {
      const id = idOf(routers);
      return id === undefined ? undefined : floatingVeth(id)[kind];
    }
    case 'brq': {
      const id = idOf(networks);
      return id === undefined ? undefined : networkBridge(id);
    }
    case 'network':
      return idOf(networks);
    case 'subnet':
      return idOf(subnets);
    case 'group':
      return idOf(securityGroups);
    case 'vxlan':
    case 'gre': {
      const address = readIp(name);
      return address === undefined ? undefined : tunnelPort(kind, address.value);
    }
    case 'tag':
      return localVlan(cloud, files, name);
    case 'ofport':
      return openFlowPort(files, name);
    default:
      return undefined;
  }
}

function prefixed(prefix: string, id: string | undefined): string | undefined {
  return id === undefined ? undefined : prefix + id;
}

function ofPort(
  port: NeutronPort,
  kind: 'mac' | 'ip' | 'port' | 'chain' | 'hexmac' | 'hexip',
): string | undefined {
  const [fixed] = port.fixedIps;
  switch (kind) {
    case 'mac':
      return writeMac(port.mac);
    case 'hexmac':
      return `0x${port.mac.toString(16)}`;
    case 'port':
      return port.id;
    // iptables_manager cuts chain names to a letter and ten characters.
    case 'chain':
      return port.id.slice(0, 10);
    case 'hexip':
      return fixed === undefined ? undefined : `0x${fixed.address.value.toString(16)}`;
    default:
      return fixed === undefined ? undefined : writeIp(fixed.address);
  }
}

/** `HOST/NETWORK`: the tag of the network's ports on the host's br-int. */
function localVlan(cloud: Cloud, files: DumpTexts, name: string): string | undefined {
  const [host = '', network = ''] = name.split('/');
  const id = cloud.neutron.networks.find((each) => each.name === network)?.id;
  for (const row of rowsOf(files, host, 'Port')) {
    const config = row['other_config'];
    const pairs = Array.isArray(config) ? (config[1] as readonly (readonly string[])[]) : [];
    const of = new Map(pairs.map(([key = '', value = '']) => [key, value]));
    if (id !== undefined && of.get('net_uuid') === id) return of.get('tag');
  }
  return undefined;
}

/** `HOST/PORT`: its OpenFlow number. */
function openFlowPort(files: DumpTexts, name: string): string | undefined {
  const [host = '', port = ''] = name.split('/');
  const row = rowsOf(files, host, 'Interface').find((each) => each['name'] === port);
  return row === undefined ? undefined : String(row['ofport']);
}

function rowsOf(
  files: DumpTexts,
  host: string,
  table: string,
): readonly Readonly<Record<string, unknown>>[] {
  const text = files.get(`hosts/${host}/ovs/list-${table}.json`);
  const whole: unknown = text === undefined ? null : JSON.parse(text());
  if (!isRecord(whole) || !Array.isArray(whole['data'])) return [];
  const headings = whole['headings'] as readonly string[];
  return (whole['data'] as readonly (readonly unknown[])[]).map((cells) =>
    Object.fromEntries(headings.map((heading, i) => [heading, cells[i]])),
  );
}

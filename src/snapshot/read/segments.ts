/**
 * Which physical NICs share a layer 2 network.
 *
 * Simplification: dumps of hosts do not show cables, so who is on a segment is deduced: NICs with
 * addresses of one subnet, NICs that carry one provider network, and, for a NIC of which nothing
 * else is known, MAC addresses that a bridge learned through it.
 */
import {
  type InterfaceId,
  ROOT,
  type Segment,
  type SegmentEvidence,
} from '../../dataplane/network.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { segmentOfSubnet } from '../../model/network-segments.ts';
import { type Neutron } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { isRecord } from '../../text/json-text.ts';
import { readIni, readMappings } from './ini.ts';
import { type WiredHost, type Wires } from './wires.ts';

/** A NIC and everything that tells who its neighbours are. */
interface Nic {
  readonly id: InterfaceId;
  /** OVS bridge it is a port of. */
  readonly bridge: Bridge | null;
  /** Subnets reached through it: `172.30.20.0/24`, with ` vlan 30` when tagged. */
  readonly subnets: readonly string[];
  readonly macs: readonly bigint[];
  readonly providers: readonly { readonly name: string; readonly source: string }[];
}

/** Two NICs are joined when they share a key; each key says why. */
interface Key {
  readonly key: string;
  readonly because: string;
  readonly source: string;
}

export function deduceSegments(
  hosts: ReadonlyMap<string, WiredHost>,
  wires: Wires,
  neutron: Neutron,
): readonly Segment[] {
  const nics = [...hosts.values()].flatMap((host) => nicsOf(host, wires, neutron));
  const groups = new Groups(nics.length);
  const evidence: { at: number; of: SegmentEvidence }[] = [];
  const first = new Map<string, number>();
  const join = (a: number, b: number, because: string, source: string): void => {
    const [from, to] = [nics[a]?.id, nics[b]?.id];
    if (from === undefined || to === undefined || !groups.join(a, b)) return;
    evidence.push({ at: a, of: { a: from, b: to, because, origin: { file: source, line: 0 } } });
  };
  for (const [i, nic] of nics.entries()) {
    for (const { key, because, source } of keysOf(nic, neutron)) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else join(other, i, because, source);
    }
  }
  joinByLearning(nics, groups, join);
  return segmentsOf(nics, groups, evidence);
}

function keysOf(nic: Nic, neutron: Neutron): Key[] {
  const keys: Key[] = nic.subnets.map((subnet) => ({
    key: `subnet ${subnet}`,
    because: `both have addresses in ${subnet}`,
    source: `hosts/${nic.id.host}/ns/root/ip-addr`,
  }));
  for (const { name, source } of nic.providers) {
    keys.push({ key: `provider ${name}`, because: `both carry provider network ${name}`, source });
  }
  if (nic.providers.length > 0) return keys;
  for (const { subnet, provider } of providerSubnets(neutron)) {
    if (!nic.subnets.includes(subnet)) continue;
    keys.push({
      key: `provider ${provider}`,
      because: `${nic.id.name} has an address in ${subnet}, a subnet of provider network ${provider}`,
      source: 'api/subnets.json',
    });
  }
  return keys;
}

/** Subnets of flat and VLAN networks, as a NIC outside of the cloud would have them. */
function providerSubnets(neutron: Neutron): { subnet: string; provider: string }[] {
  const networks = new Map(neutron.networks.map((network) => [network.id, network]));
  return neutron.subnets.flatMap((subnet) => {
    const network = networks.get(subnet.networkId);
    const provider = network === undefined ? null : segmentOfSubnet(network, subnet);
    if (provider === null || provider.physicalNetwork === null) return [];
    const vlan = provider.type === 'vlan' ? (provider.segmentationId ?? 0) : 0;
    const text = subnetText(subnet.prefix.address, subnet.prefix.length, vlan);
    return [{ subnet: text, provider: provider.physicalNetwork }];
  });
}

function nicsOf(host: WiredHost, wires: Wires, neutron: Neutron): Nic[] {
  const root = host.namespaces.get(ROOT)?.state.interfaces ?? [];
  const mappings = mappingsOf(host, neutron);
  return wires.nics(host).map((nic) => {
    const id = { host: host.name, namespace: ROOT, name: nic.name };
    const port = wires.switchPortOf(id);
    const bridge = host.switch?.bridges.find((each) => each.name === port?.bridge) ?? null;
    const reached = [...behindNic(root, nic), ...behindBridge(root, bridge)];
    return {
      id,
      bridge,
      subnets: [...new Set(reached.flatMap(([each, vlan]) => subnetsOf(each, vlan)))],
      macs: [nic.mac, ...reached.map(([each]) => each.mac)],
      providers: mappings.filter(({ to }) => to === nic.name || to === bridge?.name),
    };
  });
}

/** The NIC, its VLAN devices, and Linux bridges that either is a port of, with the VLAN tag. */
function behindNic(root: readonly Interface[], nic: Interface): [Interface, number][] {
  const found: [Interface, number][] = [[nic, 0]];
  for (const each of root) {
    if (each.kind !== 'vlan' || each.linkIndex !== nic.index) continue;
    const tag = each.details['id'];
    found.push([each, typeof tag === 'number' ? tag : 0]);
  }
  for (const [each, vlan] of [...found]) {
    const bridge = root.find((other) => other.name === each.master && other.kind === 'bridge');
    if (bridge !== undefined) found.push([bridge, vlan]);
  }
  return found;
}

/** Internal ports of the NIC's Open vSwitch bridge: they carry the host's addresses. */
function behindBridge(root: readonly Interface[], bridge: Bridge | null): [Interface, number][] {
  return (bridge?.ports ?? []).flatMap((port) => {
    const found = root.find((each) => each.name === port.name);
    const internal = port.type === 'internal' && found !== undefined;
    return internal ? [[found, port.vlan.tag ?? 0] satisfies [Interface, number]] : [];
  });
}

function subnetsOf(each: Interface, vlan: number): string[] {
  return each.addresses
    .filter(({ scope, address, length }) => {
      return scope === 'global' && length > 0 && length < (address.version === 4 ? 32 : 128);
    })
    .map(({ address, length }) => subnetText(address, length, vlan));
}

function subnetText(
  address: { version: 4 | 6; value: bigint },
  length: number,
  vlan: number,
): string {
  const host = BigInt((address.version === 4 ? 32 : 128) - length);
  const base = writeIp({ version: address.version, value: (address.value >> host) << host });
  return `${base}/${length}${vlan === 0 ? '' : ` vlan ${vlan}`}`;
}

type Mapping = { readonly name: string; readonly to: string; readonly source: string };

/** Provider network → bridge or interface, from the agent's file, its report, or OVN's key. */
function mappingsOf(host: WiredHost, neutron: Neutron): Mapping[] {
  const found: Mapping[] = [];
  const add = (text: string, source: string): void => {
    for (const [name, to] of readMappings(text)) found.push({ name, to, source });
  };
  for (const [path, read] of host.configs) {
    if (!/(agent\.ini|ml2_conf\.ini|ovs_neutron_plugin\.ini)$/.test(path)) continue;
    const { file, text } = read();
    for (const section of readIni(text).values()) {
      add(section.get('bridge_mappings') ?? '', file);
      add(section.get('physical_interface_mappings') ?? '', file);
    }
  }
  for (const agent of neutron.agents) {
    if (agent.host !== host.name) continue;
    for (const key of ['bridge_mappings', 'interface_mappings']) {
      const mapping = agent.configurations[key];
      if (!isRecord(mapping)) continue;
      for (const [name, to] of Object.entries(mapping)) {
        found.push({ name, to: String(to), source: 'api/agents.json' });
      }
    }
  }
  const rows = host.switch?.rows;
  add(rows?.externalIds['ovn-bridge-mappings'] ?? '', `hosts/${host.name}/ovs/ovsdb-dump`);
  return found;
}

type Join = (a: number, b: number, because: string, source: string) => void;

/** A NIC that is alone so far is looked for in what bridges learned, and the other way round. */
function joinByLearning(nics: readonly Nic[], groups: Groups, join: Join): void {
  if (!nics.some((_, i) => groups.alone(i))) return;
  const owner = new Map<bigint, number>();
  for (const [i, nic] of nics.entries()) for (const mac of nic.macs) owner.set(mac, i);
  owner.delete(0n);
  for (const [i, nic] of nics.entries()) {
    const port = nic.bridge?.ports.find((each) => each.name === nic.id.name);
    for (const entry of nic.bridge?.fdb ?? []) {
      const other = owner.get(entry.mac);
      if (entry.port !== port?.ofport || other === undefined || other === i) continue;
      if (!groups.alone(i) && !groups.alone(other)) continue;
      const because = `${nic.bridge?.name ?? 'a bridge'} learned a MAC of the other through it`;
      join(i, other, because, `hosts/${nic.id.host}/ovs/${nic.bridge?.name ?? ''}.fdb`);
    }
  }
}

function segmentsOf(
  nics: readonly Nic[],
  groups: Groups,
  evidence: readonly { at: number; of: SegmentEvidence }[],
): readonly Segment[] {
  const members = new Map<number, number[]>();
  for (const i of nics.keys()) {
    const root = groups.root(i);
    const of = members.get(root);
    if (of === undefined) members.set(root, [i]);
    else of.push(i);
  }
  return [...members].map(([root, of]) => {
    const inside = of.flatMap((i) => nics[i] ?? []);
    const provider = inside.flatMap((nic) => nic.providers.map(({ name }) => name))[0];
    const [only] = inside;
    const single = only === undefined ? '' : `${only.id.host} ${only.id.name}`;
    return {
      name: provider ?? inside.flatMap((nic) => nic.subnets)[0] ?? single,
      members: inside.map((nic) => nic.id),
      evidence: evidence.filter(({ at }) => groups.root(at) === root).map((each) => each.of),
    };
  });
}

/** Disjoint sets of indexes. */
class Groups {
  private readonly parent: number[];
  private readonly size: number[];

  constructor(count: number) {
    this.parent = Array.from({ length: count }, (_, i) => i);
    this.size = Array<number>(count).fill(1);
  }

  root(i: number): number {
    let at = i;
    while ((this.parent[at] ?? at) !== at) at = this.parent[at] ?? at;
    return at;
  }

  alone(i: number): boolean {
    return this.size[this.root(i)] === 1;
  }

  /** Whether they were apart before. */
  join(a: number, b: number): boolean {
    const [x, y] = [this.root(a), this.root(b)];
    if (x === y) return false;
    const [big, small] = (this.size[x] ?? 1) < (this.size[y] ?? 1) ? [y, x] : [x, y];
    this.parent[small] = big;
    this.size[big] = (this.size[big] ?? 1) + (this.size[small] ?? 1);
    return true;
  }
}

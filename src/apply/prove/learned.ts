/**
 * What tunnel bridges may have learned from traffic while a plan runs. Configurations alone do not
 * tell what happens to packets: an entry that was learned before a step outlives it. So every
 * entry that any state reached so far could have made is tried, and none at all.
 *
 * Simplification: what is learned are the entries of Neutron's table 10 into table 20 of br-tun.
 */
import { type Network } from '../../dataplane/network.ts';
import { type Stage } from './stages.ts';

/** Keys by local VLAN that a host may have learned. */
export type Learnable = ReadonlyMap<string, ReadonlySet<string>>;

const FLOWS = /\/ovs\/br-tun\.flows\.txt$/;

interface TunnelFlows {
  readonly path: string;
  readonly lines: readonly string[];
}

function tunnelFlows({ files }: Stage): TunnelFlows | null {
  for (const [path, text] of files) {
    if (FLOWS.test(path)) return { path, lines: text.split('\n').map((line) => line.trim()) };
  }
  return null;
}

/** Whether a host learns at all. */
export function learns(stage: Stage): boolean {
  return tunnelFlows(stage)?.lines.some((line) => line.includes('actions=learn(table=20')) ?? false;
}

/** Keys that a host sends with by its configuration. */
function sent(stage: Stage): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const line of tunnelFlows(stage)?.lines ?? []) {
    if (!/\btable=(20|22)\b/.test(line)) continue;
    for (const found of line.matchAll(/set_field:(0x[0-9a-f]+|\d+)->tun_id/g))
      keys.add(hex(found[1]));
  }
  return keys;
}

function hex(text: string | undefined): string {
  return `0x${BigInt(text ?? '0').toString(16)}`;
}

/** What a host that receives a key writes into its table: the key itself, or what it is read as. */
function remembered(
  stage: Stage,
  key: string,
): readonly { readonly vlan: number; readonly key: string }[] {
  return (tunnelFlows(stage)?.lines ?? []).flatMap((line) => {
    const match = /\btable=4\b.*?\btun_id=(0x[0-9a-f]+|\d+)/.exec(line.split(' actions=')[0] ?? '');
    if (match === null || hex(match[1]) !== key) return [];
    const vlan = Number(/set_field:(\d+)->vlan_vid/.exec(line)?.[1] ?? 0) & 0xfff;
    const alias = /set_field:(0x[0-9a-f]+|\d+)->tun_id/.exec(line)?.[1];
    return vlan === 0 ? [] : [{ vlan, key: alias === undefined ? key : hex(alias) }];
  });
}

/**
 * What each host may remember when its stages are these, given what all may have remembered
 * before: grows until nothing new comes.
 */
export function grow(
  before: ReadonlyMap<string, Learnable>,
  stages: ReadonlyMap<string, Stage>,
): Map<string, Map<string, Set<string>>> {
  const now = new Map<string, Map<string, Set<string>>>();
  for (const host of stages.keys()) {
    const known = before.get(host) ?? new Map<string, ReadonlySet<string>>();
    now.set(host, new Map([...known].map(([vlan, keys]) => [vlan, new Set(keys)])));
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const [sender, stage] of stages) {
      const keys = new Set([
        ...sent(stage),
        ...[...(now.get(sender)?.values() ?? [])].flatMap((of) => [...of]),
      ]);
      for (const [receiver, there] of stages) {
        if (receiver === sender || !learns(there)) continue;
        for (const key of keys) {
          for (const { vlan, key: kept } of remembered(there, key)) {
            const own = now.get(receiver)!;
            const list = own.get(String(vlan)) ?? new Set<string>();
            own.set(String(vlan), list);
            if (!list.has(kept)) {
              list.add(kept);
              grown = true;
            }
          }
        }
      }
    }
  }
  return now;
}

/** Flow files of a host with one key remembered for everybody behind a tunnel. */
export function withLearned(
  host: string,
  stage: Stage,
  network: Network,
  vlan: number,
  key: string,
): readonly (readonly [string, string])[] {
  const flows = tunnelFlows(stage);
  const bridge = network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === 'br-tun');
  if (flows === null || bridge === undefined) return [];
  const tag = network.hosts
    .get(host)
    ?.switch?.bridges.find(({ name }) => name === 'br-int')
    ?.ports.find((port) => port.vlan.tag === vlan);
  const networkId = network.neutron.ports.find(
    ({ id }) => id === tag?.externalIds['iface-id'],
  )?.networkId;
  const lines: string[] = [];
  for (const port of network.neutron.ports) {
    if (port.networkId !== networkId || port.host === host) continue;
    const tunnel = bridge.ports.find((each) => behind(network, port.host, each.tunnel?.remote));
    if (tunnel === undefined) continue;
    const mac = port.mac
      .toString(16)
      .padStart(12, '0')
      .replaceAll(/(..)(?=.)/g, '$1:');
    lines.push(
      ` cookie=0x686f70, table=20, hard_timeout=300, priority=1,vlan_tci=0x${vlan.toString(16).padStart(4, '0')}/0x0fff,dl_dst=${mac} actions=load:0->NXM_OF_VLAN_TCI[],load:${key}->NXM_NX_TUN_ID[],output:${tunnel.ofport}`,
    );
  }
  return [
    [
      flows.path,
      `${flows.lines.map((line) => (line === '' ? '' : ` ${line}`)).join('\n')}${lines.join('\n')}\n`,
    ],
  ];
}

function behind(network: Network, host: string, remote: unknown): boolean {
  if (typeof remote !== 'object' || remote === null || !('address' in remote)) return false;
  const root = network.hosts.get(host)?.namespaces.get('root')?.state.interfaces ?? [];
  return root.some(({ addresses }) =>
    addresses.some(({ address }) => address.value === remote.address),
  );
}

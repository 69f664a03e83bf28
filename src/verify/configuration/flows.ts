/**
 * Flows of a bridge in a form in which two runs of the same agent are alike: ports by name, local
 * VLANs by network, ids of conjunctions by what they join. Cookies, counters and order do not
 * count.
 */

import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../dataplane/ovs/types/switch.ts';

/** What stands for the numbers of one host. */
export interface SwitchNames {
  /** Local VLAN → network, as ports of br-int tell it. */
  readonly networkOfVlan: ReadonlyMap<number, string>;
  /** MACs that the host drew by chance → what they stand for. */
  readonly macs: ReadonlyMap<string, string>;
}

/** The network of every local VLAN, from the ports whose Neutron port is known. */
export function vlanNames(
  of: Switch,
  networkOfPort: (portId: string) => string | undefined,
): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const port of of.bridges.find(({ name }) => name === 'br-int')?.ports ?? []) {
    const network = networkOfPort(port.externalIds['iface-id'] ?? '');
    if (port.vlan.tag !== null && network !== undefined) names.set(port.vlan.tag, network);
  }
  return names;
}

/**
 * One text per flow that says what it does. Flows with a hard timeout were learned from traffic
 * and are left out.
 */
export function flowTexts(bridge: Bridge, names: SwitchNames): readonly string[] {
  const ports = new Map(bridge.ports.map((port) => [port.ofport, port.name]));
  const texts = bridge.flows
    .filter((flow) => flow.hard_timeout_s === 0)
    .map((flow) => symbolic(flow, ports, names));
  return joinedByMeaning(texts);
}

function symbolic(flow: Flow, ports: ReadonlyMap<number, string>, names: SwitchNames): string {
  const portName = (digits: string): string => ports.get(Number(digits)) ?? digits;
  const vlanName = (digits: string): string =>
    names.networkOfVlan.get(Number(digits) & 0xfff) ?? digits;
  let text = printFlow({ ...flow, cookie: 0n, statistics: null, flags: [] });
  text = text.replaceAll(/cookie=0x[0-9a-f]+,?/g, '');
  text = text.replaceAll(/\b(in_port=|output:)(\d+)/g, (_, word: string, port: string) => {
    return `${word}${portName(port)}`;
  });
  text = text.replaceAll(/reg5=(0x[0-9a-f]+)/g, (_, port: string) => `reg5=${portName(port)}`);
  text = text.replaceAll(/set_field:(0x[0-9a-f]+)->reg5/g, (_, port: string) => {
    return `set_field:${portName(port)}->reg5`;
  });
  text = text.replaceAll(
    /\b(dl_vlan|ct_zone|reg6)=(0x[0-9a-f]+|\d+)/g,
    (_, word: string, vlan: string) => {
      return `${word}=${vlanName(vlan)}`;
    },
  );
  text = text.replaceAll(
    /set_field:(0x[0-9a-f]+|\d+)->(reg6|vlan_vid)/g,
    (_, vlan: string, to: string) => {
      return `set_field:${vlanName(vlan)}->${to}`;
    },
  );
  text = text.replaceAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, (mac) => names.macs.get(mac) ?? mac);
  // A flood goes to its ports in whatever order they came up.
  return text.replaceAll(/output:[^,]+(?:,output:[^,]+)+/g, (list) =>
    list.split(',').sort().join(','),
  );
}

/** A conjunction's id means nothing but which flows carry it; their texts name it. */
function joinedByMeaning(texts: readonly string[]): readonly string[] {
  const id = /conjunction\((\d+),|conj_id=(\d+)/g;
  const members = new Map<string, string[]>();
  for (const text of texts) {
    const bare = withoutIds(text);
    for (const match of text.matchAll(id)) {
      const key = match[1] ?? match[2] ?? '';
      const list = members.get(key) ?? [];
      members.set(key, list);
      list.push(bare);
    }
  }
  const meaning = new Map([...members].map(([key, list]) => [key, digest(list.sort().join('\n'))]));
  const named = (key: string): string => meaning.get(key) ?? key;
  return texts.map((text) =>
    text
      .replaceAll(/conjunction\((\d+),/g, (_, key: string) => `conjunction(${named(key)},`)
      .replaceAll(/conj_id=(\d+)/g, (_, key: string) => `conj_id=${named(key)}`)
      .replaceAll(/set_field:0x[0-9a-f]+->reg7/g, 'set_field:ID->reg7'),
  );
}

function withoutIds(text: string): string {
  return text
    .replaceAll(/conjunction\(\d+,/g, 'conjunction(,')
    .replaceAll(/conj_id=\d+/g, 'conj_id=')
    .replaceAll(/set_field:0x[0-9a-f]+->reg7/g, 'set_field:->reg7');
}

/** A short name of a text (FNV-1a, 32 bits), to keep lines readable. */
function digest(text: string): string {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193) >>> 0;
  }
  return `#${hash.toString(16).padStart(8, '0')}`;
}

/** Texts that one side has and the other lacks, counted as often as they stand there. */
export function onlyIn(a: readonly string[], b: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const text of b) left.set(text, (left.get(text) ?? 0) + 1);
  return a.filter((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}

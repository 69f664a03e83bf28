/**
 * What a hop means to a person: the name of the device, and what it did to the packet in the
 * words of Neutron (networks behind VLANs and tunnel keys, hosts behind tunnels, translations).
 */

import { type TranslationStep } from '../dataplane/iptables/steps.ts';
import { type VxlanStep } from '../dataplane/linuxbridge/vxlan.ts';
import { type Network } from '../dataplane/network.ts';
import { type TunnelStep } from '../dataplane/ovs/pipeline/steps.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { namespaceOwner } from '../model/ids.ts';
import { field } from '../packet/fields.ts';
import { writeIp } from '../text/address-text.ts';
import { type DiaryEntry } from '../traffic/diary.ts';
import { readField } from '../traffic/words.ts';
import { tupleOf } from './diagnosis/case.ts';
import { endpointsAt } from './endpoints-at.ts';
import {
  hostOfTunnelAddress,
  networkById,
  networkOfKey,
  portLabel,
  portOfDevice,
  routerOfNamespace,
  switchPort,
} from './objects.ts';
import { type HopStage } from './types.ts';

/** A hop as the diary tells it. */
export interface ToldHop {
  readonly host: string;
  readonly stage: HopStage;
  readonly input: string | null;
  readonly output: string | null;
  readonly before: Uint32Array;
  readonly after: Uint32Array;
  readonly entries: readonly DiaryEntry[];
}

/** The name a person gave the device; null when it has none of its own. */
export function hopLabel(network: Network, host: string, device: string): string | null {
  const router = routerOfNamespace(network, device);
  if (router !== null) return router.name === '' ? null : router.name;
  if (device === 'root' || device === 'ovs') return null;
  const owner = namespaceOwner(device);
  if (owner?.kind === 'floating') {
    const of = networkById(network, owner.id);
    return of === null ? null : `floating IPs of ${of.name}`;
  }
  if (owner?.kind === 'balancer') {
    const [port] = (network.namespace(host, device)?.state.interfaces ?? []).flatMap(({ name }) => {
      return portOfDevice(network, host, name) ?? [];
    });
    return port === undefined ? null : `balancer of ${portLabel(network, port)}`;
  }
  const [end] = endpointsAt(network, host, device);
  if (end === undefined || end.name === end.port?.id) return null;
  return end.role === 'dhcp' && end.port !== null ? portLabel(network, end.port) : end.name;
}

/** What happened to the packet there, a line each. */
export function hopNotes(network: Network, hop: ToldHop): readonly string[] {
  if (hop.stage === 'switch') return switchNotes(network, hop);
  return [...vxlanNotes(network, hop), ...translationNotes(hop)];
}

/** Which VLAN or tunnel the frame came in by, and which it left by. */
function switchNotes(network: Network, hop: ToldHop): readonly string[] {
  const tunnels = hop.entries.filter(({ step }) => step.kind === 'tunnel');
  const into = tunnels.find(({ step, words }) => way(step) === 'in' && keyOf(words) !== 0n);
  const out = tunnels.findLast(({ step }) => way(step) === 'out');
  const came =
    into === undefined ? edge(network, hop, hop.input, hop.before) : keyText(network, into);
  const left =
    out === undefined ? edge(network, hop, hop.output, hop.after) : outText(network, out);
  if (came === null || left === null) {
    const known = came ?? left;
    return known === null || known.network === null ? [] : [worded(known, true)];
  }
  if (came.text === left.text) return [worded(came, true)];
  return [
    `${worded(came, left.network !== came.network || left.network === null)} → ${worded(left, true)}`,
  ];
}

/** One side of a switch: its VLAN or key, and the network that stands for. */
interface Side {
  readonly text: string;
  readonly network: string | null;
}

function worded({ text, network }: Side, named: boolean): string {
  return network === null || !named ? text : `${text} (${network})`;
}

function way(step: { readonly kind: string }): TunnelStep['way'] {
  return (step as TunnelStep).way;
}

function keyOf(words: Uint32Array): bigint {
  return readField(words, field('tun_id'));
}

function keyText(network: Network, { words }: DiaryEntry): Side {
  const key = keyOf(words);
  return { text: `vni ${key}`, network: networkOfKey(network, key)?.name ?? null };
}

function outText(network: Network, { words }: DiaryEntry): Side {
  const { text, network: name } = keyText(network, { words } as DiaryEntry);
  const remote: IpAddress = { version: 4, value: readField(words, field('tun_dst')) };
  const host = hostOfTunnelAddress(network, remote);
  const to = remote.value === 0n ? '' : ` to ${writeIp(remote)}`;
  return { text: `${text}${to}${host === null ? '' : ` on ${host}`}`, network: name };
}

/** A port that is no tunnel: the local VLAN of a Neutron port, or the frame's own tag. */
function edge(
  network: Network,
  { host }: ToldHop,
  device: string | null,
  words: Uint32Array,
): Side | null {
  if (device === null) return null;
  const owner = portOfDevice(network, host, device);
  const tag = switchPort(network, host, device)?.vlan.tag ?? null;
  if (owner !== null) {
    const name = networkById(network, owner.networkId)?.name ?? null;
    return tag === null
      ? { text: 'untagged', network: name }
      : { text: `vlan ${tag}`, network: name };
  }
  const vlan = Number(readField(words, field('vlan_tci')) & 0xfffn);
  return { text: vlan === 0 ? 'untagged' : `vlan ${vlan} on the wire`, network: null };
}

/** The kernel's own VXLAN devices. */
function vxlanNotes(network: Network, { entries }: ToldHop): readonly string[] {
  return entries.flatMap(({ step }) => {
    if (step.kind !== 'vxlan') return [];
    const { vni, direction, remote } = step as VxlanStep;
    const of = networkOfKey(network, BigInt(vni));
    const name = of === null ? '' : ` (${of.name})`;
    if (direction === 'in') return [`out of vni ${vni}${name}`];
    const to: IpAddress | null = remote === null ? null : { version: 4, value: remote };
    const host = to === null ? null : hostOfTunnelAddress(network, to);
    const where = to === null ? '' : ` to ${writeIp(to)}${host === null ? '' : ` on ${host}`}`;
    return [`into vni ${vni}${name}${where}`];
  });
}

/** Addresses before and after NAT rules. */
function translationNotes({ entries, before, after, stage }: ToldHop): readonly string[] {
  if (stage !== 'namespace') return [];
  const byRule = entries.some(
    ({ step }) => step.kind === 'translation' && (step as TranslationStep).byRule,
  );
  const tunnelled = entries.some(({ step }) => step.kind === 'vxlan');
  const [from, to] = [tupleOf(before), tupleOf(after)];
  if (from === null || to === null || tunnelled) return [];
  const notes: string[] = [];
  const same = (a: IpAddress, b: IpAddress): boolean => a.value === b.value;
  if (!same(from.source, to.source) && from.source.value !== 0n) {
    notes.push(`source ${writeIp(from.source)} → ${writeIp(to.source)}${byRule ? ' (SNAT)' : ''}`);
  }
  if (!same(from.destination, to.destination)) {
    const port = from.destinationPort === to.destinationPort ? '' : ` port ${to.destinationPort}`;
    notes.push(
      `destination ${writeIp(from.destination)} → ${writeIp(to.destination)}${port}${byRule ? ' (DNAT)' : ''}`,
    );
  }
  return notes;
}

/**
 * Local VLANs and segment ids: on every host the agent gives a network a local VLAN, and flows of
 * br-tun translate between it and the tunnel key (ovs_constants.py, tables 4 and 22). A frame that
 * ends up in another network was translated wrongly somewhere; the first such place is the cause.
 */
import { type Network } from '../../dataplane/network.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronNetwork } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { readField } from '../../traffic/words.ts';
import {
  networkById,
  networkOfKey,
  networkOfTag,
  networkRef,
  portOfDevice,
  switchPort,
} from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Fix } from '../types.ts';
import { type Case, type Diagnosis, type Finding, numberIn } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { deviceOn } from './dead-port.ts';
import { subPortOf } from './home.ts';

const AGENT = 'neutron-openvswitch-agent';

/** Where a frame left the network it was sent in; null when it never did. */
export const wrongMapping: Diagnosis = (of) => {
  const { network } = of.compiled;
  const from = of.diary.findLastIndex(({ step }) => entersByPort(network, step));
  const entered = of.diary[from]?.step as EnterStep | undefined;
  if (entered?.port === undefined || entered.port === null) return null;
  const steps = of.diary.slice(from).map(({ step }) => step);
  const tagged = subPortOf(network, steps);
  const sender = tagged ?? portOfDevice(network, entered.host, entered.port);
  const home = sender === null ? null : networkById(network, sender.networkId);
  if (home === null) return null;
  return (
    (tagged === null ? wrongTag(network, entered.host, entered.port, home) : null) ??
    receiversTag(of, home) ??
    wrongTranslation(of, home, of.diary.slice(from))
  );
};

const ARP = 0x0806n;
/** Endings of frames that went to ports of another VLAN than their own. */
const ASTRAY: ReadonlySet<string> = new Set([
  'VLAN_NOT_TRUNKED',
  'WRONG_RECEIVER',
  'FLOOD_BLOCKED',
]);

/** The port that the frame was for, on the host where it ended, has the wrong tag. */
function receiversTag(
  { compiled: { network }, host, words, drop }: Case,
  home: NeutronNetwork,
): Finding | null {
  if (!ASTRAY.has(drop.reason)) return null;
  const mac = readField(words, field('eth_dst'));
  const arp = readField(words, field('eth_type')) === ARP;
  const asked: IpAddress = { version: 4, value: readField(words, field('arp_tpa')) };
  const port = network.neutron.ports.find(
    (one) =>
      one.host === host &&
      one.networkId === home.id &&
      (arp ? one.fixedIps.some(({ address }) => sameAddress(address, asked)) : one.mac === mac),
  );
  const device = port === undefined ? null : deviceOn(network, host, port);
  return device === null ? null : wrongTag(network, host, device, home);
}

/** The frame came from a guest or a namespace, not over the fabric. */
function entersByPort(network: Network, step: DiaryEntry['step']): boolean {
  if (step.kind !== 'enter') return false;
  const { stage, port, host } = step as EnterStep;
  if (stage !== 'switch' || port === null) return false;
  // Whatever its name, the agent wrote down which network a port is on.
  return (
    /^(tap|qvo|qr-|qg-|ha-|sg-|fg-)/.test(port) ||
    switchPort(network, host, port)?.otherConfig['net_uuid'] !== undefined
  );
}

/** The port's tag is not the one the agent wrote down for its network (Port other_config:tag). */
export function wrongTag(
  network: Network,
  host: string,
  device: string,
  home: NeutronNetwork,
): Finding | null {
  const port = switchPort(network, host, device);
  const meant = port?.otherConfig['tag'];
  const { tag } = port?.vlan ?? { tag: null };
  if (port === null || meant === undefined || tag === 4095 || String(tag ?? '') === meant)
    return null;
  const other = tag === null ? null : networkOfOthers(network, host, tag, device);
  const where = other === null || other.id === home.id ? '' : `, the VLAN of ${other.name} there`;
  const is = tag === null ? 'has no VLAN tag' : `has tag ${tag}${where}`;
  return {
    code: 'VLAN_MAP_MISMATCH',
    host,
    component: `br-int port ${device}`,
    evidence: `tag: ${tag ?? '[]'}`,
    origin: null,
    because: [`${device} ${is}, but ${home.name} is local VLAN ${meant} on ${host}`],
    neutron: [networkRef(home), ...(other === null ? [] : [networkRef(other)])],
    fix: restart(host),
    confirm: [onHost(host, `ovs-vsctl list Port ${device}`)],
  };
}

function networkOfOthers(
  network: Network,
  host: string,
  tag: number,
  device: string,
): NeutronNetwork | null {
  const own = portOfDevice(network, host, device);
  const found = networkOfTag(network, host, tag);
  return found === null || found.id === own?.networkId ? null : found;
}

function wrongTranslation(
  of: Case,
  home: NeutronNetwork,
  diary: readonly DiaryEntry[],
): Finding | null {
  const { network } = of.compiled;
  const key = home.provider.segmentationId;
  let host = '';
  let last: FlowStep | null = null;
  for (const [i, { step, words }] of diary.entries()) {
    if (step.kind === 'enter') host = (step as EnterStep).host;
    if (step.kind === 'flow') {
      const flow = step as FlowStep;
      // A lookup in br-int right after one in br-tun: the local VLAN was chosen just before.
      if (last !== null && last.bridge === 'br-tun' && flow.bridge === 'br-int') {
        const tag = numberIn(words, 'vlan_tci') & 0xfff;
        const chosen = networkOfTag(network, host, tag);
        const translated = flowInTable(diary.slice(0, i), 4);
        const wrong = chosen === null ? !carries(network, host, home, tag) : chosen.id !== home.id;
        if (wrong && translated !== null) return mismatch(host, translated, home, chosen);
      }
      last = flow;
    }
    if (step.kind === 'tunnel' && last !== null && key !== null) {
      const used = numberIn(words, 'tun_id');
      if (last.bridge === 'br-tun' && used !== 0 && used !== key && last.flow !== null) {
        return mismatch(host, last, home, networkOfKey(network, BigInt(used)), used);
      }
    }
  }
  return null;
}

/** Whether a local VLAN that no port has may be the network's: when none of its ports is known. */
function carries(network: Network, host: string, home: NeutronNetwork, tag: number): boolean {
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  const tags = (bridges.find(({ name }) => name === 'br-int')?.ports ?? [])
    .filter(({ name }) => portOfDevice(network, host, name)?.networkId === home.id)
    .map(({ vlan }) => vlan.tag);
  return tags.length === 0 || tags.includes(tag);
}

function flowInTable(diary: readonly DiaryEntry[], table: number): FlowStep | null {
  const found = diary.findLast(({ step }) => {
    return step.kind === 'flow' && (step as FlowStep).table === table;
  });
  return found === undefined ? null : (found.step as FlowStep);
}

function mismatch(
  host: string,
  { table, flow }: FlowStep,
  home: NeutronNetwork,
  other: NeutronNetwork | null,
  used: number | null = null,
): Finding {
  const key = home.provider.segmentationId;
  const lands = other === null ? 'of no known network' : `of ${other.name}`;
  const because =
    used === null
      ? `${host} maps tunnel key ${key} of ${home.name} to the local VLAN ${lands}`
      : `${host} sends ${home.name} with tunnel key ${used} ${lands} instead of ${key}`;
  return {
    code: 'VNI_MAP_MISMATCH',
    host,
    component: `br-tun table ${table}`,
    ...(flow === null ? {} : { origin: flow.origin }),
    because: [because],
    neutron: [networkRef(home), ...(other === null ? [] : [networkRef(other)])],
    fix: restart(host),
    confirm: [onHost(host, `ovs-ofctl dump-flows br-tun table=${table}`)],
  };
}

function restart(host: string): Fix {
  return {
    summary: `restart ${AGENT} on ${host}, which programs the mapping anew`,
    commands: [restartAgent(host, AGENT)],
  };
}

/**
 * A frame for a port that no copy of it ever reached: the port is dead or not there, its host is
 * not among the tunnels of the sender's, or the populated entries (l2population) lack it.
 */

import { type Network } from '../../dataplane/network.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { type Reason } from '../../reasons/codes.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { readField } from '../../traffic/words.ts';
import { type Read } from '../lineage.ts';
import { networkById, portLabel, portRef, tunnelAddressOf } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { deadReceiver } from './dead-port.ts';
import { notPlugged } from './plugging.ts';

const AGENT = 'neutron-openvswitch-agent';

/** A lookup of br-tun with the frame as it was. */
interface TunnelLookup {
  readonly host: string;
  readonly step: FlowStep;
}

/** A switch gave up a frame on its way to a port elsewhere. */
export const lostFrame: Diagnosis = (of) => {
  if (of.device !== 'ovs' && of.drop.reason !== 'WRONG_RECEIVER') return null;
  if (isDecided(of)) return null;
  const mac = readField(of.words, field('eth_dst'));
  const target = of.compiled.network.neutron.ports.find((port) => port.mac === mac);
  if (target !== undefined) return notArriving(of, target);
  return mac === 0n || ((mac >> 40n) & 1n) === 1n ? null : nobodysMac(of, mac);
};

/** Endings that its bridge chose, whatever tunnels would have done with the frame. */
const CHOSEN: ReadonlySet<Reason> = new Set([
  'OF_EXPLICIT_DROP',
  'OF_TABLE_MISS',
  'OF_NO_SUCH_PORT',
  'OF_LOOP_OR_RESUBMIT_LIMIT',
  'UNSUPPORTED_ACTION',
  'CT_TABLE_FULL',
]);

/** A flow of another bridge than the tunnels' decided about the packet itself. */
function isDecided({ drop: { reason, where }, stray }: Case): boolean {
  return stray !== true && CHOSEN.has(reason) && !where.startsWith('br-tun ');
}

/** No port, router or host has the MAC address: the frame is flooded, and nobody takes it. */
function nobodysMac(of: Case, mac: bigint): Finding | null {
  const { compiled } = of;
  for (const { namespaces } of compiled.network.hosts.values()) {
    for (const { state } of namespaces.values()) {
      if (state.interfaces.some((one) => one.mac === mac)) return null;
    }
  }
  const because = [
    `nothing in the snapshot has MAC ${writeMac(mac)}: the frame is flooded in vain`,
  ];
  return { code: 'FLOOD_BLOCKED', because, fix: null };
}

/** Why nothing arrives at a port; null when nothing is wrong that the snapshot shows. */
export function notArriving(of: Case, target: NeutronPort): Finding | null {
  const { network } = of.compiled;
  const dead = deadReceiver(network, target);
  if (dead !== null) return dead;
  if (of.reads.some((read) => enteredHost(read, target.host, of))) return null;
  return notPlugged(network, target) ?? noTunnel(of, network, target);
}

const TUNNELLED: ReadonlySet<string> = new Set(['vxlan', 'gre', 'geneve']);

/** Frames of other networks come to br-tun as well when they are flooded, and end there. */
function isTunnelled(network: Network, { networkId }: NeutronPort): boolean {
  const own = networkById(network, networkId);
  return own === null || own.segments.some(({ type }) => TUNNELLED.has(type));
}

/** Whether a copy of the stopped packet, or of the ARP packets for it, came to the host. */
function enteredHost({ diary, lineage }: Read, host: string, of: Case): boolean {
  if (of.host === host) return true;
  return diary
    .slice(lineage.since)
    .some(({ step }) => step.kind === 'enter' && (step as EnterStep).host === host);
}

function noTunnel(of: Case, network: Network, target: NeutronPort): Finding | null {
  if (!isTunnelled(network, target)) return null;
  const lookup = lastTunnelLookup(of);
  const remote = tunnelAddressOf(network, target.host);
  if (lookup === null || remote === null || lookup.host === target.host) return null;
  const { host, step } = lookup;
  const bridge = network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === 'br-tun');
  if (bridge === undefined) return null;
  const fix = {
    summary: `restart ${AGENT} on ${host}; check that the agents of both hosts are alive`,
    commands: [restartAgent(host, AGENT)],
  };
  const base = { host, neutron: [portRef(network, target)], fix } as const;
  const way = tunnelTo(bridge, remote);
  const name = portLabel(network, target);
  if (way === null) {
    return {
      ...base,
      code: 'TUNNEL_ENDPOINT_MISSING',
      component: 'br-tun',
      evidence: 'no tunnel port with this remote address',
      origin: bridge.origin,
      because: [
        `${host} has no tunnel to ${target.host} (${writeIp(remote)}), where ${name} is plugged`,
      ],
      confirm: [onHost(host, 'ovs-vsctl show')],
    };
  }
  const unicast = bridge.flows.some(
    ({ table, tests }) =>
      table === 20 &&
      tests.some(({ field, value }) => field.name === 'eth_dst' && value === target.mac),
  );
  return {
    ...base,
    code: step.table === 20 || !unicast ? 'L2POP_ENTRY_MISSING' : 'FLOOD_BLOCKED',
    component: `br-tun table ${step.table}`,
    ...(step.flow === null ? {} : { origin: step.flow.origin }),
    because: [
      `br-tun of ${host} neither knows ${writeMac(target.mac)} of ${name} behind ${way.name} nor floods there`,
    ],
    confirm: [onHost(host, `ovs-ofctl dump-flows br-tun | grep -e table=2[0-2]`)],
  };
}

/** The lookup of br-tun that the stopped packet, or the ARP packet for it, met last. */
function lastTunnelLookup(of: Case): TunnelLookup | null {
  const own = lookupIn(of.diary);
  if (own !== null) return own;
  for (const { diary, lineage } of of.reads) {
    if (lineage.role !== 'resolution') continue;
    const found = lookupIn(diary.slice(lineage.since));
    if (found !== null) return found;
  }
  return null;
}

function lookupIn(diary: readonly DiaryEntry[]): TunnelLookup | null {
  let host = '';
  let found: TunnelLookup | null = null;
  for (const { step } of diary) {
    if (step.kind === 'enter') host = (step as EnterStep).host;
    if (step.kind !== 'flow') continue;
    const flow = step as FlowStep;
    if (flow.bridge === 'br-tun' && flow.table >= 20 && flow.table <= 22) {
      found = { host, step: flow };
    }
  }
  return found;
}

function tunnelTo(bridge: Bridge, remote: { version: 4 | 6; value: bigint }): Port | null {
  return (
    bridge.ports.find(({ tunnel }) => {
      const end = tunnel?.remote;
      if (end === undefined || end === null || end === 'flow') return false;
      return sameAddress({ version: end.version, value: end.address }, remote);
    }) ?? null
  );
}

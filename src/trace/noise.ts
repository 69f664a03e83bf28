/** Endings of copies that explain nothing: they are where flooded frames always end. */
import { type RuleStep } from '../dataplane/iptables/steps.ts';
import { type BridgeStep, type FlowStep } from '../dataplane/ovs/pipeline/steps.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { type Reason } from '../reasons/codes.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { numberIn } from './diagnosis/case.ts';
import { CALLS, serversOf } from './diagnosis/servers.ts';
import { type Read } from './lineage.ts';
import { portByNumber, portOfDevice } from './objects.ts';
import { type Question } from './types.ts';

/** Copies that end like this are no news: everybody who is not meant does so. */
const NOISE: readonly Reason[] = ['NOT_FOR_ME', 'WRONG_RECEIVER', 'BRIDGE_SAME_PORT'];

/**
 * Drops that flooded frames meet everywhere: receivers that are not meant, and bridges to physical
 * networks, which refuse local VLANs that have no mapping there (the agents'
 * `priority=2,in_port=PATCH actions=drop`).
 */
export function isNoise({ ending, steps }: Read): boolean {
  const { outcome } = ending;
  if (outcome.kind !== 'dropped') return false;
  const { reason, evidence, where } = outcome.drop;
  const [first, second] = where.split(' ');
  // Of flooded copies the one for a bridge's own device, which is down on most hosts.
  if (reason === 'OF_PORT_DOWN' && first === second) return true;
  if (NOISE.includes(reason)) return true;
  // Flooding reaches the bridge's own port as well, which agents leave down.
  const [place, port] = where.split(' ');
  if (reason === 'OF_PORT_DOWN' && place === port) return true;
  // And the kernel's side of bridges and NICs sees frames of VLANs it has no device for.
  if (reason === 'VLAN_NOT_TRUNKED' && ending.device.stage === 'namespace') return true;
  const bridge = steps.findLast((step) => step.kind === 'bridge') as BridgeStep | undefined;
  if (reason === 'INTERFACE_DOWN' && port !== undefined && port === bridge?.bridge) return true;
  if (bridge?.way !== 'patch' || where === 'br-tun table 0') return false;
  // In table 2 where routers are distributed (ovs_dvr_neutron_agent.py setup_dvr_flows_on_phys_br()).
  return / table [02]$/.test(where) && evidence === 'priority 2: drop';
}

/** The chain of the firewall for what goes into one port. */
const INWARD_CHAIN = /^neutron-[a-z-]+?-i([0-9a-f]{8}-[0-9a-f])$/;

/**
 * A call to every server of a kind is heard by everybody: what others do with it, or their
 * firewalls, explains nothing. Only questions that call have such copies.
 */
export function isForSomebodyElse(
  { network }: CompiledNetwork,
  question: Question,
  { ending, diary, lineage }: Read,
): boolean {
  if (!CALLS.has(question.packet.protocol) || lineage.role !== 'request') return false;
  const { device, outcome } = ending;
  if (outcome.kind !== 'dropped') return false;
  const { from } = question;
  const servers = serversOf(network, question);
  const entered = diary.findLastIndex(({ step }) => step.kind === 'enter');
  const port = guarded(network, device.host, diary.slice(Math.max(0, entered)));
  if (port !== null) return port.id !== from.port && !servers.some(({ id }) => id === port.id);
  if (device.stage === 'switch') return false;
  if (device.host === from.host && device.name === from.namespace) return false;
  // A host's own devices carry frames on; its stack is nobody who was called.
  if (device.name === 'root') return outcome.drop.reason === 'NOT_LISTENING';
  const own = network.namespace(device.host, device.name)?.state.interfaces ?? [];
  return !servers.some(({ mac }) => own.some((one) => one.mac === mac));
}

/** The port whose inward firewall had the packet last; null when none had it. */
function guarded(
  network: CompiledNetwork['network'],
  host: string,
  diary: Read['diary'],
): NeutronPort | null {
  for (const { step, words } of diary.toReversed()) {
    if (step.kind === 'rule') {
      const prefix = INWARD_CHAIN.exec((step as RuleStep).chain)?.[1];
      if (prefix === undefined) continue;
      return network.neutron.ports.find(({ id }) => id.startsWith(prefix)) ?? null;
    }
    if (step.kind !== 'flow') continue;
    const { bridge, table } = step as FlowStep;
    if (bridge !== 'br-int' || (table !== 81 && table !== 82)) continue;
    const device = portByNumber(network, host, bridge, numberIn(words, 'reg5'));
    return device === null ? null : portOfDevice(network, host, device.name);
  }
  return null;
}

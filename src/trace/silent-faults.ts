/**
 * What is wrong on a way that let the packet pass: a firewall that the host does not ask, and ends
 * of links whose MTUs differ, so that only larger packets vanish.
 */
import { tapOfGuest } from '../dataplane/endpoint/guest.ts';
import { FABRIC_BRIDGE } from '../dataplane/endpoint/physical.ts';
import { type Network, ROOT } from '../dataplane/network.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { tupleOf } from './diagnosis/case.ts';
import { judgeRules, ownerText, serviceText } from './diagnosis/group-rules.ts';
import { type Read } from './lineage.ts';
import { groupsOf, portLabel, portOfDevice } from './objects.ts';
import { type EnterStep, type LeaveStep } from './steps.ts';
import { type Remark } from './types.ts';

/** Traffic that firewalls let in whatever the groups say: DHCP answers, neighbour discovery. */
const ICMP6 = 58;
const UDP = 17;
const DHCP_PORTS: ReadonlySet<number> = new Set([68, 546]);

/**
 * A delivered packet that no rule of the receiving port's groups allows.
 * @param port the receiving port.
 */
export function unguarded(
  network: Network,
  port: NeutronPort,
  { ending }: Read,
): readonly Remark[] {
  const tuple = tupleOf(ending.p.words);
  if (tuple === null || !port.portSecurity || port.securityGroups.length === 0) return [];
  if (!port.deviceOwner.startsWith('compute:')) return [];
  if (tuple.protocol === ICMP6) return [];
  if (tuple.protocol === UDP && DHCP_PORTS.has(tuple.destinationPort)) return [];
  const rules = judgeRules(network, { port, direction: 'ingress', tuple });
  if (rules.some(({ differs }) => differs.length === 0)) return [];
  // Filtering by bridges has a sentence of its own.
  if (bridgesUnfiltered(network, port, tuple.version) !== null) return [];
  const names = groupsOf(network, port).map(({ id, name }) => (name === '' ? id : name));
  const text =
    `no rule of ${portLabel(network, port)}’s security groups ${names.join(', ')} lets ` +
    `${serviceText(tuple)} in from ${ownerText(network, tuple.source)}, and yet ${port.host} lets it pass`;
  return [{ kind: 'warning', code: null, text }];
}

/** The ports of bridges on the way that iptables never sees. */
export function unfilteredBridges(network: Network, read: Read): readonly Remark[] {
  const version = tupleOf(read.ending.p.words)?.version ?? 4;
  const told = new Set<string>();
  const found: Remark[] = [];
  let place: EnterStep | null = null;
  for (const step of read.steps) {
    if (step.kind === 'enter') place = step as EnterStep;
    if (place === null || (step.kind !== 'enter' && step.kind !== 'leave')) continue;
    const { host, device } = place;
    const { port } = step as EnterStep | LeaveStep;
    const plugged = portOfDevice(network, host, tapOfGuest(device) ?? port ?? '');
    const key = plugged === null ? null : bridgesUnfiltered(network, plugged, version);
    if (plugged === null || plugged.host !== host || key === null || told.has(host)) continue;
    told.add(host);
    const text = `${key} is 0 on ${host}: iptables never sees what bridges carry there, so no security group guards ${portLabel(network, plugged)}`;
    found.push({ kind: 'warning', code: 'BRNF_DISABLED', text });
  }
  return found;
}

/** The sysctl that keeps iptables from a port whose firewall is made of it; null when none does. */
function bridgesUnfiltered(network: Network, port: NeutronPort, version: 4 | 6): string | null {
  const { host, hybridPlug, vifType, drivers } = port;
  const bridged = hybridPlug || vifType === 'bridge' || drivers.includes('linuxbridge');
  if (!bridged || !port.portSecurity || port.securityGroups.length === 0) return null;
  const key = `net.bridge.bridge-nf-call-${version === 4 ? 'iptables' : 'ip6tables'}`;
  return network.namespace(host, ROOT)?.state.sysctls.get(key) === '0' ? key : null;
}

/** One end of a wire with its MTU. */
interface End {
  readonly host: string;
  readonly name: string;
  readonly mtu: number;
  /** A port of a physical switch: it sends nothing larger than what others sent it. */
  readonly passesOn: boolean;
}

/** Wires on the way whose two ends have different MTUs: each once. */
export function unequalEnds(network: Network, read: Read): readonly Remark[] {
  const told = new Set<string>();
  const found: Remark[] = [];
  let left: End | null = null;
  let place: EnterStep | null = null;
  for (const step of read.steps) {
    if (step.kind === 'leave' && place !== null) {
      left = endAt(network, place.host, place.device, (step as LeaveStep).port);
    }
    if (step.kind !== 'enter') continue;
    place = step as EnterStep;
    const came = place.port === null ? null : endAt(network, place.host, place.device, place.port);
    if (left !== null && came !== null && !same(left, came)) {
      const [small, large] = left.mtu < came.mtu ? [left, came] : [came, left];
      left = null;
      if (small.mtu === large.mtu || large.passesOn) continue;
      const text = `${small.name} of ${small.host} has MTU ${small.mtu}, and ${large.name} of ${large.host}, its other end, MTU ${large.mtu}: larger packets vanish between them`;
      if (!told.has(text)) found.push({ kind: 'warning', code: 'MTU_INCONSISTENT', text });
      told.add(text);
    }
    left = null;
  }
  return found;
}

function same(a: End, b: End): boolean {
  return a.host === b.host && a.name === b.name;
}

/** An interface by the name that a device of the walk calls its port. */
function endAt(network: Network, host: string, device: string, port: string): End | null {
  const namespace = device === 'ovs' ? ROOT : device;
  const found = network
    .namespace(host, namespace)
    ?.state.interfaces.find(({ name }) => name === port);
  if (found === undefined) return null;
  return { host, name: port, mtu: found.mtu, passesOn: found.master === FABRIC_BRIDGE };
}

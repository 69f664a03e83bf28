/**
 * A packet above an MTU: how long it was, what a tunnel put on top, and what is the largest that
 * passes. VXLAN over IPv4 adds 50 bytes to the inner IP packet: inner Ethernet 14, VXLAN 8, UDP 8,
 * IPv4 20 (RFC 7348 §5); each VLAN tag inside adds 4.
 */
import { type Network } from '../../dataplane/network.ts';
import { type RouteStep } from '../../dataplane/routing/steps.ts';
import { type NeutronNetwork } from '../../model/neutron.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { networkById, networkRef, portOfDevice } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Fix } from '../types.ts';
import { type Case, type Diagnosis, numberIn } from './case.ts';
import { inNamespace, safeName } from './commands.ts';

const REASONS: ReadonlySet<string> = new Set([
  'MTU_EXCEEDED_DF',
  'MTU_BLACKHOLE_NO_ICMP',
  'MTU_INCONSISTENT',
]);

export const tooLarge: Diagnosis = (of) => {
  const limit = Number(/MTU (\d+)/.exec(of.drop.evidence)?.[1] ?? Number.NaN);
  if (!REASONS.has(of.drop.reason) || !Number.isInteger(limit)) return null;
  const device = deviceOf(of);
  const whole = numberIn(of.words, 'ip_len');
  const inner = innerLength(of, whole);
  const overhead = whole - inner;
  const network = networkOf(of.compiled.network, of.diary);
  const sum =
    overhead > 0
      ? `${inner} bytes + ${overhead} bytes of tunnel header = ${whole}`
      : `${whole} bytes`;
  const told =
    of.drop.reason === 'MTU_BLACKHOLE_NO_ICMP' || /no ICMP/.test(of.drop.evidence)
      ? ['nobody tells the sender: connections open and then hang']
      : [];
  return {
    code: of.drop.reason,
    component: isRouted(of) ? `${of.device} ${device}` : device,
    evidence: `mtu ${limit}`,
    because: [
      `${sum} > MTU ${limit} of ${device} on ${of.host}; the largest IP packet that passes has ${limit - overhead}`,
      ...told,
    ],
    neutron: network === null ? [] : [networkRef(network)],
    fix: fixOf(of, network, limit, overhead, device),
    confirm: /^(guest |vm-)/.test(of.device)
      ? []
      : [inNamespace(of.host, of.device === 'ovs' ? 'root' : of.device, 'ip link')],
  };
};

/** Whether a namespace's stack gave it up on its way out: that end names no device. */
function isRouted({ drop }: Case): boolean {
  return /(^| )(forward|output)$/.test(drop.where) && drop.where.split(' ').length < 3;
}

/** The device whose MTU it was; of a routed packet the one that the route chose. */
function deviceOf(of: Case): string {
  const { where, evidence } = of.drop;
  const named = / of (\S+)$/.exec(evidence)?.[1];
  const last = where.split(' ').at(-1) ?? where;
  if (named !== undefined || !isRouted(of)) return named ?? last;
  const route = of.diary.findLast(({ step }) => step.kind === 'route')?.step;
  return (route as RouteStep | undefined)?.device ?? last;
}

/** The packet's length before a tunnel carried it: as it was when its sender's device let it go. */
function innerLength({ diary }: Case, whole: number): number {
  const tunnel = diary.findLastIndex(
    ({ step }) => (step.kind === 'tunnel' && wayOf(step) === 'out') || step.kind === 'vxlan',
  );
  if (tunnel < 0) return whole;
  const left = diary.slice(0, tunnel).findLast(({ step }) => step.kind === 'enter');
  const inner = left === undefined ? 0 : numberIn(left.words, 'ip_len');
  return inner > 0 && inner < whole ? inner : whole;
}

function wayOf(step: { readonly kind: string }): string {
  return (step as { readonly way?: string }).way ?? '';
}

/** The network of the port by which the packet came from its sender or its router. */
function networkOf(network: Network, diary: readonly DiaryEntry[]): NeutronNetwork | null {
  for (const { step } of diary.toReversed()) {
    if (step.kind !== 'enter') continue;
    const { host, port } = step as EnterStep;
    const owner = port === null ? null : portOfDevice(network, host, port);
    if (owner !== null) return networkById(network, owner.networkId);
  }
  return null;
}

function fixOf(
  of: Case,
  network: NeutronNetwork | null,
  limit: number,
  overhead: number,
  device: string,
): Fix {
  if (network === null) {
    return { summary: `raise the MTU of ${device} on ${of.host}, or send less`, commands: [] };
  }
  const fits = limit - overhead;
  const wanted = network.mtu ?? 0;
  if (wanted <= fits) {
    return { summary: `${network.name} has MTU ${wanted}: the sender should use it`, commands: [] };
  }
  const name = safeName(network, of.compiled.network.neutron.networks);
  return {
    summary: `${network.name} promises MTU ${wanted}: raise ${device} on ${of.host} and the links behind it to ${wanted + overhead}, or lower the network’s`,
    commands: [`openstack network set --mtu ${fits} ${name}`],
  };
}

/**
 * Addresses that should have been translated and were not: a floating IP that no DNAT rule of its
 * router knows, a tenant's address that leaves the router as it is (neutron l3 agent, chains
 * `neutron-l3-agent-PREROUTING`, `-float-snat`, `-snat`).
 */

import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type NeutronFloatingIp, type NeutronRouter } from '../../model/neutron.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { portLabel, routerOfNamespace, routerRef } from '../objects.ts';
import { type EnterStep, type LeaveStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, tupleOf } from './case.ts';
import { inNamespace, restartAgent } from './commands.ts';

/** The floating IP of a packet that ended inside the router which should have passed it on. */
export const missingTranslation: Diagnosis = (of) => {
  const { network } = of.compiled;
  // Whoever waits for a neighbour or a route has not taken it for himself.
  const taken = !PASSING.has(of.drop.reason) || isFromOutside(of);
  return (
    (taken ? untranslatedTarget(network, of.host, of.device, of.words) : null) ??
    untranslatedSource(of, network)
  );
};

/** Whether it came into its router from the side on which floating IPs are translated. */
function isFromOutside({ diary }: Case): boolean {
  const entered = diary.findLast(({ step }) => step.kind === 'enter')?.step;
  return /^(qg-|rfp-)/.test((entered as EnterStep | undefined)?.port ?? '');
}

/** Endings of packets that were to go on. */
const PASSING: ReadonlySet<string> = new Set([
  'ARP_UNANSWERED',
  'NO_NEIGHBOR',
  'NO_ROUTE',
  'RP_FILTER',
  'IP_FORWARD_OFF',
]);

/**
 * The finding when a namespace of a router took a packet for a floating IP for itself.
 * @param words the packet as it was when it ended there.
 */
export function untranslatedTarget(
  network: Network,
  host: string,
  namespace: string,
  words: Uint32Array,
): Finding | null {
  const owner = namespaceOwner(namespace);
  if (owner === undefined || !['router', 'snat', 'floating'].includes(owner.kind)) return null;
  const destination = tupleOf(words)?.destination;
  const floating = network.neutron.floatingIps.find(
    ({ address }) => destination !== undefined && sameAddress(address, destination),
  );
  if (floating?.portId === undefined || floating.portId === null) return null;
  return lostRule(network, host, namespace, floating);
}

function lostRule(
  network: Network,
  host: string,
  namespace: string,
  floating: NeutronFloatingIp,
): Finding {
  const text = writeIp(floating.address);
  const port = network.neutron.ports.find(({ id }) => id === floating.portId);
  const whose = port === undefined ? 'its port' : portLabel(network, port);
  const router = routerOfNamespace(network, namespace);
  return {
    ...natFinding(host, namespace, router),
    component: `${namespace} nat PREROUTING`,
    evidence: `no rule translates ${text}`,
    because: [
      `${router?.name ?? namespace} takes ${text} for its own address: no DNAT rule leads on to ${whose}`,
    ],
    neutron: [
      { kind: 'floating-ip', id: floating.id, name: text },
      ...(router === null ? [] : [routerRef(router)]),
    ],
  };
}

/** A tenant's source address that a router let out of its gateway although it should translate. */
function untranslatedSource(of: Case, network: Network): Finding | null {
  for (const { enter, leave } of visits(of.diary)) {
    if (leave === null || !/^(qg-|rfp-)/.test(leave.port)) continue;
    const router = routerOfNamespace(network, enter.device);
    const source = tupleOf(leave.words)?.source;
    if (router === null || source === undefined) continue;
    const own = network.neutron.floatingIps.find(
      ({ fixedAddress, routerId }) =>
        fixedAddress !== null && routerId === router.id && sameAddress(fixedAddress, source),
    );
    const meant = own !== undefined || router.gateway?.snat === true;
    if (!meant || !isInternal(network, router, source)) continue;
    if (source.version === 6) return unknownOutside(enter, leave.port, router, source);
    return {
      ...natFinding(enter.host, enter.device, router),
      component: `${enter.device} nat POSTROUTING`,
      evidence: `no rule translates ${writeIp(source)}`,
      because: [
        `${writeIp(source)} leaves ${router.name} by ${leave.port} untranslated, and nobody outside knows the way back`,
      ],
      neutron: [routerRef(router)],
    };
  }
  return null;
}

/** The agents translate no IPv6 (router_info.py): who is outside has to know the tenants' networks. */
function unknownOutside(
  { host, device }: EnterStep,
  port: string,
  router: NeutronRouter,
  source: IpAddress,
): Finding {
  return {
    code: 'NO_ROUTE',
    host,
    component: `${device} ${port}`,
    evidence: `${writeIp(source)} leaves as it is`,
    origin: null,
    because: [
      `${writeIp(source)} leaves ${router.name} by ${port} as it is, for IPv6 is never translated, and nobody outside knows the way back`,
    ],
    neutron: [routerRef(router)],
    fix: {
      summary:
        'tell the outside of the subnet: by BGP, by prefix delegation, or by a route on the gateway',
      commands: [],
    },
    confirm: [inNamespace(host, device, 'ip -6 route')],
  };
}

function natFinding(
  host: string,
  namespace: string,
  router: NeutronRouter | null,
): Pick<Finding, 'code' | 'host' | 'origin' | 'fix' | 'confirm'> {
  return {
    code: 'NAT_MISSING',
    host,
    origin: null,
    fix: {
      summary: `restart neutron-l3-agent on ${host}, which writes the NAT rules of ${router?.name ?? namespace} anew`,
      commands: [restartAgent(host, 'neutron-l3-agent')],
    },
    confirm: [inNamespace(host, namespace, 'iptables-save -t nat')],
  };
}

/** Whether an address lies in a subnet that the router joins from inside. */
function isInternal(network: Network, router: NeutronRouter, address: IpAddress): boolean {
  const { ports, subnets } = network.neutron;
  return ports.some(
    ({ deviceId, networkId, fixedIps }) =>
      deviceId === router.id &&
      networkId !== router.gateway?.networkId &&
      fixedIps.some(({ subnetId }) => {
        const prefix = subnets.find(({ id }) => id === subnetId)?.prefix;
        return prefix !== undefined && prefixCovers(prefix, address);
      }),
  );
}

interface Visit {
  readonly enter: EnterStep;
  readonly leave: { readonly port: string; readonly words: Uint32Array } | null;
}

/** The devices a packet came into, and how it left them. */
function visits(diary: readonly DiaryEntry[]): readonly Visit[] {
  const found: Visit[] = [];
  for (const { step, words } of diary) {
    if (step.kind === 'enter') found.push({ enter: step as EnterStep, leave: null });
    const last = found.at(-1);
    if (step.kind === 'leave' && last !== undefined) {
      found[found.length - 1] = { ...last, leave: { port: (step as LeaveStep).port, words } };
    }
  }
  return found;
}

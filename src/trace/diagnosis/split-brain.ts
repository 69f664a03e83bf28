/**
 * Two masters of one virtual router (RFC 5798 §6.4.3 wants one): both have its addresses and its
 * MAC, and which of them gets a frame depends on where the switches saw the MAC last.
 */
import { type Network } from '../../dataplane/network.ts';
import { NAMESPACES } from '../../model/ids.ts';
import { type NeutronRouter } from '../../model/neutron.ts';
import { someNote } from '../../traffic/diary.ts';
import { type Read } from '../lineage.ts';
import { routerOfNamespace, routerRef } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Blocker, type Question } from '../types.ts';
import { inNamespace } from './commands.ts';

/** Blames every highly available router on the way that has more than one master. */
export function splitBrains(
  network: Network,
  question: Question,
  reads: readonly Read[],
  direction: Blocker['direction'],
): readonly Blocker[] {
  const found: Blocker[] = [];
  for (const [namespace, router] of routersMet(network, question, reads)) {
    const masters = mastersOf(network, namespace);
    const [first] = masters;
    if (first === undefined || masters.length < 2) continue;
    const label = router.name === '' ? router.id : router.name;
    found.push({
      code: 'VRRP_SPLIT_BRAIN',
      host: first,
      component: namespace,
      evidence: `its addresses are on ${masters.join(' and ')}`,
      origin: null,
      nearMisses: [],
      direction,
      because: [`${label} is master on ${masters.join(' and ')} at the same time`],
      neutron: [routerRef(router)],
      fix: { summary: 'restore the HA network between the hosts of the router', commands: [] },
      confirm: masters.map((host) => inNamespace(host, namespace, 'ip addr')),
    });
  }
  return found;
}

/** The same for proofs: a sentence for every namespace of some devices that has two masters. */
export function electedTwice(network: Network, devices: Iterable<string>): readonly string[] {
  return [...new Set(devices)].flatMap((namespace) => {
    const router = routerOfNamespace(network, namespace);
    if (router === null || !isElected(namespace, router)) return [];
    const masters = mastersOf(network, namespace);
    const label = router.name === '' ? router.id : router.name;
    return masters.length < 2
      ? []
      : [`VRRP_SPLIT_BRAIN: ${label} is master on ${masters.join(' and ')} at the same time`];
  });
}

/** Namespaces of highly available routers that some copy came into. */
function routersMet(
  network: Network,
  { from, to }: Question,
  reads: readonly Read[],
): ReadonlyMap<string, NeutronRouter> {
  const met = new Map<string, NeutronRouter>();
  const add = (namespace: string | null): void => {
    const router = namespace === null ? null : routerOfNamespace(network, namespace);
    if (namespace !== null && router !== null && isElected(namespace, router))
      met.set(namespace, router);
  };
  add(from.namespace);
  add(to.namespace);
  const copies = reads.flatMap(({ lineage, ending }) =>
    lineage.role === 'resolution' ? [] : [ending.p],
  );
  someNote(copies, (step) => {
    if (step.kind === 'enter') add((step as EnterStep).device);
    return false;
  });
  return met;
}

/** Of a distributed router only the central part is elected; the rest is on every host. */
function isElected(namespace: string, router: NeutronRouter): boolean {
  return router.ha && (!router.distributed || namespace.startsWith(NAMESPACES.snat));
}

/** Hosts whose instance has an address on an inner or outer interface. */
function mastersOf(network: Network, namespace: string): readonly string[] {
  return [...network.hosts.values()].flatMap(({ name, namespaces }) => {
    const interfaces = namespaces.get(namespace)?.state.interfaces ?? [];
    const isMaster = interfaces.some(
      ({ name: device, addresses }) =>
        /^(qr-|qg-|sg-)/.test(device) && addresses.some(({ scope }) => scope === 'global'),
    );
    return isMaster ? [name] : [];
  });
}

/**
 * A device that is down takes its routes with it and answers no ARP: the packet then ends
 * somewhere else, for want of a route or of an answer.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface, type IpAddress } from '../../dataplane/routing/types.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Case, type Diagnosis, type Finding, tupleOf, UNANSWERED } from './case.ts';
import { inNamespace } from './commands.ts';
import { askedFor } from './neighbours.ts';

export const deadDevice: Diagnosis = (of) => {
  if (of.drop.reason === 'NO_ROUTE') return routeGone(of);
  return UNANSWERED.has(of.drop.reason) ? silentOwner(of) : null;
};

/** The interface whose subnet or route covers the destination is down. */
function routeGone(of: Case): Finding | null {
  const state = of.compiled.network.namespace(of.host, of.device)?.state;
  const destination = tupleOf(of.words)?.destination;
  if (state === undefined || destination === undefined) return null;
  const dead = state.interfaces.filter((one) => isDead(one));
  const own = dead.find(({ addresses }) =>
    addresses.some((address) => prefixCovers(address, destination)),
  );
  const routed = state.routes.find(
    ({ version, prefix, hops }) =>
      version === destination.version &&
      (prefix === null || prefixCovers(prefix, destination)) &&
      hops.some(({ device }) => dead.some(({ name }) => name === device)),
  );
  const by = own ?? dead.find(({ name }) => routed?.hops.some(({ device }) => device === name));
  return by === undefined ? null : finding(of.host, of.device, by, destination);
}

/** Who has the address that was asked for has its interface down. */
function silentOwner(of: Case): Finding | null {
  const asked = askedFor(of);
  if (asked === null) return null;
  for (const { host, namespace, device } of ownersOf(of.compiled.network, asked)) {
    if (isDead(device)) return finding(host, namespace, device, asked);
  }
  return null;
}

function ownersOf(
  network: Network,
  address: IpAddress,
): readonly { readonly host: string; readonly namespace: string; readonly device: Interface }[] {
  return [...network.hosts.values()].flatMap(({ name: host, namespaces }) =>
    [...namespaces].flatMap(([namespace, { state }]) =>
      state.interfaces
        .filter(({ addresses }) => addresses.some((own) => sameAddress(own.address, address)))
        .map((device) => ({ host, namespace, device })),
    ),
  );
}

function isDead({ up, running, loopback }: Interface): boolean {
  return !loopback && !(up && running);
}

function finding(host: string, namespace: string, device: Interface, about: IpAddress): Finding {
  const { name, up } = device;
  return {
    code: 'INTERFACE_DOWN',
    host,
    component: namespace === ROOT ? name : `${namespace} ${name}`,
    evidence: up ? 'no carrier' : 'the interface is down',
    origin: null,
    because: [`${name} on ${host}, by which ${writeIp(about)} would be reached, is down`],
    fix: { summary: `set ${name} up on ${host}; look why it was taken down`, commands: [] },
    confirm: [inNamespace(host, namespace, `ip link show ${name}`)],
  };
}

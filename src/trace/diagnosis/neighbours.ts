/**
 * Nobody answered ARP or neighbour discovery: who should have, and why not. The address decides:
 * a port of the network, a gateway, a floating IP, or nobody's.
 */

import { tapOfGuest } from '../../dataplane/endpoint/guest.ts';
import { tapOfNic } from '../../dataplane/endpoint/guest-nics.ts';
import { type Network } from '../../dataplane/network.ts';
import { type ResolutionStep } from '../../dataplane/routing/steps.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { readField } from '../../traffic/words.ts';
import {
  networkById,
  networkRef,
  portLabel,
  portOfDevice,
  portRef,
  portsWithAddress,
  routerRef,
} from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, UNANSWERED } from './case.ts';
import { inNamespace, onHost, restartAgent } from './commands.ts';
import { deadReceiver } from './dead-port.ts';
import { notArriving } from './not-arriving.ts';

export const unanswered: Diagnosis = (of) => {
  if (!UNANSWERED.has(of.drop.reason)) return null;
  const asked = askedFor(of);
  if (asked === null) return null;
  const { network } = of.compiled;
  const floating = network.neutron.floatingIps.find(({ address }) => sameAddress(address, asked));
  const target = targetOf(of, network, asked);
  const router = target === null ? null : routerOf(network, target);
  return (
    (floating === undefined ? null : unboundFloating(of, network, asked)) ??
    (target === null || router === null
      ? null
      : silentRouter(of, network, target, router, asked)) ??
    deadAsking(of, network) ??
    (target === null ? nobodys(of, network, asked) : notArriving(of, target)) ??
    silent(of, network, asked, target)
  );
};

/** The Neutron port that should have answered; null when no port has the address. */
export function neighbourPort(of: Case): NeutronPort | null {
  const asked = askedFor(of);
  return asked === null ? null : targetOf(of, of.compiled.network, asked);
}

/**
 * The hosts on which the address that was asked for should have been answered for: where it
 * stands; of a floating IP where its router is, of a distributed router's where its server is.
 */
export function neighbourHosts(of: Case): readonly string[] {
  const asked = askedFor(of);
  if (asked === null) return [];
  const { network } = of.compiled;
  const { floatingIps, ports, routers } = network.neutron;
  const target = targetOf(of, network, asked);
  const found = new Set(holders(network, asked).map(({ host }) => host));
  if (target !== null && target.host !== '') found.add(target.host);
  const floating = floatingIps.find(({ address }) => sameAddress(address, asked));
  const router = routers.find(({ id }) => id === floating?.routerId);
  if (router === undefined) return [...found];
  const server = ports.find(({ id }) => id === floating?.portId);
  if (router.distributed && server !== undefined) found.add(server.host);
  for (const host of homesOf(network, router)) found.add(host);
  return [...found].filter((host) => host !== '');
}

/** Where a router has addresses: of a highly available one where it is master. */
function homesOf(network: Network, router: NeutronRouter): readonly string[] {
  const names = [`qrouter-${router.id}`, `snat-${router.id}`];
  return [...network.hosts.values()].flatMap(({ name, namespaces }) => {
    const owns = names.some((one) =>
      namespaces
        .get(one)
        ?.state.interfaces.some(
          ({ name: device, addresses }) =>
            /^(qr-|qg-|sg-)/.test(device) && addresses.some(({ scope }) => scope === 'global'),
        ),
    );
    return owns ? [name] : [];
  });
}

/** The address whose owner did not answer: that of the last request the namespace sent. */
export function askedFor({ reads, host, device }: Case): IpAddress | null {
  for (const { diary, lineage } of reads) {
    if (lineage.role !== 'resolution') continue;
    const entry = diary[lineage.since];
    const step = entry?.step as ResolutionStep | undefined;
    const made = diary.slice(0, lineage.since).findLast(({ step: one }) => one.kind === 'enter');
    const at = made?.step as EnterStep | undefined;
    if (entry === undefined || at?.host !== host || at.device !== device) continue;
    if (step?.message === 'arp-request') {
      return { version: 4, value: readField(entry.after, field('arp_tpa')) };
    }
    if (step?.message === 'solicitation') {
      return { version: 6, value: readField(entry.after, field('nd_target')) };
    }
  }
  return null;
}

/** The port that owns the address on the network the question was asked on. */
function targetOf(of: Case, network: Network, asked: IpAddress): NeutronPort | null {
  const [target] = portsWithAddress(network, asked, askingOn(of, network));
  return target ?? null;
}

/** The network of the port by which the request left; null when no port is known. */
function askingOn(of: Case, network: Network): string | null {
  return askingPort(of, network)?.networkId ?? null;
}

/** The port by which the request left; what a guest sends by `eth0.VLAN` leaves by a sub-port. */
function askingPort(of: Case, network: Network): NeutronPort | null {
  const device = /neighbours of (\S+)$/.exec(of.drop.where)?.[1] ?? '';
  const tap = tapOfGuest(of.device);
  const nic = tap === null ? null : tapOfNic(network.neutron, of.host, tap, device);
  const sender = network.endpoints.find(
    ({ host, namespace, tap: own }) =>
      host === of.host && (nic === null ? namespace === of.device : own === nic),
  );
  const own = portOfDevice(network, of.host, device) ?? sender?.port ?? null;
  const vlan = Number(/\.(\d+)$/.exec(device)?.[1] ?? 0);
  const trunk = network.neutron.trunks.find(({ portId }) => portId === own?.id);
  const sub = trunk?.subPorts.find(({ segmentationId }) => segmentationId === vlan);
  return network.neutron.ports.find(({ id }) => id === sub?.portId) ?? own;
}

/** The port that asks is dead itself: nobody hears it. */
function deadAsking(of: Case, network: Network): Finding | null {
  const asking = askingPort(of, network);
  return asking === null ? null : deadReceiver(network, asking);
}

function routerOf(network: Network, { deviceId, deviceOwner }: NeutronPort): NeutronRouter | null {
  if (!deviceOwner.startsWith('network:router') && !deviceOwner.includes('ha_router')) return null;
  return network.neutron.routers.find(({ id }) => id === deviceId) ?? null;
}

/** Every namespace that has the address on an interface. */
function holders(
  network: Network,
  address: IpAddress,
): readonly { host: string; name: string; up: boolean }[] {
  return [...network.hosts.values()].flatMap(({ name: host, namespaces }) =>
    [...namespaces].flatMap(([name, { state }]) =>
      state.interfaces
        .filter(({ addresses }) => addresses.some((own) => sameAddress(own.address, address)))
        .map(({ up, running }) => ({ host, name, up: up && running })),
    ),
  );
}

function unboundFloating(of: Case, network: Network, asked: IpAddress): Finding | null {
  const floating = network.neutron.floatingIps.find(({ address }) => sameAddress(address, asked));
  if (floating === undefined || holders(network, asked).length > 0) return null;
  const text = writeIp(asked);
  const router = network.neutron.routers.find(({ id }) => id === floating.routerId);
  // On the server's host the agent's gateway answers for it, and it need not be on an interface.
  if (router?.distributed === true && floating.portId !== null) return null;
  const because =
    floating.portId === null
      ? `floating IP ${text} is associated with no port`
      : `no namespace has floating IP ${text} on an interface, though Neutron binds it to ${router?.name ?? 'a router'}`;
  const home = router === undefined ? undefined : homesOf(network, router)[0];
  const host = home ?? router?.agents[0]?.host ?? of.host;
  return {
    code: 'FIP_NOT_BOUND',
    host,
    component: router === undefined ? `floating IP ${text}` : `qrouter-${router.id}`,
    because: [because],
    neutron: [
      { kind: 'floating-ip', id: floating.id, name: text },
      ...(router === undefined ? [] : [routerRef(router)]),
    ],
    fix:
      floating.portId === null
        ? { summary: 'associate the floating IP with a port', commands: [] }
        : {
            summary: `restart neutron-l3-agent on ${host}`,
            commands: [restartAgent(host, 'neutron-l3-agent')],
          },
  };
}

/** A gateway that is not there: its router runs nowhere, has no master, or its interface is down. */
function silentRouter(
  of: Case,
  network: Network,
  target: NeutronPort,
  router: NeutronRouter,
  asked: IpAddress,
): Finding | null {
  const found = holders(network, asked);
  const neutron = [routerRef(router), portRef(network, target)];
  const name = router.name === '' ? router.id : router.name;
  const text = writeIp(asked);
  const base = { component: `qrouter-${router.id}`, neutron } as const;
  const seen = [...network.hosts.values()].filter(({ namespaces }) => {
    return namespaces.has(`qrouter-${router.id}`) || namespaces.has(`snat-${router.id}`);
  });
  const [first] = seen;
  if (first === undefined) {
    const host = router.agents[0]?.host ?? of.host;
    const where =
      router.agents.length === 0 ? 'is scheduled to no agent' : `has no namespace on ${host}`;
    return {
      ...base,
      code: 'ROUTER_NOT_SCHEDULED',
      host,
      because: [`${name}, which owns ${text}, ${where}`],
      fix: {
        summary: 'check the L3 agents',
        commands: [`openstack network agent list --router ${router.id}`],
      },
    };
  }
  const confirm = [inNamespace(first.name, `qrouter-${router.id}`, 'ip addr')];
  if (found.length === 0) {
    const elected = router.ha && !target.deviceOwner.endsWith('_distributed');
    const host = homesOf(network, router)[0] ?? first.name;
    const code = elected ? 'VRRP_NO_MASTER' : 'GATEWAY_DOWN';
    const because = elected
      ? `no instance of ${name} is master: ${text} is on no interface`
      : `${name} on ${host} does not have ${text} on any interface`;
    return { ...base, code, host, because: [because], confirm };
  }
  const down = found.find(({ up }) => !up);
  if (down === undefined) return null;
  return {
    ...base,
    code: 'GATEWAY_DOWN',
    host: down.host,
    component: down.name,
    because: [`the interface of ${name} with ${text} is down on ${down.host}`],
    confirm: [inNamespace(down.host, down.name, 'ip link')],
  };
}

/**
 * Nobody's address: inside the cloud's own subnets a mistake of the question's; on an external
 * network it belongs to somebody whom the snapshot does not show.
 */
function nobodys(of: Case, network: Network, asked: IpAddress): Finding | null {
  const home = askingOn(of, network);
  const elsewhere = onAnotherNetwork(network, asked, home);
  if (elsewhere !== null) return elsewhere;
  const covering = network.neutron.subnets.filter(({ prefix }) => prefixCovers(prefix, asked));
  const subnet = covering.find(({ networkId }) => networkId === home) ?? covering[0];
  if (subnet === undefined || holders(network, asked).length > 0) return null;
  const text = writeIp(asked);
  const outside = networkById(network, subnet.networkId);
  if (outside?.external === true) {
    return {
      code: 'ARP_UNANSWERED',
      because: [
        `${text} lies in external network ${outside.name}, and nothing in the snapshot has it`,
        `if somebody outside has it, ask for external:${text}`,
      ],
      neutron: [networkRef(outside)],
      fix: null,
    };
  }
  const name = subnet.name === '' ? subnet.id : subnet.name;
  return {
    code: 'ARP_UNANSWERED',
    because: [`${text} lies in subnet ${name}, but no port has it and nobody answers for it`],
    fix: null,
  };
}

/** Two networks with the same addresses: the sender looks for its neighbour on its own one. */
function onAnotherNetwork(network: Network, asked: IpAddress, home: string | null): Finding | null {
  const own = home === null ? null : networkById(network, home);
  const [other] = portsWithAddress(network, asked, null);
  const of = other === undefined ? null : networkById(network, other.networkId);
  if (own === null || other === undefined || of === null || of.id === own.id) return null;
  const text = writeIp(asked);
  return {
    code: 'ARP_UNANSWERED',
    because: [
      `${text} is ${portLabel(network, other)}’s address on ${of.name}, but the sender looks for it on ` +
        `${own.name}, which has the same addresses: no router can lead from one to the other`,
    ],
    neutron: [networkRef(own), networkRef(of), portRef(network, other)],
    fix: {
      summary: 'give one network other addresses, or reach the server by a floating IP',
      commands: [],
    },
  };
}

/** Frames of a local network never leave their host (Neutron's type driver `local`). */
function endsAtHost({ host }: Case, network: Network, target: NeutronPort): readonly string[] {
  const own = networkById(network, target.networkId);
  if (own?.provider.type !== 'local' || target.host === host) return [];
  return [`${own.name} is a local network: what is on ${host} does not reach ${target.host}`];
}

function silent(of: Case, network: Network, asked: IpAddress, target: NeutronPort | null): Finding {
  const who = target === null ? '' : ` of ${portLabel(network, target)}`;
  return {
    code: of.drop.reason,
    because: [
      `nobody answers for ${writeIp(asked)}${who}`,
      ...(target === null ? [] : endsAtHost(of, network, target)),
    ],
    ...(target === null ? {} : { neutron: [portRef(network, target)] }),
    confirm:
      of.device.startsWith('guest') || of.device.startsWith('vm-')
        ? []
        : [onHost(of.host, `ip netns exec ${of.device} ip neigh`)],
  };
}

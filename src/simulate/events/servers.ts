/** Servers that move while they run, and floating IPs that move from server to server. */

import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint, type InterfaceId, type Network, ROOT } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { deviceName } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { readIp, writeIp } from '../../text/address-text.ts';
import { POLL_US, RPC_US } from '../agents/agents.ts';
import { reverseRequest } from '../network/frames.ts';
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

/** How long a server stands still while the rest of its memory is sent: as a rule much less. */
const PAUSE_US = 100_000;
/** QEMU announces a server that has moved five times (migration/announce: initial, step, max). */
const ANNOUNCED_US = [50_000, 150_000, 350_000, 650_000, 1_050_000];

export const SERVER_EVENTS: readonly EventRow[] = [
  {
    begins: ['migrate'],
    usage: 'migrate SERVER to HOST',
    read: readMigration,
  },
  {
    begins: ['move', 'floating-ip'],
    usage: 'move floating-ip ADDRESS to SERVER',
    read: readMove,
  },
];

interface Moving {
  readonly endpoint: Endpoint;
  readonly port: NeutronPort;
}

function readMigration(
  [name = '', word, to = '', ...more]: readonly string[],
  play: Play,
): Understood {
  if (word !== 'to' || more.length > 0) return wrong('a server and a host are wanted');
  const found = play.stage.network.find(name).filter(isServer);
  if (found.length === 0) return unknown('server', name, serversOf(play));
  const { cloud } = play.agents.wanted;
  if (cloud === null) return wrong("without Neutron's API nobody knows what agents would do");
  const host = cloud.hosts.find((one) => one.name === to);
  if (host === undefined) return unknown('host', to, play.stage.network.hosts.keys());
  if (host.layer2 === null) return wrong(`${to} has no layer 2 agent`);
  const [first] = found;
  if (first?.host === to) return wrong(`${name} is on ${to} already`);
  const device = first?.port?.deviceId ?? '';
  const moving = play.stage.network.endpoints
    .filter(isServer)
    .filter(({ port }) => port.deviceId === device)
    .map((endpoint) => ({ endpoint, port: endpoint.port }));
  return understood((now) => migrate(now, moving, to));
}

function serversOf({ stage }: Play): readonly string[] {
  return [...new Set(stage.network.endpoints.filter(isServer).map(({ name }) => name))];
}

function isServer(one: Endpoint): one is Endpoint & { readonly port: NeutronPort } {
  return one.role === 'vm' && one.port !== null;
}

/**
 * Live migration. The other host's agent has wired the port before; the server stops here, goes on
 * there and announces its MAC; the server learns of it and tells all agents the new tunnel end
 * (l2population); the old host's agent clears up with its next round.
 */
function migrate(play: Play, moving: readonly Moving[], to: string): void {
  const { agents, clock, stage } = play;
  const { cloud } = agents.wanted;
  if (cloud === null) return;
  const from = moving[0]?.endpoint.host ?? '';
  const ids = new Set(moving.map(({ port }) => port.id));
  const change = agents.wanted.change(boundTo(cloud, ids, to));
  if (change === null) return;
  const { before, after } = change;
  agents.changeLayer2(to, before, after);
  agents.tell(to, 'the port of the server is wired before it comes');
  for (const { endpoint, port } of moving) {
    unplug(play, endpoint);
    stage.cuts.vacantTaps.add(`${to} ${endpoint.tap ?? deviceName('tap', port.id)}`);
  }
  clock.after(PAUSE_US, () => {
    for (const { endpoint, port } of moving) {
      const tap = endpoint.tap ?? deviceName('tap', port.id);
      arrive(play, endpoint, to, tap);
      for (const wait_us of ANNOUNCED_US) {
        clock.after(wait_us, () => announceServer(play, endpoint, to, tap));
      }
    }
    agents.tell(to, 'the server goes on here and announces its MAC (RARP)');
  });
  const others = [...stage.network.hosts.keys()].filter((host) => host !== from && host !== to);
  for (const host of others) {
    agents.byLayer2(host, PAUSE_US + RPC_US, () => agents.changeLayer2(host, before, after));
  }
  agents.byLayer2(from, PAUSE_US + POLL_US, () => {
    agents.changeLayer2(from, before, after);
    agents.tell(from, 'the port of the server is gone: its flows are removed');
  });
  clock.after(PAUSE_US + RPC_US, () => agents.tell(to, 'all agents learn the new tunnel end'));
}

function boundTo(cloud: Cloud, ids: ReadonlySet<string>, host: string): Cloud {
  const ports = cloud.neutron.ports.map((port) => (ids.has(port.id) ? { ...port, host } : port));
  return { ...cloud, neutron: { ...cloud.neutron, ports } };
}

/** The tap of a server that has left is no port of anything. */
function unplug({ stage }: Play, { host, tap, namespace, interface: device }: Endpoint): void {
  const nowhere = { kind: 'unknown', why: 'the server has left this host' } as const;
  if (tap !== null) {
    stage.living.connect({ host, namespace: ROOT, name: tap }, nowhere);
    stage.cuts.vacantTaps.add(`${host} ${tap}`);
  }
  if (namespace !== null) stage.living.connect({ host, namespace, name: device }, nowhere);
  stage.cuts.deadGuests.add(`${host} ${namespace ?? guestOf(stage.network, host, tap ?? '')}`);
  stage.disturbances++;
}

function arrive(play: Play, endpoint: Endpoint, to: string, tap: string): void {
  const { stage } = play;
  const inside = endpoint.namespace ?? guestOf(stage.network, endpoint.host, endpoint.tap ?? '');
  stage.cuts.deadGuests.delete(`${to} ${inside}`);
  stage.cuts.vacantTaps.delete(`${to} ${tap}`);
  const outer: InterfaceId = { host: to, namespace: ROOT, name: tap };
  if (endpoint.namespace === null) {
    stage.living.connect(outer, { kind: 'guest', port: endpoint.port });
  } else {
    const inner = { host: to, namespace: endpoint.namespace, name: endpoint.interface };
    const evidence = 'the server was moved to this host';
    stage.living.connect(outer, { kind: 'interface', to: inner, evidence });
    stage.living.connect(inner, { kind: 'interface', to: outer, evidence });
  }
  const id = endpoint.port?.id;
  const { neutron, endpoints } = stage.network;
  const ports = neutron.ports.map((port) => (port.id === id ? { ...port, host: to } : port));
  stage.living.rebind(
    { ...neutron, ports },
    endpoints.map((one) => (one.port?.id === id ? { ...one, host: to, tap } : one)),
  );
  stage.moveNamespace(endpoint.host, inside, to);
}

function guestOf({ neutron }: Network, host: string, tap: string): string {
  return guestName(seatBehind(neutron, host, tap).tap);
}

function announceServer({ stage }: Play, endpoint: Endpoint, to: string, tap: string): void {
  const seat = seatBehind(stage.network.neutron, to, tap);
  const namespace = endpoint.namespace ?? guestName(seat.tap);
  const device = endpoint.namespace === null ? seat.device : endpoint.interface;
  stage.sendFrame(to, namespace, device, reverseRequest(endpoint.mac));
}

function readMove(
  [text = '', word, name = '', ...more]: readonly string[],
  play: Play,
): Understood {
  if (word !== 'to' || more.length > 0) return wrong('an address and a server are wanted');
  const { cloud } = play.agents.wanted;
  if (cloud === null) return wrong("without Neutron's API nobody knows what agents would do");
  const address = readIp(text);
  const floating = cloud.neutron.floatingIps.find((one) => one.address.value === address?.value);
  const addresses = cloud.neutron.floatingIps.map((one) => writeIp(one.address));
  if (floating === undefined) return unknown('floating IP', text, addresses);
  const port = play.stage.network.find(name).find(isServer)?.port;
  const fixed = port?.fixedIps.find((one) => one.address.version === 4);
  if (port === undefined || fixed === undefined) {
    return unknown('server', name, serversOf(play));
  }
  const router = routerBetween(cloud, floating.networkId, fixed.subnetId);
  if (router === null) return wrong(`no router leads from ${text} to ${name}`);
  return understood((now) => {
    const current = now.agents.wanted.cloud ?? cloud;
    const floatingIps = current.neutron.floatingIps.map((one) =>
      one.id === floating.id
        ? {
            ...one,
            portId: port.id,
            fixedAddress: fixed.address,
            routerId: router,
            status: 'ACTIVE',
          }
        : one,
    );
    moveFloating(now, { ...current, neutron: { ...current.neutron, floatingIps } });
    now.vrrp.tell('agent', '', `the API moves ${writeIp(floating.address)} to ${name}`);
  });
}

/** The router with its gateway in the one network and an interface in the other's subnet. */
function routerBetween({ neutron }: Cloud, external: string, subnet: string): string | null {
  const inside = new Set(
    neutron.ports
      .filter(({ deviceOwner }) => deviceOwner.startsWith('network:'))
      .filter(({ fixedIps }) => fixedIps.some((one) => one.subnetId === subnet))
      .map(({ deviceId }) => deviceId),
  );
  const found = neutron.routers.find(
    ({ id, gateway }) => inside.has(id) && gateway?.networkId === external,
  );
  return found?.id ?? null;
}

/** Every L3 agent that has the old or the new router works it over by itself. */
function moveFloating({ agents, clock, stage }: Play, cloud: Cloud): void {
  const change = agents.wanted.change(cloud);
  if (change === null) return;
  const { neutron, endpoints } = stage.network;
  stage.living.rebind({ ...neutron, floatingIps: cloud.neutron.floatingIps }, endpoints);
  for (const host of stage.network.hosts.keys()) {
    clock.after(RPC_US, () => agents.changeLayer3(host, change.before, change.after));
    agents.byLayer2(host, RPC_US, () => agents.changeLayer2(host, change.before, change.after));
  }
}

/**
 * Changes of a cloud that somebody may ask for: words, and what they do to Neutron's objects. A
 * new kind of change is one more row.
 */
import { type Cloud, type CloudHost } from '../../model/cloud.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { nearest } from '../../text/suggest.ts';

/** One kind of change. */
interface ChangeRow {
  readonly says: string;
  /** What may stand behind the kind's name in this cloud, word by word. */
  choices(cloud: Cloud): readonly (readonly string[])[];
  /** The cloud with the change made; null when the words name nothing in it. */
  apply(cloud: Cloud, words: readonly string[]): Cloud | null;
}

/** Ports that an added rule may open: a well-known one of each protocol. */
const OPENED = ['tcp 22', 'tcp 443', 'udp 53', 'icmp 0'] as const;

export const CHANGES = {
  'remove-rule': {
    says: 'remove-rule RULE: a security group lost a rule',
    choices: ({ neutron }) =>
      neutron.securityGroups.flatMap(({ rules }) => rules.map(({ id }) => [id])),
    apply: (cloud, [id]) =>
      edited(cloud, 'securityGroups', (group) => {
        const rules = group.rules.filter((rule) => rule.id !== id);
        return rules.length === group.rules.length ? group : { ...group, rules };
      }),
  },
  'add-rule': {
    says: 'add-rule GROUP tcp|udp|icmp PORT: a security group lets more in, from everywhere',
    choices: ({ neutron }) =>
      neutron.securityGroups.flatMap(({ id }) => OPENED.map((what) => [id, ...what.split(' ')])),
    apply: (cloud, [id, protocol = '', word = '']) => {
      const port = Number(word);
      if (!['tcp', 'udp', 'icmp'].includes(protocol) || !(port >= 0 && port <= 65_535)) return null;
      const ports = protocol === 'icmp' ? null : port;
      return edited(cloud, 'securityGroups', (group) =>
        group.id !== id
          ? group
          : {
              ...group,
              rules: [
                ...group.rules,
                {
                  id: `added-${protocol}-${word}-${group.id}`,
                  groupId: group.id,
                  direction: 'ingress',
                  version: 4,
                  protocol,
                  portMin: ports,
                  portMax: ports,
                  remotePrefix: null,
                  remoteGroup: null,
                  remoteAddressGroup: null,
                },
              ],
            },
      );
    },
  },
  'move-port': {
    says: 'move-port PORT HOST: a server runs on another host',
    choices: (cloud) =>
      serverPorts(cloud).flatMap((port) =>
        cloud.hosts.filter((host) => mayMove(cloud, port, host)).map(({ name }) => [port.id, name]),
      ),
    apply(cloud, [id, name]) {
      const host = cloud.hosts.find((one) => one.name === name);
      const port = cloud.neutron.ports.find((one) => one.id === id);
      if (host === undefined || port === undefined || !mayMove(cloud, port, host)) return null;
      // All ports of a server move with it.
      const moved = edited(cloud, 'ports', (one) =>
        one.id === id || (port.deviceId !== '' && one.deviceId === port.deviceId)
          ? { ...one, host: host.name }
          : one,
      );
      const { servers } = cloud.neutron;
      const there = servers.map((one) =>
        one.id === port.deviceId ? { ...one, host: host.name } : one,
      );
      return moved === null ? null : { ...moved, neutron: { ...moved.neutron, servers: there } };
    },
  },
  'disable-port': {
    says: 'disable-port PORT: a server’s port is administratively down',
    choices: (cloud) => serverPorts(cloud).map(({ id }) => [id]),
    apply: (cloud, [id]) =>
      edited(cloud, 'ports', (port) =>
        port.id === id && port.adminUp ? { ...port, adminUp: false, status: 'DOWN' } : port,
      ),
  },
  'set-vni': {
    says: 'set-vni NETWORK NUMBER: a tunnelled network has another segment',
    choices: ({ neutron }) =>
      neutron.networks.flatMap(({ id, provider }) =>
        TUNNELLED.includes(provider.type) ? [[id, String(freeSegment(neutron))]] : [],
      ),
    apply(cloud, [id, word]) {
      const segmentationId = Number(word);
      if (!(segmentationId >= 1 && segmentationId < 2 ** 24)) return null;
      return edited(cloud, 'networks', (network) =>
        network.id === id && TUNNELLED.includes(network.provider.type)
          ? { ...network, provider: { ...network.provider, segmentationId } }
          : network,
      );
    },
  },
  'remove-route': {
    says: 'remove-route ROUTER NUMBER: a router lost one of its own routes, counted from 1',
    choices: ({ neutron }) =>
      neutron.routers.flatMap(({ id, routes }) => routes.map((_, i) => [id, String(i + 1)])),
    apply: (cloud, [id, number]) =>
      edited(cloud, 'routers', (router) => {
        const routes = router.routes.filter((_, i) => String(i + 1) !== number);
        return router.id !== id || routes.length === router.routes.length
          ? router
          : { ...router, routes };
      }),
  },
  'remove-floating-ip': {
    says: 'remove-floating-ip ID: a floating IP leads to nobody any more',
    choices: ({ neutron }) =>
      neutron.floatingIps.flatMap(({ id, portId }) => (portId === null ? [] : [[id]])),
    apply: (cloud, [id]) =>
      edited(cloud, 'floatingIps', (floating) =>
        floating.id === id && floating.portId !== null
          ? { ...floating, portId: null, fixedAddress: null, routerId: null, status: 'DOWN' }
          : floating,
      ),
  },
} as const satisfies Readonly<Record<string, ChangeRow>>;

export type ChangeKind = keyof typeof CHANGES;
export const CHANGE_KINDS = Object.keys(CHANGES) as readonly ChangeKind[];

/** Every change of a kind that can be made to a cloud, as words. */
export function possibleChanges(cloud: Cloud, kind: ChangeKind): readonly string[] {
  return CHANGES[kind].choices(cloud).map((words) => [kind, ...words].join(' '));
}

/** The cloud after a change; a sentence when the words are no change of this cloud. */
export function changedCloud(cloud: Cloud, text: string): Cloud | string {
  const [word = '', ...words] = text.trim().split(/\s+/);
  const kind = CHANGE_KINDS.find((each) => each === word);
  if (kind === undefined) {
    const hint = nearest(word, CHANGE_KINDS);
    return `there is no change ${JSON.stringify(word)}${hint === undefined ? '' : `; did you mean ${hint}?`}`;
  }
  const made = CHANGES[kind].apply(cloud, words);
  return made ?? `nothing changes by ${JSON.stringify(text)} (${CHANGES[kind].says})`;
}

const TUNNELLED: readonly string[] = ['vxlan', 'gre', 'geneve'];

/** Neutron's lists of objects that changes touch. */
type Lists = Pick<Neutron, 'securityGroups' | 'ports' | 'networks' | 'routers' | 'floatingIps'>;

/** The cloud with other objects in one list; null when none is another. */
function edited<K extends keyof Lists>(
  cloud: Cloud,
  list: K,
  change: (one: Lists[K][number]) => Lists[K][number],
): Cloud | null {
  const before: readonly Lists[K][number][] = cloud.neutron[list];
  const after = before.map(change);
  if (after.every((one, i) => one === before[i])) return null;
  return { ...cloud, neutron: { ...cloud.neutron, [list]: after } };
}

function serverPorts({ neutron }: Cloud): readonly NeutronPort[] {
  return neutron.ports.filter(
    ({ deviceOwner, host }) => deviceOwner.startsWith('compute:') && host !== '',
  );
}

/** Another host whose agent does for the port what the present one does. */
function mayMove(cloud: Cloud, port: NeutronPort, to: CloudHost): boolean {
  const from = cloud.hosts.find(({ name }) => name === port.host);
  const [a, b] = [from?.layer2, to.layer2];
  if (from === to || a === null || a === undefined || b === null || b === undefined) return false;
  return (
    to.alive &&
    a.kind === b.kind &&
    a.firewall === b.firewall &&
    a.tunnelTypes.join() === b.tunnelTypes.join() &&
    [...a.physicalNetworks.keys()].join() === [...b.physicalNetworks.keys()].join()
  );
}

function freeSegment({ networks }: Neutron): number {
  return Math.max(0, ...networks.map(({ provider }) => provider.segmentationId ?? 0)) + 7;
}

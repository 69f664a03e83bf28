/** MTUs: of the links that tunnels leave by, and of the network that promises too much. */
import { ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { type Cloud } from '../../model/cloud.ts';
import { inNamespace, safeName, word } from '../../trace/diagnosis/commands.ts';
import { type Question } from '../../trace/types.ts';
import { type Attempt, type Proposal, type Stuck } from '../attempt.ts';
import { type Edit } from '../edits.ts';
import { placesOnTheWay, withInterface } from './devices.ts';
import { isFabric } from './fabric.ts';

/** How much the IP packet was too long, and the longest that passes; null where nobody said. */
function excessOf({ blocker }: Stuck): { readonly longest: number; readonly by: number } | null {
  const told = blocker.because.join(' ');
  const length = Number(/^(\d+) bytes/.exec(told)?.[1]);
  const longest = Number(/the largest IP packet that passes has (\d+)/.exec(told)?.[1]);
  const by = length - longest;
  return Number.isInteger(by) && by > 0 ? { longest, by } : null;
}

/**
 * The network promises its servers less (DHCP option 26, RFC 2132 §5.1; option 5 of router
 * advertisements), and they send no more than that once they have renewed their leases. What
 * promises little enough already is for the sender to keep to.
 */
export const smallerNetwork: Proposal = (stuck) => {
  const { blocker, question, situation } = stuck;
  if (!blocker.code.startsWith('MTU_')) return [];
  const excess = excessOf(stuck);
  const all = situation.network.neutron.networks;
  const id = blocker.neutron.find(({ kind }) => kind === 'network')?.id;
  const network = all.find((one) => one.id === id);
  if (excess === null || network === undefined || question.packet.size <= excess.by) return [];
  const shorter = (less: number) => (asked: Question) => ({
    ...asked,
    packet: { ...asked.packet, size: asked.packet.size - less },
  });
  const name = safeName(network, all);
  const { longest, by } = excess;
  const promised = network.mtu ?? USUAL_MTU;
  if (promised > longest) {
    const lowered = (before: Cloud): Cloud => {
      const networks = before.neutron.networks.map((one) =>
        one.id === id ? { ...one, mtu: longest } : one,
      );
      return { ...before, neutron: { ...before.neutron, networks } };
    };
    return [
      {
        change: {
          kind: 'api',
          summary: `let ${name} promise an MTU of ${longest}; its servers send no more once they renew their leases`,
          commands: [`openstack network set --mtu ${longest} ${name}`],
        },
        // No host forwards otherwise for it: what helps is that less is sent.
        makes: (so) => (so.cloud === null ? {} : { cloud: lowered(so.cloud) }),
        sends: shorter(by),
      },
    ];
  }
  return [
    {
      change: {
        kind: 'guest',
        summary: `let ${question.from.label} keep to the MTU of ${promised} that ${name} promises`,
        commands: [],
      },
      makes: {},
      sends: shorter(by + longest - promised),
    },
  ];
};

/** Of a network that says nothing about it. */
const USUAL_MTU = 1500;

/** The packet as it was too large, as the diagnosis says it. */
const TOO_LARGE = /(\d+) > MTU \d+|(\d+) bytes > MTU \d+/;

export const largerLinks: Proposal = (stuck) => {
  const { blocker, situation } = stuck;
  if (!blocker.code.startsWith('MTU_')) return [];
  const [, sum, plain] = TOO_LARGE.exec(blocker.because.join(' ')) ?? [];
  const size = Number(sum ?? plain);
  if (!Number.isInteger(size)) return [];
  const fabric = [...situation.network.hosts.keys()].flatMap((host) => {
    const state = situation.network.namespace(host, ROOT)?.state;
    return state !== undefined && isFabric(state) ? [{ host, namespace: ROOT, state }] : [];
  });
  const places = [...placesOnTheWay(stuck), ...fabric];
  const unique = new Map(places.map((place) => [`${place.host} ${place.namespace}`, place]));
  const roots = [...unique.values()].filter(({ namespace }) => namespace === ROOT);
  // A switch's own port without addresses carries nothing, and follows the smallest of its bridge
  // (ovs-vswitchd.conf.db(5) mtu_request).
  const isIdle = (host: string, { name, addresses }: Interface): boolean => {
    const own = situation.network.switchPortOf({ host, namespace: ROOT, name });
    return own?.bridge === name && addresses.length === 0;
  };
  const small = roots.flatMap(({ host, namespace, state }) => {
    const routed = state.interfaces.filter(
      (each) => each.mtu < size && isLink(each) && !isIdle(host, each),
    );
    return routed.map(({ name }) => ({ host, namespace, name, fabric: isFabric(state) }));
  });
  if (small.length === 0) return [];
  const edits = small.flatMap(({ host, namespace, name }) => mtuEdits(host, namespace, name, size));
  const commands = small.flatMap(({ host, namespace, name, fabric: ofFabric }) =>
    ofFabric ? [] : [inNamespace(host, namespace, `ip link set dev ${word(name)} mtu ${size}`)],
  );
  const others = small.filter((one) => one.fabric).map(({ host, name }) => `${name} of ${host}`);
  const ports = others.length === 0 ? 'the switches between' : `also on ${others.join(', ')}`;
  const attempt: Attempt = {
    change: {
      kind: 'host',
      summary: `raise the MTU of the links that carry it to at least ${size} (${ports})`,
      commands,
    },
    makes: { edits },
  };
  return [attempt];
};

/** Links of the host itself and the bridges they are in; not those of guests. */
function isLink({ name, kind, loopback }: Interface): boolean {
  if (loopback || /^(tap|qbr|qvo|qvb|qr-|qg-|brq|vxlan)/.test(name)) return false;
  return (
    kind === '' || kind === 'bridge' || kind === 'openvswitch' || /^(eth|en|bond|br-)/.test(name)
  );
}

function mtuEdits(host: string, namespace: string, name: string, mtu: number): readonly Edit[] {
  return [
    {
      of: 'namespace',
      host,
      namespace,
      change: (before) => withInterface(before, name, (each) => ({ ...each, mtu })),
    },
    {
      of: 'switch',
      host,
      change: (before) => ({
        ...before,
        bridges: before.bridges.map((bridge) => ({
          ...bridge,
          ports: bridge.ports.map((port) => (port.name === name ? { ...port, mtu } : port)),
        })),
      }),
    },
  ];
}

/**
 * Interfaces of hosts: those that are down, and those whose MTU is smaller than the packet needs.
 * Agents set neither when they start again.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { inNamespace, word } from '../../trace/diagnosis/commands.ts';
import { type Attempt, hostsOnTheWay, type Proposal, type Stuck } from '../attempt.ts';
import { type Edit } from '../edits.ts';

/** Interfaces that were set down, in the namespaces of the packet's way. */
export const interfacesUp: Proposal = (stuck) =>
  placesOnTheWay(stuck).flatMap(({ host, namespace, state }) =>
    state.interfaces
      .filter((each) => isDown(each) && matters(state, each))
      .filter((each) => !isIdle(stuck.situation.network, host, each))
      .map(({ name }): Attempt => {
        return {
          change: {
            kind: namespace.startsWith('vm-') ? 'guest' : 'host',
            summary: `set ${name} up on ${host}; look why it was taken down`,
            commands: [inNamespace(host, namespace, `ip link set dev ${word(name)} up`)],
          },
          makes: { edits: linkUp(host, namespace, name) },
        };
      }),
  );

function isDown({ up, running, loopback }: Interface): boolean {
  return !loopback && (!up || !running);
}

/** Devices that modules leave in every namespace, and Open vSwitch's own, carry nothing. */
function matters({ routes }: Namespace, { name, kind, master, addresses }: Interface): boolean {
  if (/^(ovs-system|br-int|br-tun|tbr-.*|gre0|gretap0|erspan0|sit0|tunl0|ip6tnl0)$/.test(name)) {
    return false;
  }
  const used =
    addresses.length > 0 || routes.some(({ hops }) => hops.some((hop) => hop.device === name));
  return used || master !== null || kind === '' || kind === 'veth' || kind === 'openvswitch';
}

/** Of a bridge of Open vSwitch itself, and for nobody: it is down wherever nobody set it up. */
function isIdle(network: Network, host: string, { name, addresses, master }: Interface): boolean {
  const { bridge = null } = network.switchPortOf({ host, namespace: ROOT, name }) ?? {};
  if (bridge !== name || addresses.length > 0 || master !== null) return false;
  const { interfaces = [], routes = [] } = network.namespace(host, ROOT)?.state ?? {};
  const index = interfaces.find((each) => each.name === name)?.index;
  const carries = interfaces.some(({ linkIndex }) => linkIndex !== null && linkIndex === index);
  return !carries && !routes.some(({ hops }) => hops.some((hop) => hop.device === name));
}

/** The interface, and the switch port that it is. */
export function linkUp(host: string, namespace: string, name: string): readonly Edit[] {
  return [
    {
      of: 'namespace',
      host,
      namespace,
      change: (before) =>
        withInterface(before, name, (each) => ({ ...each, up: true, running: true })),
    },
    {
      of: 'switch',
      host,
      change: (before) => ({
        ...before,
        bridges: before.bridges.map((bridge) => ({
          ...bridge,
          ports: bridge.ports.map((port) =>
            port.name === name ? { ...port, adminUp: true, linkUp: true, config: [] } : port,
          ),
        })),
      }),
    },
  ];
}

export function withInterface(
  before: Namespace,
  name: string,
  change: (each: Interface) => Interface,
): Namespace {
  const interfaces = before.interfaces.map((each) => (each.name === name ? change(each) : each));
  return { ...before, interfaces };
}

export interface Place {
  readonly host: string;
  readonly namespace: string;
  readonly state: Namespace;
}

/** Namespaces that the packet crossed, and those of the hosts that it crossed; guests as well. */
export function placesOnTheWay(stuck: Stuck): readonly Place[] {
  const { network } = stuck.situation;
  const hops = [...(stuck.trace.request?.hops ?? []), ...(stuck.trace.reply?.hops ?? [])];
  const crossed = hops.map(({ host, device }) => [host, device] as const);
  const { from, to } = stuck.question;
  const ends = [from, to].map(({ host, namespace }) => [host ?? '', namespace ?? ''] as const);
  const roots = hostsOnTheWay(stuck).map((host) => [host, ROOT] as const);
  const own = stuck.blocker.component.split(' ').map((name) => [stuck.blocker.host, name] as const);
  const keys = new Set([...own, ...crossed, ...ends, ...roots].map(([a, b]) => `${a} ${b}`));
  return [...keys].flatMap((key): readonly Place[] => {
    const [host = '', namespace = ''] = key.split(' ');
    const state = network.namespace(host, namespace)?.state;
    return state === undefined ? [] : [{ host, namespace, state }];
  });
}

/** MTUs: of the links that tunnels leave by, and of the network that promises too much. */
import { ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { inNamespace, word } from '../../trace/diagnosis/commands.ts';
import { type Attempt, type Proposal } from '../attempt.ts';
import { type Edit } from '../edits.ts';
import { placesOnTheWay, withInterface } from './devices.ts';
import { isFabric } from './fabric.ts';

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
  const small = roots.flatMap(({ host, namespace, state }) => {
    const routed = state.interfaces.filter((each) => each.mtu < size && isLink(each));
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

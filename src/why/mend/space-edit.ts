/** Changed items of a namespace, made in a copy of its state. */
import { routeWords, ruleWords } from '../../apply/state/namespace.ts';
import { type Pair } from '../../apply/steps/pairs.ts';
import { type Item } from '../../apply/types.ts';
import { connectedRoutes } from '../../dataplane/routing/kernel-routes.ts';
import { type Interface, type Namespace, type Route } from '../../dataplane/routing/types.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type Edit } from '../edits.ts';
import { type Sides } from './types.ts';

export function spaceEdit({ real, made }: Sides, device: string, pairs: readonly Pair[]): Edit {
  const wanted = made.host.namespaces.get(device)?.state;
  return {
    of: 'namespace',
    host: real.host.name,
    namespace: device,
    change: (before) => {
      if (wanted === undefined) return before;
      const after = pairs.reduce((state, pair) => edited(state, wanted, pair), before);
      return withConnected(after);
    },
  };
}

function edited(state: Namespace, wanted: Namespace, { old, to }: Pair): Namespace {
  const item = (to ?? old)!;
  const swap = <T>(
    list: readonly T[],
    others: readonly T[],
    is: (one: T) => boolean,
  ): readonly T[] => [...list.filter((one) => !is(one)), ...(to === null ? [] : others.filter(is))];
  switch (item.kind) {
    case 'address':
      return withFace(state, item.data.device, (face) => {
        const like = wanted.interfaces.find(({ name }) => name === face.name)?.addresses ?? [];
        const addresses = swap(face.addresses, like, ({ address, length }) => {
          return `${writeIp(address)}/${length}` === item.data.address;
        });
        return { ...face, addresses };
      });
    case 'route': {
      const of = (route: Route): boolean =>
        route.version === item.data.version && routeWords(route) === item.data.words;
      return { ...state, routes: swap(state.routes, wanted.routes, of) };
    }
    case 'rule':
      return {
        ...state,
        rules: swap(state.rules, wanted.rules, (rule) => {
          return rule.version === item.data.version && ruleWords(rule) === item.data.words;
        }),
      };
    case 'neighbour':
      return {
        ...state,
        neighbours: swap(state.neighbours, wanted.neighbours, (one) => {
          return one.device === item.data.device && item.key.includes(writeIp(one.address));
        }),
        proxyNeighbours: swap(state.proxyNeighbours, wanted.proxyNeighbours, (one) => {
          return item.key === `proxy ${writeIp(one.address)} dev ${one.device}`;
        }),
      };
    case 'fdb':
      return {
        ...state,
        bridgeFdb: swap(state.bridgeFdb, wanted.bridgeFdb, ({ mac, device, destination }) => {
          const at = destination === null ? '' : writeIp(destination);
          return item.data.words === `${writeMac(mac)} dev ${device} dst ${at}`;
        }),
      };
    case 'sysctl':
      return { ...state, sysctls: new Map([...state.sysctls, [item.key, item.data.value]]) };
    default:
      return withFace(state, item.key, (face) => likened(face, wanted, item));
  }
}

/** What `ip link set` changes of a device. */
function likened(face: Interface, wanted: Namespace, item: Item): Interface {
  const like = wanted.interfaces.find(({ name }) => name === face.name);
  if (like === undefined) return face;
  if (item.kind === 'member') return { ...face, master: like.master };
  const { mac, mtu, up } = like;
  return { ...face, mac, mtu, up, running: up && (face.running || !face.up) };
}

function withFace(
  state: Namespace,
  name: string,
  change: (face: Interface) => Interface,
): Namespace {
  const interfaces = state.interfaces.map((face) => (face.name === name ? change(face) : face));
  return { ...state, interfaces };
}

/** The routes that the kernel makes of addresses of interfaces that are up. */
function withConnected(state: Namespace): Namespace {
  const there = new Set(state.routes.map((route) => `${route.version} ${routeWords(route)}`));
  const own = ([4, 6] as const).flatMap((version) => connectedRoutes(state.interfaces, version));
  const more = own.filter((route) => !there.has(`${route.version} ${routeWords(route)}`));
  return { ...state, routes: [...state.routes, ...more] };
}

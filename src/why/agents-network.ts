/**
 * What the agents would configure, with the numbers that the hosts that were read have; and in which
 * pieces two clouds would be configured otherwise.
 */
import { type Numbers } from '../agents/numbers.ts';
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { compileFiles } from '../snapshot/read/compiled.ts';
import { once } from '../snapshot/read/folder.ts';
import { memoryFolder } from '../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../snapshot/read/open.ts';
import { ownDvrMacs } from '../verify/configuration/symbols.ts';
import { numbersAsRead } from './mend/numbers.ts';
import { type Piece, pieceOf, pieceOfNamespace } from './pieces.ts';

interface Compiled {
  readonly files: ReadonlyMap<string, () => string>;
  readonly network: Network;
}

/** Numbers that hosts have chosen: the same in every compilation for one network. */
const numbers = new WeakMap<Network, Map<string, Numbers>>();
const compiled = new WeakMap<Network, WeakMap<Cloud, Compiled>>();

/** The hosts as their agents would configure them for the cloud. */
export function agentsNetwork(real: Network, cloud: Cloud): Network {
  return compiledFor(real, cloud).network;
}

/** Pieces of hosts that agents would configure otherwise for another cloud. */
export function piecesThatChange(real: Network, before: Cloud, after: Cloud): ReadonlySet<string> {
  const [a, b] = [compiledFor(real, before).files, compiledFor(real, after).files];
  const pieces = new Set<string>();
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    const key = pieceOfFile(path);
    if (key === null || pieces.has(key)) continue;
    if (a.get(path)?.() !== b.get(path)?.()) pieces.add(key);
  }
  return pieces;
}

function pieceOfFile(path: string): string | null {
  const [top, host = '', kind, within = ''] = path.split('/');
  if (top !== 'hosts') return null;
  const of = (piece: Piece | null): string | null => (piece === null ? null : pieceOf(host, piece));
  if (kind === 'ovs') return of('layer2');
  if (kind === 'ns') return of(pieceOfNamespace(within));
  if (kind === 'files') return of(within === 'dhcp' ? 'dhcp' : 'layer3');
  return null;
}

function compiledFor(real: Network, cloud: Cloud): Compiled {
  const ofReal = compiled.get(real) ?? new WeakMap<Cloud, Compiled>();
  compiled.set(real, ofReal);
  const known = ofReal.get(cloud);
  if (known !== undefined) return known;
  const made = compileFiles(withDrawn(real, cloud), { numbers: numbersOf(real, cloud) });
  const files = new Map([...made].map(([path, text]) => [path, once(text)]));
  const found = { files, network: openSnapshot(memoryFolder(files)) };
  ofReal.set(cloud, found);
  return found;
}

/** Keys are numbered once, so that a compilation before and one after a change agree. */
function numbersOf(real: Network, cloud: Cloud): (host: string) => Numbers {
  const byHost = numbers.get(real) ?? new Map<string, Numbers>();
  numbers.set(real, byHost);
  const asRead = once(() => numbersAsRead(real, cloud));
  return (host) => {
    const own = byHost.get(host) ?? asRead()(host);
    byHost.set(host, own);
    return own;
  };
}

/**
 * What the server or other hosts have drawn and nobody can read from its objects: the MAC of each
 * host for distributed routing, and the numbers of virtual routers.
 */
function withDrawn(real: Network, cloud: Cloud): Cloud {
  const { routers } = cloud.neutron;
  const virtual = routers.some(({ ha }) => ha) ? { virtualRouterIds: drawnRouterIds(real) } : {};
  const distributed = cloud.hosts.some(({ layer2 }) => layer2?.distributedRouting === true);
  const macs = distributed ? { dvrMacs: drawnMacs(real) } : {};
  return { ...cloud, settings: { ...cloud.settings, ...virtual, ...macs } };
}

function drawnMacs(real: Network): ReadonlyMap<string, bigint> {
  const dvrMacs = new Map<string, bigint>();
  for (const host of real.hosts.values()) {
    const [mac] = host.switch === null ? [] : ownDvrMacs(host.switch);
    if (mac !== undefined) dvrMacs.set(host.name, BigInt(`0x${mac.replaceAll(':', '')}`));
  }
  return dvrMacs;
}

/** The number that most hosts of a router use: the server told all of them the same. */
function drawnRouterIds(real: Network): ReadonlyMap<string, number> {
  const used = new Map<string, number[]>();
  for (const { configs } of real.hosts.values()) {
    for (const [path, source] of configs) {
      const router = /^ha_confs\/([^/]+)\/keepalived\.conf$/.exec(path)?.[1];
      const id =
        router === undefined ? undefined : /virtual_router_id (\d+)/.exec(source().text)?.[1];
      if (router === undefined || id === undefined) continue;
      used.set(router, [...(used.get(router) ?? []), Number(id)]);
    }
  }
  const count = (ids: readonly number[], id: number): number =>
    ids.filter((one) => one === id).length;
  return new Map(
    [...used].map(([router, ids]) => [
      router,
      ids.reduce((best, id) => (count(ids, id) > count(ids, best) ? id : best)),
    ]),
  );
}

/**
 * What the agents would configure, with the numbers that the hosts that were read have; and in which
 * pieces two clouds would be configured otherwise.
 */
import { type Numbers } from '../agents/numbers.ts';
import { withDrawn } from '../apply/drawn.ts';
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { compileFiles } from '../snapshot/read/compiled.ts';
import { once } from '../snapshot/read/folder.ts';
import { memoryFolder } from '../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../snapshot/read/open.ts';
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

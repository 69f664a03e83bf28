/**
 * Who hears a sender's requests of ARP: told at once for every address where no flow looks into the
 * request, asked for each address elsewhere. Before: `fabric.ts`. After: `layer2.ts`, `outlets.ts`.
 */
import { type Namespace } from '../../dataplane/routing/types.ts';
import { type Answerer, answersFor } from './ends.ts';
import { type Fabric } from './fabric.ts';
import { copyOf, type Frame, NotCarried, W } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { asLeaving, FLOOD, floodPorts, type Leaving } from './normal.ts';
import { type Station } from './places.ts';
import { localAddresses } from './routes.ts';

/** Who hears a request, and which requests flows look into. */
export interface Domain {
  readonly everybody: ReadonlyMap<number, readonly Station[]>;
  /** Addresses of hosts outside. */
  readonly foreign: ReadonlySet<number>;
  readonly particular: readonly Leaving[];
}

/** @param requests requests as they leave the sender's bridge, their target left open */
export function openDomain(
  fabric: Fabric,
  bridge: IndexedBridge,
  requests: readonly Leaving[],
): Domain {
  const everybody: Station[] = [];
  const hosts: Namespace[] = [];
  const particular: Leaving[] = [];
  for (const one of requests.flatMap((all) =>
    all.port === FLOOD ? portByPort(bridge, all) : [all],
  )) {
    const found = fabric.everybody(bridge, one);
    if (found === null) particular.push(one);
    else {
      everybody.push(...found.stations);
      hosts.push(...found.hosts);
    }
  }
  const foreign = new Set(hosts.flatMap((one) => [...localAddresses(one)]));
  return { everybody: byAddress(everybody), foreign, particular };
}

/** Who answers for an address. */
export function answerersIn(
  fabric: Fabric,
  bridge: IndexedBridge,
  { everybody, foreign, particular }: Domain,
  target: number,
): readonly Answerer[] {
  if (foreign.has(target)) throw new NotCarried('a host answers ARP');
  const out: Answerer[] = [];
  for (const station of new Set(everybody.get(target) ?? [])) {
    if (answersFor(station, target)) out.push({ kind: 'station', station, mac: station.mac });
  }
  const asking = particular.map((one) => {
    const frame = copyOf(one.frame);
    frame.words[W.arpTpa] = target;
    return { ...one, frame };
  });
  out.push(...fabric.askers(bridge, asking));
  return out;
}

/** The reply with the tag that a flow sent it with. */
export function tagged(reply: Frame, { words }: Frame): Frame {
  reply.words[W.vlan] = words[W.vlan]!;
  reply.words[W.inPort] = words[W.inPort]!;
  return reply;
}

function byAddress(stations: readonly Station[]): ReadonlyMap<number, readonly Station[]> {
  const found = new Map<number, Station[]>();
  for (const station of stations) {
    for (const address of localAddresses(station.state)) {
      const list = found.get(address);
      if (list === undefined) found.set(address, [station]);
      else list.push(station);
    }
  }
  return found;
}

/** A flooded frame as one for each port: some of them may look into the request. */
function portByPort(bridge: IndexedBridge, one: Leaving): readonly Leaving[] {
  const { words } = one.frame;
  const vlan = words[W.vlan]!;
  return floodPorts(bridge, vlan).flatMap((port): readonly Leaving[] => {
    if (port.ofport === words[W.inPort]) return [];
    return [{ ...one, port: port.ofport, frame: asLeaving(one.frame, port, vlan) }];
  });
}

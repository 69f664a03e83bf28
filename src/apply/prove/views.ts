/**
 * A state of all hosts as networks to be asked. A server that moves to another host may be plugged
 * in at both: it sends from its new place as soon as that is there, and what reaches either counts
 * as having reached it. Before: `stages.ts`. After: `proving.ts`.
 *
 * Simplification: a server that moves speaks from its new host as soon as its port is plugged in
 * there; when it really stops here and goes on there is up to whoever moves it.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { deviceName } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { type Ends, networkOfStages, type Stage } from './stages.ts';

export interface View {
  /** In which servers send. */
  readonly sender: Network;
  /** The same for what is sent to servers that are plugged in at two hosts: at the other one. */
  readonly receivers: ReadonlyMap<string, Network>;
}

/** A port that was plugged in at another host before. */
export interface Move {
  readonly port: NeutronPort;
  /** The server's name. */
  readonly server: string;
  readonly from: string;
  readonly to: string;
}

/** @param old as it was read @param wanted with the objects of what is wanted */
export function movesOf(old: Network, wanted: Network): readonly Move[] {
  const names = new Map(wanted.neutron.servers.map(({ id, name }) => [id, name]));
  return wanted.neutron.ports.flatMap((port): readonly Move[] => {
    const server = names.get(port.deviceId);
    if (server === undefined || isPlugged(old, port.host, port)) return [];
    const from = [...old.hosts.keys()].find((host) => isPlugged(old, host, port));
    return from === undefined ? [] : [{ port, server, from, to: port.host }];
  });
}

/** Whether a host has the port on a bridge. */
export function isPlugged(network: Network, host: string, { id }: NeutronPort): boolean {
  const of = network.hosts.get(host);
  const bridges = of?.switch?.bridges ?? [];
  if (bridges.some(({ ports }) => ports.some((one) => one.externalIds['iface-id'] === id)))
    return true;
  const tap = deviceName('tap', id);
  const faces = of?.namespaces.get(ROOT)?.state.interfaces ?? [];
  return faces.some(({ name, master }) => name === tap && master !== null);
}

/** Opens views of states of one plan. */
export function viewsOf(
  ends: Ends,
  moves: readonly Move[],
): (stages: readonly Stage[], more: ReadonlyMap<string, string>) => View {
  return (stages, more) => {
    const plain = networkOfStages(stages, ends, more);
    if (moves.length === 0) return { sender: plain, receivers: new Map() };
    const away = moves.filter(({ port, from }) => isPlugged(plain, from, port));
    const old = away.filter(({ port, to }) => !isPlugged(plain, to, port));
    const both = away.filter((move) => !old.includes(move));
    const bound = (at: readonly Move[]): Network =>
      at.length === 0
        ? plain
        : networkOfStages(stages, ends, more, new Map(at.map(({ port, from }) => [port.id, from])));
    const sender = bound(old);
    if (both.length === 0) return { sender, receivers: new Map() };
    const other = bound(away);
    return { sender, receivers: new Map(both.map(({ server }) => [server, other])) };
  };
}

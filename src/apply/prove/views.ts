/**
 * A state of all hosts as networks to be asked. A server that moves to another host may be plugged
 * in at both: it sends from its new place as soon as that is there, and what reaches either counts
 * as having reached it. Before: `stages.ts`. After: `proving.ts`.
 *
 * Simplification: a server that moves speaks from its new host as soon as its port is plugged in
 * there; when it really stops here and goes on there is up to whoever moves it.
 */
import { type Network } from '../../dataplane/network.ts';
import { deviceName } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { once } from '../../snapshot/read/folder.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { isPlugged, type Move } from '../steps/moved.ts';
import { type Ends, networkOfStages, type Stage } from './stages.ts';

export interface View {
  /** In which servers send. */
  sender(): Network;
  /** Where else a server is that is plugged in at two hosts; null for others. */
  receiver(server: string): Network | null;
  /** Taps that a server has left or is about to enter: nobody knows who is behind them. */
  readonly vacant: readonly string[];
  /** What each host holds and remembers: equal keys are equal hosts. */
  readonly keys: ReadonlyMap<string, string>;
  /** What is the same wherever a packet goes: which hosts are done, where servers are. */
  readonly around: string;
}

/** Opens views of states of one plan; networks are read when somebody asks for them. */
export function viewsOf(
  hosts: readonly string[],
  ends: Ends,
  moves: readonly Move[],
): (stages: readonly Stage[], more: ReadonlyMap<string, string>) => View {
  const plugs = new Map<string, boolean>();
  const isThere = (stage: Stage | undefined, { port }: Move): boolean => {
    if (stage === undefined) return false;
    const key = `${stage.isMade} ${stage.host} ${port.id}`;
    const known = plugs.get(key) ?? isPluggedIn(stage, port);
    plugs.set(key, known);
    return known;
  };
  return (stages, more) => {
    const at = (host: string): Stage | undefined => stages[hosts.indexOf(host)];
    const away = moves.filter((move) => isThere(at(move.from), move));
    const old = away.filter((move) => !isThere(at(move.to), move));
    const both = new Set(away.filter((move) => !old.includes(move)).map(({ server }) => server));
    const bound = (of: readonly Move[]) => (): Network =>
      networkOfStages(stages, ends, more, new Map(of.map(({ port, from }) => [port.id, from])));
    const [sender, other] = [once(bound(old)), once(bound(away))];
    const done = stages.map(({ isMade }) => (isMade ? 1 : 0)).join('');
    return {
      sender,
      vacant: moves.map(({ port }) => deviceName('tap', port.id)),
      receiver: (server) => (both.has(server) ? other() : null),
      keys: new Map(hosts.map((host, i) => [host, stages[i]?.key ?? ''])),
      around: `${done} ${old.map(({ port }) => port.id).join()} ${[...both].join()}`,
    };
  };
}

/** Whether the files of a host have the port on a bridge. */
function isPluggedIn({ host, files }: Stage, port: NeutronPort): boolean {
  const path = `hosts/${host}/`;
  const own = new Map([...files].map(([name, text]) => [name, () => text]));
  return [...files.keys()].some((name) => name.startsWith(path))
    ? isPlugged(openSnapshot(memoryFolder(own)), host, port)
    : false;
}

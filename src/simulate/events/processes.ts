/** Processes that are stopped, killed, frozen and told to read their files again. */
import { type PlacedInstance } from '../vrrp/instances.ts';
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

type Doing = (play: Play, one: PlacedInstance) => void;

/** A signal goes to a process, which may have more instances in its file. */
function toProcess(doing: Doing): Doing {
  return (play, one) => {
    for (const each of play.vrrp.placed.values()) {
      const same = each.host === one.host && each.namespace === one.namespace;
      if (same && each.path === one.path) doing(play, each);
    }
  };
}

/** Signals to keepalived, by the word they are given with. */
const SIGNALS: Readonly<Record<string, Doing>> = {
  TERM: ({ vrrp }, { id }) => vrrp.routers.stop(id),
  KILL: ({ vrrp }, { id }) => vrrp.routers.kill(id, false),
  'KILL-parent': ({ vrrp }, { id }) => vrrp.routers.stop(id),
  'KILL-child': ({ vrrp }, { id }) => vrrp.routers.kill(id, true),
  STOP: ({ vrrp }, { id }) => vrrp.routers.freeze(id, true),
  CONT: ({ vrrp }, { id }) => vrrp.routers.freeze(id, false),
  HUP: ({ vrrp }, { id }) => vrrp.routers.reload(id, vrrp.routers.settingsOf(id)),
};

/** A check of what only the active instance can reach is well elsewhere, as Neutron's is. */
const SCRIPT_FAILS: ReadonlyMap<string, 'never' | 'always' | 'as-master'> = new Map([
  ['works', 'never'],
  ['fails', 'always'],
  ['fails-as-master', 'as-master'],
]);

export const PROCESS_EVENTS: readonly EventRow[] = [
  {
    begins: ['signal'],
    usage: `signal ${Object.keys(SIGNALS).join('|')} keepalived ROUTER@HOST`,
    read: ([signal = '', process = '', ...rest], play) => {
      const doing = SIGNALS[signal];
      if (doing === undefined) {
        return unknown('signal', signal, Object.keys(SIGNALS));
      }
      if (process !== 'keepalived') return wrong('only keepalived gets signals');
      return withInstance(rest, play, toProcess(doing));
    },
  },
  {
    begins: ['start', 'keepalived'],
    usage: 'start keepalived ROUTER@HOST',
    read: (words, play) =>
      withInstance(
        words,
        play,
        toProcess(({ vrrp }, { id }) => vrrp.routers.start(id)),
      ),
  },
  {
    begins: ['script'],
    usage: 'script NAME fails|works|fails-as-master ROUTER@HOST',
    read: ([name = '', what = '', ...rest], play) => {
      const fails = SCRIPT_FAILS.get(what);
      if (fails === undefined) return wrong('a script works, fails, or fails-as-master');
      return withInstance(rest, play, ({ vrrp }, { id }) => {
        if (fails === 'never') vrrp.failingScripts.delete(`${id} ${name}`);
        else vrrp.failingScripts.set(`${id} ${name}`, fails);
      });
    },
  },
  {
    begins: ['stop', 'agent'],
    usage: 'stop agent HOST',
    read: (words, play) => agent(words, play, (dead, host) => dead.add(host)),
  },
  {
    begins: ['start', 'agent'],
    usage: 'start agent HOST',
    read: (words, play) => agent(words, play, (dead, host) => dead.delete(host)),
  },
];

/** Does something to the VRRP instance that the words name. */
export function withInstance(words: readonly string[], { vrrp }: Play, doing: Doing): Understood {
  const [id, ...more] = words;
  if (id === undefined || more.length > 0) return wrong('one ROUTER@HOST is wanted');
  const one = vrrp.placed.get(id);
  if (one === undefined) return unknown('VRRP router', id, vrrp.placed.keys());
  return understood((play) => doing(play, one));
}

function agent(
  [host, ...more]: readonly string[],
  { stage }: Play,
  change: (dead: Set<string>, host: string) => void,
): Understood {
  if (host === undefined || more.length > 0) return wrong('one host is wanted');
  if (!stage.network.hosts.has(host)) {
    return unknown('host', host, stage.network.hosts.keys());
  }
  return understood(({ vrrp }) => change(vrrp.deadAgents, host));
}

/** Hosts that fail and come back, and ways between hosts. */

import { ROOT } from '../../dataplane/network.ts';
import { removeAddress, setCarrier } from '../network/changes.ts';
import { type PlacedInstance } from '../vrrp/instances.ts';
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

export const HOST_EVENTS: readonly EventRow[] = [
  {
    begins: ['fail', 'host'],
    usage: 'fail host HOST',
    read: (words, play) => withHost(words, play, failHost),
  },
  {
    begins: ['restore', 'host'],
    usage: 'restore host HOST',
    read: (words, play) => withHost(words, play, restoreHost),
  },
  {
    begins: ['fail', 'way'],
    usage: 'fail way HOST > HOST',
    read: (words, play) => way(words, play, (ways, key) => ways.add(key)),
  },
  {
    begins: ['restore', 'way'],
    usage: 'restore way HOST > HOST',
    read: (words, play) => way(words, play, (ways, key) => ways.delete(key)),
  },
  {
    begins: ['isolate', 'host'],
    usage: 'isolate host HOST',
    read: (words, play) =>
      withHost(words, play, (now, host) => {
        for (const key of waysOf(now, host)) now.stage.cuts.deadWays.add(key);
      }),
  },
  {
    begins: ['heal', 'host'],
    usage: 'heal host HOST',
    read: (words, play) =>
      withHost(words, play, (now, host) => {
        for (const key of waysOf(now, host)) now.stage.cuts.deadWays.delete(key);
      }),
  },
];

/** Everything on the host stops at once; what its kernel knew is lost with it. */
function failHost(play: Play, host: string): void {
  const { stage, vrrp } = play;
  stage.cuts.deadHosts.add(host);
  for (const name of nicsOf(play, host)) {
    stage.change(host, ROOT, (before) => setCarrier(before, name, false));
  }
  for (const one of instancesOn(play, host)) {
    vrrp.routers.kill(one.id, false);
    for (const address of [...one.settings.addresses, ...one.settings.excludedAddresses]) {
      stage.change(host, one.namespace, (before) => removeAddress(before, address));
    }
  }
}

/** The host has started anew: no virtual addresses, and the agents start keepalived. */
function restoreHost(play: Play, host: string): void {
  const { stage, vrrp } = play;
  if (!stage.cuts.deadHosts.delete(host)) return;
  for (const name of nicsOf(play, host)) {
    stage.change(host, ROOT, (before) => setCarrier(before, name, true));
  }
  for (const one of instancesOn(play, host)) vrrp.routers.start(one.id);
}

/** Interfaces with a cable that leaves the host. */
function nicsOf({ stage }: Play, host: string): readonly string[] {
  const root = stage.network.namespace(host, ROOT)?.state.interfaces ?? [];
  return root
    .map(({ name }) => name)
    .filter((name) => stage.network.wire({ host, namespace: ROOT, name }).kind === 'segment');
}

function instancesOn({ vrrp }: Play, host: string): readonly PlacedInstance[] {
  return [...vrrp.placed.values()].filter((one) => one.host === host);
}

function withHost(
  [host, ...more]: readonly string[],
  { stage }: Play,
  apply: (play: Play, host: string) => void,
): Understood {
  const hosts = [...stage.network.hosts.keys()];
  if (host === undefined || more.length > 0) return wrong('one host is wanted');
  if (!hosts.includes(host)) return unknown('host', host, hosts);
  return understood((play) => apply(play, host));
}

/** Both directions between a host and all others, the outside too. */
function waysOf({ stage }: Play, host: string): readonly string[] {
  const others = [...stage.network.hosts.keys(), 'outside'].filter((one) => one !== host);
  return others.flatMap((other) => [`${host} ${other}`, `${other} ${host}`]);
}

function way(
  words: readonly string[],
  { stage }: Play,
  change: (ways: Set<string>, key: string) => void,
): Understood {
  const [from, to, ...more] = words.filter((word) => word !== '>' && word !== '->');
  const known = new Set([...stage.network.hosts.keys(), 'outside']);
  if (from === undefined || to === undefined || more.length > 0) {
    return wrong('two hosts are wanted, as in `net1 > net2`');
  }
  const missing = [from, to].find((host) => !known.has(host));
  if (missing !== undefined) return unknown('host', missing, known);
  return understood((play) => change(play.stage.cuts.deadWays, `${from} ${to}`));
}

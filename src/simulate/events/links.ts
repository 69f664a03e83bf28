/** Interfaces that go down, cables that are pulled, packets that are lost. */
import { type InterfaceId, type Network } from '../../dataplane/network.ts';
import { readPrefix } from '../../text/address-text.ts';
import { addAddress, removeAddress, setCarrier, setUp } from '../network/changes.ts';
import { type Loss, PACKET_KINDS, type PacketKind } from '../network/cuts.ts';
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

export const LINK_EVENTS: readonly EventRow[] = [
  {
    begins: ['down'],
    usage: 'down HOST:INTERFACE',
    read: (words, play) => withInterface(words, play, (now, at) => administrative(now, at, false)),
  },
  {
    begins: ['up'],
    usage: 'up HOST:INTERFACE',
    read: (words, play) => withInterface(words, play, (now, at) => administrative(now, at, true)),
  },
  {
    begins: ['fail', 'link'],
    usage: 'fail link HOST:INTERFACE [in|out]',
    read: (words, play) => withWay(words, play, (now, at) => cable(now, at, false), oneWayLost),
  },
  {
    begins: ['restore', 'link'],
    usage: 'restore link HOST:INTERFACE [in|out]',
    read: (words, play) => withWay(words, play, (now, at) => cable(now, at, true), oneWayFound),
  },
  {
    begins: ['add', 'address'],
    usage: 'add address ADDRESS/LENGTH at HOST:INTERFACE',
    read: (words, play) => withAddress(words, play, addAddress),
  },
  {
    begins: ['remove', 'address'],
    usage: 'remove address ADDRESS/LENGTH at HOST:INTERFACE',
    read: (words, play) => withAddress(words, play, removeAddress),
  },
  {
    begins: ['lose'],
    usage: 'lose PERCENT KIND in|out at HOST:INTERFACE',
    read: readLoss,
  },
  {
    begins: ['lose', 'nothing', 'at'],
    usage: 'lose nothing at HOST:INTERFACE',
    read: (words, play) =>
      withInterface(words, play, ({ stage: { cuts } }, at) => {
        cuts.losses = cuts.losses.filter(
          (loss) => loss.host !== at.host || loss.interface !== at.name,
        );
      }),
  },
];

/** `ip link set INTERFACE up` or `down`. */
function administrative(play: Play, at: InterfaceId, up: boolean): void {
  play.stage.change(at.host, at.namespace, (before) => setUp(before, at.name, up));
  tellWatchers(play, at, !up);
}

/** `ip address add` and `ip address del`, which tell nobody of it. */
function withAddress(
  [text = '', at, ...place]: readonly string[],
  play: Play,
  how: typeof addAddress,
): Understood {
  const prefix = readPrefix(text);
  if (prefix === undefined) return wrong(`${text} is no ADDRESS/LENGTH`);
  if (at !== 'at') return wrong('`at HOST:INTERFACE` is wanted');
  return withInterface(place, play, ({ stage, vrrp }, { host, namespace, name }) => {
    const origin = { file: 'event', line: 0 };
    const rest = { device: name, scope: null, attributes: [], noTrack: false, origin };
    stage.change(host, namespace, (before) => how(before, { ...prefix, ...rest }));
    vrrp.reach.networkChanged();
  });
}

/** The carrier of both ends of a cable. */
function cable(play: Play, at: InterfaceId, running: boolean): void {
  const wire = play.stage.network.wire(at);
  const ends = wire.kind === 'interface' ? [at, wire.to] : [at];
  for (const end of ends) {
    play.stage.change(end.host, end.namespace, (before) => setCarrier(before, end.name, running));
    tellWatchers(play, end, !running);
  }
}

type Direction = Loss['direction'];

/** A link, or one direction of it as the interface sees it: its carrier stays then. */
function withWay(
  [place, way, ...more]: readonly string[],
  play: Play,
  whole: (play: Play, at: InterfaceId) => void,
  half: (cuts: Play['stage']['cuts'], at: InterfaceId, direction: Direction) => void,
): Understood {
  const words = [place, ...more].filter((word) => word !== undefined);
  if (way === undefined) return withInterface(words, play, whole);
  if (way !== 'in' && way !== 'out') return unknown('direction of a link', way, ['in', 'out']);
  return withInterface(words, play, ({ stage: { cuts } }, at) => half(cuts, at, way));
}

function oneWayLost(
  cuts: Play['stage']['cuts'],
  { host, name }: InterfaceId,
  direction: Direction,
): void {
  cuts.losses = [...cuts.losses, { host, interface: name, direction, kind: 'any', share: 1 }];
}

function oneWayFound(
  cuts: Play['stage']['cuts'],
  { host, name }: InterfaceId,
  direction: Direction,
): void {
  cuts.losses = cuts.losses.filter(
    (loss) =>
      loss.host !== host ||
      loss.interface !== name ||
      loss.direction !== direction ||
      loss.kind !== 'any' ||
      loss.share < 1,
  );
}

/** keepalived hears of its interfaces by netlink. */
function tellWatchers({ vrrp }: Play, at: InterfaceId, failed: boolean): void {
  for (const one of vrrp.placed.values()) {
    if (one.host === at.host && one.namespace === at.namespace) {
      vrrp.routers.interfaceChanged(one.id, at.name, failed);
    }
  }
}

function readLoss(words: readonly string[], play: Play): Understood {
  const [percent = '', kind = '', direction = '', at = '', ...place] = words;
  const share = /^\d+(\.\d+)?%?$/.test(percent) ? Number.parseFloat(percent) / 100 : null;
  if (share === null || share > 1) return wrong(`${percent} is no percentage`);
  if (!Object.hasOwn(PACKET_KINDS, kind)) {
    return unknown('kind of packets', kind, Object.keys(PACKET_KINDS));
  }
  if (direction !== 'in' && direction !== 'out') return wrong(`${direction} is neither in nor out`);
  if (at !== 'at') return wrong('`at HOST:INTERFACE` is wanted');
  return withInterface(place, play, ({ stage: { cuts } }, { host, name }) => {
    const loss: Loss = { host, interface: name, direction, kind: kind as PacketKind, share };
    cuts.losses = [...cuts.losses, loss];
  });
}

function withInterface(
  [word, ...more]: readonly string[],
  { stage }: Play,
  apply: (play: Play, at: InterfaceId) => void,
): Understood {
  const colon = word?.indexOf(':') ?? -1;
  if (word === undefined || colon < 0 || more.length > 0) {
    return wrong('one HOST:INTERFACE is wanted');
  }
  const found = interfacesNamed(stage.network, word.slice(0, colon), word.slice(colon + 1));
  const [at] = found;
  if (at === undefined) return unknown('interface', word, interfacesOf(stage.network, word));
  return understood((play) => apply(play, at));
}

/** Interfaces that may be meant: those of the host, else hosts. */
function interfacesOf({ hosts }: Network, word: string): readonly string[] {
  const host = word.slice(0, word.indexOf(':'));
  const own = hosts.get(host);
  if (own === undefined) return [...hosts.keys()].map((one) => `${one}${word.slice(host.length)}`);
  return [...own.namespaces.values()].flatMap(({ state }) =>
    state.interfaces.map(({ name }) => `${host}:${name}`),
  );
}

/** An interface by its name, in whatever namespace of the host it is. */
function interfacesNamed(network: Network, host: string, name: string): readonly InterfaceId[] {
  const found: InterfaceId[] = [];
  for (const [namespace, { state }] of network.hosts.get(host)?.namespaces ?? []) {
    if (state.interfaces.some((one) => one.name === name)) found.push({ host, namespace, name });
  }
  return found;
}

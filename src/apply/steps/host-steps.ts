/**
 * The differences of one host as steps in their order: what is needed before what needs it, flows
 * before the ports they guard, and on the way out the other way round.
 */
import { ROOT } from '../../dataplane/network.ts';
import { type Action, type Change, PHASES, type PhaseName } from '../types.ts';
import { connectionActions } from './connections.ts';
import { daemonActions, runningOf } from './daemons.ts';
import { deviceActions } from './devices.ts';
import { type Draft } from './draft.ts';
import { filterActions } from './filters.ts';
import { type FlowOrder, flowStages } from './flow-order.ts';
import { frameActions } from './frames.ts';
import { guardStages } from './guards.ts';
import { type Pair, placeOf, swapped } from './pairs.ts';
import { bridgeActions, flowActions, meterActions, portActions } from './switch.ts';

const DEVICE_KINDS = ['device', 'member', 'address', 'route', 'rule', 'neighbour', 'fdb', 'sysctl'];

/** Steps of one host in the order in which it alone would take them. */
export function hostDrafts(
  changes: readonly Change[],
  tracked: ReadonlyMap<string, string>,
  order: FlowOrder,
): readonly Draft[] {
  const pairs = changes.map((change): Pair => ({ old: change.old, to: change.new }));
  return [
    ...namespaceDrafts(pairs),
    ...filterDrafts(pairs, tracked),
    ...meterDrafts(pairs).filter(({ phase }) => phase === 'clean'),
    ...bridgeDrafts(pairs),
    ...meterDrafts(pairs).filter(({ phase }) => phase === 'prepare'),
    ...flowDrafts(pairs, order),
    // Cables of the host's own namespace come before they are plugged into the switch.
    ...deviceDrafts(pairs, true).filter(({ phase }) => phase === 'connect'),
    ...portDrafts(pairs),
    ...deviceDrafts(pairs, true).filter(({ phase }) => phase !== 'connect'),
    ...daemonDrafts(pairs, tracked).filter(({ phase }) => phase !== 'connect'),
    ...deviceDrafts(pairs, false),
    ...daemonDrafts(pairs, tracked).filter(({ phase }) => phase === 'connect'),
  ].sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase));
}

function draft(
  phase: PhaseName,
  title: string,
  pairs: readonly Pair[],
  make: (pairs: readonly Pair[], back: boolean) => readonly Action[],
  partial: string | null,
): readonly Draft[] {
  if (pairs.length === 0) return [];
  const forward = make(pairs, false);
  return [{ phase, title, pairs, forward, inverse: make(swapped(pairs), true), partial }];
}

function ofKinds(pairs: readonly Pair[], kinds: readonly string[]): readonly Pair[] {
  return pairs.filter(({ old, to }) => kinds.includes((to ?? old)?.kind ?? ''));
}

function added(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter(({ to }) => to !== null);
}

function removed(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter(({ to }) => to === null);
}

function placesOf(pairs: readonly Pair[]): readonly string[] {
  return [...new Set(pairs.map(placeOf))].sort();
}

function namespaceDrafts(all: readonly Pair[]): readonly Draft[] {
  const pairs = ofKinds(all, ['namespace']);
  const make = (of: readonly Pair[]): readonly Action[] =>
    of.flatMap((pair): readonly Action[] => {
      const name = placeOf(pair);
      const line = [`namespace ${name}`];
      const gone = pair.to === null;
      const own = { kind: 'own', add: gone ? [] : line, remove: gone ? line : [] } as const;
      const netns = { kind: 'netns', name, make: !gone } as const;
      // What is noted is never less than what is there.
      return gone ? [netns, own] : [own, netns];
    });
  return [
    ...draft('prepare', 'make namespaces', added(pairs), make, 'one namespace after the other'),
    ...draft('clean', 'remove namespaces', removed(pairs), make, 'one namespace after the other'),
  ];
}

/** Rules stand before the devices they guard come, and until those are gone. */
function filterDrafts(
  all: readonly Pair[],
  tracked: ReadonlyMap<string, string>,
): readonly Draft[] {
  const pairs = ofKinds(all, ['chain', 'set', 'frames']);
  const gone = new Set(removed(ofKinds(all, ['namespace'])).map(placeOf));
  const plugs = ofKinds(all, ['member', 'port']);
  const [leaves, comes] = [removed(plugs).length > 0, added(plugs).length > 0];
  const devices = removed(ofKinds(all, ['member', 'port', 'device'])).map(({ old }) => old!.key);
  return placesOf(pairs).flatMap((place) => {
    const own = pairs.filter((pair) => placeOf(pair) === place);
    const { early, late } =
      gone.has(place) || (leaves && !comes)
        ? { early: [], late: own }
        : leaves && place === ROOT
          ? guardStages(own, new Set(devices))
          : { early: own, late: [] };
    const make = (of: readonly Pair[], back: boolean): readonly Action[] =>
      gone.has(place) && !back ? [] : [...filterActions(place, of), ...frameActions(place, of)];
    const title = `rules of ${place}`;
    const why = 'table by table';
    const rules = [
      ...draft('prepare', title, early, make, why),
      ...draft('clean', early.length === 0 ? title : `${title} for what is gone`, late, make, why),
    ];
    const forward = gone.has(place) ? [] : connectionActions(place, own, tracked);
    if (forward.length === 0) return rules;
    // Nobody can give back what was forgotten, and nobody has to: it is learned again.
    const flush: Draft = {
      phase: early.length > 0 ? 'flush' : 'clean',
      title: `forget connections of ${place} that are no more allowed`,
      pairs: [],
      forward,
      inverse: [],
      partial: 'one selection after the other',
    };
    return [...rules, flush];
  });
}

function bridgeDrafts(all: readonly Pair[]): readonly Draft[] {
  const pairs = ofKinds(all, ['bridge']);
  return [
    ...draft('prepare', 'make bridges', added(pairs), bridgeActions, null),
    ...draft('clean', 'remove bridges', removed(pairs), bridgeActions, null),
  ];
}

function meterDrafts(all: readonly Pair[]): readonly Draft[] {
  const pairs = ofKinds(all, ['meter']);
  const why = 'one meter after the other';
  return [
    ...draft('prepare', 'meters', added(pairs), meterActions, why),
    ...draft('clean', 'remove meters', removed(pairs), meterActions, why),
  ];
}

function flowDrafts(all: readonly Pair[], order: FlowOrder): readonly Draft[] {
  const pairs = ofKinds(all, ['flow', 'group']);
  const unplugs = removed(ofKinds(all, ['port'])).length > 0;
  const titles: Readonly<Partial<Record<PhaseName, string>>> = {
    accept: 'accept what will come',
    send: 'flows',
    drop: 'drop what is no more',
  };
  return placesOf(pairs).flatMap((bridge) => {
    const own = pairs.filter((pair) => placeOf(pair) === bridge);
    return flowStages(own, order, unplugs).flatMap(({ phase, pairs: of, forget }) =>
      phase === 'flush'
        ? [
            {
              phase,
              title: `forget what ${bridge} learned`,
              pairs: of,
              forward: [{ kind: 'forget', bridge, matches: forget } as const],
              inverse: [],
              partial: null,
            },
          ]
        : draft(phase, `${titles[phase] ?? 'flows'} on ${bridge}`, of, flowActions, null),
    );
  });
}

function portDrafts(all: readonly Pair[]): readonly Draft[] {
  const pairs = ofKinds(all, ['port']);
  return [
    ...draft('connect', 'plug ports in', added(pairs), portActions, null),
    ...draft('disconnect', 'unplug ports', removed(pairs), portActions, null),
  ];
}

/** Daemons come last and go first: they need what is in their namespaces. */
function daemonDrafts(
  all: readonly Pair[],
  tracked: ReadonlyMap<string, string>,
): readonly Draft[] {
  const pairs = ofKinds(all, ['file', 'daemon']);
  if (pairs.length === 0) return [];
  const running = runningOf(tracked);
  const make = (of: readonly Pair[], back: boolean): readonly Action[] =>
    daemonActions(of, running, back);
  const why = 'one daemon after the other';
  return [
    ...draft('connect', 'daemons and their files', added(pairs), make, why),
    ...draft('disconnect', 'daemons go', removed(pairs), make, why),
  ];
}

/** @param root those of the host's own namespace, or those of all others */
function deviceDrafts(all: readonly Pair[], root: boolean): readonly Draft[] {
  const pairs = ofKinds(all, DEVICE_KINDS);
  const places = placesOf(pairs).filter((place) => (place === ROOT) === root);
  return places.flatMap((place) => {
    const own = pairs.filter((pair) => placeOf(pair) === place);
    const make = (of: readonly Pair[], back: boolean): readonly Action[] =>
      deviceActions(place, of, back);
    const why = 'line by line';
    return [
      ...draft('connect', `devices and routes of ${place}`, added(own), make, why),
      ...draft('disconnect', `devices and routes of ${place} go`, removed(own), make, why),
    ];
  });
}

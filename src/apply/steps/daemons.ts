/**
 * Changes of daemons and of their files as actions: files are written before who reads them is
 * started or told to read them again.
 */
import { type Action, type ItemOf } from '../types.ts';
import { type Pair, pairsOf } from './pairs.ts';

/**
 * @param running daemons that stand behind the change, by namespace, also those that do not change
 */
export function daemonActions(
  pairs: readonly Pair[],
  running: ReadonlyMap<string, readonly ItemOf<'daemon'>[]>,
  back: boolean,
): readonly Action[] {
  const files = pairsOf('file', pairs);
  const daemons = pairsOf('daemon', pairs);
  const touched = new Set(daemons.map(({ old, to }) => nameOf((to ?? old)!)));
  const read = new Set(
    files.flatMap(({ old, to }) => (running.get((to ?? old)!.data.namespace) ?? []).map(nameOf)),
  );
  const still = [...running.values()].flat().filter((one) => !touched.has(nameOf(one)));
  const noted = (gone: boolean): readonly string[] =>
    [...daemons, ...files].flatMap(({ old, to }) =>
      (gone ? to : old) === null ? [lineOf((gone ? old : to)!)] : [],
    );
  const [add, remove] = [noted(false), noted(true)];
  return [
    ...daemons.flatMap(({ old }): readonly Action[] =>
      old === null ? [] : [{ kind: 'stop', words: old.data.words }],
    ),
    ...files.map(({ old, to }): Action => {
      const { path } = (to ?? old)!.data;
      // What stood there is with the transaction, secrets included.
      return back
        ? { kind: 'put-back', path }
        : { kind: 'file', path, text: to?.data.text ?? null };
    }),
    ...daemons.flatMap(({ to }): readonly Action[] =>
      to === null ? [] : [{ kind: 'start', namespace: to.place, words: to.data.words }],
    ),
    ...still.filter((one) => read.has(nameOf(one))).map((one): Action => reload(one)),
    ...(add.length + remove.length === 0 ? [] : [{ kind: 'own', add, remove } as const]),
  ];
}

function nameOf({ place, key }: ItemOf<'daemon'>): string {
  return `${place} ${key}`;
}

function lineOf({ kind, place, key }: ItemOf<'daemon'> | ItemOf<'file'>): string {
  return `${kind} ${place} ${key}`;
}

/**
 * A second SIGHUP soon after the first makes a master give up; Neutron keeps one and a half of the
 * advertisement interval between two (neutron/agent/l3/ha_router.py THROTTLER_MULTIPLIER), here
 * for the usual interval of two seconds. haproxy takes no file again, and is made anew.
 */
function reload({ place, key, data: { program, words } }: ItemOf<'daemon'>): Action {
  if (program === 'haproxy') return { kind: 'restart', namespace: place, words };
  const apart_s = key === 'keepalived' ? 3 : 0;
  return { kind: 'reload', namespace: place, name: `${key}.${place}`, words, apart_s };
}

/** Daemons that ran when the host was read, by namespace. */
export function runningOf(
  tracked: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly ItemOf<'daemon'>[]> {
  const found = new Map<string, ItemOf<'daemon'>[]>();
  for (const [id, text] of tracked) {
    const [kind, place = '', key = ''] = id.split(' ');
    if (kind !== 'daemon') continue;
    const data = { program: key, words: text.split(' ') };
    const list = found.get(place) ?? [];
    found.set(place, [...list, { kind: 'daemon', place, key, text, data }]);
  }
  return found;
}

/** Which agents run which routers and networks, as the API's schedulers tell it. */
import { type JsonNode, jsonRoot, keysOf, member, records, textOf } from '../../text/json-text.ts';
import { type Catalog } from './catalog.ts';
import { column } from './columns.ts';
import { type Store, sourceAt } from './folder.ts';

/** By the id of a router or a network: hosts of its agents, with their HA state if they have one. */
export type Hosting = ReadonlyMap<
  string,
  readonly { readonly host: string; readonly haState: string | null }[]
>;

/** `{"ROUTER": {"agents": […]}}` or `{"ROUTER": […]}`: who runs what. */
export function hostingOf(store: Store, catalog: Catalog, name: string): Hosting {
  return new Map(
    [...byParent(store, catalog, name)].map(([id, rows]) => [
      id,
      rows.map((agent) => ({
        host: textOf(column(agent, 'host')) ?? '',
        haState: textOf(column(agent, 'ha_state')) ?? null,
      })),
    ]),
  );
}

/**
 * Rows that the API lists for each object of another kind, by that object's id:
 * `{"POOL": {"members": […]}}` or `{"POOL": […]}`.
 */
export function byParent(
  store: Store,
  catalog: Catalog,
  name: string,
): ReadonlyMap<string, readonly JsonNode[]> {
  const source = sourceAt(store, catalog.api.get(name));
  if (source === undefined) return new Map();
  const root = jsonRoot(source.file, source.text, store.problems);
  return new Map(
    keysOf(root).map((id) => {
      const node = member(root, id);
      const [key = ''] = keysOf(node);
      return [id, records(Array.isArray(node?.value) ? node : member(node, key))];
    }),
  );
}

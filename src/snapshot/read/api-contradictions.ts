/**
 * What the answers of the API say that cannot be true together, each at its place in its file: the
 * cloud is asked for contradictions, and only when there are any are rows looked up.
 */
import { type Cloud } from '../../model/cloud.ts';
import { contradictionsOf } from '../../model/contradictions/contradictions.ts';
import { type Contradiction, type ObjectKind } from '../../model/contradictions/types.ts';
import { items, type JsonNode, jsonRoot, textOf, wrong } from '../../text/json-text.ts';
import { type Problem } from '../../text/problem.ts';
import { type Catalog } from './catalog.ts';
import { column, listed, objectsOf } from './columns.ts';
import { type Folder, openStore, type Store, sourceAt } from './folder.ts';

/** Problems of a cloud that was read from the answers in the folder. */
export function contradictionProblems(
  folder: Folder,
  catalog: Pick<Catalog, 'api'>,
  cloud: Cloud,
): readonly Problem[] {
  const found = contradictionsOf(cloud);
  if (found.length === 0) return [];
  const store = openStore(folder);
  const rows = new Map<ObjectKind, ReadonlyMap<string, JsonNode>>();
  // Problems of the files themselves were told when they were read.
  const problems: Problem[] = [];
  for (const each of found) {
    const own = rows.get(each.kind) ?? rowsOf(store, catalog, each.kind, problems);
    rows.set(each.kind, own);
    const row = own.get(each.id);
    if (row !== undefined) wrong(placeIn(row, each), each.message);
  }
  return problems;
}

function rowsOf(
  store: Store,
  { api }: Pick<Catalog, 'api'>,
  kind: ObjectKind,
  problems: Problem[],
): ReadonlyMap<string, JsonNode> {
  const listOf = (name: string): readonly JsonNode[] => {
    const source = sourceAt(store, api.get(name));
    return source === undefined ? [] : listed(jsonRoot(source.file, source.text, problems));
  };
  const inner =
    kind === 'security-group-rules'
      ? listOf('security-groups').flatMap((row) =>
          objectsOf(column(row, 'security_group_rules', 'rules')),
        )
      : [];
  const all = [...inner, ...listOf(kind)];
  return new Map(all.map((row) => [textOf(column(row, 'id')) ?? '', row]));
}

function placeIn(row: JsonNode, { columns, index }: Contradiction): JsonNode {
  const node = columns === undefined ? undefined : column(row, ...columns);
  if (node === undefined || index === undefined) return node ?? row;
  return Array.isArray(node.value) ? (items(node)[index] ?? node) : node;
}

/** What can be lost or wrong on a host, one row a kind. A new kind is one more row. */
import { bridgeEdits } from './bridge-edits.ts';
import { type EditRow } from './edit-row.ts';
import { filterEdits } from './filter-edits.ts';
import { hostEdits } from './host-edits.ts';
import { linkEdits } from './link-edits.ts';
import { routeEdits } from './route-edits.ts';

/** Kinds of edits by the word that an `expect.yaml` uses. */
export const EDITS: ReadonlyMap<string, EditRow> = new Map(
  Object.entries({ ...bridgeEdits, ...linkEdits, ...routeEdits, ...filterEdits, ...hostEdits }),
);

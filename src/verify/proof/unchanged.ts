/**
 * What a proof over one network says of another one as well: a walk reads nothing of the state of a
 * switch or namespace to which no packet has come, so where only such differ it is the same walk.
 */
import { type Network } from '../../dataplane/network.ts';
import { changedPlaces } from '../../snapshot/read/changed-places.ts';
import { type Folder } from '../../snapshot/read/folder.ts';
import { type Followed } from './prove.ts';

/** A network with the files it was read from. */
export interface ReadNetwork {
  readonly network: Network;
  readonly folder: Folder;
}

/**
 * The switches and namespaces in which two networks differ, where all else is the same: what is
 * connected with what, and who has which address.
 * @returns null where nothing may be taken over
 */
export function placesThatDiffer(
  before: ReadNetwork,
  after: ReadNetwork,
): ReadonlySet<string> | null {
  const places = changedPlaces(before.folder, after.folder);
  if (places === null) return null;
  // Who is on a segment is deduced from what switches have learned, too.
  const [was, is] = [before, after].map(({ network }) => membersOf(network));
  return was === is ? places : null;
}

function membersOf({ segments }: Network): string {
  return JSON.stringify(segments.map(({ name, members }) => [name, members]));
}

/** Whether the walk that was followed came to none of those that changed. */
export function isUntouched({ places }: Followed, changed: ReadonlySet<string>): boolean {
  for (const place of places) if (changed.has(place)) return false;
  return true;
}

/** What stands for a network on the command line: a snapshot, its API objects, or a cloud. */
import { compileBehind } from '../snapshot/read/surroundings.ts';
import { type OpenedSnapshot, openSnapshotOption } from './snapshot-option.ts';

const COMPILED = 'api:';

/** The network behind a word. Throws `UsageError` for what is none. */
export function openSideWord(word: string): OpenedSnapshot {
  if (!word.startsWith(COMPILED)) return { ...openSnapshotOption(word), name: word };
  const { network } = openSnapshotOption(word.slice(COMPILED.length));
  return { network: compileBehind(network), name: word };
}

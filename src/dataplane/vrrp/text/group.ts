/** The statements of `vrrp_sync_group`, one row each. */
import { type SyncGroup } from '../types.ts';
import { type Complaints, complain, type Line, quoted, type Word, wordSet } from './lexer.ts';
import { type Draft, type Printed, printRows, readRows, rowsByKey, rowsOf } from './setting.ts';
import { TRACKED } from './tracked.ts';

const MEMBER = {
  read: (line: Line): string | undefined => line.words[0]?.text,
  write: (name: string): readonly string[] => [quoted(name)],
};

const of = rowsOf<SyncGroup>();

const ROWS = rowsByKey<SyncGroup>([
  of.entries('group', MEMBER, 'members'),
  of.entries('track_interface', TRACKED, 'trackInterfaces'),
  of.entries('track_script', TRACKED, 'trackScripts'),
]);

/** What is run or told when the state changes, and tracking that nothing here follows. */
const OPERATION = wordSet(`
  notify notify_master notify_backup notify_fault notify_stop notify_deleted
  notify_priority_changes smtp_alert global_tracking sync_group_tracking_weight track_file
  track_process track_bfd
`);

/** Reads one `vrrp_sync_group`. */
export function readSyncGroup(line: Line, keyword: Word, complaints: Complaints): SyncGroup {
  const [, name] = line.words;
  if (name === undefined) complain(complaints, keyword, 'the group has no name');
  const draft: Draft<SyncGroup> = {
    name: name?.text ?? '',
    members: [],
    trackInterfaces: [],
    trackScripts: [],
    origin: { file: complaints.file, line: keyword.line },
    others: [],
  };
  const others = readRows(ROWS, OPERATION, draft, line.block ?? [], complaints);
  return { ...draft, others };
}

/** Prints one `vrrp_sync_group`. */
export function printSyncGroup(group: SyncGroup): Printed {
  const block = printRows(ROWS.values(), group, group.others);
  return { words: ['vrrp_sync_group', quoted(group.name)], block };
}

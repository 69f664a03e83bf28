/**
 * The five hooks of a namespace and the order in which the kernel asks the tables
 * (include/uapi/linux/netfilter_ipv4.h, NF_IP_PRI_*):
 *
 *   device                                                                        device
 *     |                                                                             ^
 *     v                                                                             |
 *  PREROUTING          routing            FORWARD           .------------->  POSTROUTING
 *   defrag    -400    ---------->          mangle   -150    |                 mangle  -150
 *   raw       -300     |                   filter      0  --'                 nat src  100
 *   tracking  -200     |                   security   50                      confirm
 *   mangle    -150     |                                                      (fragments)
 *   nat dst   -100     v
 *                     INPUT                                 OUTPUT
 *                      mangle   -150                         defrag    -400
 *                      filter      0                         raw       -300
 *                      security   50                         tracking  -200
 *                      nat src   100                         mangle    -150  (routes again
 *                      confirm                               nat dst   -100   if changed)
 *                        |                                   filter       0
 *                        v                                   security    50
 *                      socket  ------------------------------ socket
 *
 * Reassembly ("defrag") and tracking are there only where a rule needs them (needs.ts).
 */
import { type TableName } from './types.ts';

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** What stands at a hook, in order: tables, and what connection tracking does between them. */
export type Station =
  | { readonly kind: 'defragment' }
  | { readonly kind: 'table'; readonly table: Exclude<TableName, 'nat'> }
  | { readonly kind: 'track' }
  | { readonly kind: 'nat'; readonly manip: 'src' | 'dst' }
  | { readonly kind: 'confirm' };

const table = (name: Exclude<TableName, 'nat'>): Station => ({ kind: 'table', table: name });
const DEFRAGMENT: Station = { kind: 'defragment' };
const TRACK: Station = { kind: 'track' };
const NAT_DST: Station = { kind: 'nat', manip: 'dst' };
const NAT_SRC: Station = { kind: 'nat', manip: 'src' };
const CONFIRM: Station = { kind: 'confirm' };

/** The stations of each hook in ascending priority. */
export const STATIONS: Readonly<Record<HookName, readonly Station[]>> = {
  prerouting: [DEFRAGMENT, table('raw'), TRACK, table('mangle'), NAT_DST],
  input: [table('mangle'), table('filter'), table('security'), NAT_SRC, CONFIRM],
  forward: [table('mangle'), table('filter'), table('security')],
  output: [
    DEFRAGMENT,
    table('raw'),
    TRACK,
    table('mangle'),
    NAT_DST,
    table('filter'),
    table('security'),
  ],
  postrouting: [table('mangle'), NAT_SRC, CONFIRM],
};

/** The base chain of a hook. */
export const BASE_CHAIN: Readonly<Record<HookName, string>> = {
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
};

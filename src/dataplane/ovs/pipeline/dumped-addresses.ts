/**
 * The MAC table of a dump by VLAN, as tables for lookups: made once per bridge, when a packet
 * first asks. What a run changes of it stands in `state.ts`.
 */
import { field } from '../../../packet/fields.ts';
import { compileTable } from '../../../traffic/compiled.ts';
import { test } from '../../../traffic/match.ts';
import { type Table } from '../../../traffic/table.ts';
import { type Bridge, type FdbEntry } from '../types/switch.ts';

/** Which end of a frame an address is looked for. */
export type End = 'eth_src' | 'eth_dst';

/** The addresses of one VLAN. */
export interface DumpedAddresses {
  readonly entries: readonly FdbEntry[];
  /** All entries with the address, by their place in `entries`: some may be too old. */
  readonly tables: Readonly<Record<End, Table<number>>>;
}

const FIELDS = { eth_src: field('eth_src'), eth_dst: field('eth_dst') };

const indexed = new WeakMap<Bridge, ReadonlyMap<number, DumpedAddresses>>();

/** The dumped addresses of a bridge by VLAN. */
export function dumpedAddresses(bridge: Bridge): ReadonlyMap<number, DumpedAddresses> {
  let found = indexed.get(bridge);
  if (found === undefined) {
    const byVlan = new Map<number, FdbEntry[]>();
    for (const entry of bridge.fdb) {
      const list = byVlan.get(entry.vlan);
      if (list === undefined) byVlan.set(entry.vlan, [entry]);
      else list.push(entry);
    }
    found = new Map([...byVlan].map(([vlan, entries]) => [vlan, addressesIn(entries)]));
    indexed.set(bridge, found);
  }
  return found;
}

function addressesIn(entries: readonly FdbEntry[]): DumpedAddresses {
  const tableOf = (end: End): Table<number> =>
    compileTable(
      entries.map(({ mac }, i) => ({
        match: test(FIELDS[end], mac),
        rank: i,
        decisive: false,
        entry: i,
      })),
    );
  return { entries, tables: { eth_src: tableOf('eth_src'), eth_dst: tableOf('eth_dst') } };
}

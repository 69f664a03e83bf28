/** A bridge prepared for the packet path: who is local, where a MAC lives, what each port admits. */
import { allBits, type FieldBits, field } from '../../packet/fields.ts';
import { compileTable } from '../../traffic/compiled.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { ANY, and, type Match, or, range, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { type Assignment, assignment, bitsAssignment } from '../../traffic/words.ts';
import { type Bridge, type BridgePort, type FdbEntry, type PortVlans } from './types.ts';

const TCI = field('vlan_tci');
/** The twelve bits of the VLAN id. */
export const VLAN_ID: FieldBits = { field: TCI, start: 0, width: 12 };
const DESTINATION = field('eth_dst');

export const MAC = {
  source: allBits(field('eth_src')),
  destination: allBits(DESTINATION),
} as const;

export const FRAME = {
  group: guard(test(DESTINATION, 0x0100_0000_0000n, 0x0100_0000_0000n)),
  groupSource: guard(test(field('eth_src'), 0x0100_0000_0000n, 0x0100_0000_0000n)),
  broadcast: guard(test(DESTINATION, 0xffff_ffff_ffffn)),
  // IEEE 802.1D §7.12.6: addresses that bridges keep to themselves.
  reserved: guard(test(DESTINATION, 0x0180_c200_0000n, 0xffff_ffff_fff0n)),
  dontFragment: guard(test(field('ip_df'), 1n)),
  tagged: guard(test(TCI, 0x1000n, 0x1000n)),
  inVlan: guard(and(test(TCI, 0x1000n, 0x1000n), range12(1, 4095))),
} as const;

function range12(from: number, to: number): Match {
  // The tag's own bits stand above the id, so a range needs one range per priority value.
  const ranges = Array.from({ length: 16 }, (_, high) => ({
    from: BigInt(high * 4096 + from),
    to: BigInt(high * 4096 + to),
  }));
  return { kind: 'within', field: TCI, ranges };
}

export interface CompiledPort {
  readonly of: BridgePort;
  readonly vlans: CompiledVlans;
  readonly setPhysicalInput: Assignment;
  readonly setPhysicalOutput: Assignment;
  /** The port as input and output interface, as arptables sees it. */
  readonly setInput: Assignment;
  readonly setOutput: Assignment;
  /** Longer than a link of this MTU takes. */
  readonly tooLong: Guard;
  readonly longerThanMtu: Guard;
}

export interface CompiledVlans {
  /** Null drops untagged frames. */
  readonly setPvid: Assignment | null;
  readonly admits: Guard;
  readonly untagged: Guard;
}

export interface CompiledBridge {
  readonly of: Bridge;
  readonly ports: ReadonlyMap<string, CompiledPort>;
  readonly own: CompiledVlans;
  /** Entries that learning cannot move: local and static ones. */
  readonly fixed: Table<FdbEntry>;
  /** What had been learned when the snapshot was taken. */
  readonly dynamic: Table<FdbEntry>;
  readonly fixedSource: Table<FdbEntry>;
  readonly setInput: Assignment;
  readonly setOutput: Assignment;
  /** Reserved group addresses that are forwarded all the same. */
  readonly forwardsReserved: Guard;
}

/** Prepares a bridge. */
export function compileBridge(of: Bridge): CompiledBridge {
  const fixed = of.fdb.filter((entry) => entry.fixed || entry.local);
  const dynamic = of.fdb.filter((entry) => !entry.fixed && !entry.local);
  const own = [of.mac, ...of.ports.map((port) => port.mac)].map(
    (mac): FdbEntry => ({ mac, vlan: null, port: of.name, local: true, fixed: true }),
  );
  return {
    of,
    ports: new Map(of.ports.map((port) => [port.name, compilePort(port)])),
    own: compileVlans(of.own),
    fixed: fdbTable([...own, ...fixed], DESTINATION, of.vlanFiltering),
    dynamic: fdbTable(dynamic, DESTINATION, of.vlanFiltering),
    fixedSource: fdbTable([...own, ...fixed], field('eth_src'), of.vlanFiltering),
    setInput: assignment(field('meta_iif'), BigInt(of.index)),
    setOutput: assignment(field('meta_oif'), BigInt(of.index)),
    forwardsReserved: reservedForwarded(of),
  };
}

/** br_handle_frame(): with STP off 01:80:c2:00:00:00 is an ordinary group; others need the mask. */
function reservedForwarded(of: Bridge): Guard {
  const matches: Match[] = [];
  for (let low = 0; low < 16; low++) {
    const wanted = ((of.groupForwardMask >> low) & 1) === 1;
    // Pause frames (…:01) are never forwarded.
    if (low !== 1 && (wanted || (low === 0 && !of.stp))) {
      matches.push(test(DESTINATION, 0x0180_c200_0000n + BigInt(low)));
    }
  }
  return guard(or(...matches));
}

/** __is_skb_forwardable() leaves room for a VLAN tag, whether there is one or not. */
const TAG_ROOM = 4;

/** The IP packet in the frame is longer than so many bytes. */
export function longerThan(bytes: number): Guard {
  return guard(range(field('ip_len'), BigInt(bytes + 1), 0xffff_ffffn));
}

function compilePort(of: BridgePort): CompiledPort {
  return {
    of,
    vlans: compileVlans(of.vlans),
    setPhysicalInput: assignment(field('meta_physin'), BigInt(of.index)),
    setPhysicalOutput: assignment(field('meta_physout'), BigInt(of.index)),
    setInput: assignment(field('meta_iif'), BigInt(of.index)),
    setOutput: assignment(field('meta_oif'), BigInt(of.index)),
    // Simplification: only IP has a length that matters; other frames are short.
    tooLong: longerThan(of.mtu + TAG_ROOM),
    longerThanMtu: longerThan(of.mtu),
  };
}

function compileVlans({ pvid, members }: PortVlans): CompiledVlans {
  return {
    setPvid: pvid === null ? null : bitsAssignment(VLAN_ID, BigInt(pvid)),
    admits: guard(or(...members.map(({ from, to }) => range12(from, to)))),
    untagged: guard(
      or(...members.filter((one) => one.untagged).map(({ from, to }) => range12(from, to))),
    ),
  };
}

function fdbTable(
  entries: readonly FdbEntry[],
  of: typeof DESTINATION,
  byVlan: boolean,
): Table<FdbEntry> {
  const rules = entries.map((entry, rank): Rule<FdbEntry> => {
    const vlan = byVlan && entry.vlan !== null ? test(TCI, BigInt(entry.vlan), 0xfffn) : ANY;
    return { match: and(test(of, entry.mac), vlan), rank, decisive: true, entry };
  });
  return compileTable(rules);
}

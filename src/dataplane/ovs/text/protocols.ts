/**
 * Which OpenFlow flavours can carry a flow (lib/ofp-protocol.h): matches and actions narrow the
 * set, an empty set means that no switch takes the flow. OpenFlow 1.0 exists bare, with Nicira's
 * extended matches (NXM), and each of both with and without table numbers.
 */

export const PROTOCOLS = {
  of10: 0x003,
  nxm: 0x00c,
  of11: 0x010,
  of12: 0x020,
  of13: 0x040,
  of14: 0x080,
  of15: 0x100,
  /** OpenFlow 1.2 and later. */
  oxm: 0x1e0,
  /** Everything that speaks the OpenFlow 1.0 action set. */
  v10: 0x00f,
  v11up: 0x1f0,
  v12up: 0x1e0,
  v13up: 0x1c0,
  v15up: 0x100,
  /** Flavours that can say which table a flow is for. */
  withTable: 0x1fa,
  any: 0x1ff,
} as const;

/** The set as `ovs-ofctl parse-flow` names it ("usable protocols"). */
export function protocolNames(set: number): readonly string[] {
  if (set === 0) return ['none'];
  if (set === PROTOCOLS.any) return ['any'];
  const names: string[] = [];
  let left = set;
  for (const [bits, name] of NAMES) {
    if ((left & bits) === bits) {
      names.push(name);
      left &= ~bits;
    }
  }
  return names;
}

/** Longest sets first, as lib/ofp-protocol.c abbreviates. */
const NAMES: readonly (readonly [number, string])[] = [
  [0x003, 'OpenFlow10'],
  [0x00c, 'NXM'],
  [0x1e0, 'OXM'],
  [0x001, 'OpenFlow10-table_id'],
  [0x002, 'OpenFlow10+table_id'],
  [0x004, 'NXM-table_id'],
  [0x008, 'NXM+table_id'],
  [0x010, 'OpenFlow11'],
  [0x020, 'OXM-OpenFlow12'],
  [0x040, 'OXM-OpenFlow13'],
  [0x080, 'OXM-OpenFlow14'],
  [0x100, 'OXM-OpenFlow15'],
];

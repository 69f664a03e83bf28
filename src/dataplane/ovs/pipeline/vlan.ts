/**
 * VLANs of NORMAL and mirrors: which VLAN a frame is in on its way through the bridge, which
 * ports carry that VLAN, and which tags leave (xlate xvlan_input_translate(), output_normal()).
 */
import { allBits, type FieldBits, field } from '../../../packet/fields.ts';
import { writeNumberTo } from './conditions.ts';
import { forkPart, type Part, type Translation } from './part.ts';
import { type Bundle, type PreparedPort } from './prepared.ts';

/** One 802.1Q header; absent is all zero. `pcp` stands in bits 13 to 15. */
export interface Tag {
  readonly tpid: number;
  readonly vid: number;
  readonly pcp: number;
}

/** Outermost first. */
export type Tags = readonly [Tag, Tag];

const TCI = field('vlan_tci');
const TCI2 = field('vlan_tci2');
const TPID = field('vlan_tpid');
const TPID2 = field('vlan_tpid2');
const FRAME_LEN = field('frame_len');
const BITS = {
  TCI: allBits(TCI),
  TPID: allBits(TPID),
  TCI2: allBits(TCI2),
  TPID2: allBits(TPID2),
};
const NO_TAG: Tag = { tpid: 0, vid: 0, pcp: 0 };
const UNTAGGED: Tags = [NO_TAG, NO_TAG];
const CFI = 0x1000;
const PCP_MASK = 0xe000;
const DOT1Q = 0x8100;

/** The tags of the packet as numbers; traffic with several splits. */
export function tagsOf<P>(
  x: Translation<P>,
  part: Part<P>,
): { readonly part: Part<P>; readonly tags: Tags }[] {
  const outer = casesOf(x, part, BITS.TCI);
  const [only] = outer;
  if (only !== undefined && outer.length === 1 && (only.value & CFI) === 0) {
    return [{ part: only.part, tags: UNTAGGED }];
  }
  return outer.flatMap(({ value, part: q }) => {
    if ((value & CFI) === 0) return [{ part: q, tags: UNTAGGED }];
    return casesOf(x, q, BITS.TPID).flatMap(({ value: tpid, part: r }) =>
      casesOf(x, r, BITS.TCI2).flatMap(({ value: value2, part: s }) => {
        const first = tagOf(tpid, value);
        if ((value2 & CFI) === 0) return [{ part: s, tags: [first, NO_TAG] as const }];
        return casesOf(x, s, BITS.TPID2).map(({ value: tpid2, part: u }) => ({
          part: u,
          tags: [first, tagOf(tpid2, value2)] as const,
        }));
      }),
    );
  });
}

function tagOf(tpid: number, tci: number): Tag {
  return { tpid, vid: tci & 0xfff, pcp: tci & PCP_MASK };
}

function casesOf<P>(
  x: Translation<P>,
  part: Part<P>,
  of: FieldBits,
): { readonly value: number; readonly part: Part<P> }[] {
  const cases = x.t.cases(part.p, of, 65_536);
  if (cases === null) return [];
  return cases.map(({ value, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    return { value, part: q };
  });
}

function trunks(bundle: Bundle, vlan: number): boolean {
  if (bundle.first.vlan.mode === 'access') return false;
  return bundle.trunks === null || bundle.trunks.has(vlan);
}

/** Whether a frame with that VID may come in here (input_vid_is_valid()). */
export function inputAllowed(bundle: Bundle, vid: number): boolean {
  switch (bundle.first.vlan.mode) {
    case 'access':
      return vid === 0;
    case 'native-tagged':
    case 'native-untagged':
      return vid === 0 || trunks(bundle, vid);
    case 'trunk':
      return trunks(bundle, vid);
    case 'dot1q-tunnel':
      return bundle.cvlans === null || bundle.cvlans.has(vid);
  }
}

/** The tags a frame has inside of the bridge (xvlan_input_translate()). */
export function innerTags(bundle: Bundle, tags: Tags): Tags {
  const { mode, tag, qinqEthertype } = bundle.first.vlan;
  const [outer, second] = tags;
  const native: Tag = { tpid: outer.tpid || DOT1Q, vid: tag ?? 0, pcp: outer.pcp };
  switch (mode) {
    case 'access':
      return [native, NO_TAG];
    case 'trunk':
      return tags;
    case 'native-tagged':
    case 'native-untagged':
      return outer.vid === 0 ? [native, second] : tags;
    case 'dot1q-tunnel':
      return [{ tpid: qinqEthertype, vid: tag ?? 0, pcp: 0 }, outer];
  }
}

/** Whether the bundle carries the VLAN (xbundle_includes_vlan()). */
export function includesVlan(bundle: Bundle, [outer, second]: Tags): boolean {
  const { mode, tag } = bundle.first.vlan;
  if (mode === 'access') return outer.vid === (tag ?? 0) && second.vid === 0;
  if (mode !== 'dot1q-tunnel') return trunks(bundle, outer.vid);
  return outer.vid === (tag ?? 0) && (bundle.cvlans === null || bundle.cvlans.has(second.vid));
}

/** The tags a frame leaves with (xvlan_output_translate(), xvlan_put()). */
function outputTags(bundle: Bundle, inner: Tags, packet: Tags): readonly [number, number, Tags] {
  const { mode, tag, priorityTags } = bundle.first.vlan;
  const [outer, second] = inner;
  let tags: Tags = inner;
  if (mode === 'access') tags = [NO_TAG, NO_TAG];
  else if (mode === 'dot1q-tunnel' || (mode === 'native-untagged' && outer.vid === (tag ?? 0))) {
    tags = [second, NO_TAG];
  }
  if (priorityTags !== 'never') tags = [{ ...tags[0], pcp: packet[0].pcp }, tags[1]];
  const always = priorityTags === 'always';
  return [tciOf(tags[0], always), tciOf(tags[1], always), tags];
}

function tciOf({ tpid, vid, pcp }: Tag, always: boolean): number {
  const tci = vid | pcp;
  return tci !== 0 || (always && tpid !== 0) ? tci | CFI : 0;
}

function sameTags(packet: Tags, [tci, tci2, tags]: readonly [number, number, Tags]): boolean {
  const same = (tag: Tag, out: Tag, bits: number) =>
    tag.tpid === 0 ? bits === 0 : bits === (tag.vid | tag.pcp | CFI) && out.tpid === tag.tpid;
  return same(packet[0], tags[0], tci) && same(packet[1], tags[1], tci2);
}

/** Gives the frame the tags it leaves with; its length follows. */
function writeTags<P>(
  x: Translation<P>,
  part: Part<P>,
  packet: Tags,
  [tci, tci2, tags]: readonly [number, number, Tags],
): void {
  const { t } = x;
  const had = (packet[0].tpid === 0 ? 0 : 1) + (packet[1].tpid === 0 ? 0 : 1);
  const has = (tci === 0 ? 0 : 1) + (tci2 === 0 ? 0 : 1);
  part.p = t.set(part.p, writeNumberTo(TCI, tci));
  part.p = t.set(part.p, writeNumberTo(TPID, tci === 0 ? 0 : tags[0].tpid || DOT1Q));
  part.p = t.set(part.p, writeNumberTo(TCI2, tci2));
  part.p = t.set(part.p, writeNumberTo(TPID2, tci2 === 0 ? 0 : tags[1].tpid || DOT1Q));
  if (has !== had) part.p = t.add(part.p, FRAME_LEN, 4 * (has - had));
}

const TAG_BITS = [TCI, TPID, TCI2, TPID2, FRAME_LEN].map(allBits);

/** Sends to a bundle with the tags it wants; afterwards the frame is as it was. */
export function outputTo<P>(
  x: Translation<P>,
  part: Part<P>,
  bundle: Bundle,
  inner: Tags,
  packet: Tags,
): Part<P>[] {
  const member = chooseMember(x, part, bundle);
  if (member === null) return [part];
  const leaving = outputTags(bundle, inner, packet);
  const how = { last: false, truncate: null };
  if (sameTags(packet, leaving)) return x.engine.send(x, part, member.ofport, how);
  const saved = x.t.fork(part.p);
  writeTags(x, part, packet, leaving);
  const parts = x.engine.send(x, part, member.ofport, how);
  for (const q of parts) {
    for (const bits of TAG_BITS) q.p = x.t.copy(q.p, bits, saved, bits);
  }
  return parts;
}

/**
 * The member of a bond that transmits.
 * Simplification: balancing bonds hash with a seed that nobody knows; one packet is walked by every
 * member, a packet set by the first that is up, and the answer says that a hash decides.
 */
function chooseMember<P>(x: Translation<P>, part: Part<P>, bundle: Bundle): PreparedPort | null {
  const { bond } = bundle.first;
  const [first] = bundle.members;
  if (bond === null || bundle.members.length === 1) return first ?? null;
  const up = bundle.members.filter((member) => member.enabled);
  if (bond.mode === 'active-backup') {
    return up.find((member) => member.name === bond.active) ?? up[0] ?? null;
  }
  if (up.length > 1 && x.run.pick !== undefined) {
    const where = `${x.sw.source.host} ${part.bridge.name}`;
    const ends = up.map(({ name }) => `${where} ${name} of ${bundle.name}`);
    return up[x.run.pick(`${where} bond ${bundle.name}`, ends)] ?? null;
  }
  if (up.length > 1) {
    x.run.assume('AMBIGUOUS_HASH', `${part.bridge.name}: bond ${bundle.name} (${bond.mode})`);
  }
  return up[0] ?? null;
}

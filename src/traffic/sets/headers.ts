/**
 * VLAN tags pushed on and popped from sets of packets, by the rules of `../headers.ts`. Whether
 * there is a tag must be the same for the whole set; elements split by the tag before.
 */
import { allBits, type Field, field } from '../../packet/fields.ts';
import { type HeaderKind } from '../traffic.ts';
import { constantRuns, doubted, type PacketSet, readRun, writeRuns } from './packet-set.ts';
import { addTo } from './sums.ts';
import { clip, constantOf } from './symbols.ts';

const TCI = field('vlan_tci');
const TPID = field('vlan_tpid');
const TCI2 = field('vlan_tci2');
const TPID2 = field('vlan_tpid2');
const FRAME_LEN = field('frame_len');
const VLAN_PRESENT = 0x1000;
const PRESENT_BIT = 12;
const TAG_BYTES = 4;

export function pushHeader(p: PacketSet, header: HeaderKind, etherType: number): PacketSet {
  if (header !== 'vlan') return doubted(p, `push of ${header} to a set of packets`);
  const below = move(move(p, TCI2, TCI), TPID2, TPID);
  const tagged = write(write(below, TCI, VLAN_PRESENT), TPID, etherType);
  return addTo(tagged, FRAME_LEN, TAG_BYTES);
}

export function popHeader(p: PacketSet, header: HeaderKind): PacketSet {
  if (header !== 'vlan') return doubted(p, `pop of ${header} from a set of packets`);
  const present = isTagged(p);
  if (present === false) return p;
  const above = move(move(p, TCI, TCI2), TPID, TPID2);
  const popped = addTo(write(write(above, TCI2, 0), TPID2, 0), FRAME_LEN, -TAG_BYTES);
  return present === null ? doubted(popped, 'a tag is popped that only some packets have') : popped;
}

/** Whether the packets have a VLAN tag; null when some have and some have not. */
function isTagged({ space, words, where }: PacketSet): boolean | null {
  const bit = clip(words[TCI.word]!, PRESENT_BIT, PRESENT_BIT + 1);
  const known = bit === null ? null : constantOf(bit);
  if (known !== null) return known === 1;
  const [piece] = bit ?? [];
  if (piece === undefined || piece.variable === null || piece.low !== 0) return null;
  const values = space.regions.values(where, piece.variable);
  return values.length === 2 && values[0] === values[1] ? values[0] === 1 : null;
}

function move(p: PacketSet, to: Field, from: Field): PacketSet {
  const runs = readRun(p, allBits(from));
  return runs === null ? doubted(p, `${from.name} is a sum`) : writeRuns(p, allBits(to), runs);
}

function write(p: PacketSet, to: Field, value: number): PacketSet {
  return writeRuns(p, allBits(to), constantRuns(to.width, BigInt(value)));
}

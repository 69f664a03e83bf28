/** Runs of bits of one packet: copied, added to, written, each changed word noted in the diary. */
import { type Field, type FieldBits } from '../packet/fields.ts';
import { writeWord } from './diary.ts';
import { type Packet } from './packet.ts';
import { readNumber } from './words.ts';

function ones(width: number): number {
  return width === 32 ? 0xffff_ffff : (1 << width) - 1;
}

/** Writes up to 32 bits that start at bit `start` of a field. */
export function writeRun(p: Packet, of: Field, start: number, width: number, value: number): void {
  const bit = of.shift + start;
  const index = of.word + ((of.width + 31) >>> 5) - 1 - (bit >>> 5);
  const low = bit & 31;
  const mask = ones(width);
  const bits = value & mask;
  writeWord(p, index, (p.words[index]! & ~(mask << low)) | (bits << low));
  if (low + width <= 32) return;
  const spill = 32 - low;
  const above = p.words[index - 1]!;
  writeWord(p, index - 1, (above & ~(mask >>> spill)) | ((bits >>> 0) >>> spill));
}

/** Writes the low bits of a field of up to 32 bits. */
export function writeField(p: Packet, of: Field, value: number): void {
  writeRun(p, of, 0, Math.min(of.width, 32), value);
}

/** Room for the widest copy: 124 bytes of one tunnel option. */
const held = new Uint32Array(32);

/** Copies bits from one packet to another, or within one packet, where the runs may overlap. */
export function copyRun(p: Packet, to: FieldBits, source: Packet, from: FieldBits): void {
  const { width } = to;
  if (to.field === from.field && width === to.field.width && (width & 31) === 0) {
    copyWords(p, source, to.field);
    return;
  }
  if (width <= 32) {
    const value = readNumber(source.words, from.field, from.start, width);
    writeRun(p, to.field, to.start, width, value);
    return;
  }
  if (width <= 64) {
    const below = readNumber(source.words, from.field, from.start, 32);
    const above = readNumber(source.words, from.field, from.start + 32, width - 32);
    writeRun(p, to.field, to.start, 32, below);
    writeRun(p, to.field, to.start + 32, width - 32, above);
    return;
  }
  // All is read before anything is written: move:NXM_NX_XXREG0[0..95]->NXM_NX_XXREG0[32..127].
  for (let done = 0, i = 0; done < width; done += 32, i++) {
    const part = Math.min(width - done, 32);
    held[i] = readNumber(source.words, from.field, from.start + done, part);
  }
  for (let done = 0, i = 0; done < width; done += 32, i++) {
    writeRun(p, to.field, to.start + done, Math.min(width - done, 32), held[i]!);
  }
}

/** Copies a field of whole words from where it stands in another packet. */
function copyWords(p: Packet, source: Packet, { word, width }: Field): void {
  const from = source.words;
  const end = word + (width >>> 5);
  for (let i = word; i < end; i++) writeWord(p, i, from[i]!);
}

/** Writes a value of any width into a run of bits. */
export function writeValue(p: Packet, to: FieldBits, value: bigint): void {
  for (let done = 0; done < to.width; done += 32) {
    const part = Number(BigInt.asUintN(32, value >> BigInt(done)));
    writeRun(p, to.field, to.start + done, Math.min(32, to.width - done), part);
  }
}

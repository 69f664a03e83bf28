/** Runs of bits of fields in actions: `NXM_NX_REG0[0..15]`, read and written. */
import { type FieldBits } from '../../../packet/fields.ts';
import { KEYWORD_BY_FIELD, type Keyword, keywordOf } from './keywords.ts';
import { type Fault, isFault } from './numbers.ts';
import { type Reading, readBits } from './words.ts';

export function readFieldBits(text: string, reading: Reading): FieldBits | Fault {
  const bits = readBits(text, reading);
  if (isFault(bits)) return bits;
  return { field: bits.keyword.field, start: bits.start, width: bits.width };
}

/** The bits as dumps name them: by their NXM name, or OXM where there is no other. */
export function writeBits(bits: FieldBits): string {
  const { name, width } = wireName(bits);
  if (bits.start === 0 && bits.width === width) return `${name}[]`;
  if (bits.width === 1) return `${name}[${bits.start}]`;
  return `${name}[${bits.start}..${bits.start + bits.width - 1}]`;
}

function wireName(bits: FieldBits): { name: string; width: number } {
  const wide = bits.field.name === 'in_port' && bits.width === 32;
  const word: Keyword | undefined = wide
    ? keywordOf('in_port_oxm')
    : KEYWORD_BY_FIELD.get(bits.field.name);
  if (word !== undefined) return { name: word.wire, width: word.bits };
  return { name: bits.field.oxm[0] ?? bits.field.name, width: bits.field.width };
}

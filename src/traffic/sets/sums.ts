/** A constant added to a field of a set: TTL, lengths. */
import { allBits, type Field } from '../../packet/fields.ts';
import { anyRun, doubted, type PacketSet, readRun, writeRuns } from './packet-set.ts';
import { constant, constantOf, ones } from './symbols.ts';

/** Adds modulo the field's width (up to 32 bits). */
export function addTo(p: PacketSet, of: Field, delta: number): PacketSet {
  const bits = { ...allBits(of), width: Math.min(of.width, 32) };
  const [only] = readRun(p, bits) ?? [];
  const run = only?.run ?? [];
  const known = constantOf(run);
  if (only !== undefined && known !== null) {
    return writeRuns(p, bits, [{ at: 0, run: [constant(0, bits.width, known + delta)] }]);
  }
  const [piece] = run;
  const whole =
    run.length === 1 &&
    piece !== undefined &&
    piece.variable !== null &&
    piece.low === 0 &&
    p.space.regions.tops[piece.variable] === ones(bits.width);
  if (whole && piece !== undefined && piece.variable !== null) {
    return writeRuns(p, bits, [{ at: 0, run: [{ ...piece, add: piece.add + delta }] }]);
  }
  const any = [{ at: 0, run: anyRun(p.space, bits.width) }];
  return doubted(writeRuns(p, bits, any), `${of.name} is a sum of parts`);
}

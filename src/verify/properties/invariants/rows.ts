/** All invariants, one row each. A new one is one more row. */
import { type Checking } from '../kinds/row.ts';
import { type Checked, type Invariant, type InvariantProperty } from '../types.ts';
import { checkEqualWays } from './choices.ts';
import { checkBlackHoles, checkLoops } from './drops.ts';
import { checkForged } from './forged.ts';
import { checkTranslations } from './nat.ts';
import { checkOverlaps, checkShadowed } from './rules.ts';
import { checkSizes } from './sizes.ts';
import { checkStale } from './stale.ts';

export const INVARIANT_CHECKS: Readonly<
  Record<Invariant, (checking: Checking, property: InvariantProperty) => Iterable<Checked>>
> = {
  'no-loops': checkLoops,
  'no-black-holes': checkBlackHoles,
  'no-forged-sources': checkForged,
  'no-overlaps': checkOverlaps,
  'no-shadowed-rules': checkShadowed,
  'no-stale-connections': checkStale,
  'nat-consistent': checkTranslations,
  'ecmp-consistent': checkEqualWays,
  mtu: checkSizes,
};

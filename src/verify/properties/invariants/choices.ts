/** Equal-cost ways agree: whatever a hash chooses, the same packets arrive and are answered. */
import { NOWHERE } from '../../../traffic/sets/regions.ts';
import { groupOf } from '../../proof/prove.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { arrivals, dropByChoice } from '../walks.ts';
import { checkPairs } from './between.ts';

export function* checkEqualWays(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  yield* checkPairs(checking, property, (walked) => {
    const { space } = walked.followed;
    const sometimes = space.regions.minus(
      arrivals(walked, 'new', 'may'),
      arrivals(walked, 'new', 'must'),
    );
    const shown = sometimes === NOWHERE ? null : groupOf(space, sometimes);
    if (shown === null) return [];
    const stopped = dropByChoice(walked, sometimes);
    const text = `${groupText(shown)} arrives for some choices only${stopped === null ? '' : `: ${stopped.text}`}`;
    const origin = stopped?.origin ?? null;
    return [{ because: [text], witness: shown.witness, code: 'AMBIGUOUS_HASH', origin }];
  });
}

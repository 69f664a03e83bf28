/** What invariants over pairs of ends have in common: all ordered pairs, each walked once. */
import { ALL_WANTED } from '../../proof/wanted.ts';
import { endsOf, everyServer } from '../ends.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { type Walked } from '../walks.ts';

/** Judges one pair whose packets were walked; nothing is wrong without a finding. */
export type JudgePair = (
  walked: Extract<Walked, { kind: 'walked' }>,
  pair: { readonly from: string; readonly to: string },
) => readonly Finding[];

/** What is wrong with a pair. */
export type Finding = Pick<Checked, 'because' | 'witness'> &
  Partial<Pick<Checked, 'code' | 'origin' | 'holds'>>;

/** Checks every ordered pair of the property's ends; all servers when it names none. */
export function* checkPairs(
  checking: Checking,
  property: InvariantProperty,
  judge: JudgePair,
): Generator<Checked> {
  const { network, file, walks } = checking;
  const { names, wrong } =
    property.among === null
      ? { names: everyServer(network), wrong: [] }
      : endsOf(network, file.groups, property.among);
  if (wrong.length > 0 || names.length < 2) {
    const because = wrong.length > 0 ? wrong : ['says nothing: there are no two servers'];
    yield plain(property, property.among?.join(', ') ?? 'all servers', 'fails', because);
    return;
  }
  for (const from of names) {
    for (const to of names) {
      if (from === to) continue;
      const said = { ...plain(property, `${from} → ${to}`, 'holds'), from, to };
      const walked = walks.walk({ from, to, wanted: ALL_WANTED, version: property.version });
      if (walked.kind === 'impossible') {
        yield { ...said, holds: 'unsure', because: [walked.why] };
        continue;
      }
      if (walked.kind === 'wrong') {
        // An end without an address of this version has nothing to prove.
        const holds = property.among === null ? 'holds' : 'fails';
        yield { ...said, holds, because: walked.because };
        continue;
      }
      const found = judge(walked, { from, to });
      for (const one of found) yield { ...said, holds: 'fails', proof: walked.proof, ...one };
      if (found.length > 0) continue;
      yield walked.unsure.length > 0
        ? { ...said, holds: 'unsure', because: walked.unsure, proof: walked.proof }
        : { ...said, proof: walked.proof };
    }
  }
}

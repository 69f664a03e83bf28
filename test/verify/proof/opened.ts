/** Proofs of captured deployments, with all that follows on first packets. */

import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { type Proved, prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { captured, folderOf } from '../../captured.ts';

/** Proves all packets from one end to another in a capture without phases. */
export function openProof(
  capture: string,
  from: string,
  to: string,
): Extract<Proved, { readonly kind: 'proved' }> {
  const network = openSnapshot(folderOf(captured(capture).files, '.'));
  const asked = askedQuestion(network, { from, to, version: 4 });
  if (asked.kind === 'wrong') throw new Error(asked.message);
  const question = { ...asked.value, wanted: ALL_WANTED, established: true };
  const proved = prepareProofs(network).prove(question);
  if (proved.kind === 'impossible') throw new Error(proved.why);
  return proved;
}

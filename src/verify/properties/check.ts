/**
 * Checks properties over one network. A property that says nothing (no packet is asked about, an
 * end that is not there) fails: CI must not pass because a name was misspelt.
 */
import { type Network } from '../../dataplane/network.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { classText } from '../proof/classes.ts';
import { type Group, type Proof, type Prover, prepareProofs } from '../proof/prove.ts';
import { ALL_WANTED } from '../proof/wanted.ts';
import { type Checked, type Holds, type Property } from './types.ts';

/** Checks all pairs of all properties, one after the other. */
export function* checkProperties(
  network: Network,
  properties: readonly Property[],
): Generator<Checked> {
  const prover = prepareProofs(network);
  for (const property of properties) {
    for (const from of property.from) {
      for (const to of property.to) {
        // Lists of ends may overlap: nobody is asked about himself.
        if (from !== to) yield checkPair(network, prover, property, from, to);
      }
    }
  }
}

function checkPair(
  network: Network,
  prover: Prover,
  property: Property,
  from: string,
  to: string,
): Checked {
  const { claim, wanted, version } = property;
  const said = { property, from, to };
  const asked = askedQuestion(network, { from, to, version });
  if (asked.kind === 'wrong') {
    const because = [asked.message, ...asked.details.map((line) => line.trim())];
    return { ...said, holds: 'fails', because, witness: null, proof: null };
  }
  const proved = prover.prove({
    from: asked.value.from,
    to: asked.value.to,
    wanted: claim === 'only' ? ALL_WANTED : wanted,
    ...(claim === 'only' ? { allowed: wanted } : {}),
  });
  if (proved.kind === 'impossible') {
    return { ...said, holds: 'unsure', because: [proved.why], witness: null, proof: null };
  }
  const { proof } = proved;
  const { holds, because, shown } = judged(property, proof);
  const unsure = [
    ...proof.unknown,
    ...(proof.lost === null ? [] : [`no end is known of ${groupText(proof.lost)}`]),
  ];
  // What is seen to fail by a packet fails whatever else is unknown; nothing else is sure then.
  if (unsure.length > 0 && !(holds === 'fails' && shown !== null)) {
    return { ...said, holds: 'unsure', because: unsure, witness: null, proof };
  }
  return { ...said, holds, because, witness: shown?.witness ?? null, proof };
}

interface Judged {
  readonly holds: Holds;
  readonly because: readonly string[];
  /** The packets that show it. */
  readonly shown: Group | null;
}

function judged({ claim, answered }: Property, proof: Proof): Judged {
  const come = answered ? proof.answered : proof.arrives;
  const what = answered ? 'is answered' : 'arrives';
  if (proof.asked === null) return failed('no packet is asked about', null);
  switch (claim) {
    case 'none':
      return come === null ? HOLDS : failed(`${groupText(come)} ${what}`, come);
    case 'some':
      return come === null ? failed(`no packet ${what}${stoppedBy(proof)}`, null) : HOLDS;
    case 'all': {
      if (answered && come === null) return failed(`no packet ${what}`, null);
      const { missing } = proof;
      return missing === null
        ? HOLDS
        : failed(`${groupText(missing)} does not arrive${stoppedBy(proof)}`, missing);
    }
    case 'only':
      if (proof.beyond !== null) {
        return failed(`${groupText(proof.beyond)} arrives as well`, proof.beyond);
      }
      return come === null ? failed(`no packet ${what}${stoppedBy(proof)}`, null) : HOLDS;
  }
}

const HOLDS: Judged = { holds: 'holds', because: [], shown: null };

function failed(because: string, shown: Group | null): Judged {
  return { holds: 'fails', because: [because], shown };
}

function stoppedBy({ stopped: [first] }: Proof): string {
  if (first === undefined) return '';
  const { code, host, where, origin } = first;
  return `: ${code} at ${host}, ${where}${origin === null ? '' : ` (${origin.file}:${origin.line})`}`;
}

function groupText({ classes }: Group): string {
  return classes.map(classText).join('; ');
}

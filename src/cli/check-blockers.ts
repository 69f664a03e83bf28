/** Findings about packets that do not arrive, with all that blocks them and what was found to help. */
import { type Network } from '../dataplane/network.ts';
import { type Wanted } from '../verify/proof/wanted.ts';
import { type Checked } from '../verify/properties/types.ts';
import { type Blocked, type BlockedQuestion, explainBlocked } from '../why/blocked.ts';
import { blockedSentences } from '../why/render/blocked.ts';
import { cloudOf } from './why-run.ts';

/** Pairs of servers that are proved for what changes do to others. */
const EFFECT_PAIRS = 4;

export interface Explained {
  readonly checked: readonly Checked[];
  readonly blocked: ReadonlyMap<Checked, Blocked>;
}

/**
 * Explains findings, of those with one cause the first alone.
 * @param most how many are explained
 * @param path of the snapshot or the cloud.yaml
 */
export function explained(
  network: Network,
  path: string | undefined,
  checked: readonly Checked[],
  most: number,
): Explained {
  const blocked = new Map<Checked, Blocked>();
  if (most === 0) return { checked, blocked };
  const cloud = cloudOf(network, path);
  const seen = new Set<string>();
  const told = checked.map((finding): Checked => {
    const question = questionFor(finding);
    if (question === null) return finding;
    const { property, code, origin } = finding;
    const key = `${property.name} ${code} ${origin?.file} ${origin?.line}`;
    if (seen.has(key) || seen.size >= most) return finding;
    seen.add(key);
    const found = explainBlocked(network, question, { cloud, effectPairs: EFFECT_PAIRS });
    if (found.stopped.length === 0) return finding;
    const advice = blockedSentences(found).map(({ label, text }) =>
      label === '' ? text : `${label}: ${text}`,
    );
    const advised = { ...finding, advice };
    blocked.set(advised, found);
    return advised;
  });
  return { checked: told, blocked };
}

/** Null for what is no matter of packets that should arrive. */
function questionFor({
  property,
  holds,
  from,
  to,
  proof,
  witness,
}: Checked): BlockedQuestion | null {
  if (holds !== 'fails' || from === null || to === null) return null;
  if (property.kind === 'reach') {
    const { claim, version, wanted, state, modality } = property;
    // What arrives and should not is blocked by nothing.
    if (claim === 'none' || proof === null || proof.beyond !== null) return null;
    const goal = claim === 'all' ? 'all' : 'some';
    return { from, to, version, wanted, state, modality: modality ?? 'must', goal };
  }
  if (property.kind !== 'invariant' || property.invariant !== 'no-black-holes') return null;
  if (witness === null) return null;
  const { version } = property;
  const wanted = wantedOf(witness);
  return { from, to, version, wanted, state: 'new', modality: 'may', goal: 'some' };
}

/** The kind of packets that a witness stands for. */
function wantedOf({ protocol, port }: NonNullable<Checked['witness']>): Wanted {
  const ports = [{ from: BigInt(port), to: BigInt(port) }];
  const icmp = protocol === 1 || protocol === 58;
  return {
    icmp,
    tcp: protocol === 6 ? ports : null,
    udp: protocol === 17 ? ports : null,
    others: !icmp && protocol !== 6 && protocol !== 17,
  };
}

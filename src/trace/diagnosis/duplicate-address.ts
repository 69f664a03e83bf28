/**
 * Two stations with one address: which of them is sent to is chance (RFC 5227 §1.1), and whatever
 * a packet meets after that is a matter of that chance.
 */
import { tapOfGuest } from '../../dataplane/endpoint/guest.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Claim } from '../claims.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { portRef } from '../objects.ts';
import { type ChoicePoint } from '../programs/choices.ts';
import { type Blocker } from '../types.ts';
import { inNamespace, word } from './commands.ts';

/** Claims of one address by stations at different places. */
export function contestedBy(points: readonly ChoicePoint[]): readonly Claim[] {
  return points.flatMap(({ claim }) => (claim !== undefined && isContested(claim) ? [claim] : []));
}

/** Two NICs of one host that both answer are no fault. */
export function isContested({ answerers }: Claim): boolean {
  return new Set(answerers.map(({ place }) => place)).size > 1;
}

/** One sentence that names everybody who answers. */
export function contestText({ address, answerers }: Claim): string {
  const who = answerers.map(({ label }) => label).join(' and ');
  return `${writeIp(address)} is answered for by ${who}: whoever answers first is sent to`;
}

/** Blames the address, not what its other owner then did with the packet. */
export function duplicateBlocker(
  { network }: CompiledNetwork,
  claim: Claim,
  direction: Blocker['direction'],
): Blocker {
  const { host, namespace, device, address, answerers } = claim;
  return {
    code: 'ADDRESS_DUPLICATE',
    host,
    component: `${namespace} neighbours of ${device}`,
    evidence: `${writeIp(address)} is at ${answerers.map(({ label }) => label).join(' and ')}`,
    origin: null,
    nearMisses: [],
    direction,
    because: [contestText(claim)],
    neutron: answerers.flatMap(({ port }) => (port === null ? [] : [portRef(network, port)])),
    fix: {
      summary: `take ${writeIp(address)} away from whoever should not have it`,
      commands: [],
    },
    confirm: tapOfGuest(namespace) === null ? [inNamespace(host, namespace, asking(claim))] : [],
  };
}

/** Both print every answer, not the first alone. */
function asking({ address, device }: Claim): string {
  const text = writeIp(address);
  return address.version === 4
    ? `arping -c 3 -I ${word(device)} ${text}`
    : `ndisc6 -m ${text} ${word(device)}`;
}

/** `invariant`: what should hold of every network, by its name. */
import { type JsonNode, member, wrong } from '../../../text/json-text.ts';
import { INVARIANT_CHECKS } from '../invariants/rows.ts';
import { INVARIANTS, type InvariantProperty } from '../types.ts';
import { choiceOf, namesOf, versionOf, wholeOf } from '../words.ts';
import { type Begun, type KindRow } from './row.ts';

/** The least MTU of an IPv4 link (RFC 791 §3.2). */
export const LEAST_MTU = 68;

export const INVARIANT_KEYS = ['invariant', 'among', 'except', 'at_least', 'ipv6'] as const;

export const INVARIANT: KindRow<InvariantProperty> = {
  kind: 'invariant',
  sign: 'invariant',
  keys: INVARIANT_KEYS,
  read: readInvariant,
  check: (checking, property) => INVARIANT_CHECKS[property.invariant](checking, property),
};

function readInvariant(node: JsonNode, { name, ...place }: Begun): InvariantProperty | null {
  const invariant = choiceOf(node, 'invariant', INVARIANTS);
  const atLeast = wholeOf(node, 'at_least', LEAST_MTU);
  if (invariant === undefined || invariant === null || atLeast === null) return null;
  const length = member(node, 'at_least');
  if (length !== undefined && invariant !== 'mtu') {
    wrong(length, 'Only the invariant mtu has a least size');
    return null;
  }
  const among = namesOf(node, 'among');
  return {
    kind: 'invariant',
    name: name ?? invariant,
    ...place,
    invariant,
    among: among.length === 0 ? null : among,
    except: namesOf(node, 'except'),
    atLeast: atLeast ?? null,
    version: versionOf(node),
  };
}

/** Who received a packet: the name a person would use, and what it is. Part of the conclusion. */
import { type Endpoint, ROOT } from '../dataplane/network.ts';
import { field } from '../packet/fields.ts';
import { type Packet } from '../traffic/packet.ts';
import { readField } from '../traffic/words.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { endpointsAt } from './endpoints-at.ts';
import { addressOf } from './observation.ts';
import { OUTSIDE, outsideName } from './outside.ts';
import { type Ending } from './walk.ts';

export interface Receiver {
  readonly name: string;
  readonly role: Endpoint['role'];
}

/** The receiver of a packet that was delivered. */
export function receiverOf(compiled: CompiledNetwork, { device, p }: Ending<Packet>): Receiver {
  const { host, name } = device;
  const { network, outsideNames } = compiled;
  if (host === OUTSIDE) {
    const known = outsideName(network, outsideNames, destinationOf(p));
    return { name: known ?? addressOf(p, 'dst'), role: 'host' };
  }
  const here = endpointsAt(network, host, name);
  // A trunk's guest has the name of its parent port, whichever of its networks was meant.
  const owner = here.find(({ role }) => role === 'vm') ?? here[0];
  const fallback = { name: name === ROOT ? host : name, role: 'other' } as const;
  return owner ?? fallback;
}

function destinationOf({ words }: Packet): { version: 4 | 6; value: bigint } {
  return readField(words, field('eth_type')) === 0x86ddn
    ? { version: 6, value: readField(words, field('ipv6_dst')) }
    : { version: 4, value: readField(words, field('ip_dst')) };
}

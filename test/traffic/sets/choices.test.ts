/**
 * What is chosen on the way: a hash gives the same for the same packets, and two choices may be
 * alike or not, both of which are followed.
 */
import { describe, expect, it } from 'vitest';
import { allBits, field, HASHED_FIELDS } from '../../../src/packet/fields.ts';
import { onePacket } from '../../../src/traffic/one-packet.ts';
import { blankPacket } from '../../../src/traffic/packet.ts';
import { holds } from '../../../src/traffic/sets/images.ts';
import { everyPacket, type PacketSet } from '../../../src/traffic/sets/packet-set.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type FieldPairs, type Traffic } from '../../../src/traffic/traffic.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { openProof } from '../../verify/proof/opened.ts';

const PORT = allBits(field('udp_src'));
const PORTS: FieldPairs = [[PORT, PORT]];
const HOST = { name: 'who hashes' };

/** A frame around another whose source port is a hash of it. */
function wrapped<P>(traffic: Traffic<P>, p: P, whose: object): P {
  const hash = { whose, of: p, fields: HASHED_FIELDS };
  return traffic.choose(traffic.encapsulate(traffic.fork(p)), PORT, 32_768n, 60_999n, hash);
}

const other = <P>(traffic: Traffic<P>, p: P): P =>
  traffic.set(traffic.fork(p), assignment(field('ip_dst'), 7n));

/** How two sets compare: whether some and whether not all of their inputs are alike. */
function alike(a: PacketSet, b: PacketSet): { hit: boolean; miss: boolean; sure: boolean } {
  const { hit, miss } = packetSets.same(a, b, PORTS);
  const sure = [hit, miss].every((part) => part === null || part.doubts.length === 0);
  return { hit: hit !== null, miss: miss !== null, sure };
}

describe('a choice', () => {
  const p = everyPacket(openSpace());

  it('that is a hash is the same for packets of one flow', () => {
    const later = packetSets.set(packetSets.fork(p), assignment(field('nw_ttl'), 9n));
    const [one, two] = [wrapped(packetSets, p, HOST), wrapped(packetSets, later, HOST)];
    expect(alike(one, two)).toEqual({ hit: true, miss: false, sure: true });
  });

  it('is another for another flow, and for another who hashes, or happens to be the same', () => {
    const one = wrapped(packetSets, p, HOST);
    const either = { hit: true, miss: true, sure: true };
    expect(alike(one, wrapped(packetSets, other(packetSets, p), HOST))).toEqual(either);
    expect(alike(one, wrapped(packetSets, p, { name: 'somebody else' }))).toEqual(either);
  });

  it('is told from numbers out of its range', () => {
    const one = wrapped(packetSets, p, HOST);
    const low = packetSets.choose(packetSets.fork(p), PORT, 1024n, 2047n);
    expect(alike(one, low)).toEqual({ hit: false, miss: true, sure: true });
    const fixed = packetSets.set(packetSets.fork(p), assignment(field('udp_src'), 8472n));
    expect(alike(one, fixed)).toEqual({ hit: false, miss: true, sure: true });
  });

  it('of one packet is the first, and so are those of which the sets say what befalls it', () => {
    const packet = blankPacket();
    const single = [
      wrapped(onePacket, onePacket.fork(packet), HOST),
      wrapped(onePacket, other(onePacket, packet), HOST),
    ] as const;
    const alone = onePacket.same(single[0], single[1], PORTS);
    const together = packetSets.same(
      wrapped(packetSets, p, HOST),
      wrapped(packetSets, other(packetSets, p), HOST),
      PORTS,
    );
    expect(alone.hit).not.toBeNull();
    expect(together.hit !== null && holds(together.hit, packet.words)).toBe(true);
    expect(together.miss !== null && holds(together.miss, packet.words)).toBe(false);
  });
});

describe('what follows on connections through tunnels', () => {
  it('is known where hosts remember the packets of the tunnels themselves', () => {
    // Both servers are on one host and the router on another: both directions take the same way.
    const { proof } = openProof('linuxbridge-vxlan-flat', 'l3', 'l5');
    expect(proof.unknown).toEqual([]);
    expect(proof.verdict).toBe('REACHABLE');
  });
});

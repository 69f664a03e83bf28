/**
 * What packet captures on every interface would have seen of a trace: each crossing of each
 * interface by each packet that the walk made, in order, with all headers at that point.
 */
import { type CrossingPlace, type CrossingStep } from '../dataplane/crossing.ts';
import { readDiary } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { bytesFromPacket } from '../traffic/wire.ts';
import { lineageSteps, type Role } from './lineage.ts';
import { type Trace } from './types.ts';

/** One packet crosses one interface. */
export interface Sighting {
  readonly at: CrossingPlace;
  /** As the interface's owner sees it: received or transmitted. */
  readonly direction: 'in' | 'out';
  /** What the packet is to the question. */
  readonly role: Role;
  /** 0 for the asked connection, more for those that balancers open because of it. */
  readonly connection: number;
  /** Place in time among the crossings of the trace, from 1. */
  readonly order: number;
  /** The frame on the interface: fields, and in `inner` what a tunnel header carries. */
  readonly packet: Packet;
}

/** Every crossing of the trace, in order. Copies of a flooded frame are crossings of their own. */
export function sightingsOf({ copies }: Pick<Trace, 'copies'>): readonly Sighting[] {
  const seen = new Map<number, Sighting>();
  for (const copy of copies) {
    for (const { step, role, connection, packet } of lineageSteps(readDiary(copy))) {
      if (step.kind !== 'crossing') continue;
      // What copies did before they were forked stands in the diary of each.
      const { at, direction, order } = step as CrossingStep;
      if (!seen.has(order)) {
        seen.set(order, { at, direction, role, connection, order, packet });
      }
    }
  }
  return [...seen.values()].sort((a, b) => a.order - b.order);
}

/** The frame as a capture holds it: headers, lengths and checksums as on the wire. */
export function sightingBytes({ packet }: Sighting): Uint8Array {
  return bytesFromPacket(packet);
}

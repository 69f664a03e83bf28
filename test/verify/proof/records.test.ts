/**
 * What was proved of all packets agrees with recorded probes: what arrived on the real hosts
 * is among the packets that arrive, and where none arrives none did.
 */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { type ProbeRecord, parseProbeRecords } from '../../../src/trace/probe-record.ts';
import { questionOf } from '../../../src/trace/replay-run.ts';
import { type Question } from '../../../src/trace/types.ts';
import { type PacketClass } from '../../../src/verify/proof/classes.ts';
import { type Proof, type Prover, prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { captured, capturedNames } from '../../captured.ts';

/** Pairs of ends that are proved for each capture; the records name many more. */
const MOST_PAIRS = 6;

/** New connections and requests from a server's own address, in captures taken in that state. */
function usable(record: ProbeRecord, question: Question): boolean {
  const { packet, from } = question;
  const own = packet.source === null || packet.source.value === from.address?.value;
  const plain = own && packet.flow === null && record.kind === 'probe';
  const known =
    packet.protocol === 'icmp' || packet.protocol === 'tcp' || packet.protocol === 'udp';
  const small = (record.size ?? 0) <= 200 && !record.dontFragment;
  return (
    plain && known && small && !record.invalid && from.kind === 'vm' && question.to.address !== null
  );
}

function arrives(proof: Proof, { packet }: Question): boolean {
  const of = (classes: readonly PacketClass[]): boolean =>
    classes.some(({ protocol, ports }) => {
      if (!protocol.startsWith(packet.protocol)) return false;
      const port = packet.destinationPort ?? 0;
      return ports === null || ports.some(([low, high]) => low <= port && port <= high);
    });
  return of(proof.arrives?.classes ?? []);
}

describe('the proof about all packets', () => {
  for (const name of capturedNames()) {
    const capture = captured(name);
    const provers = new Map<Network, Prover>();
    const proofs = new Map<string, Proof | null>();
    const { value: records } = parseProbeRecords(capture.recordsText, 'truth.json');
    it(`agrees with recorded probes of ${name}`, () => {
      const wrong: unknown[] = [];
      let compared = 0;
      for (const record of records) {
        const network = capture.network(record.phase);
        const question = network === null ? '' : questionOf(network, record);
        if (network === null || typeof question === 'string' || !usable(record, question)) continue;
        const key = `${record.phase} ${record.from} ${record.to} ${question.to.address?.version}`;
        let proof = proofs.get(key);
        if (proof === undefined) {
          if (proofs.size === MOST_PAIRS) continue;
          const prover = provers.get(network) ?? prepareProofs(network);
          provers.set(network, prover);
          const proved = prover.prove({ from: question.from, to: question.to, wanted: ALL_WANTED });
          proof = proved.kind === 'proved' ? proved.proof : null;
          proofs.set(key, proof);
        }
        if (proof === null) continue;
        compared++;
        const really = record.fate.requestDelivered;
        if (really === true && !arrives(proof, question)) wrong.push([record.index, 'arrived']);
        if (proof.lost !== null) wrong.push([record.index, 'lost']);
      }
      expect(wrong).toEqual([]);
      expect(compared).toBeGreaterThan(2);
    });
  }
});

/**
 * What was proved of all packets agrees with recorded probes: what arrived on the real hosts is
 * among the packets that arrive, what was answered is among those that are answered, and what did
 * not arrive is among neither. A few pairs of each capture; `HOPWISE_RECORDS=CAPTURE`
 * (a part of its name) takes all of its records and tells how many agree.
 */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { type ProbeRecord, parseProbeRecords } from '../../../src/trace/probe-record.ts';
import { questionOf } from '../../../src/trace/replay-run.ts';
import { type Question } from '../../../src/trace/types.ts';
import { type PacketClass } from '../../../src/verify/proof/classes.ts';
import {
  type Group,
  type Proof,
  type Prover,
  prepareProofs,
} from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { captured, capturedNames } from '../../captured.ts';

const ASKED = process.env['HOPWISE_RECORDS'];
/** Pairs of ends that are proved for each capture; the records name many more. */
const MOST_PAIRS = ASKED === undefined ? 6 : Number.POSITIVE_INFINITY;
const LONGEST_MS = ASKED === undefined ? 120_000 : 1_200_000;

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

function isIn(group: Group | null, { packet }: Question): boolean {
  const fits = (ranges: PacketClass['ports'], port: number | null): boolean =>
    ranges === null || port === null || ranges.some(([low, high]) => low <= port && port <= high);
  return (group?.classes ?? []).some(
    ({ protocol, ports, sourcePorts }) =>
      protocol.startsWith(packet.protocol) &&
      fits(ports, packet.destinationPort) &&
      fits(sourcePorts, packet.sourcePort),
  );
}

/** What a proof says against a record; null where both agree. */
function against(proof: Proof, question: Question, { fate }: ProbeRecord): string | null {
  if (proof.lost !== null) return 'some packets have no end';
  const arrives = isIn(proof.arrives, question);
  if (fate.requestDelivered === true && !arrives) return 'arrived, and no such packet does';
  if (fate.requestDelivered === false && arrives)
    return 'did not arrive, and every such packet does';
  if (fate.delivered === true && !isIn(proof.answered, question)) {
    return 'was answered, and no such packet is';
  }
  return null;
}

describe('the proof about all packets', () => {
  const names = capturedNames().filter((name) => ASKED === undefined || name.includes(ASKED));
  for (const name of names) {
    const capture = captured(name);
    const provers = new Map<Network, Prover>();
    const proofs = new Map<string, Proof | null>();
    const { value: records } = parseProbeRecords(capture.recordsText, 'truth.json');
    it(
      `agrees with recorded probes of ${name}`,
      () => {
        const wrong: unknown[] = [];
        const counts = { agree: 0, undetermined: 0, other: 0 };
        const reasons = new Set<string>();
        for (const record of records) {
          const network = capture.network(record.phase);
          const question = network === null ? '' : questionOf(network, record);
          // The record says so in words only: its source was no address of the server.
          const forged = /spoof/.test(String(capture.records[record.index]?.['note'] ?? ''));
          if (
            network === null ||
            typeof question === 'string' ||
            forged ||
            !usable(record, question)
          ) {
            counts.other++;
            continue;
          }
          const key = `${record.phase} ${record.from} ${record.to} ${question.to.address?.version}`;
          let proof = proofs.get(key);
          if (proof === undefined) {
            if (proofs.size === MOST_PAIRS) continue;
            const prover = provers.get(network) ?? prepareProofs(network);
            provers.set(network, prover);
            const { from, to } = question;
            const proved = prover.prove({ from, to, wanted: ALL_WANTED });
            proof = proved.kind === 'proved' ? proved.proof : null;
            if (proved.kind === 'impossible') reasons.add(proved.why);
            proofs.set(key, proof);
          }
          const found = proof === null ? null : against(proof, question, record);
          if (proof === null || (found !== null && proof.unknown.length > 0)) {
            counts.undetermined++;
            for (const why of proof?.unknown ?? []) reasons.add(why);
          } else if (found === null) counts.agree++;
          else wrong.push([record.index, found]);
        }
        if (ASKED !== undefined) {
          console.log(
            JSON.stringify({ name, pairs: proofs.size, ...counts, wrong, reasons: [...reasons] }),
          );
        }
        expect(wrong).toEqual([]);
        // What nobody can say has a reason.
        expect(counts.undetermined === 0 || reasons.size > 0).toBe(true);
        expect(counts.agree).toBeGreaterThan(2);
      },
      LONGEST_MS,
    );
  }
});

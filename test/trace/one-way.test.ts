/** Questions about the way there alone: whether an answer comes back decides nothing. */
import { describe, expect, it } from 'vitest';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { captured } from '../captured.ts';
import { resolvedQuestion } from './asked.ts';
import { injure } from './faults/edits.ts';
import { FAULTS } from './faults/tunnel-faults.ts';

const capture = captured('ovs-faults');
const silent = FAULTS.find(({ name }) => name === 'lost flows for answers');
if (silent === undefined) throw new Error('no such fault');
const network = injure(capture, 'baseline', silent.edits);
const [asked] = silent.asked;
if (asked === undefined) throw new Error('nothing is asked');
const question = resolvedQuestion(network, ...asked);

describe('a question about the way there', () => {
  it('is answered where the answers are lost', () => {
    const [there, both] = [true, false].map((oneWay) => {
      const traced = prepareTracing(network, { oneWay }).trace(question);
      return traced.kind === 'traced' ? traced.trace : null;
    });
    expect(both).toMatchObject({ verdict: 'UNREACHABLE', delivered: false });
    expect(there).toMatchObject({ verdict: 'REACHABLE', requestDelivered: true, reply: null });
    expect(there?.receivedBy).not.toBeNull();
    expect(there?.blockers).toEqual([]);
  });

  it('has the first blocker of the way there', () => {
    const cut = FAULTS.find(({ name }) => name === 'a lost security group rule');
    const [ssh] = cut?.asked ?? [];
    if (cut === undefined || ssh === undefined) throw new Error('nothing is asked');
    const broken = injure(capture, 'baseline', cut.edits);
    const tracer = prepareTracing(broken, { oneWay: true });
    const traced = tracer.trace(resolvedQuestion(broken, ...ssh));
    const [first] = traced.kind === 'traced' ? traced.trace.blockers : [];
    expect(first?.code).toBe('SG_NO_MATCHING_RULE');
  });
});

import { describe, expect, it } from 'vitest';
import { printActions } from '../../../../src/dataplane/ovs/text/actions.ts';
import { parseFlowMod } from '../../../../src/dataplane/ovs/text/flow-mods.ts';
import { dumpVersion, parseFlows } from '../../../../src/dataplane/ovs/text/flows.ts';
import { parseGroups } from '../../../../src/dataplane/ovs/text/groups.ts';
import { printFlow, printMatch } from '../../../../src/dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../../../src/dataplane/ovs/types/flow.ts';
import { fixture, hasOfctl, hasShared, ofctl, recorded } from './real.ts';

const DUMP = /(?:br-[^/]*|dump-)flows[^/]*\.txt$|br-[^/]*flows.*\.txt$/;
/** A line of which the book shows only a part. */
const DAMAGED = /dvr-src-mac\.deck001/;

const dumps = recorded(DUMP)
  .filter(({ name }) => !DAMAGED.test(name) && !/dpctl/.test(name))
  .map(({ name, bytes }) => {
    const numbers = new Map<string, number>();
    const portNumber = (port: string): number => {
      const known = numbers.get(port) ?? 100 + numbers.size;
      numbers.set(port, known);
      return known;
    };
    return { name, bytes, numbers, parsed: parseFlows(bytes, name, { portNumber }) };
  });

const text = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
const sent = (flows: readonly Flow[]): string =>
  `${flows.map((flow) => printFlow(flow)).join('\n')}\n`;

describe('recorded flow dumps', () => {
  it('are read without a problem, every line of them', () => {
    expect(dumps.length).toBeGreaterThan(3);
    for (const { name, bytes, parsed } of dumps) {
      expect(parsed.problems, name).toEqual([]);
      const lines = text(bytes)
        .split('\n')
        .filter((line) => line.includes('actions='));
      expect(parsed.value.length, name).toBe(lines.length);
    }
  });

  it('have matches and actions that print as they stand', () => {
    for (const { name, bytes, parsed, numbers } of dumps) {
      // Hand-made dumps of the books put words in other orders than the switch.
      if (numbers.size > 0 || /dump-flows/.test(name)) continue;
      const lines = text(bytes).split('\n');
      for (const flow of parsed.value) {
        const line = lines[flow.origin.line - 1] ?? '';
        expect(line.slice(line.indexOf('actions=') + 8), name).toBe(printActions(flow.actions));
        const match = printMatch(flow);
        expect(line, name).toContain(match === '' ? 'actions=' : ` ${match} actions=`);
      }
    }
  });

  it('print back into flows that read the same', () => {
    for (const { name, parsed } of dumps) {
      const again = parseFlows(new TextEncoder().encode(sent(parsed.value)), name);
      expect(again.problems, name).toEqual([]);
      expect(again.value.map(meaning), name).toEqual(parsed.value.map(meaning));
    }
  });

  it('hold only flows that add-flow would take', () => {
    for (const { name, parsed } of dumps) {
      for (const flow of parsed.value) {
        expect(parseFlowMod(printFlow(flow)).problems, name).toEqual([]);
      }
    }
  });

  it.skipIf(!hasOfctl)('print back into files that ovs-ofctl takes and finds equal', () => {
    for (const { name, bytes, parsed, numbers } of dumps) {
      const ours = sent(parsed.value);
      expect(ofctl(['-O', 'OpenFlow13', 'parse-flows'], ours).status, name).toBe(0);
      // Names mean nothing to ovs-ofctl without a switch.
      const theirs = text(bytes)
        .replace(/^.*reply.*$/gm, '')
        .replace(/"([^"]+)"/g, (_, port: string) => String(numbers.get(port) ?? port));
      const difference = ofctl(['-O', 'OpenFlow15', 'diff-flows'], theirs, ours);
      expect(difference, name).toEqual({ status: 0, output: '' });
    }
  });

  it.skipIf(!hasShared)('give a located problem where a line is only a part of one', () => {
    const [damaged] = recorded(DUMP).filter(({ name }) => DAMAGED.test(name));
    const { value, problems } = parseFlows(damaged?.bytes ?? new Uint8Array(), 'part.txt');
    expect(value.length + problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatchObject({ file: 'part.txt', line: 1, column: expect.any(Number) });
  });

  it('tell the OpenFlow version they were taken with', () => {
    const bytes = fixture('dvr-compute1-br-int.flows.txt.gz');
    expect(dumpVersion(bytes)).toBe('1.3');
    const of = (line: string): string | null => dumpVersion(new TextEncoder().encode(line));
    expect(of('NXST_FLOW reply (xid=0x4):\n')).toBe('1.0');
    expect(of('OFPST_FLOW reply (OF1.5) (xid=0x2): flags=[more]\n')).toBe('1.5');
    expect(of(' cookie=0x0 actions=drop\n')).toBeNull();
  });

  it('keep the counters and the place of every line apart', () => {
    const lines = Array.from({ length: 300 }, (_, i) =>
      i % 7 === 0
        ? `table=${i % 250} actions=drop`
        : `table=${i % 250}, duration=${i}.5s, n_packets=${i}, n_bytes=${98 * i}` +
          `${i % 5 === 0 ? `, idle_age=${i}` : ''} actions=drop`,
    );
    const { value } = parseFlows(new TextEncoder().encode(lines.join('\n')), 'dump');
    for (const [i, flow] of value.entries()) {
      expect(flow.origin).toEqual({ file: 'dump', line: i + 1 });
      const counters = {
        duration_s: i + 0.5,
        packets: i,
        bytes: 98 * i,
        idle_age_s: i % 5 === 0 ? i : null,
        hard_age_s: null,
      };
      expect(flow.statistics).toEqual(i % 7 === 0 ? null : counters);
    }
  });

  it('have group dumps beside them that are read without a problem', () => {
    for (const { name, bytes } of recorded(/\.groups\.txt$/)) {
      const { value, problems } = parseGroups(bytes, name);
      expect(problems, name).toEqual([]);
      expect(value.length, name).toBe(text(bytes).match(/group_id=/g)?.length ?? 0);
    }
  });
});

/** Everything but where the flow stood and what it has counted. */
function meaning(flow: Flow): unknown {
  return { ...flow, origin: null, statistics: null };
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFlowMod } from '../../../../src/dataplane/ovs/text/flow-mods.ts';
import { parseFlows } from '../../../../src/dataplane/ovs/text/flows.ts';
import { parseGroups } from '../../../../src/dataplane/ovs/text/groups.ts';
import { parseMeters } from '../../../../src/dataplane/ovs/text/meters.ts';
import { parseTraceFlow } from '../../../../src/dataplane/ovs/text/trace-flow.ts';
import { fixture } from './real.ts';

const dump = fixture('ovsfw-compute2-br-int.flows.txt.gz');
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const one = (text: string) => parseFlows(encode(text), 'br-int.txt');

describe('damaged flow text', () => {
  it('gives the file, line, column and word of what is wrong, and what was meant', () => {
    const { value, problems } = one(
      'NXST_FLOW reply (xid=0x4):\n cookie=0x1, table=0, priorty=5,ip actions=output:1\n',
    );
    expect(problems).toEqual([
      {
        file: 'br-int.txt',
        line: 2,
        column: 23,
        text: 'priorty=5',
        message: expect.stringContaining('unknown word'),
        didYouMean: 'priority',
        // The flow stays, with the word as an opaque condition.
        kept: true,
      },
    ]);
    expect(value[0]?.opaque).toEqual(['priorty=5']);
  });

  it('keeps an action that is not understood as opaque, in its place', () => {
    const { value, problems } = one('ip actions=set_field:1->reg0,fly(7,8),output:1\n');
    expect(value[0]?.actions.map((action) => action.kind)).toEqual([
      'set-field',
      'opaque',
      'output',
    ]);
    expect(value[0]?.actions[1]).toEqual({ kind: 'opaque', text: 'fly(7,8)' });
    expect(problems.map(({ line, column, text }) => [line, column, text])).toEqual([
      [1, 30, 'fly(7,8)'],
    ]);
  });

  it('is told where the name of a counter is damaged, and the counter is not believed', () => {
    const { value, problems } = one('n_packats=7, n_bytes=98, duration=2s, ip actions=drop\n');
    expect(problems.map(({ column, text }) => [column, text])).toEqual([[1, 'n_packats=7']]);
    expect(value[0]?.statistics).toMatchObject({ packets: 0, bytes: 98, duration_s: 2 });
  });

  it('does not reach into the next line, wherever a line breaks off', () => {
    const lines = [
      'n_packets',
      'actions',
      'ct_state=(',
      'n_bytes=',
      'duration=1',
      'ip # actions=drop',
    ];
    for (const line of lines) {
      const { value, problems } = one(`${line}\ntable=3,tcp actions=output:2\n`);
      expect(
        value.map((flow) => flow.table),
        line,
      ).toEqual([0, 3]);
      expect(value[1], line).toMatchObject({ opaque: [], actions: [{ kind: 'output', port: 2 }] });
      expect(
        problems.every((problem) => problem.line === 1),
        line,
      ).toBe(true);
      expect(problems.length, line).toBeGreaterThan(0);
    }
  });

  it('says that a line without actions is none', () => {
    expect(one('table=0, priority=1\n').problems[0]?.message).toContain('actions=');
  });

  it('survives a dump cut anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: dump.length }), (length) => {
        const { value } = parseFlows(dump.subarray(0, length), 'cut');
        expect(value.length).toBeLessThan(400);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('survives bytes changed anywhere, and loses no line', () => {
    const change = fc.tuple(
      fc.integer({ min: 0, max: dump.length - 1 }),
      fc.integer({ min: 32, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (changes) => {
        const bytes = dump.slice();
        for (const [at, byte] of changes) if (bytes[at] !== 0x0a) bytes[at] = byte;
        const { value, problems } = parseFlows(bytes, 'changed');
        const lines = new Set([
          ...value.map((flow) => flow.origin.line),
          ...problems.map((problem) => problem.line),
        ]);
        // All lines but the header, and those that a `#` turned into comments.
        const comments = changes.filter(([, byte]) => byte === 0x23).length;
        expect(lines.size).toBeGreaterThanOrEqual(parseFlows(dump, '').value.length - comments);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('survives any bytes and any text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        parseFlows(bytes, 'any');
        parseGroups(bytes, 'any');
      }),
      { seed: 3, numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        parseFlowMod(text);
        parseTraceFlow(text);
        parseMeters(text, 'any');
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('survives mixtures of its own words', () => {
    const words = [
      'ip',
      'tcp',
      'reg0',
      '=',
      ':',
      '(',
      ')',
      ',',
      ' ',
      'actions=',
      'ct',
      'nat',
      'learn',
      'clone',
    ]
      .concat([
        '[',
        ']',
        '->',
        '..',
        '/',
        '0x5',
        '-1',
        'load',
        'set_field',
        'resubmit',
        'bucket=',
        'type=',
        '1.2.3.4',
      ])
      .concat([
        'NXM_NX_REG0[]',
        'output',
        'conjunction',
        'exec',
        'zone',
        'move',
        '"',
        '{',
        '::',
        'fe80::1',
        'vlan_tci',
      ]);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        parseFlowMod(`ip,actions=${text}`);
        parseFlowMod(text);
        parseGroups(encode(`group_id=1,type=all,bucket=${text}`), 'mixture');
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('reads Latin-1 names and refuses UTF-16 line by line', () => {
    const name = new Uint8Array([...encode('in_port="p'), 0xe9, ...encode('",actions=drop\n')]);
    const parsed = parseFlows(name, 'latin1', {
      portNumber: (port) => (port === 'p\u00e9' ? 3 : undefined),
    });
    expect(parsed.problems).toEqual([]);
    expect(parsed.value[0]?.tests[0]?.value).toBe(3n);
    const wide = new Uint8Array(Buffer.from('ip,actions=drop\nip,actions=drop\n', 'utf16le'));
    expect(parseFlows(wide, 'utf16').problems.length).toBeGreaterThanOrEqual(2);
  });

  it('stays small on ten megabytes in one line, in one word and in nested brackets', () => {
    const many = one(`actions=${'output:1,'.repeat(1_100_000)}\n`);
    expect(many.value[0]?.actions.length).toBe(1_100_000);
    const word = one(`${'a'.repeat(10_000_000)},actions=drop\n`);
    expect(word.problems[0]?.text.length).toBe(200);
    const deep = one(`actions=${'clone('.repeat(1_600_000)}\n`);
    expect(deep.problems[0]?.message).toContain('deep');
    expect(one(`actions=ct(${'nat('.repeat(1_000_000)}\n`).value.length).toBe(1);
  });

  it('reads a million flow lines', () => {
    const lines: string[] = [];
    for (let i = 0; i < 1_000_000; i++) {
      lines.push(
        ` table=${i % 90}, n_packets=${i}, priority=${i % 65536},reg5=0x${(i % 5000).toString(16)} actions=drop`,
      );
    }
    const { value, problems } = one(`${lines.join('\n')}\n`);
    expect(value.length).toBe(1_000_000);
    expect(problems).toEqual([]);
  });

  it('lists a thousand problems of a file of another kind and counts the rest', () => {
    const { problems } = one('this is no flow\n'.repeat(3000));
    expect(problems.length).toBe(1001);
    expect(problems.at(-1)?.message).toMatch(/^[0-9]+ more problems/);
  });
});

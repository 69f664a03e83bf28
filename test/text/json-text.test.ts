/** JSON of dumps: what has the wrong type is a problem at its place, also in what was read anew. */
import { describe, expect, it } from 'vitest';
import { asValue, items, jsonRoot, member, numberOf, records } from '../../src/text/json-text.ts';
import { type Problem } from '../../src/text/problem.ts';

const TEXT = '{\n  "ports": "a b",\n  "mtu": [1500, "large"]\n}\n';

describe('JSON of a dump', () => {
  it('tells line and column of a member that has another type', () => {
    const problems: Problem[] = [];
    const root = jsonRoot('ports.json', TEXT, problems);
    expect(items(member(root, 'mtu')).map(numberOf)).toEqual([1500, undefined]);
    expect(problems).toMatchObject([
      { file: 'ports.json', line: 3, column: 17, message: 'Expected a number' },
    ]);
  });

  it('tells the place of what is read as if it had another form', () => {
    const problems: Problem[] = [];
    const ports = member(jsonRoot('ports.json', TEXT, problems), 'ports')!;
    expect(records(asValue(ports, ['a', {}, 'b']))).toEqual([]);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatchObject({ line: 2, message: 'Expected an object' });
  });

  it('is one problem where it is no JSON', () => {
    const problems: Problem[] = [];
    expect(jsonRoot('ports.json', '{"ports": [', problems)).toBeUndefined();
    expect(problems).toMatchObject([{ line: 1, message: 'This is not JSON' }]);
  });
});

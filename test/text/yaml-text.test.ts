/** YAML as people write it: values as JSON has them, and every slip with its place. */
import { describe, expect, it } from 'vitest';
import { items, member, numberOf, reportUnknownKeys, textOf } from '../../src/text/json-text.ts';
import { type Problem } from '../../src/text/problem.ts';
import { yamlRoot } from '../../src/text/yaml-text.ts';

function read(text: string) {
  const problems: Problem[] = [];
  return { root: yamlRoot('c.yaml', text, problems), problems };
}

describe('YAML', () => {
  it('gives values by their keys', () => {
    const { root, problems } = read('vms:\n  - name: a1\n    size: 3\n  - {name: b, size: 0x10}\n');
    const vms = items(member(root, 'vms'));
    expect(vms.map((vm) => textOf(member(vm, 'name')))).toEqual(['a1', 'b']);
    expect(vms.map((vm) => numberOf(member(vm, 'size')))).toEqual([3, 16]);
    expect(problems).toEqual([]);
  });

  it('places a wrong type where the value stands', () => {
    const { root, problems } = read('vms:\n  - name: a1\n    size: [many]\n');
    numberOf(member(items(member(root, 'vms'))[0], 'size'));
    expect(problems).toMatchObject([{ file: 'c.yaml', line: 3, column: 11, text: '[many]' }]);
  });

  it('places an unknown key and knows what was meant', () => {
    const { root, problems } = read('networks: []\nsubnts: []\n');
    reportUnknownKeys(root, ['networks', 'subnets']);
    expect(problems).toMatchObject([{ line: 2, column: 1, didYouMean: 'subnets' }]);
  });

  it.each([
    ['a key written twice', 'a: 1\na: 2\n', 2],
    ['a bracket that stays open', 'a: [1, 2\n', 2],
    ['a tab as indentation', 'a:\n\t- 1\n', 2],
  ])('refuses %s with its line', (_what, text, line) => {
    const { root, problems } = read(text);
    expect(root).toBeUndefined();
    expect(problems[0]?.line).toBe(line);
  });

  it('refuses aliases that unfold without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++) {
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    }
    const { root, problems } = read(lines.join('\n'));
    expect(root).toBeUndefined();
    expect(problems).toHaveLength(1);
  });
});

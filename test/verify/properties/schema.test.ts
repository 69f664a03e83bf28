/** The schema of files of properties, and every other published one, as another program reads it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { INPUT_SCHEMAS } from '../../../src/cli/input-schemas.ts';
import { SCHEMAS } from '../../../src/cli/schemas.ts';
import { type Problem } from '../../../src/text/problem.ts';
import { yamlRoot } from '../../../src/text/yaml-text.ts';
import { readProperties } from '../../../src/verify/properties/read.ts';
import { ROOT } from '../../sources.ts';

const valid = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  INPUT_SCHEMAS.properties,
);

function valueOf(text: string): unknown {
  const problems: Problem[] = [];
  const root = yamlRoot('p.yaml', text, problems);
  expect(problems).toEqual([]);
  return root?.value;
}

const one = (property: string): string => `properties: [${property}]`;

const RIGHT: readonly string[] = [
  one('{from: a, to: [b, "group:c"], arrives: some}'),
  one('{from: a, to: b, arrives: all, tcp: 443, udp: "53, 67-68", icmp: true, ipv6: true}'),
  one('{from: a, to: b, arrives: only, tcp: all, state: reply, modality: may, nobody_else: true}'),
  one('{from: a, to: b, arrives: none, via: x, avoid: [y, "router:z"], answered: false}'),
  one('{apart: projects}'),
  one('{apart: [a, b], except: {tcp: 22}, name: n}'),
  one('{invariant: mtu, at_least: 1500, among: [a, b]}'),
  one('{invariant: no-black-holes, except: [NO_ROUTE]}'),
  one('{keeps: [n], under_failures: {hosts: 1, links: 0}}'),
  one('{change: {before: old}, frames: true}'),
  one(
    '{change: {before: old}, otherwise: any, among: [a, outside], expect: {added: [{from: a, to: b, tcp: 1, ipv6: true}], changed: [{from: a, to: b}]}}',
  ),
  `version: 1\ngroups: {a: [b, c], d: e}\ncoverage: ">= 40%"\nchanges: [move-port]\n${one('{apart: projects}')}`,
  `coverage: 12.5\n${one('{apart: projects}')}`,
];

const WRONG: readonly string[] = [
  'properties: []',
  'groups: {a: b}',
  `version: 2\n${one('{apart: projects}')}`,
  `covers: 1\n${one('{apart: projects}')}`,
  `coverage: 101\n${one('{apart: projects}')}`,
  `changes: [move-prot]\n${one('{apart: projects}')}`,
  one('{from: a, to: b}'),
  one('{from: a, to: b, arrives: sometimes}'),
  one('{from: a, arrives: all}'),
  one('{from: a, to: b, arrives: all, tcp: 70000}'),
  one('{from: a, to: b, arrives: all, tcp: -1}'),
  one('{from: a, to: b, arrives: all, udp: http}'),
  one('{from: a, too: b, to: b, arrives: all}'),
  one('{from: a, to: b, arrives: all, state: old}'),
  one('{apart: project}'),
  one('{apart: [a]}'),
  one('{apart: [a, b], except: {sctp: 1}}'),
  one('{invariant: no-loop}'),
  one('{invariant: mtu, at_least: 20}'),
  one('{keeps: [n]}'),
  one('{keeps: [n], under_failures: {disks: 1}}'),
  one('{keeps: [n], under_failures: {hosts: -1}}'),
  one('{change: {}}'),
  one('{change: {before: old}, expect: {gained: []}}'),
  one('{change: {before: old}, otherwise: other}'),
];

describe('the schema of a file of properties', () => {
  it('takes what the reader takes, and refuses what the reader refuses', () => {
    const told = (text: string) => ({
      text,
      schema: valid(valueOf(text)),
      reader: readProperties('p.yaml', text).problems.length === 0,
    });
    expect(RIGHT.map(told).filter(({ schema, reader }) => !(schema && reader))).toEqual([]);
    expect(WRONG.map(told).filter(({ schema, reader }) => schema || reader)).toEqual([]);
  });

  it('describes the example of the documentation', () => {
    const page = readFileSync(join(ROOT, 'docs/properties.md'), 'utf8');
    const [, example = ''] = /```yaml\n([^`]*)```/.exec(page) ?? [];
    expect(example).toContain('under_failures');
    expect(valid(valueOf(example)), JSON.stringify(valid.errors)).toBe(true);
    expect(readProperties('properties.md', example).problems).toEqual([]);
  });
});

describe('every published schema', () => {
  it.each(Object.entries({ ...SCHEMAS, ...INPUT_SCHEMAS }))(
    'is one that others read: %s',
    (_, schema) => {
      const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
      expect(() => ajv.compile(schema)).not.toThrow();
    },
  );
});

/** A file of properties (YAML): every slip at its place. */
import {
  items,
  type JsonNode,
  keysOf,
  member,
  placeOf,
  records,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import { CHANGE_KINDS, type ChangeKind } from './changes.ts';
import { KIND_ROWS } from './kinds/rows.ts';
import { type CoverageGate, type Property, type PropertyFile } from './types.ts';

export const FILE_KEYS = ['version', 'groups', 'properties', 'coverage', 'changes'] as const;

const EMPTY: PropertyFile = { groups: new Map(), properties: [], coverage: null, changes: null };

/** The properties of a file; what cannot be read is a problem and checks nothing. */
export function readProperties(file: string, text: string): Parsed<PropertyFile> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, text, problems);
  if (root === undefined) return { value: EMPTY, problems };
  reportUnknownKeys(root, FILE_KEYS);
  const properties = records(member(root, 'properties')).flatMap((node) => propertyOf(node) ?? []);
  const version = member(root, 'version');
  if (version !== undefined && version.value !== 1) wrong(version, 'Expected version 1');
  const list = member(root, 'properties');
  if (properties.length === 0) wrong(list ?? root, 'There is no property to check');
  const value = {
    groups: groupsOf(member(root, 'groups')),
    properties,
    coverage: gateOf(member(root, 'coverage')),
    changes: changesOf(member(root, 'changes')),
  };
  return { value, problems };
}

function propertyOf(node: JsonNode): Property | null {
  const keys = keysOf(node);
  const row = KIND_ROWS.find(({ sign }) => keys.includes(sign));
  if (row === undefined) {
    const signs = KIND_ROWS.map(({ sign }) => sign);
    const near = keys.flatMap((key) => nearest(key, signs) ?? [])[0];
    wrong(node, `A property says one of ${signs.join(', ')}`, near);
    // What else is misspelt shows as well.
    reportUnknownKeys(node, ['name', ...KIND_ROWS.flatMap((each) => each.keys)]);
    return null;
  }
  reportUnknownKeys(node, ['name', ...row.keys]);
  return row.read(node, { name: textOf(member(node, 'name')) ?? null, ...placeOf(node) });
}

function groupsOf(node: JsonNode | undefined): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  for (const name of keysOf(node)) {
    const found = member(node, name);
    if (found === undefined) continue;
    const list = Array.isArray(found.value) ? items(found) : [found];
    const names = list.flatMap((each) => textOf(each) ?? []);
    if (names.length === 0) wrong(found, 'A group without anybody');
    groups.set(name, names);
  }
  if (node !== undefined && groups.size === 0) wrong(node, 'Expected groups by their names');
  return groups;
}

/** `60`, `60%`, `">= 60%"`. */
function gateOf(node: JsonNode | undefined): CoverageGate | null {
  if (node === undefined) return null;
  const match = /^(?:>=\s*)?(\d{1,3}(?:\.\d+)?)\s*%?$/.exec(String(node.value).trim());
  const atLeast_percent = Number(match?.[1] ?? Number.NaN);
  if (atLeast_percent <= 100) return { ...placeOf(node), atLeast_percent };
  wrong(node, 'Expected a share of the rules: 60, 60% or ">= 60%"');
  return null;
}

/** Kinds of changes. */
function changesOf(node: JsonNode | undefined): readonly ChangeKind[] | null {
  if (node === undefined) return null;
  const kinds = items(node).flatMap((each): readonly ChangeKind[] => {
    const text = textOf(each);
    const kind = CHANGE_KINDS.find((one) => one === text);
    if (text !== undefined && kind === undefined) {
      wrong(each, `Expected one of ${CHANGE_KINDS.join(', ')}`, nearest(text, CHANGE_KINDS));
    }
    return kind === undefined ? [] : [kind];
  });
  if (kinds.length === 0) wrong(node, 'Expected a list of changes');
  return kinds;
}

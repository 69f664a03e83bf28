/**
 * As much of JSON Schema as the project's own schemas use. Stricter than the standard in one
 * thing: a key that the schema does not describe is an error, so that nothing is undocumented.
 */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Rule = Readonly<Record<string, unknown>>;

/** Paths of all values that do not fit, with the reason; empty when everything fits. */
export function violations(schema: Rule, value: unknown): readonly string[] {
  return check(schema, value as Json, '$', schema);
}

const KNOWN = new Set([
  '$schema',
  '$defs',
  '$ref',
  'title',
  'description',
  'type',
  'enum',
  'const',
  'anyOf',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'pattern',
]);

function check(schema: Rule, value: Json, at: string, root: Rule): readonly string[] {
  const unknown = Object.keys(schema).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) return [`${at}: the test does not know the keyword ${unknown.join()}`];
  const { $ref, anyOf, type, pattern, minimum } = schema;
  if (typeof $ref === 'string') {
    const target = (root['$defs'] as Record<string, Rule>)[$ref.replace('#/$defs/', '')];
    return target === undefined ? [`${at}: no ${$ref}`] : check(target, value, at, root);
  }
  if (Array.isArray(anyOf)) {
    const all = anyOf.map((one: Rule) => check(one, value, at, root));
    return all.some((found) => found.length === 0) ? [] : (all[0] ?? []);
  }
  if ('const' in schema && schema['const'] !== value) return [`${at}: not ${schema['const']}`];
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) {
    return [`${at}: ${JSON.stringify(value)} is none of the choices`];
  }
  if (typeof type === 'string' && !isOf(type, value)) return [`${at}: no ${type}`];
  if (typeof minimum === 'number' && (value as number) < minimum)
    return [`${at}: below ${minimum}`];
  const { maximum, minItems, maxItems } = schema;
  if (typeof maximum === 'number' && (value as number) > maximum)
    return [`${at}: above ${maximum}`];
  const { length } = Array.isArray(value) ? value : [];
  if (typeof minItems === 'number' && length < minItems) return [`${at}: too short`];
  if (typeof maxItems === 'number' && length > maxItems) return [`${at}: too long`];
  if (typeof pattern === 'string' && !new RegExp(pattern).test(String(value))) {
    return [`${at}: does not look like ${pattern}`];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item: Json, i) =>
      check(schema['items'] as Rule, item, `${at}[${i}]`, root),
    );
  }
  return type === 'object' ? checkObject(schema, value as Record<string, Json>, at, root) : [];
}

function checkObject(
  schema: Rule,
  value: Readonly<Record<string, Json>>,
  at: string,
  root: Rule,
): readonly string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Rule>;
  const others = schema['additionalProperties'] as Rule | false | undefined;
  const required = (schema['required'] ?? []) as readonly string[];
  const lacking = required.filter((key) => !(key in value)).map((key) => `${at}.${key}: missing`);
  const wrong = Object.entries(value).flatMap(([key, item]) => {
    const rule = properties[key] ?? others;
    return rule === undefined || rule === false
      ? [`${at}.${key}: not described`]
      : check(rule, item, `${at}.${key}`, root);
  });
  return [...lacking, ...wrong];
}

function isOf(type: string, value: Json): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

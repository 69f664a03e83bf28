/** Words that the schema of cloud.yaml is written with (JSON Schema 2020-12). */
export type Schema = Readonly<Record<string, unknown>>;

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

export const TEXT: Schema = { type: 'string' };
export const TRUTH: Schema = { type: 'boolean' };
export const WHOLE: Schema = { type: 'integer' };
export const POSITIVE: Schema = { type: 'integer', minimum: 1 };
export const ADDRESS: Schema = { type: 'string', pattern: '^[0-9a-fA-F:.]+$' };
export const PREFIX: Schema = { type: 'string', pattern: '^[0-9a-fA-F:.]+/[0-9]{1,3}$' };
export const MAC: Schema = { type: 'string', pattern: '^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$' };

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function choice(words: readonly string[]): Schema {
  return { enum: words };
}

export function either(...anyOf: readonly Schema[]): Schema {
  return { anyOf };
}

/** Any names, each with such a value. */
export function named(additionalProperties: Schema): Schema {
  return { type: 'object', additionalProperties };
}

export function told(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/**
 * An object with the keys that its reader knows, no more and no fewer: the compiler asks for a rule
 * for every key of the reader's own list.
 */
export function object<const K extends string>(
  keys: readonly K[],
  rules: Readonly<Record<K, Schema>>,
  required: readonly NoInfer<K>[] = [],
): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries(keys.map((key) => [key, rules[key]])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** The JSON that `hopwise diff` writes, as JSON Schema. */
import {
  COUNT,
  DRAFT,
  list,
  NEUTRON,
  object,
  orNull,
  PROBLEM,
  type Schema,
  TEXT,
} from '../../trace/render/schema.ts';

const SIDE = object({
  text: { ...TEXT, description: 'The flow, rule or route in the words of its own tool.' },
  source: orNull(object({ file: TEXT, line: COUNT })),
});

export const DIFF_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise diff, version 1',
  ...object({
    kind: { const: 'Diff' },
    version: { type: 'string', pattern: '^1\\.\\d+$' },
    tool: object({ name: { const: 'hopwise' }, version: TEXT }),
    a: object({ name: TEXT }),
    b: object({ name: TEXT }),
    differences: list(
      object({
        kind: {
          enum: ['missing', 'extra', 'different', 'order'],
          description: 'missing: only A has it; extra: only B has it; order: B has it elsewhere.',
        },
        host: TEXT,
        device: { ...TEXT, description: 'A bridge, a namespace, or `host`.' },
        part: { ...TEXT, description: 'A flow table, a chain, routes, addresses…' },
        a: orNull(SIDE),
        b: orNull(SIDE),
        neutron: orNull(NEUTRON),
      }),
    ),
    unknown: {
      ...list(
        object({
          host: TEXT,
          device: TEXT,
          part: TEXT,
          side: { enum: ['a', 'b'] },
          file: TEXT,
        }),
      ),
      description: 'Places of which one side’s dump has no file, while the other has something.',
    },
    problems: { ...list(PROBLEM), description: 'Places that were not understood.' },
    statements: { ...COUNT, description: 'How many flows, rules, routes… were compared.' },
  }),
};

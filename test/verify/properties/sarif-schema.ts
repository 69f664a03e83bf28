/**
 * The objects of SARIF 2.1.0 that reports use, as the standard describes them: required and allowed
 * properties (§3.13 to §3.52), the values of enumerations, and which URIs may stand where.
 */
const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
const FROM_ONE = { type: 'integer', minimum: 1 } as const;

function object(properties: Readonly<Record<string, object>>, required: readonly string[] = []) {
  return { type: 'object', properties, required, additionalProperties: false };
}
const list = (items: object, more: object = {}) => ({ type: 'array', items, ...more });

/** §3.11.8: text or an id. */
const MESSAGE = object({ text: TEXT, markdown: TEXT, id: TEXT, arguments: list(TEXT) }, ['text']);
/** §3.12: text is required beside markdown. */
const MULTIFORMAT = object({ text: TEXT, markdown: TEXT }, ['text']);
/** §3.4.4: with a base the URI is relative. */
const PLACE = object({
  uri: { ...TEXT, pattern: '^(file:///|[^:/?#]+(/[^:?#]*)?$)' },
  uriBaseId: TEXT,
  index: { type: 'integer', minimum: -1 },
});
/** §3.30. */
const REGION = object({
  startLine: FROM_ONE,
  startColumn: FROM_ONE,
  endLine: FROM_ONE,
  endColumn: FROM_ONE,
});
const LOCATION = object({
  physicalLocation: object({ artifactLocation: PLACE, region: REGION }, ['artifactLocation']),
  logicalLocations: list(object({ name: TEXT, fullyQualifiedName: TEXT, kind: TEXT })),
  message: MESSAGE,
});
/** §3.27. */
const RESULT = object(
  {
    ruleId: TEXT,
    ruleIndex: { type: 'integer', minimum: -1 },
    level: { enum: ['none', 'note', 'warning', 'error'] },
    kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
    message: MESSAGE,
    locations: list(LOCATION),
    partialFingerprints: { type: 'object', additionalProperties: TEXT },
    rank: COUNT,
  },
  ['message', 'level'],
);
/** §3.49. */
const RULE = object(
  { id: TEXT, name: TEXT, shortDescription: MULTIFORMAT, fullDescription: MULTIFORMAT },
  ['id'],
);
/** §3.19: semantic versions have three numbers. */
const DRIVER = object(
  {
    name: TEXT,
    semanticVersion: { ...TEXT, pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+' },
    rules: list(RULE, { uniqueItems: true }),
  },
  ['name'],
);

export const SARIF = object(
  {
    $schema: TEXT,
    version: { const: '2.1.0' },
    runs: list(
      object(
        {
          tool: object({ driver: DRIVER }, ['driver']),
          results: list(RESULT),
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
        },
        ['tool'],
      ),
    ),
  },
  ['version', 'runs'],
);

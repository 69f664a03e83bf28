/**
 * The JSON that traces and replays write, as JSON Schema (draft 2020-12). A test validates real
 * output with it; docs/schemas holds it as files.
 */
import { REASONS } from '../../reasons/codes.ts';

/** A schema is plain data. */
export type Schema = Readonly<Record<string, unknown>>;

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

export const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
export const COUNT = { type: 'integer', minimum: 0 } as const;
const CODE = { enum: Object.keys(REASONS) } as const;
const VERDICT = { enum: ['REACHABLE', 'UNREACHABLE', 'AMBIGUOUS', 'UNDETERMINED'] } as const;

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** An object of which every key is always there. Readers ignore keys that they do not know. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required };
}

export function ref(name: string): Schema {
  return { $ref: `#/$defs/${name}` };
}

/** One of Neutron's objects. */
export const NEUTRON = object({
  kind: { enum: ['port', 'network', 'router', 'security-group', 'floating-ip'] },
  id: TEXT,
  name: TEXT,
});

/** A place in a file that was not understood. */
export const PROBLEM = object({
  file: TEXT,
  line: COUNT,
  column: COUNT,
  text: TEXT,
  message: TEXT,
  didYouMean: orNull(TEXT),
});

const ICMP_ERROR = object({ from: TEXT, type: COUNT, code: COUNT });

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  source: {
    ...object({ file: TEXT, line: COUNT }),
    description: 'File and line it was read from.',
  },
  rule: {
    ...object({ text: TEXT, source: orNull(ref('source')) }),
    description: 'The flow, rule or route that decided, in its own words.',
  },
  end: object({
    name: TEXT,
    kind: { enum: ['vm', 'router', 'dhcp', 'host', 'external', 'address'] },
    host: orNull(TEXT),
    namespace: orNull(TEXT),
    port: { ...orNull(TEXT), description: 'Neutron’s port id.' },
    address: orNull(TEXT),
  }),
  assumption: object({ code: CODE, sentence: TEXT, detail: TEXT }),
  nearMiss: {
    ...object({
      rule: TEXT,
      source: orNull(ref('source')),
      because: list(object({ field: TEXT, want: TEXT, have: TEXT })),
    }),
    description: 'A rule that would have let the packet pass, and what differs.',
  },
  blocker: {
    ...object({
      code: CODE,
      sentence: TEXT,
      direction: { enum: ['request', 'reply'] },
      host: TEXT,
      component: TEXT,
      because: { ...list(TEXT), description: 'Sentences about this case, the cause first.' },
      rule: ref('rule'),
      neutron: list(NEUTRON),
      nearMisses: list(ref('nearMiss')),
      fix: orNull(object({ summary: TEXT, commands: list(TEXT) })),
      confirm: { ...list(TEXT), description: 'Read-only commands that show it.' },
    }),
    description: 'What stopped the packet.',
  },
  header: {
    type: 'object',
    additionalProperties: TEXT,
    description: 'Header fields by name, as text; wide values are hexadecimal.',
  },
  hop: object({
    n: { type: 'integer', minimum: 1 },
    host: TEXT,
    stage: { enum: ['guest', 'switch', 'namespace', 'wire'] },
    device: TEXT,
    label: { ...orNull(TEXT), description: 'The name a person gave the device.' },
    in: orNull(TEXT),
    out: orNull(TEXT),
    notes: list(TEXT),
    steps: list(
      object({ kind: TEXT, text: TEXT, source: orNull(ref('source')), ambiguous: list(TEXT) }, [
        'ambiguous',
      ]),
    ),
    header: object({ before: ref('header'), after: ref('header'), changed: list(TEXT) }),
  }),
  content: {
    anyOf: [
      object({
        kind: { const: 'lease' },
        address: TEXT,
        server: TEXT,
        settings: { type: 'object', additionalProperties: TEXT },
      }),
      object({ kind: { const: 'neighbour' }, macs: list(TEXT) }),
      object({ kind: { const: 'autonomous' }, addresses: list(TEXT), router: TEXT }),
      object({ kind: { const: 'metadata' }, client: TEXT, instance: orNull(TEXT) }),
    ],
  },
  ending: {
    anyOf: [
      object({ kind: { const: 'delivered' }, host: TEXT, namespace: TEXT, to: TEXT }),
      object({
        kind: { const: 'dropped' },
        host: TEXT,
        device: TEXT,
        code: CODE,
        where: TEXT,
        rule: ref('rule'),
      }),
    ],
  },
};

/** What `hopwise trace --format json` writes. */
export const TRACE_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise trace, version 1',
  $defs: DEFINITIONS,
  ...object({
    kind: { const: 'Trace' },
    version: { type: 'string', pattern: '^1\\.\\d+$' },
    tool: object({ name: { const: 'hopwise' }, version: TEXT }),
    snapshot: object({ name: TEXT }),
    query: object({
      src: ref('end'),
      dst: ref('end'),
      packet: object({
        proto: { enum: ['icmp', 'tcp', 'udp', 'arp', 'dhcp', 'dhcp6', 'slaac', 'flow'] },
        srcPort: orNull(COUNT),
        dstPort: orNull(COUNT),
        size: COUNT,
        df: FLAG,
        flow: orNull(TEXT),
      }),
    }),
    verdict: VERDICT,
    requestDelivered: FLAG,
    delivered: { ...FLAG, description: 'The answer came back.' },
    receivedBy: orNull(TEXT),
    observed: orNull(
      object({
        source: orNull(TEXT),
        destination: orNull(TEXT),
        sourcePort: orNull(COUNT),
        destinationPort: orNull(COUNT),
      }),
    ),
    answerFrom: orNull(TEXT),
    icmpError: orNull(ICMP_ERROR),
    blockers: list(ref('blocker')),
    remarks: list(
      object({ kind: { enum: ['allowed', 'warning'] }, code: orNull(CODE), text: TEXT }),
    ),
    hops: list(ref('hop')),
    end: orNull(ref('ending')),
    returnPath: orNull(object({ hops: list(ref('hop')), end: ref('ending') })),
    assumptions: list(ref('assumption')),
    unmodelled: list(ref('assumption')),
    missing: list(object({ file: TEXT, consequence: TEXT })),
    problems: {
      ...list(PROBLEM),
      description: 'Places in the files of the devices on the way that were not understood.',
    },
    content: {
      ...orNull(ref('content')),
      description: 'What the answer gave beyond arriving.',
    },
    alternatives: {
      ...list(
        object({
          chosen: list(TEXT),
          verdict: VERDICT,
          delivered: FLAG,
          receivedBy: orNull(TEXT),
          blockers: list(CODE),
        }),
      ),
      description: 'Worlds that no file decides between; empty where there is but one.',
    },
  }),
};

/** What `hopwise replay --format json` writes. */
export const REPLAY_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise replay, version 1',
  ...object({
    probes: list(
      object({
        index: { ...COUNT, description: 'The record’s place in the file.' },
        predicted: object({
          verdict: VERDICT,
          request_delivered: FLAG,
          delivered: FLAG,
          received_by: orNull(TEXT),
          received_by_any: list(TEXT),
          answered_by: orNull(TEXT),
          observed_src: orNull(TEXT),
          observed_dst: orNull(TEXT),
          observed_sport: orNull(COUNT),
          observed_dport: orNull(COUNT),
          answer_from: orNull(TEXT),
          icmp_error: orNull(ICMP_ERROR),
          reason: orNull(object({ code: CODE, host: TEXT, component: TEXT })),
          address: { ...orNull(TEXT), description: 'Given by DHCP, or formed by SLAAC.' },
          settings: orNull({ type: 'object', additionalProperties: TEXT }),
          macs: { ...orNull(list(TEXT)), description: 'Who answered an ARP question.' },
          instance: { ...orNull(TEXT), description: 'For whom metadata takes the client.' },
          old_master: orNull(TEXT),
          new_masters: orNull(list(TEXT)),
        }),
        agrees: FLAG,
        differs: list(TEXT),
      }),
    ),
    totals: object({ probes: COUNT, agree: COUNT, disagree: COUNT, skipped: COUNT }),
    notAsked: list(object({ index: COUNT, why: TEXT })),
  }),
};

/** By the name that `hopwise schema` takes. */
export const SCHEMAS = { trace: TRACE_SCHEMA, replay: REPLAY_SCHEMA } as const;

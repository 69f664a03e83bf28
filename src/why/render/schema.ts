/** The JSON that `why` writes, as JSON Schema. */
import { REASONS } from '../../reasons/codes.ts';
import {
  COUNT,
  DRAFT,
  list,
  object,
  orNull,
  ref,
  type Schema,
  TEXT,
  TRACE_SCHEMA,
} from '../../trace/render/schema.ts';

const VERDICT = { enum: ['REACHABLE', 'UNREACHABLE', 'AMBIGUOUS', 'UNDETERMINED'] } as const;
const CODE = { enum: Object.keys(REASONS) } as const;
const OF_TRACE = TRACE_SCHEMA['$defs'] as Readonly<Record<string, Schema>>;
const { $schema: _draft, $defs: _definitions, ...TRACE } = TRACE_SCHEMA;

const CHANGE: Readonly<Record<string, Schema>> = {
  kind: { enum: ['api', 'agent', 'host', 'plan', 'guest', 'fabric'] },
  summary: TEXT,
  commands: list(TEXT),
};

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  ...OF_TRACE,
  trace: TRACE,
  change: { ...object(CHANGE), description: 'Something that somebody can change.' },
  pairEffect: {
    ...object({ from: TEXT, to: TEXT, packets: TEXT }),
    description: 'Packets of a pair of servers that arrive with the change only, or without it.',
  },
  effects: {
    ...object({
      pairs: { ...COUNT, description: 'Pairs of servers proved before and after.' },
      leftOut: COUNT,
      gained: list(ref('pairEffect')),
      lost: list(ref('pairEffect')),
      unknown: list(object({ from: TEXT, to: TEXT, why: TEXT })),
    }),
    description: 'What a change does to all packets between servers.',
  },
  tried: {
    ...object({
      ...CHANGE,
      verdict: VERDICT,
      next: { ...orNull(CODE), description: 'What stops the packet then; null for nothing.' },
      settles: { ...orNull(TEXT), description: 'Who is master then, where routers elect one.' },
      effects: orNull(ref('effects')),
    }),
    description: 'A change that was made in a copy of the network, and the packet traced again.',
  },
  whyBlocker: object({
    blocker: ref('blocker'),
    fixes: { ...list(ref('tried')), description: 'Those that remove the blocker, the best first.' },
    tried: COUNT,
    noFix: { ...orNull(TEXT), description: 'Why no change is offered.' },
  }),
};

/** What `prove` and `check` tell of packets that do not arrive, and what its parts are. */
export const BLOCKED_DEFINITIONS: Readonly<Record<string, Schema>> = {
  ...DEFINITIONS,
  blocked: {
    ...object({
      stopped: {
        ...list(
          object({
            classes: list(ref('class')),
            witness: ref('witness'),
            verdict: VERDICT,
            blockers: list(ref('whyBlocker')),
          }),
        ),
        description: 'Kinds of missing packets, each with all that stops one of them.',
      },
      together: {
        ...list(ref('change')),
        description: 'The fewest of the changes found with which the packets arrive.',
      },
      proved: {
        ...orNull(
          object({
            reached: { type: 'boolean' },
            missing: orNull(ref('group')),
            unknown: list(TEXT),
          }),
        ),
        description: 'The proof with these changes made.',
      },
      effects: orNull(ref('effects')),
      openEnd: { ...orNull(TEXT), description: 'Why there may be more blockers.' },
    }),
    description: 'What keeps packets from arriving, and what was found to help.',
  },
};

export const WHY_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'What `hopwise why --format json` writes',
  ...object({
    kind: { const: 'Why' },
    version: TEXT,
    verdict: VERDICT,
    blockers: { ...list(ref('whyBlocker')), description: 'In the order the packet meets them.' },
    together: {
      ...list(ref('change')),
      description: 'The fewest first changes with which the packet passes.',
    },
    afterAll: {
      ...orNull(VERDICT),
      description: 'The verdict with the first change of every blocker.',
    },
    openEnd: { ...orNull(TEXT), description: 'Why there may be more blockers.' },
    small: {
      ...orNull(VERDICT),
      description: 'Of the same packet when it is small; null where its size does not stop it.',
    },
    trace: ref('trace'),
  }),
  $defs: DEFINITIONS,
};

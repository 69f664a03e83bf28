/** The JSON that `prove`, `check` and `diff --reachability` write, as JSON Schema. */
import {
  COUNT,
  DRAFT,
  list,
  object,
  orNull,
  ref,
  type Schema,
  TEXT,
} from '../../trace/render/schema.ts';
import { FRAME_KINDS } from './frames.ts';

const PORT = { type: 'integer', minimum: 0, maximum: 65535 } as const;
const RANGES = orNull(list({ type: 'array', items: PORT, minItems: 2, maxItems: 2 }));

const PROOF: Readonly<Record<string, Schema>> = {
  verdict: { enum: ['REACHABLE', 'UNREACHABLE', 'AMBIGUOUS', 'UNDETERMINED'] },
  asked: orNull(ref('group')),
  arrives: orNull(ref('group')),
  answered: orNull(ref('group')),
  missing: orNull(ref('group')),
  beyond: orNull(ref('group')),
  stopped: list(ref('stopped')),
  unknown: list(TEXT),
  lost: orNull(ref('group')),
};

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  class: {
    ...object({
      protocol: TEXT,
      ports: { ...RANGES, description: 'Ranges of destination ports; null: all, or none exist.' },
      sourcePorts: RANGES,
      exact: { type: 'boolean', description: 'False when not every pair of these ports is meant.' },
    }),
    description: 'Packets of one protocol.',
  },
  witness: {
    ...object({ protocol: COUNT, port: PORT, sourcePort: PORT }),
    description: 'One packet: IP protocol number and ports.',
  },
  group: object({ classes: list(ref('class')), witness: ref('witness') }),
  stopped: object({
    classes: list(ref('class')),
    witness: ref('witness'),
    code: TEXT,
    host: TEXT,
    where: TEXT,
    evidence: TEXT,
    origin: orNull(ref('origin')),
  }),
  origin: object({ file: TEXT, line: COUNT }),
  proof: object(PROOF),
};

const head = (title: string): Schema => ({ $schema: DRAFT, title, $defs: DEFINITIONS });
const VERSION = { const: 1 } as const;

/** The definition comes with `src/why`, which asks proofs itself. */
const BLOCKED: Schema = {
  ...orNull(ref('blocked')),
  description: 'Where packets are missing that shall arrive; null where nothing was asked for.',
};

export const PROVE_SCHEMA: Schema = {
  ...head('hopwise prove --format json'),
  ...object({ version: VERSION, from: TEXT, to: TEXT, ...PROOF, blocked: BLOCKED }),
};

const PAIR: Readonly<Record<string, Schema>> = {
  from: TEXT,
  fromPort: orNull(TEXT),
  to: TEXT,
  toPort: orNull(TEXT),
  address: TEXT,
  floating: { type: 'boolean' },
};

export const PAIRS_SCHEMA: Schema = {
  ...head('hopwise prove --all --format json'),
  ...object({
    version: VERSION,
    servers: COUNT,
    pairs: COUNT,
    matrix: {
      ...list(object({ from: TEXT, to: TEXT, pairs: COUNT, some: COUNT, open: COUNT })),
      description: 'By network: pairs, those some packet gets through, those nothing is said of.',
    },
    arrives: {
      ...list(
        object({
          ...PAIR,
          by: { enum: ['all', 'pair'] },
          classes: list(ref('class')),
          witness: ref('witness'),
        }),
      ),
      description: 'Of pairs named nowhere it is proved that no packet arrives.',
    },
    open: list(object({ ...PAIR, why: TEXT })),
  }),
};

export const CHECK_SCHEMA: Schema = {
  ...head('hopwise check --format json'),
  ...object({
    version: VERSION,
    file: TEXT,
    checked: list(
      object({
        name: TEXT,
        line: COUNT,
        column: COUNT,
        kind: { enum: ['reach', 'apart', 'invariant', 'failures', 'change'] },
        claim: orNull({ enum: ['all', 'some', 'none', 'only'] }),
        subject: { ...TEXT, description: 'The pair of ends, rule or place it is about.' },
        from: orNull(TEXT),
        to: orNull(TEXT),
        holds: { enum: ['holds', 'fails', 'unsure'] },
        because: list(TEXT),
        code: { ...orNull(TEXT), description: 'A reason code, where the catalogue has one.' },
        origin: orNull(ref('origin')),
        witness: orNull(ref('witness')),
        proof: orNull(ref('proof')),
        blocked: BLOCKED,
      }),
    ),
    coverage: orNull(
      object({
        rules: COUNT,
        exercised: COUNT,
        share_percent: { type: 'number', minimum: 0, maximum: 100 },
        never: list(object({ host: TEXT, place: TEXT, text: TEXT, origin: ref('origin') })),
      }),
    ),
  }),
};

const FRAME = { ...orNull(TEXT), description: 'One such frame; null for none.' };

export const REACHABILITY_SCHEMA: Schema = {
  ...head('hopwise diff --reachability --format json'),
  ...object({
    version: VERSION,
    pairs: COUNT,
    changes: list(
      object({
        from: TEXT,
        to: TEXT,
        version: orNull({ enum: [4, 6] }),
        lost: orNull(ref('group')),
        gained: orNull(ref('group')),
        changed: orNull(
          object({ classes: list(ref('class')), witness: ref('witness'), how: list(TEXT) }),
        ),
        unknown: list(TEXT),
      }),
    ),
    frames: list(
      object({
        server: TEXT,
        kind: { enum: FRAME_KINDS },
        differences: list(object({ place: TEXT, lost: FRAME, gained: FRAME, changed: FRAME })),
        unknown: list(TEXT),
      }),
    ),
  }),
};

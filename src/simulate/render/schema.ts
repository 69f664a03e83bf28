/** The JSON that `hopwise simulate` writes, as JSON Schema. */
import {
  COUNT,
  DRAFT,
  list,
  object,
  orNull,
  type Schema,
  TEXT,
} from '../../trace/render/schema.ts';

const TIME: Schema = { ...COUNT, description: 'Microseconds of virtual time.' };

const LOSS = object({
  fromUs: TIME,
  untilUs: { ...orNull(TIME), description: 'When the next one came through; null when none did.' },
  lost: COUNT,
  causes: list(object({ code: TEXT, sentence: TEXT, sinceUs: TIME })),
  event: orNull(TEXT),
  boundsUs: {
    ...orNull(list(COUNT)),
    description: 'The least and the most that the takeover takes from the event on.',
  },
});

export const SIMULATION_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise simulate, version 1',
  ...object({
    kind: { const: 'Simulation' },
    version: { type: 'string', pattern: '^1\\.\\d+$' },
    tool: object({ name: { const: 'hopwise' }, version: TEXT }),
    snapshot: object({ name: TEXT }),
    untilUs: TIME,
    seed: COUNT,
    events: list(object({ atUs: TIME, text: TEXT })),
    routers: list(object({ id: TEXT, host: TEXT, namespace: TEXT })),
    complete: { type: 'boolean', description: 'False when there are more ways than were tried.' },
    outcomes: list(
      object({
        ways: COUNT,
        conditions: list(TEXT),
        timeline: list(object({ atUs: TIME, kind: TEXT, who: TEXT, text: TEXT })),
        probes: list(object({ probe: TEXT, sent: COUNT, received: COUNT, losses: list(LOSS) })),
        masters: list(object({ router: TEXT, hosts: list(TEXT) })),
      }),
    ),
  }),
};

/** The schemas of what commands write with --format json, by the command's name. */
import { PLAN_SCHEMA } from '../apply/schema.ts';
import { SIMULATION_SCHEMA } from '../simulate/render/schema.ts';
import { TOPOLOGY_SCHEMA } from '../trace/map/json.ts';
import { type Schema, SCHEMAS as TRACE_SCHEMAS } from '../trace/render/schema.ts';
import { DIFF_SCHEMA } from '../verify/configuration/schema.ts';
import {
  CHECK_SCHEMA,
  PAIRS_SCHEMA,
  PROVE_SCHEMA,
  REACHABILITY_SCHEMA,
} from '../verify/proof/schema.ts';
import { LOCATED_SCHEMA } from '../why/render/located.ts';
import { BLOCKED_DEFINITIONS, WHY_SCHEMA } from '../why/render/schema.ts';

/** Proofs that tell blockers as well: `blocked` stands where the proofs leave its place. */
const withBlocked = (schema: Schema): Schema => ({
  ...schema,
  $defs: { ...BLOCKED_DEFINITIONS, ...(schema['$defs'] as Schema) },
});

export const SCHEMAS = {
  ...TRACE_SCHEMAS,
  why: WHY_SCHEMA,
  locate: LOCATED_SCHEMA,
  diff: DIFF_SCHEMA,
  topology: TOPOLOGY_SCHEMA,
  simulate: SIMULATION_SCHEMA,
  prove: withBlocked(PROVE_SCHEMA),
  'prove-all': PAIRS_SCHEMA,
  check: withBlocked(CHECK_SCHEMA),
  reachability: REACHABILITY_SCHEMA,
  'apply-plan': PLAN_SCHEMA,
} as const;

/** The schemas of what people write, by the name of the file. */
import { CLOUD_SCHEMA } from '../model/yaml/schema.ts';
import { PROPERTIES_SCHEMA } from '../verify/properties/schema.ts';
import { SCENARIO_SCHEMA } from '../verify/scenarios/schema.ts';

export const INPUT_SCHEMAS = {
  cloud: CLOUD_SCHEMA,
  scenario: SCENARIO_SCHEMA,
  properties: PROPERTIES_SCHEMA,
} as const;

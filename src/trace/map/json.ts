/** A map as JSON, and the schema of it. */
import { COUNT, DRAFT, list, object, type Schema, TEXT } from '../render/schema.ts';
import { type CloudMap } from './cloud-map.ts';

/** What `show topology --format json` writes; names are not escaped beyond what JSON needs. */
export function mapJson({ boxes, links }: CloudMap): object {
  return { kind: 'Topology', version: '1.0', boxes, links };
}

export const TOPOLOGY_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'What `hopwise show topology --format json` writes',
  ...object({
    kind: { const: 'Topology' },
    version: { type: 'string', pattern: '^1\\.\\d+$' },
    boxes: list(
      object({
        id: TEXT,
        kind: { enum: ['network', 'router', 'server', 'port', 'servers'] },
        title: TEXT,
        lines: list(TEXT),
        column: { ...COUNT, description: 'Connections away from what was named.' },
      }),
    ),
    links: list(
      object({ from: TEXT, to: TEXT, text: { ...TEXT, description: 'Addresses of the ports.' } }),
    ),
  }),
};

/** What GitHub shows of a workflow: annotations at the property's place (workflow commands). */
import { forWorkflowMessage, forWorkflowProperty } from '../../../text/escape.ts';
import { type Checked } from '../types.ts';
import { adviceOf, LEVELS } from './sentence.ts';

/** GitHub shows ten errors and ten warnings of a step; the last line names the rest. */
const MOST = 10;

export function githubLines(file: string, checked: readonly Checked[]): readonly string[] {
  const lines: string[] = [];
  for (const holds of ['fails', 'unsure'] as const) {
    const found = checked.filter((each) => each.holds === holds);
    const shown = found.length > MOST ? found.slice(0, MOST - 1) : found;
    for (const each of shown) {
      const { line, column, name } = each.property;
      const place = `file=${forWorkflowProperty(file)},line=${line},col=${column},title=${forWorkflowProperty(name)}`;
      lines.push(`::${LEVELS[holds]} ${place}::${forWorkflowMessage(adviceOf(each))}`);
    }
    const rest = found.length - shown.length;
    if (rest > 0) lines.push(`::${LEVELS[holds]} title=hopwise::and ${rest} more like these`);
  }
  return lines;
}

/** Columns of API rows under the names that the API and the OpenStack client give them. */
import { type JsonNode, member } from '../../text/json-text.ts';

/** A column by its API name, or by what the OpenStack client calls it. */
export function column(row: JsonNode, ...names: readonly string[]): JsonNode | undefined {
  for (const name of names) {
    const spelled = [name, name.replaceAll('_', ' ')];
    for (const spelling of spelled) {
      const found = member(row, spelling) ?? member(row, titleCase(spelling));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function titleCase(text: string): string {
  const words = text.split(' ').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return words.join(' ').replace(/\b(Id|Ip|Mac|Mtu)\b/g, (word) => word.toUpperCase());
}

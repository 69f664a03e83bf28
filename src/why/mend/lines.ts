/** Lines as somebody on the host itself types them, and differences by where they stand. */
import { ROOT } from '../../dataplane/network.ts';
import { word } from '../../trace/diagnosis/commands.ts';
import { type Difference } from '../../verify/configuration/types.ts';

/** The command in a namespace of the host. */
export function inSpace(namespace: string, command: string): string {
  return namespace === ROOT ? command : `ip netns exec ${word(namespace)} ${command}`;
}

/** Differences of one place together. */
export function byPlace(all: readonly Difference[]): readonly (readonly Difference[])[] {
  const groups = new Map<string, Difference[]>();
  for (const difference of all) {
    const key = `${difference.device}\n${difference.part}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [difference]);
    else group.push(difference);
  }
  return [...groups.values()];
}

/**
 * Chains of ebtables as items: those of the agents, and the jumps to them.
 *
 * Simplification: rules of arptables are never changed; no agent writes any, and its restore knows
 * no --noflush.
 */
import { parseEbtablesSave, printFrameRule } from '../../dataplane/iptables/ebtables/save.ts';
import { type NamespaceState } from '../../dataplane/network.ts';
import { type Problem } from '../../text/problem.ts';
import { FRAME_PREFIX, type FramesData, type ItemOf } from '../types.ts';

/** The kernel's own chains (ebtables(8)). */
const BASE = new Set(['INPUT', 'OUTPUT', 'FORWARD', 'PREROUTING', 'POSTROUTING', 'BROUTING']);

/** Chains of the agents in a namespace. What others filter stays as it is. */
export function frameItems(
  namespace: NamespaceState,
  problems: Problem[],
): readonly ItemOf<'frames'>[] {
  const source = namespace.source('ebtables-save') ?? namespace.source('ebtables-save.txt');
  if (source === undefined) return [];
  const { value, problems: found } = parseEbtablesSave(source.text, source.file);
  problems.push(...found);
  return value.flatMap(({ name: table, chains }) =>
    chains.flatMap(({ name: chain, policy, rules }): readonly ItemOf<'frames'>[] => {
      const user = !BASE.has(chain);
      if (user && !chain.startsWith(FRAME_PREFIX)) return [];
      const ours = rules
        .filter(({ target }) => user || target?.startsWith(FRAME_PREFIX) === true)
        .map((rule) => printFrameRule(rule).trim());
      if (!user && ours.length === 0) return [];
      const data: FramesData = { table, chain, policy: user ? policy : null, user, rules: ours };
      const text = JSON.stringify([data.policy, ...ours]);
      return [{ kind: 'frames', place: namespace.name, key: `${table} ${chain}`, text, data }];
    }),
  );
}

/** Everything that proposes changes, what asks least of a person first. */
import { type Attempt, type Proposal, type Stuck } from './attempt.ts';
import { agentRestarts } from './changes/agents.ts';
import { interfacesUp } from './changes/devices.ts';
import { portsUp } from './changes/ports.ts';
import { security } from './changes/security.ts';
import { kernelSettings } from './changes/settings.ts';

const PROPOSALS: readonly Proposal[] = [
  security,
  portsUp,
  kernelSettings,
  interfacesUp,
  agentRestarts,
];

/** At most so many changes are tried against one blocker: each costs a trace. */
const MOST = 16;

/** Changes that may help, each once. */
export function* proposed(stuck: Stuck): Generator<Attempt> {
  const seen = new Set<string>();
  for (const proposal of PROPOSALS) {
    for (const attempt of proposal(stuck)) {
      const key = `${attempt.change.summary} ${attempt.change.commands.join('\n')}`;
      if (seen.has(key)) continue;
      if (seen.size >= MOST) return;
      seen.add(key);
      yield attempt;
    }
  }
}

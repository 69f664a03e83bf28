/** Everything that proposes changes, what asks least of a person first. */
import { type Attempt, type Proposal, type Stuck } from './attempt.ts';
import { tunnelPorts } from './changes/agent-options.ts';
import { agentRestarts } from './changes/agents.ts';
import { interfacesUp } from './changes/devices.ts';
import { patience, writtenAnew } from './changes/elections.ts';
import { fabricPorts } from './changes/fabric.ts';
import { floatingAddresses } from './changes/floating.ts';
import { startedService } from './changes/listeners.ts';
import { hostPlans } from './changes/plans.ts';
import { portsUp } from './changes/ports.ts';
import { joinedSubnets } from './changes/routers.ts';
import { security } from './changes/security.ts';
import { servedNetworks } from './changes/served.ts';
import { kernelSettings } from './changes/settings.ts';
import { largerLinks, smallerNetwork } from './changes/sizes.ts';

const PROPOSALS: readonly Proposal[] = [
  patience,
  security,
  smallerNetwork,
  floatingAddresses,
  portsUp,
  servedNetworks,
  startedService,
  kernelSettings,
  interfacesUp,
  fabricPorts,
  agentRestarts,
  hostPlans,
  writtenAnew,
  tunnelPorts,
  largerLinks,
  joinedSubnets,
];

/** At most so many changes are tried against one blocker: each costs a trace. */
const MOST = 16;

/** Changes that may help, each once. */
export function* proposed(stuck: Stuck): Generator<Attempt> {
  const seen = new Set<string>();
  for (const proposal of PROPOSALS) {
    for (const attempt of proposal(stuck)) {
      const { summary, commands } = attempt.change;
      const key = commands.length === 0 ? summary : commands.join('\n');
      if (seen.has(key)) continue;
      if (seen.size >= MOST) return;
      seen.add(key);
      yield attempt;
    }
  }
}

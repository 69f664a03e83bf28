/**
 * An agent that starts again programs its host anew from Neutron's objects. It is proposed where
 * the host is not as its agent would make it, and nowhere else.
 */
import { type Cloud, type CloudHost } from '../../model/cloud.ts';
import { restartAgent } from '../../trace/diagnosis/commands.ts';
import { type Attempt, hostsOnTheWay, type Proposal } from '../attempt.ts';
import { deviationsOf } from '../deviations.ts';
import { pieceOf, readPiece } from '../pieces.ts';

/** Hosts beside the packet's way that are looked at: each costs a comparison. */
const OTHER_HOSTS = 8;

export const agentRestarts: Proposal = (stuck) => {
  const { situation } = stuck;
  const { cloud, opened, real } = situation;
  if (cloud === null || opened === null) return [];
  const known = new Set(cloud.hosts.map(({ name }) => name));
  const near = hostsOnTheWay(stuck).filter((host) => known.has(host));
  const others = [...known].filter((host) => !near.includes(host)).slice(0, OTHER_HOSTS);
  return [...near, ...others].flatMap((host) => {
    const keys = [...deviationsOf(real, opened, host).keys()];
    return keys
      .filter((key) => !situation.pieces.has(key))
      .map((key): Attempt => restartOf(cloud, key));
  });
};

/** The restart of the agent that programs a piece. */
export function restartOf(cloud: Cloud, key: string): Attempt {
  const { host, piece } = readPiece(key);
  const agent = agentOf(
    cloud.hosts.find(({ name }) => name === host),
    piece,
  );
  return {
    change: {
      kind: 'agent',
      summary: `restart ${agent} on ${host}, so that it programs the host anew`,
      commands: [restartAgent(host, agent)],
    },
    makes: { pieces: new Set([pieceOf(host, piece)]) },
  };
}

function agentOf(host: CloudHost | undefined, piece: string): string {
  if (piece === 'layer3') return 'neutron-l3-agent';
  if (piece === 'dhcp') return 'neutron-dhcp-agent';
  const kind = host?.layer2?.kind ?? 'openvswitch';
  return `neutron-${kind}-agent`;
}

/**
 * Changes of Neutron's objects, tried by asking the agents what they would configure then. A host
 * whose agent has not done what it was told before is told of: there it must start again as well.
 */
import { type Cloud } from '../../model/cloud.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { piecesThatChange } from '../agents-network.ts';
import { type Attempt, type Stuck } from '../attempt.ts';
import { deviationsOf } from '../deviations.ts';
import { readPiece } from '../pieces.ts';
import { restartOf } from './agents.ts';

/** What somebody asks Neutron for. */
export interface Asked {
  readonly summary: string;
  readonly commands: readonly string[];
  readonly objects: (before: Neutron) => Neutron;
}

/** The attempt; none where no agent would do anything else, or none of them is known. */
export function objectChange({ situation }: Stuck, asked: Asked): readonly Attempt[] {
  const { cloud, opened, real, pieces } = situation;
  if (cloud === null || opened === null) return [];
  const next: Cloud = { ...cloud, neutron: asked.objects(cloud.neutron) };
  const changing = piecesThatChange(real, cloud, next);
  if (changing.size === 0) return [];
  const stale = [...changing].filter((key) => {
    return !pieces.has(key) && deviationsOf(real, opened, readPiece(key).host).has(key);
  });
  const restarts = stale.map((key) => restartOf(cloud, key).change);
  return [
    {
      change: {
        kind: 'api',
        summary: [asked.summary, ...restarts.map(({ summary }) => summary)].join('; '),
        commands: [...asked.commands, ...restarts.flatMap(({ commands }) => commands)],
      },
      makes: { cloud: next, pieces: changing },
    },
  ];
}

/** The objects with one port changed. */
export function withPort(
  id: string,
  change: (before: NeutronPort) => NeutronPort,
): (before: Neutron) => Neutron {
  return (before) => ({
    ...before,
    ports: before.ports.map((port) => (port.id === id ? change(port) : port)),
  });
}

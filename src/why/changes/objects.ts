/**
 * Changes of Neutron's objects, tried by asking the agents what they would configure then. A host
 * whose agent has not done what it was told before is told of: there it must start again as well.
 */
import { type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { piecesThatChange } from '../agents-network.ts';
import { type Attempt, type Stuck } from '../attempt.ts';
import { deviationsOf } from '../deviations.ts';
import { type Changes } from '../edits.ts';
import { readPiece } from '../pieces.ts';
import { type Situation } from '../situation.ts';
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
  const deviates = (key: string): boolean =>
    deviationsOf(real, opened, readPiece(key).host).has(key);
  const made = changedObjects(real, cloud, asked);
  if (made.pieces.size === 0) return [];
  const stale = [...made.pieces].filter((key) => !pieces.has(key) && deviates(key));
  // Without an earlier change that programs a host anew, this one does not do it either.
  const without = (so: Situation, before: Cloud): Partial<Changes> => {
    const { cloud: next, pieces: changing } = changedObjects(real, before, asked);
    const left = [...changing].filter(
      (key) => so.pieces.has(key) || !pieces.has(key) || !deviates(key),
    );
    return { cloud: next, pieces: new Set(left) };
  };
  const restarts = stale.map((key) => restartOf(cloud, key).change);
  return [
    {
      change: {
        kind: 'api',
        summary: [asked.summary, ...restarts.map(({ summary }) => summary)].join('; '),
        commands: [...asked.commands, ...restarts.flatMap(({ commands }) => commands)],
      },
      makes: (so) => (so === situation || so.cloud === null ? made : without(so, so.cloud)),
    },
  ];
}

function changedObjects(real: Network, before: Cloud, { objects }: Asked) {
  const cloud: Cloud = { ...before, neutron: objects(before.neutron) };
  return { cloud, pieces: piecesThatChange(real, before, cloud) };
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

/**
 * What helps where routers elect a master. Nothing at all: two masters that hear each other agree by themselves (RFC 5798 §6.4.3), and a dump
 * may have been taken in between. Proposed for elections only, where a change is judged on the clock.
 */
import { type Proposal } from '../attempt.ts';
import { pieceOf } from '../pieces.ts';
import { isElected } from '../settling.ts';
import { NOTHING } from '../situation.ts';
import { restartOf } from './agents.ts';

export const patience: Proposal = ({ blocker }) =>
  isElected(blocker.code)
    ? [
        {
          change: {
            kind: 'host',
            summary:
              'change nothing: these routers hear each other and agree by themselves; if it goes on, keepalived of one of them hangs',
            commands: [],
          },
          makes: NOTHING,
        },
      ]
    : [];

/**
 * All hosts of a router write its configuration anew: they get one number, password and interval
 * from the server, whichever of them had another.
 */
export const writtenAnew: Proposal = ({ blocker, situation: { cloud, network } }) => {
  if (cloud === null || !isElected(blocker.code)) return [];
  const router = /qrouter-([0-9a-f-]{36})/.exec(blocker.component)?.[1];
  const hosts = [...network.hosts.values()].filter(({ configs }) =>
    [...configs.keys()].some((path) => path === `ha_confs/${router ?? ''}/keepalived.conf`),
  );
  if (hosts.length < 2) return [];
  const restarts = hosts.map(({ name }) => restartOf(cloud, pieceOf(name, 'layer3')));
  const names = hosts.map(({ name }) => name).join(' and ');
  return [
    {
      change: {
        kind: 'agent',
        summary: `restart neutron-l3-agent on ${names}, so that all write what the server has drawn`,
        commands: restarts.flatMap(({ change }) => change.commands),
      },
      makes: { pieces: new Set(hosts.map(({ name }) => pieceOf(name, 'layer3'))) },
    },
  ];
};

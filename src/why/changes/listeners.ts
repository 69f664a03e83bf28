/** A guest in which nothing listens. */
import { type Socket } from '../../dataplane/routing/types.ts';
import { type Attempt, type Proposal } from '../attempt.ts';

/** Somebody starts the service; only a person knows how, so there is no command. */
export const startedService: Proposal = ({ blocker, question, situation }) => {
  const { destinationPort: port, protocol } = question.packet;
  if (blocker.code !== 'NOT_LISTENING' || port === null) return [];
  if (protocol !== 'tcp' && protocol !== 'udp') return [];
  const { to } = question;
  const state =
    to.host === null ? undefined : situation.network.namespace(to.host, to.namespace ?? '')?.state;
  if (state === undefined || to.kind !== 'vm' || blocker.host !== to.host) return [];
  const socket: Socket = {
    protocol,
    address: null,
    version: null,
    port,
    device: null,
    process: 'the service that was asked for',
  };
  const attempt: Attempt = {
    change: {
      kind: 'guest',
      summary: `start what shall listen on ${protocol}/${port} in ${to.label}, or ask the port that it has`,
      commands: [],
    },
    makes: {
      edits: [
        {
          of: 'namespace',
          host: state.host,
          namespace: state.name,
          change: (before) => ({ ...before, sockets: [...before.sockets, socket] }),
        },
      ],
    },
  };
  return [attempt];
};

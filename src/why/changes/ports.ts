/** Ports and routers that somebody switched off. */
import { word } from '../../trace/diagnosis/commands.ts';
import { portLabel } from '../../trace/objects.ts';
import { type Proposal } from '../attempt.ts';
import { objectChange, withPort } from './objects.ts';

/** Ports that the blocker, or an end of the question, names and that are administratively down. */
export const portsUp: Proposal = (stuck) => {
  const { network } = stuck.situation;
  const { from, to } = stuck.question;
  const named = stuck.blocker.neutron.filter(({ kind }) => kind === 'port').map(({ id }) => id);
  const ids = new Set([...named, from.port, to.port].filter((id) => id !== null));
  return network.neutron.ports
    .filter(({ id, adminUp }) => ids.has(id) && !adminUp)
    .flatMap((port) =>
      objectChange(stuck, {
        summary: `set the port of ${portLabel(network, port)} up, if nobody took it down on purpose`,
        commands: [`openstack port set --enable ${word(port.id)}`],
        objects: withPort(port.id, (before) => ({ ...before, adminUp: true, status: 'ACTIVE' })),
      }),
    );
};

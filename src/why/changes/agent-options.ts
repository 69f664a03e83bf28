/** Options of agents that have to agree between hosts. */
import { type Cloud } from '../../model/cloud.ts';
import { restartAgent } from '../../trace/diagnosis/commands.ts';
import { piecesThatChange } from '../agents-network.ts';
import { type Attempt, type Proposal } from '../attempt.ts';
import { type Changes } from '../edits.ts';

/** The UDP port of VXLAN differs: one host takes that of another. */
export const tunnelPorts: Proposal = ({ situation: { cloud, real }, question }) => {
  if (cloud === null) return [];
  const used = new Map(
    cloud.hosts.flatMap(({ name, layer2 }) =>
      layer2?.tunnelTypes.includes('vxlan') === true ? [[name, layer2] as const] : [],
    ),
  );
  const ports = [...new Set([...used.values()].map(({ vxlanPort }) => vxlanPort))];
  if (ports.length < 2) return [];
  const ends = [question.from.host, question.to.host].filter((host) => host !== null);
  return ends.flatMap((host) =>
    ports.flatMap((port): readonly Attempt[] => {
      const own = used.get(host);
      if (own === undefined || own.vxlanPort === port) return [];
      const makes = (before: Cloud): Partial<Changes> => {
        const hosts = before.hosts.map((each) =>
          each.name === host ? { ...each, layer2: { ...own, vxlanPort: port } } : each,
        );
        const next: Cloud = { ...before, hosts };
        return { cloud: next, pieces: piecesThatChange(real, before, next) };
      };
      const option = own.kind === 'linuxbridge' ? '[vxlan] udp_dstport' : '[agent] vxlan_udp_port';
      return [
        {
          change: {
            kind: 'agent',
            summary: `set ${option} = ${port} on ${host}, as other hosts have it, and restart its agent`,
            commands: [restartAgent(host, `neutron-${own.kind}-agent`)],
          },
          makes: (so) => makes(so.cloud ?? cloud),
        },
      ];
    }),
  );
};

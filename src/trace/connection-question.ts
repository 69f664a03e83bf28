/** Whether a program of a host could open a connection: what balancers ask of their servers. */
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type Question } from './types.ts';

/** The first segment of a TCP connection from a namespace to a port of an address. */
export function connectionQuestion(
  host: string,
  namespace: string,
  address: IpAddress,
  port: number,
): Question {
  const nobody = { label: namespace, kind: 'address', port: null } as const;
  return {
    from: { ...nobody, host, namespace, address: null },
    to: { ...nobody, host: null, namespace: null, address },
    packet: {
      protocol: 'tcp',
      sourcePort: null,
      destinationPort: port,
      source: null,
      icmpId: null,
      size: 1,
      dontFragment: false,
      flow: null,
    },
  };
}

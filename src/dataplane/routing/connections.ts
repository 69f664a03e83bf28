/**
 * Connections that programs of a namespace have opened: what comes back on them is theirs
 * (inet_lookup_established()). Stands beside the sockets that listen.
 */
import { type Run } from '../outcome.ts';
import { ADDRESSES, B } from './headers.ts';
import { type Stack } from './stack.ts';

/** Remembers the connection that `p` opens; `p` needs its source address. */
export function openConnection<P>(run: Run<P>, stack: Stack<P>, version: 4 | 6, p: P): void {
  const { traffic } = run;
  const { source, destination } = ADDRESSES[version];
  let back = traffic.copy(traffic.fork(p), source, p, destination);
  back = traffic.copy(back, destination, p, source);
  back = traffic.copy(back, B.sourcePort, p, B.destinationPort);
  back = traffic.copy(back, B.destinationPort, p, B.sourcePort);
  stack.connections = [back, ...stack.connections];
}

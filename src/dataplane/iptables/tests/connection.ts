/** Questions of rules about the packet's connection that its fields do not answer. */

import { guard } from '../../../traffic/guard.ts';
import { type Split, type Traffic } from '../../../traffic/traffic.ts';
import { type Handle } from '../../conntrack/netfilter.ts';
import { type ConnectionTest } from './types.ts';

/** Asks one question; without a connection the answer is no, whatever is asked. */
export function askConnection<P>(
  traffic: Traffic<P>,
  test: ConnectionTest,
  handle: Handle<P> | null,
  p: P,
): Split<P> {
  const connection = handle?.connection ?? null;
  if (test.kind === 'helper') {
    // net/netfilter/xt_helper.c helper_mt(): it is the master's helper that counts.
    const is = connection?.master?.helper === test.name;
    return is !== test.not ? { hit: p, miss: null } : { hit: null, miss: p };
  }
  if (connection === null) return { hit: null, miss: p };
  const { hit } = traffic.split(traffic.fork(connection.after), guard(test.match));
  if (hit === null) return { hit: null, miss: p };
  const { miss } = traffic.split(traffic.fork(connection.after), guard(test.match));
  return {
    hit: traffic.within(traffic.fork(p), hit),
    miss: miss === null ? null : traffic.within(p, miss),
  };
}

/** The packet filters of a namespace as the hooks its stack asks. */
import { type Hooks } from '../dataplane/routing/hooks.ts';
import { type Packet } from '../traffic/packet.ts';

/** Null where a namespace has no rules. */
export function hooksOf(_host: string, _namespace: string): Hooks<Packet> | null {
  return null;
}

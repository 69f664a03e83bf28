/** Where frames come out that a bridge sends by a tunnel port. */
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type IndexedBridge } from './indexed-bridge.ts';

export interface TunnelEnd {
  readonly bridge: IndexedBridge;
  readonly inPort: number;
}

export interface Underlay {
  /** Where a frame that leaves by a tunnel port comes out; null: nowhere. */
  farEnd(host: string, port: Port): TunnelEnd | null;
}

/** Single changes of what hosts hold, and all changes of one copy of a network together. */
import { type Switch } from '../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../dataplane/routing/types.ts';
import { type Cloud } from '../model/cloud.ts';

/** One edit of what a host holds; all that stand for one place are made one after the other. */
export type Edit =
  | {
      readonly of: 'namespace';
      readonly host: string;
      readonly namespace: string;
      readonly change: (before: Namespace) => Namespace;
    }
  | {
      readonly of: 'file';
      readonly host: string;
      readonly namespace: string;
      /** `iptables-save`, `ipset-save`… */
      readonly file: string;
      readonly change: (before: string) => string;
    }
  | {
      readonly of: 'switch';
      readonly host: string;
      readonly change: (before: Switch) => Switch;
    };

/** What a situation differs in from the network as it was read. */
export interface Changes {
  /** The objects that agents go by; null where the snapshot holds too few to know them. */
  readonly cloud: Cloud | null;
  /** `HOST PIECE`: programmed anew by its agent. */
  readonly pieces: ReadonlySet<string>;
  readonly edits: readonly Edit[];
}

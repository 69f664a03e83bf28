/** Which readers of flows and connections a snapshot uses. */
import { type ConnectionEntry } from '../../dataplane/conntrack/types.ts';
import { parseFlows } from '../../dataplane/ovs/text/flows.ts';
import { type Parsed } from '../../text/problem.ts';
import { type FlowReaders } from './switch.ts';

export interface Readers extends FlowReaders {
  /** `conntrack -L -o extended` of a namespace. */
  connections(file: string, text: string): Parsed<readonly ConnectionEntry[]>;
  /** `dpctl/dump-conntrack` of the userspace datapath. */
  switchConnections(file: string, text: string): Parsed<readonly ConnectionEntry[]>;
}

const none = { value: [], problems: [] };

export const READERS: Readers = {
  flows: parseFlows,
  groups: () => none,
  meters: () => none,
  connections: () => none,
  switchConnections: () => none,
};

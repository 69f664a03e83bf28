/** Which readers of flows and connections a snapshot uses. */
import { parseConntrack } from '../../dataplane/conntrack/text/dump.ts';
import { type ConnectionEntry } from '../../dataplane/conntrack/types.ts';
import { parseFlows } from '../../dataplane/ovs/text/flows.ts';
import { parseGroups } from '../../dataplane/ovs/text/groups.ts';
import { parseMeters } from '../../dataplane/ovs/text/meters.ts';
import { type Parsed } from '../../text/problem.ts';
import { type FlowReaders } from './switch.ts';

/** Readers that stand elsewhere; a test may put others in their place. */
export interface Readers extends FlowReaders {
  /** `conntrack -L -o extended` of a namespace, or `dpctl/dump-conntrack` of a switch. */
  connections(file: string, text: string): Parsed<readonly ConnectionEntry[]>;
}

export const READERS: Readers = {
  flows: parseFlows,
  groups: parseGroups,
  meters: (bytes, file) => parseMeters(new TextDecoder().decode(bytes), file),
  connections: (file, text) => {
    const { value, problems } = parseConntrack(file, text);
    return { value: value.entries, problems };
  },
};

/** `apart`: isolation. No packet gets from any of some groups to any other of them. */
import {
  type JsonNode,
  member,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../../text/json-text.ts';
import { ALL_WANTED } from '../../proof/wanted.ts';
import { endsOf, serversByProject } from '../ends.ts';
import { type ApartProperty, type Checked, type ReachProperty } from '../types.ts';
import { namedPackets, namesOf, objectOf, PACKET_KEYS, versionOf, wantedOf } from '../words.ts';
import { checkPair } from './reach.ts';
import { type Begun, type Checking, type KindRow, plain } from './row.ts';

export const APART_KEYS = ['apart', 'except', 'ipv6'] as const;

/** Stands for the servers of each project. */
export const PROJECTS = 'projects';

export const APART: KindRow<ApartProperty> = {
  kind: 'apart',
  sign: 'apart',
  keys: APART_KEYS,
  read: readApart,
  check: checkApart,
};

function readApart(node: JsonNode, { name, ...place }: Begun): ApartProperty | null {
  const said = member(node, 'apart');
  const all = said !== undefined && !Array.isArray(said.value) && textOf(said) === PROJECTS;
  const groups = all ? null : namesOf(node, 'apart');
  if (groups !== null && groups.length < 2) {
    wrong(said ?? node, `Expected ${PROJECTS} or a list of at least two groups of servers`);
    return null;
  }
  const exception = objectOf(node, 'except');
  if (exception !== undefined) {
    reportUnknownKeys(exception, PACKET_KEYS);
    if (!namedPackets(exception)) wrong(exception, 'Expected packets: tcp, udp or icmp');
  }
  const except = exception === undefined ? null : wantedOf(exception);
  if (exception !== undefined && except === null) return null;
  const title = groups === null ? 'projects are apart' : `${groups.join(', ')} are apart`;
  return { kind: 'apart', name: name ?? title, ...place, groups, except, version: versionOf(node) };
}

interface Side {
  readonly name: string;
  readonly servers: readonly string[];
}

function* checkApart(checking: Checking, property: ApartProperty): Generator<Checked> {
  const { network, file } = checking;
  const sides: Side[] = [];
  const wrongs: string[] = [];
  if (property.groups === null) {
    for (const [name, servers] of serversByProject(network)) sides.push({ name, servers });
  } else {
    for (const name of property.groups) {
      const { names, wrong: why } = endsOf(network, file.groups, [name]);
      wrongs.push(...why);
      sides.push({ name, servers: names });
    }
  }
  const subject = property.groups?.join(', ') ?? PROJECTS;
  if (sides.length < 2) wrongs.push('there are no two groups of servers');
  const common = overlapping(sides);
  if (common !== null) wrongs.push(common);
  if (wrongs.length > 0) {
    yield plain(property, subject, 'fails', wrongs);
    return;
  }
  const { except } = property;
  const never: ReachProperty = {
    kind: 'reach',
    name: property.name,
    line: property.line,
    column: property.column,
    from: [],
    to: [],
    claim: 'none',
    wanted: ALL_WANTED,
    version: property.version,
    state: 'new',
    modality: 'may',
    via: [],
    avoid: [],
    nobodyElse: false,
  };
  for (const one of sides) {
    for (const other of sides) {
      if (one === other) continue;
      for (const from of one.servers) {
        for (const to of other.servers) {
          const checked = checkPair(checking, never, from, to, false);
          yield { ...(except === null ? checked : excused(checking, checked, property)), property };
        }
      }
    }
  }
}

/** A server of two groups cannot be apart from itself. */
function overlapping(sides: readonly Side[]): string | null {
  const owner = new Map<string, string>();
  for (const { name, servers } of sides) {
    for (const server of servers) {
      const other = owner.get(server);
      if (other !== undefined && other !== name) return `${server} is in ${other} and in ${name}`;
      owner.set(server, name);
    }
  }
  return null;
}

/** What arrives holds when all of it is excepted. */
function excused(checking: Checking, checked: Checked, property: ApartProperty): Checked {
  const { from, to } = checked;
  if (checked.holds !== 'fails' || from === null || to === null || property.except === null) {
    return checked;
  }
  const walked = checking.walks.walk({
    from,
    to,
    version: property.version,
    wanted: ALL_WANTED,
    allowed: property.except,
  });
  if (walked.kind !== 'walked' || walked.proof.beyond !== null) return checked;
  if (walked.unsure.length > 0) return { ...checked, holds: 'unsure', because: walked.unsure };
  return { ...checked, holds: 'holds', because: [], witness: null };
}
